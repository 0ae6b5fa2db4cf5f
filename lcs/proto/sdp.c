// SPDX-License-Identifier: GPL-2.0
/*
 * Session descriptions (RFC 4566), with a=rtcp (RFC 3605) and both ICE grammars of these clients
 * (draft-ietf-mmusic-ice-06 and -19, [MS-SDPEXT]). The c= line of a media section follows its m=
 * line, so a section is reported when it ends; candidates are whole in their line.
 */
#include <lcs/stream.h>
#include <lcs/sip.h>

static const char *const lcs_attributes[] = {
	"a=candidate:",
	"a=remote-candidates:",
	"a=rtcp:",
	"a=x-candidate-ipv6:",
};

/* Does a line, of which perhaps only the beginning is there, begin with a name? */
static enum lcs_interest begins(struct lcs_text text, const char *lower)
{
	for (; *lower; lower++, text.at++) {
		if (text.at == text.end)
			return LCS_UNSURE;
		if (lcs_lower(*text.at) != (u8)*lower)
			return LCS_UNWANTED;
	}
	return LCS_WANTED;
}

/**
 * lcs_sdp_interest() - is an SDP line one of those that are read
 * @text: what is there of the line, at least a byte
 *
 * Return: whether the line is wanted, as far as can be told yet.
 */
enum lcs_interest lcs_sdp_interest(struct lcs_text text)
{
	enum lcs_interest interest = LCS_UNWANTED;
	u32 i;

	if (*text.at == 'm' || *text.at == 'c' || *text.at == 'o') {
		if (lcs_text_len(text) < 2)
			return LCS_UNSURE;
		return text.at[1] == '=' ? LCS_WANTED : LCS_UNWANTED;
	}
	if (*text.at == 'a')
		for (i = 0; i < ARRAY_SIZE(lcs_attributes); i++)
			interest = max(interest, begins(text, lcs_attributes[i]));
	return interest;
}

/* "IN IP4 10.0.0.5": the marker must fit the address; a name or a multicast scope is left alone. */
static void set_where(const struct lcs_line *line, const struct lcs_text *word,
		      struct lcs_where *where)
{
	where->seq = lcs_range_of(line, word[2]).seq;
	where->len = min(lcs_text_len(word[2]), 255u);
	lcs_read_addr(word[2], &where->addr);
	if (!lcs_text_is(word[0], "in") ||
	    !(where->addr.family == 6 ? lcs_text_is(word[1], "ip6") : lcs_text_is(word[1], "ip4")))
		memset(&where->addr, 0, sizeof(where->addr));
}

static void use_where(struct lcs_endpoint *ep, const struct lcs_where *where)
{
	ep->addr = where->addr;
	ep->addr_at = (struct lcs_range){ where->seq, where->len };
}

/* o=<user> <id> <version> IN IP4 <address> */
static void read_origin(struct lcs_reader *reader, const struct lcs_line *line,
			struct lcs_text text)
{
	struct lcs_endpoint ep = { .kind = LCS_ORIGIN, .expires = LCS_ABSENT };
	struct lcs_where where;
	struct lcs_text word[6];

	lcs_split(text, word, 6);
	set_where(line, word + 3, &where);
	use_where(&ep, &where);
	if (ep.addr.family)
		lcs_report(reader, &ep);
}

/* c=IN IP4 <address> */
static void read_connection(struct lcs_sdp *sdp, const struct lcs_line *line, struct lcs_text text)
{
	struct lcs_text word[3];

	lcs_split(text, word, 3);
	set_where(line, word, sdp->sections ? &sdp->media : &sdp->session);
}

/* What an m= line is for; the kinds of [MS-SDP] 2.2, 3.1.5.2.1 and [MS-SDPEXT] 3.1.5.9. */
static void set_kind(struct lcs_sdp *sdp, struct lcs_text media, struct lcs_text proto,
		     struct lcs_text format)
{
	bool av = lcs_text_is(media, "audio") || lcs_text_is(media, "video");

	sdp->kind = LCS_MEDIA;
	sdp->proto = IPPROTO_TCP;
	sdp->wanted = 1;
	sdp->has_rtcp = 0;
	if (av && lcs_text_begins(proto, "rtp/")) {
		sdp->proto = IPPROTO_UDP;
		sdp->has_rtcp = 1;
	} else if (lcs_text_begins(proto, "tcp/rtp/")) {
		/* RTP and RTCP share the connection (RFC 4571) */
		sdp->wanted = av || lcs_text_is(media, "applicationsharing") ||
			      lcs_text_is(media, "data");
	} else if (lcs_text_is(media, "application") && lcs_text_is(proto, "tcp") &&
		   lcs_text_is(format, "msdata")) {
		sdp->kind = LCS_APP_SHARING;
	} else {
		sdp->wanted = 0;
	}
}

