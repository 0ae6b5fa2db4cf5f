// SPDX-License-Identifier: GPL-2.0
/*
 * Session descriptions (RFC 4566), with a=rtcp (RFC 3605) and both ICE grammars of these clients
 * (draft-ietf-mmusic-ice-06 and -19, [MS-SDPEXT]). The c= line of a media section follows its m=
 * line, so a section is reported when it ends; candidates are whole in their line.
 */
#include <lcs/digits.h>
#include <lcs/stream.h>

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

/* What follows the name of a line, which has been compared. */
static __always_inline struct lcs_text behind(const struct lcs_line *line, const char *name)
{
	return (struct lcs_text){ line->text.at + __builtin_strlen(name), line->text.end };
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
static noinline void read_origin(struct lcs_reader *reader, const struct lcs_line *line)
{
	struct lcs_endpoint ep = { .kind = LCS_ORIGIN, .expires = LCS_ABSENT };
	struct lcs_where where;
	struct lcs_text word[6];

	lcs_split(behind(line, "o="), word, 6);
	set_where(line, word + 3, &where);
	use_where(&ep, &where);
	if (ep.addr.family)
		lcs_report(reader, &ep);
}

/* c=IN IP4 <address> */
static noinline void read_connection(struct lcs_sdp *sdp, const struct lcs_line *line)
{
	struct lcs_text word[3];

	lcs_split(behind(line, "c="), word, 3);
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
static noinline void read_media(struct lcs_sdp *sdp, const struct lcs_line *line)
{
	struct lcs_text word[4], port, count;
	u32 number = 1;

	lcs_split(behind(line, "m="), word, 4);
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
static noinline void read_rtcp(struct lcs_sdp *sdp, const struct lcs_line *line)
{
	struct lcs_text word[4];
	u32 count = lcs_split(behind(line, "a=rtcp:"), word, 4);

	memset(&sdp->rtcp, 0, sizeof(sdp->rtcp));
	if (!lcs_read_port(word[0], &sdp->rtcp_port))
		return;
	sdp->rtcp_seq = lcs_range_of(line, word[0]).seq;
	sdp->rtcp_len = lcs_text_len(word[0]);
	if (count > 1)
		set_where(line, word + 1, &sdp->rtcp);
}

/*
 * What follows takes a line to pieces from @at on: each returns what is behind its piece, or %NULL
 * where that is not what comes next. A line end, which is no part of any, stands before @end.
 */

static __always_inline const u8 *skip_blanks(const u8 *at)
{
	while (*at == ' ')
		at++;
	return at;
}

/* The blanks behind a word. */
static __always_inline const u8 *skip_gap(const u8 *at)
{
	return *at == ' ' ? skip_blanks(at + 1) : NULL;
}

static __always_inline const u8 *word_end(const u8 *at)
{
	while (*at > ' ')
		at++;
	return at;
}

/* A word, and the blanks behind it. */
static __always_inline const u8 *skip_word(const u8 *at, const u8 *end)
{
	return skip_gap(lcs_find(at, end, (struct lcs_sought){ .below = ' ' + 1 }));
}

/* This word, case aside, which is given with a blank behind it, and more blanks. */
static __always_inline const u8 *skip_this(const u8 *at, const u8 *end, const char *lower)
{
	if (!lcs_text_begins((struct lcs_text){ at, end }, lower))
		return NULL;
	return skip_blanks(at + __builtin_strlen(lower));
}

/* The number of a component: 1 RTP, 2 RTCP, 256 at most (RFC 5245 15.1). */
static __always_inline const u8 *read_component(const u8 *at, const u8 *end,
						struct lcs_endpoint *ep)
{
	u16 number;

	at = lcs_take_port(at, end, true, &number);
	if (!at || number > 256)
		return NULL;
	ep->extra = number;
	return skip_gap(at);
}

/* "<address> <port>", which is not 0; blanks behind it are left. */
static __always_inline const u8 *
read_transport_address(const u8 *at, const u8 *end, const struct lcs_line *line,
		       struct lcs_endpoint *ep)
{
	struct lcs_text word = { at, lcs_take_ipv4(at, end, true, ep->addr.ip) };

	ep->addr.family = 4;
	at = word.end ? skip_gap(word.end) : NULL;
	if (!at) {
		word.end = word_end(word.at);
		at = skip_gap(word.end);
		if (!lcs_read_addr(word, &ep->addr) || !at)
			return NULL;
	}
	ep->addr_at = lcs_range_of(line, word);
	word = (struct lcs_text){ at, lcs_take_port(at, end, true, &ep->port) };
	if (!word.end || !ep->port || *word.end > ' ')
		return NULL;
	ep->port_at = lcs_range_of(line, word);
	return word.end;
}

/* TCP-ACT only connects; TCP-PASS listens; one TCP line of the older grammar stands for both. */
static __always_inline const u8 *read_transport(const u8 *at, const u8 *end,
						struct lcs_endpoint *ep)
{
	const u8 *behind = skip_this(at, end, "udp ");

	ep->proto = IPPROTO_UDP;
	if (behind)
		return behind;
	ep->proto = IPPROTO_TCP;
	behind = skip_this(at, end, "tcp-act ");
	if (behind) {
		ep->flags |= LCS_EP_ACTIVE;
		return behind;
	}
	behind = skip_this(at, end, "tcp-pass ");
	return behind ? behind : skip_this(at, end, "tcp ");
}

/*
 * -19: <foundation> <component> <transport> <priority> <address> <port> typ <type> ...
 * -06: <user> <component> <password> <transport> <q> <address> <port>
 * The password is base64 of 18 bytes, so no transport.
 */
static __always_inline const u8 *read_candidate(const u8 *at, const u8 *end,
						const struct lcs_line *line,
						struct lcs_endpoint *ep)
{
	const u8 *newer;

	at = skip_gap(word_end(skip_blanks(at)));
	if (at)
		at = read_component(at, end, ep);
	if (!at)
		return NULL;
	newer = read_transport(at, end, ep);
	at = skip_word(newer ? newer : at, end);
	if (at && !newer) {
		at = read_transport(at, end, ep);
		if (at)
			at = skip_word(at, end);
	}
	if (at)
		at = read_transport_address(at, end, line, ep);
	if (!at || !newer)
		return at;
	at = skip_gap(at);
	return at ? skip_this(at, end, "typ ") : NULL;
}

/**
 * lcs_sdp_candidate() - read a candidate and find the end of its line in one go
 * @reader: reports the candidate
 * @line: the line; its text ends behind the line feed of this line or of a later one
 * @at: what follows the name
 *
 * Return: its line feed, or %NULL where the line is too long: nothing was done.
 */
const u8 *lcs_sdp_candidate(struct lcs_reader *reader, struct lcs_line line, const u8 *at)
{
	const struct lcs_sdp *sdp = &reader->stream->body.sdp;
	struct lcs_endpoint ep = {
		.kind = LCS_CANDIDATE,
		.index = sdp->sections - 1,
		.count = 1,
		.expires = LCS_ABSENT,
	};
	const u8 *behind = NULL, *end = line.text.end, *lf;

	if (sdp->wanted && sdp->port)
		behind = read_candidate(at, end, &line, &ep);
	lf = lcs_find_line_feed(behind ? behind : at, end);
	if (lf - line.text.at >= LCS_LINE_MAX)
		return NULL;
	if (behind)
		lcs_report(reader, &ep);
	return lf;
}

/* a=remote-candidates:<component> <address> <port> ... (RFC 5245 15.2) */
static noinline void read_remote(struct lcs_reader *reader, const struct lcs_line *line)
{
	const u8 *at = behind(line, "a=remote-candidates:").at, *end = line->text.end + 1;

	for (at = skip_blanks(at); at; at = skip_gap(at)) {
		struct lcs_endpoint ep = {
			.kind = LCS_REMOTE_CANDIDATE,
			.index = reader->stream->body.sdp.sections - 1,
			.count = 1,
			.expires = LCS_ABSENT,
		};

		at = read_component(at, end, &ep);
		if (at)
			at = read_transport_address(at, end, line, &ep);
		if (!at)
			return;
		lcs_report(reader, &ep);
	}
}

/**
 * lcs_sdp_named() - read a line of a session description
 * @reader: reports what the line completes
 * @line: the line
 * @name: what it is
 */
void lcs_sdp_named(struct lcs_reader *reader, const struct lcs_line *line, enum lcs_sdp_name name)
{
	const struct lcs_line ended = { { line->text.at, line->text.end + 1 }, line->seq };
	struct lcs_sdp *sdp = &reader->stream->body.sdp;

	/* Nothing is opened for a section of another kind, or one that is switched off. */
	if (*line->text.at == 'a' && (!sdp->wanted || !sdp->port))
		return;
	switch (name) {
	case LCS_SDP_CANDIDATE:
		lcs_sdp_candidate(reader, ended, behind(line, "a=candidate:").at);
		break;
	case LCS_SDP_CANDIDATE_IPV6:
		lcs_sdp_candidate(reader, ended, behind(line, "a=x-candidate-ipv6:").at);
		break;
	case LCS_SDP_CONNECTION:
		read_connection(sdp, line);
		break;
	case LCS_SDP_MEDIA:
		lcs_sdp_end(reader);
		read_media(sdp, line);
		break;
	case LCS_SDP_ORIGIN:
		read_origin(reader, line);
		break;
	case LCS_SDP_REMOTE:
		read_remote(reader, line);
		break;
	case LCS_SDP_RTCP:
		read_rtcp(sdp, line);
		break;
	case LCS_SDP_NONE:
		break;
	}
}

/**
 * lcs_sdp_line() - read a line of a session description, whatever it is
 * @reader: reports what the line completes
 * @line: the line
 */
void lcs_sdp_line(struct lcs_reader *reader, const struct lcs_line *line)
{
	u8 bytes[LCS_SDP_LOOK] = { 0 };

	memcpy(bytes, line->text.at, min(lcs_text_len(line->text), LCS_SDP_LOOK));
	lcs_sdp_named(reader, line, lcs_sdp_name_at(bytes));
}
