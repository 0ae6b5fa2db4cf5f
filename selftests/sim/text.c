// SPDX-License-Identifier: GPL-2.0
/*
 * What the peers say, and what the other side shall hear: both are written side by side from
 * templates, so that the expected text owes nothing to the code under test.
 *
 * In a template: %A an address that is translated, %P the port that goes with it, %Q the same plus
 * one, %a a foreign address, %p a foreign port, %n a number, %x hex digits, %4 "4" or "6", %( and
 * %) the brackets of an IPv6 address in a URI, %z filling up to some hundred bytes.
 */
#include "sim.h"

/**
 * struct sim_writer - a text being written
 * @text: the text
 * @random: chance
 * @names: the addresses
 * @outbound: from the client to the server
 * @group: of the places written
 * @port: inside form of the port that %P writes
 */
struct sim_writer {
	struct sim_text *text;
	struct sim_random *random;
	const struct sim_names *names;
	bool outbound;
	u32 group;
	u32 port;
};

static void grow(struct sim_text *text, u32 len)
{
	u32 most = max(text->in_len, text->out_len) + len;

	if (most <= text->size)
		return;
	while (text->size < most)
		text->size = text->size ? 2 * text->size : 16384;
	text->in = realloc(text->in, text->size);
	text->out = realloc(text->out, text->size);
}

static void put(struct sim_text *text, const void *bytes, u32 len)
{
	if (!len)
		return;
	grow(text, len);
	memcpy(text->in + text->in_len, bytes, len);
	memcpy(text->out + text->out_len, bytes, len);
	text->in_len += len;
	text->out_len += len;
}

static void put_mark(struct sim_text *text, const void *in, u32 in_len, const void *out,
		     u32 out_len, u32 group)
{
	struct sim_mark *mark;

	if (in_len == out_len && !memcmp(in, out, in_len)) {
		put(text, in, in_len);
		return;
	}
	if (text->mark_count == SIM_MARKS)
		abort();
	mark = &text->mark[text->mark_count++];
	*mark = (struct sim_mark){ text->in_len, in_len, text->out_len, out_len, group };
	grow(text, max(in_len, out_len));
	memcpy(text->in + text->in_len, in, in_len);
	memcpy(text->out + text->out_len, out, out_len);
	text->in_len += in_len;
	text->out_len += out_len;
}

static u32 digits(char *to, u32 number)
{
	char back[12];
	u32 n = 0, i;

	do {
		back[n++] = '0' + number % 10;
		number /= 10;
	} while (number);
	for (i = 0; i < n; i++)
		to[i] = back[n - 1 - i];
	return n;
}

static void put_number(struct sim_text *text, u32 number)
{
	char to[12];

	put(text, to, digits(to, number));
}

static void put_port(struct sim_writer *w, u32 inside)
{
	char in[12], out[12];
	u32 in_len = digits(in, inside);
	u32 out_len = digits(out, inside + w->names->move);

	if (w->outbound)
		put_mark(w->text, in, in_len, out, out_len, w->group);
	else
		put_mark(w->text, out, out_len, in, in_len, w->group);
}

static void put_address(struct sim_writer *w)
{
	const char *from = w->outbound ? w->names->inside : w->names->outside;
	const char *to = w->outbound ? w->names->outside : w->names->inside;

	put_mark(w->text, from, strlen(from), to, strlen(to), w->group);
}

static void put_filling(struct sim_writer *w)
{
	u32 n = sim_pick(w->random, 1, 60);

	while (n--)
		put(w->text, "TlRMTVNTUAAB", sim_pick(w->random, 1, 12));
}

static void put_one(struct sim_writer *w, char what)
{
	bool six = strchr(w->names->inside, ':');
	char hex[8];
	u32 i;

	switch (what) {
	case 'A':
		put_address(w);
		break;
	case 'P':
		put_port(w, w->port);
		break;
	case 'Q':
		put_port(w, w->port + 1);
		break;
	case 'a':
		put(w->text, six ? "2001:db8:7::9" : "172.16.7.9", six ? 13 : 10);
		break;
	case 'p':
	case 'n':
		put_number(w->text, sim_pick(w->random, 1024, 40000));
		break;
	case 'x':
		for (i = 0; i < sizeof(hex); i++)
			hex[i] = "0123456789abcdef"[sim_pick(w->random, 0, 15)];
		put(w->text, hex, sizeof(hex));
		break;
	case '4':
		put(w->text, six ? "6" : "4", 1);
		break;
	case '(':
		put(w->text, "[", six);
		break;
	case ')':
		put(w->text, "]", six);
		break;
	case 'z':
		put_filling(w);
		break;
	}
}