/* m=<media> <port>[/<count>] <proto> <format> ... */
static void read_media(struct lcs_sdp *sdp, const struct lcs_line *line, struct lcs_text text)
{
	struct lcs_text word[4], port, count;
	u32 number = 1;

	lcs_split(text, word, 4);
	port = word[1];
	count = (struct lcs_text){ lcs_find_byte(port.at, port.end, '/'), port.end };
	memset(&sdp->media, 0, sizeof(sdp->media));
	memset(&sdp->rtcp, 0, sizeof(sdp->rtcp));
	sdp->rtcp_port = 0;
	sdp->rtcp_len = 0;
	if (sdp->sections < 65535)
		sdp->sections++;
	set_kind(sdp, word[0], word[2], word[3]);
	port.end = count.at;
	if (count.at < count.end) {
		count.at++;
		if (!lcs_read_number(count, 65535, &number) || !number)
			sdp->wanted = 0;
	}
	if (!lcs_read_port(port, &sdp->port))
		sdp->wanted = 0;
	sdp->count = number;
	sdp->port_seq = lcs_range_of(line, port).seq;
	sdp->port_len = min(lcs_text_len(port), 255u);
}

static void report_rtcp(struct lcs_reader *reader, struct lcs_endpoint *ep)
{
	struct lcs_sdp *sdp = &reader->stream->body.sdp;

	ep->kind = LCS_RTCP;
	if (sdp->rtcp.len)
		use_where(ep, &sdp->rtcp);
	if (sdp->rtcp_port) {
		ep->port = sdp->rtcp_port;
		ep->port_at = (struct lcs_range){ sdp->rtcp_seq, sdp->rtcp_len };
	} else {
		if (ep->port == 65535)
			return;
		ep->port++;
		ep->flags |= LCS_EP_PORT_IMPLIED;
		ep->port_at.len = 0;
	}
	lcs_report(reader, ep);
}

/**
 * lcs_sdp_end() - a media section, or the description, has ended
 * @reader: reports the LCS_MEDIA or LCS_APP_SHARING that its lines made, and its LCS_RTCP
 */
void lcs_sdp_end(struct lcs_reader *reader)
{
	struct lcs_sdp *sdp = &reader->stream->body.sdp;
	struct lcs_endpoint ep = {
		.kind = sdp->kind,
		.proto = sdp->proto,
		.port = sdp->port,
		.index = sdp->sections - 1,
		.count = sdp->count,
		.port_at = { sdp->port_seq, sdp->port_len },
		.expires = LCS_ABSENT,
	};

	if (!sdp->wanted)
		return;
	/* The stub for older clients says nothing about the stream that the full part offers. */
	if (!sdp->port && reader->stream->part_fallback)
		return;
	use_where(&ep, sdp->media.len ? &sdp->media : &sdp->session);
	lcs_report(reader, &ep);
	if (sdp->has_rtcp && sdp->port)
		report_rtcp(reader, &ep);
}

/* a=rtcp:<port> [IN IP4 <address>] */
static void read_rtcp(struct lcs_sdp *sdp, const struct lcs_line *line, struct lcs_text text)
{
	struct lcs_text word[4];
	u32 count = lcs_split(text, word, 4);

	memset(&sdp->rtcp, 0, sizeof(sdp->rtcp));
	if (!lcs_read_port(word[0], &sdp->rtcp_port))
		return;
	sdp->rtcp_seq = lcs_range_of(line, word[0]).seq;
	sdp->rtcp_len = lcs_text_len(word[0]);
	if (count > 1)
		set_where(line, word + 1, &sdp->rtcp);
}

/* Does a word end here? */
static bool word_ends(struct lcs_text text)
{
	return text.at == text.end || *text.at <= ' ';
}

/* Take the number of a component off a text: 1 RTP, 2 RTCP, 256 at most (RFC 5245 15.1). */
static __always_inline bool take_component(struct lcs_text *text, struct lcs_endpoint *ep)
{
	u16 number;

	lcs_skip_blanks(text);
	if (!lcs_take_port(text, &number) || number > 256 || !word_ends(*text))
		return false;
	ep->extra = number;
	return true;
}

/*
 * Take "<address> <port>" off a text.
 * Return: false where they are not an address and a port other than 0.
 */
static __always_inline bool
take_transport_address(struct lcs_text *text, const struct lcs_line *line, struct lcs_endpoint *ep)
{
	struct lcs_text word;

	lcs_skip_blanks(text);
	word.at = text->at;
	if (lcs_take_ipv4(text, ep->addr.ip) && word_ends(*text)) {
		word.end = text->at;
		ep->addr.family = 4;
	} else {
		text->at = word.at;
		word = lcs_take_word(text);
		if (!lcs_read_addr(word, &ep->addr))
			return false;
	}
	ep->addr_at = lcs_range_of(line, word);
	lcs_skip_blanks(text);
	word.at = text->at;
	if (!lcs_take_port(text, &ep->port) || !ep->port || !word_ends(*text))
		return false;
	word.end = text->at;
	ep->port_at = lcs_range_of(line, word);
	return true;
}

/* TCP-ACT only connects; TCP-PASS listens; one TCP line of the older grammar stands for both. */
static bool read_transport(struct lcs_text text, struct lcs_endpoint *ep)
{
	if (lcs_text_is(text, "udp")) {
		ep->proto = IPPROTO_UDP;
		return true;
	}
	ep->proto = IPPROTO_TCP;
	if (lcs_text_is(text, "tcp-act"))
		ep->flags |= LCS_EP_ACTIVE;
	return ep->flags & LCS_EP_ACTIVE || lcs_text_is(text, "tcp-pass") ||
	       lcs_text_is(text, "tcp");
}

/*
 * -19: <foundation> <component> <transport> <priority> <address> <port> typ <type> ...
 * -06: <user> <component> <password> <transport> <q> <address> <port>
 * The password is base64 of 18 bytes, so no transport.
 */
static void read_candidate(struct lcs_reader *reader, const struct lcs_line *line,
			   struct lcs_text text)
{
	struct lcs_endpoint ep = {
		.kind = LCS_CANDIDATE,
		.index = reader->stream->body.sdp.sections - 1,
		.count = 1,
		.expires = LCS_ABSENT,
	};
	struct lcs_text third, fourth;
	bool newer;

	lcs_take_word(&text);
	if (!take_component(&text, &ep))
		return;
	third = lcs_take_word(&text);
	fourth = lcs_take_word(&text);
	newer = read_transport(third, &ep);
	if (!newer) {
		lcs_take_word(&text);
		if (!read_transport(fourth, &ep))
			return;
	}
	if (!take_transport_address(&text, line, &ep))
		return;
	if (!newer || lcs_text_is(lcs_take_word(&text), "typ"))
		lcs_report(reader, &ep);
}

/* a=remote-candidates:<component> <address> <port> ... (RFC 5245 15.2) */
static void read_remote(struct lcs_reader *reader, const struct lcs_line *line,
			struct lcs_text text)
{
	for (;;) {
		struct lcs_endpoint ep = {
			.kind = LCS_REMOTE_CANDIDATE,
			.index = reader->stream->body.sdp.sections - 1,
			.count = 1,
			.expires = LCS_ABSENT,
		};

		if (!take_component(&text, &ep) ||
		    !take_transport_address(&text, line, &ep))
			return;
		lcs_report(reader, &ep);
	}
}

static __always_inline bool take_name(struct lcs_text *text, const char *lower)
{
	if (!lcs_text_begins(*text, lower))
		return false;
	text->at += __builtin_strlen(lower);
	return true;
}

static void read_attribute(struct lcs_reader *reader, const struct lcs_line *line)
{
	struct lcs_sdp *sdp = &reader->stream->body.sdp;
	struct lcs_text text = line->text;

	/* Nothing is opened for a section of another kind, or one that is switched off. */
	if (!sdp->wanted || !sdp->port)
		return;
	if (take_name(&text, "a=candidate:") || take_name(&text, "a=x-candidate-ipv6:"))
		read_candidate(reader, line, text);
	else if (take_name(&text, "a=rtcp:"))
		read_rtcp(sdp, line, text);
	else if (take_name(&text, "a=remote-candidates:"))
		read_remote(reader, line, text);
}

/**
 * lcs_sdp_line() - read a line of a session description
 * @reader: reports what the line completes
 * @line: the line
 */
void lcs_sdp_line(struct lcs_reader *reader, const struct lcs_line *line)
{
	struct lcs_sdp *sdp = &reader->stream->body.sdp;
	struct lcs_text text = line->text;

	if (lcs_text_len(text) < 3 || text.at[1] != '=')
		return;
	text.at += 2;
	switch (*line->text.at) {
	case 'a':
		read_attribute(reader, line);
		break;
	case 'c':
		read_connection(sdp, line, text);
		break;
	case 'm':
		lcs_sdp_end(reader);
		read_media(sdp, line, text);
		break;
	case 'o':
		read_origin(reader, line, text);
		break;
	}
}