static void write_template(struct sim_writer *w, const char *template)
{
	const char *at;

	while ((at = strchr(template, '%'))) {
		put(w->text, template, at - template);
		put_one(w, at[1]);
		template = at + 2;
	}
	put(w->text, template, strlen(template));
}

static void new_port(struct sim_writer *w)
{
	w->port = sim_pick(w->random, 0, 2) ? sim_pick(w->random, 5350, 5380) :
					      sim_pick(w->random, 9990, 10010);
}

static const char *const sim_candidates[] = {
	"a=candidate:Ab+/x%n 1 Cd/y%x UDP 0.830 %A %P \r\n"
	"a=candidate:Ab+/x 2 Cd/y UDP 0.830 %A %Q \r\n",
	"a=candidate:1 1 UDP 2130706431 %A %P typ host \r\n"
	"a=candidate:1 2 UDP 2130705918 %A %Q typ host \r\n",
	"a=candidate:2 1 UDP 16648703 %a %p typ relay raddr 10.9.9.9 rport %p \r\n",
};

static void write_sdp(struct sim_writer *w)
{
	u32 n = sim_pick(w->random, 0, 4), i;

	write_template(w, "v=0\r\no=- 0 0 IN IP%4 %A\r\ns=session\r\n");
	if (sim_chance(w->random, 30))
		write_template(w, "i=%z\r\n");
	write_template(w, "c=IN IP%4 %A\r\nb=CT:1000\r\nt=0 0\r\n");
	new_port(w);
	write_template(w, "m=audio %P RTP/AVP 97 111 112 6 0 8 4 5 3 101\r\nk=base64:AAAA\r\n");
	for (i = 0; i < n; i++)
		write_template(w, sim_candidates[sim_pick(w->random, 0, 2)]);
	if (sim_chance(w->random, 50))
		write_template(w, "a=rtcp:%Q\r\n");
	write_template(w, "a=rtpmap:0 PCMU/8000\r\na=encryption:optional\r\n");
	if (sim_chance(w->random, 50)) {
		new_port(w);
		write_template(w, "m=video %P RTP/AVP 34 31\r\nc=IN IP%4 %A\r\na=rtcp:%Q\r\n");
	}
	if (sim_chance(w->random, 20))
		write_template(w, "m=application 1503 tcp msdata\r\nc=IN IP%4 %a\r\n");
}

static void write_multipart(struct sim_writer *w)
{
	write_template(w, "------=_NextPart_000\r\nContent-Type: application/sdp\r\n"
			  "Content-Disposition: session; handling=optional; "
			  "ms-proxy-2007fallback\r\n\r\n");
	write_sdp(w);
	write_template(w, "\r\n------=_NextPart_000\r\nContent-Type: application/sdp\r\n\r\n");
	write_sdp(w);
	write_template(w, "\r\n------=_NextPart_000--\r\n");
	if (sim_chance(w->random, 20))
		write_template(w, "epilogue\r\n");
}

static void write_invitation(struct sim_writer *w)
{
	new_port(w);
	write_template(w, "Invitation-Command: ACCEPT\r\nInvitation-Cookie: %n\r\n");
	if (sim_chance(w->random, 50))
		write_template(w, "Port: %P\r\nIP-Address: %A\r\n");
	else
		write_template(w, "IP-Address: %A\r\nPort: %P\r\n");
	if (sim_chance(w->random, 50))
		write_template(w, "PortX: %p\r\n");
	write_template(w, "Launch-Application: FALSE\r\nRequest-Data: IP-Address:\r\n");
	if (sim_chance(w->random, 50))
		write_template(w, "\r\n");
}

static void write_foreign(struct sim_writer *w)
{
	u32 n = sim_pick(w->random, 0, 6);

	write_template(w, "Contact: <sip:%a:%p>\r\nc=IN IP%4 %a\r\nm=audio %p RTP/AVP 0\r\n");
	while (n--)
		write_template(w, "<presence %x>%z</presence>\r\n");
}

enum sim_body {
	SIM_NO_BODY,
	SIM_SDP,
	SIM_MULTIPART,
	SIM_INVITATION,
	SIM_FOREIGN,
};

static const char *const sim_types[] = {
	[SIM_SDP] = "application/sdp",
	[SIM_MULTIPART] = "multipart/alternative;\r\n boundary=\"----=_NextPart_000\"",
	[SIM_INVITATION] = "text/x-msmsgsinvite; charset=UTF-8",
	[SIM_FOREIGN] = "text/xml",
};

static void write_body(struct sim_writer *w, enum sim_body body)
{
	switch (body) {
	case SIM_NO_BODY:
		break;
	case SIM_SDP:
		write_sdp(w);
		break;
	case SIM_MULTIPART:
		write_multipart(w);
		break;
	case SIM_INVITATION:
		write_invitation(w);
		break;
	case SIM_FOREIGN:
		write_foreign(w);
		break;
	}
}

static const char *const sim_contacts[] = {
	"Contact: <sip:%(%A%):%P;transport=tcp>;methods=\"INVITE, MESSAGE, INFO\";proxy=replace\r\n",
	"Contact: <sip:bob@example.com:%P;maddr=%(%A%);transport=tcp>;proxy=replace\r\n",
	"m: <sip:%(%A%):%P>\r\n",
	"Contact: <sip:%(%a%):%p>;expires=411,\r\n <sip:%(%A%):%P;transport=tcp>;expires=3600\r\n",
};

static const char *const sim_headers[] = {
	"Via: SIP/2.0/TCP %a:%p;ms-received-port=%n\r\n",
	"From: \"Bob\" <sip:bob@example.com>;tag=%x;epid=%x\r\n",
	"To: <sip:alice@example.com>;tag=%x\r\n",
	"Call-ID: %x%x%x%x\r\n",
	"User-Agent: RTC/1.3.5470 (Messenger 5.1.0680)\r\n",
	"Supported: com.microsoft.msrtc.presence,\r\n adhoclist\r\n",
	"Proxy-Authorization: NTLM qop=\"auth\", opaque=\"%x\", gssapi-data=\"%z\"\r\n",
};

static void write_length(struct sim_writer *w, const struct sim_text *body)
{
	char in[12], out[12];
	u32 in_len = digits(in, body->in_len), out_len = digits(out, body->out_len);

	if (sim_chance(w->random, 80))
		write_template(w, "Content-Length: ");
	else
		write_template(w, "l :\t");
	put_mark(w->text, in, in_len, out, out_len, w->group);
	write_template(w, "\r\n");
}

/* The header lines in any order (RFC 3261 7.3.1: it decides nothing). */
static void write_headers(struct sim_writer *w, const char *cseq, bool contact, enum sim_body body,
			  const struct sim_text *said, u32 group)
{
	u32 n = ARRAY_SIZE(sim_headers), line[16], i, j;

	for (i = 0; i < n + 4; i++) {
		j = sim_pick(w->random, 0, i);
		line[i] = line[j];
		line[j] = i;
	}
	for (i = 0; i < n + 4; i++) {
		w->group = 0;
		if (line[i] < n) {
			write_template(w, sim_headers[line[i]]);
		} else if (line[i] == n) {
			write_template(w, cseq);
		} else if (line[i] == n + 1 && contact) {
			new_port(w);
			write_template(w, sim_contacts[sim_pick(w->random, 0, 3)]);
		} else if (line[i] == n + 2 && body != SIM_NO_BODY) {
			write_template(w, "Content-Type: ");
			write_template(w, sim_types[body]);
			write_template(w, "\r\n");
		} else if (line[i] == n + 3) {
			w->group = group;
			write_length(w, said);
		}
	}
	write_template(w, "\r\n");
}

/* Append a text written apart. */
static void append(struct sim_text *text, const struct sim_text *more)
{
	u32 at = 0, i;

	for (i = 0; i < more->mark_count; i++) {
		const struct sim_mark *mark = &more->mark[i];

		put(text, more->in + at, mark->in - at);
		put_mark(text, more->in + mark->in, mark->in_len, more->out + mark->out,
			 mark->out_len, mark->group);
		at = mark->in + mark->in_len;
	}
	put(text, more->in + at, more->in_len - at);
}

struct sim_kind {
	const char *start;
	const char *cseq;
	bool contact;
	bool bodies[5];
};

static const struct sim_kind sim_outbound[] = {
	{ "REGISTER sip:example.com SIP/2.0\r\n", "CSeq: 3 REGISTER\r\n", true, { true } },
	{ "INVITE sip:alice@example.com SIP/2.0\r\n", "CSeq: 1 INVITE\r\n", true,
	  { false, true, true } },
	{ "MESSAGE sip:alice@example.com SIP/2.0\r\n", "CSeq: 2 MESSAGE\r\n", false,
	  { false, false, false, true, true } },
	{ "ACK sip:alice@example.com SIP/2.0\r\n", "CSeq: 1 ACK\r\n", false, { true } },
	{ "SIP/2.0 200 OK\r\n", "CSeq: 1 INVITE\r\n", true, { true, true } },
};

static const struct sim_kind sim_inbound[] = {
	{ "SIP/2.0 200 OK\r\n", "CSeq: 3 REGISTER\r\n", true, { true } },
	{ "BENOTIFY sip:%(%A%):%P;transport=tcp;ms-received-cid=13000 SIP/2.0\r\n",
	  "CSeq: 9 BENOTIFY\r\n", false, { true, false, false, false, true } },
	{ "INVITE sip:%(%A%):%P SIP/2.0\r\n", "CSeq: 1 INVITE\r\n", false, { false, true, true } },
	{ "SIP/2.0 407 Proxy Authentication Required\r\n", "CSeq: 2 REGISTER\r\n", false,
	  { true } },
};

static void write_message(struct sim_writer *w, struct sim_text *said)
{
	const struct sim_kind *kind = w->outbound ?
		&sim_outbound[sim_pick(w->random, 0, ARRAY_SIZE(sim_outbound) - 1)] :
		&sim_inbound[sim_pick(w->random, 0, ARRAY_SIZE(sim_inbound) - 1)];
	u32 body, group = ++w->text->group;
	struct sim_text *text = w->text;

	if (sim_chance(w->random, 20))
		write_template(w, "\r\n\r\n");
	do {
		body = sim_pick(w->random, 0, 4);
	} while (!kind->bodies[body]);
	sim_text_reset(said);
	w->text = said;
	w->group = group;
	write_body(w, body);
	w->text = text;
	w->group = 0;
	new_port(w);
	write_template(w, kind->start);
	write_headers(w, kind->cseq, kind->contact, body, said, group);
	append(text, said);
	text->ends[text->end_count++] = text->in_len;
}

void sim_text_reset(struct sim_text *text)
{
	text->in_len = 0;
	text->out_len = 0;
	text->group = 0;
	text->mark_count = 0;
	text->unit_count = 0;
	text->end_count = 0;
}

/* SIP, at least a message and up to so many, or about @size bytes. */
void sim_text_sip(struct sim_text *text, struct sim_random *random, const struct sim_names *names,
		  bool outbound, u32 messages, u32 size)
{
	struct sim_writer w = { .text = text, .random = random, .names = names,
				.outbound = outbound };
	static struct sim_text said;

	sim_text_reset(text);
	do {
		write_message(&w, &said);
	} while (--messages && text->in_len < size);
}

/*
 * Bytes of no meaning, in which marks stand anywhere, alone or in units of up to @unit_max, up to
 * @gap apart.
 */
void sim_text_synthetic(struct sim_text *text, struct sim_random *random, u32 size, u32 unit_max,
			u32 gap)
{
	u8 in[64], out[256];
	u32 unit_end = 0, from, i, n;

	sim_text_reset(text);
	while (text->in_len < size && text->mark_count < SIM_MARKS - 1) {
		if (!unit_end && sim_chance(random, 20)) {
			unit_end = text->in_len + sim_pick(random, 2, unit_max);
			text->unit[text->unit_count++].from = text->in_len;
		}
		for (n = sim_chance(random, 20) ? 0 : sim_pick(random, 1, gap); n; n--)
			put(text, &(u8){ 'a' + sim_pick(random, 0, 15) }, 1);
		from = text->in_len;
		n = sim_chance(random, 50) ? sim_pick(random, 1, 3) : sim_pick(random, 1, 40);
		for (i = 0; i < n; i++)
			in[i] = 'A' + sim_pick(random, 0, 15);
		i = sim_chance(random, 80) ? sim_pick(random, 1, 40) : sim_pick(random, 1, 250);
		put_mark(text, in, n, memset(out, '0' + sim_pick(random, 0, 9), i), i, 0);
		if (!unit_end)
			text->unit[text->unit_count++] = (struct sim_unit){ from, text->in_len };
		if (unit_end && text->in_len >= unit_end) {
			unit_end = 0;
			text->unit[text->unit_count - 1].to = text->in_len;
		}
	}
	if (sim_chance(random, 50))
		put(text, "end of text", 11);
	if (unit_end)
		text->unit[text->unit_count - 1].to = text->in_len;
}
