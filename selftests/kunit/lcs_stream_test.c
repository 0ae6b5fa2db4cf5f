// SPDX-License-Identifier: GPL-2.0
/*
 * The stream: framing, lines cut anywhere, limits, and what ends it. lcs_corpus_test.c has the
 * properties over the corpus.
 */
#include <kunit/test.h>
#include <lcs/stream.h>
#include "lcs_record.h"

#define FACTS		"Call-ID: a\r\nCSeq: 1 MESSAGE\r\n"
#define CONTACT		"Contact: <sip:10.0.0.5:7100>\r\n"
#define CONTACT_SAID	"contact tcp 10.0.0.5 7100"

static const struct lcs_row rows[] = {
	{ "keep-alives",
	  "\r\n\r\nMESSAGE x SIP/2.0\r\nm: <sip:{10.0.0.5}:{7100}>\r\n\r\n\r\n\r\n\n\r\r\n"
	  "MESSAGE x SIP/2.0\r\nm: <sip:{10.0.0.6}:{7100}>\r\n\r\n",
	  "contact tcp 10.0.0.5 7100; contact tcp 10.0.0.6 7100" },
	{ "pipelined, with a body between",
	  "MESSAGE x SIP/2.0\r\nl: 21\r\nc: text/plain\r\n\r\nContact: <sip:1.2.3\r\n"
	  "SIP/2.0 200 OK\r\nm: <sip:{10.0.0.6}:{7100}>\r\n\r\n",
	  "contact tcp 10.0.0.6 7100" },
	{ "a body of line ends, then keep-alives",
	  "MESSAGE x SIP/2.0\r\nl: 4\r\n\r\n\r\n\r\n\r\nMESSAGE x SIP/2.0\r\n"
	  "m: <sip:{10.0.0.6}:{7100}>\r\n\r\n",
	  "contact tcp 10.0.0.6 7100" },
	{ "unwanted lines, each cut and folded",
	  "MESSAGE x SIP/2.0\r\nVia: SIP/2.0/TCP 1.2.3.4:5\r\n Contact: <sip:1.2.3.4:5>\r\n"
	  "Cont\r\n act: <sip:1.2.3.4:5>\r\nConfuse: x\r\n m: <sip:1.2.3.4:5>\r\n"
	  "m: <sip:{10.0.0.6}:{7100}>\r\nX:\r\n\r\n", "contact tcp 10.0.0.6 7100" },
	{ "a header that begins with a blank behind the start line",
	  "MESSAGE x SIP/2.0\r\n Contact: <sip:1.2.3.4:5>\r\nm: <sip:{10.0.0.6}:{7100}>\r\n\r\n",
	  "contact tcp 10.0.0.6 7100" },
	{ "a blank line of blanks is none",
	  "MESSAGE x SIP/2.0\r\nX: a\r\n \r\nm: <sip:{10.0.0.6}:{7100}>\r\n\r\n",
	  "contact tcp 10.0.0.6 7100" },
	{ "carriage returns alone",
	  "MESSAGE x SIP/2.0\r\n\rm: <sip:1.2.3.4:5>\r\nm: <sip:{10.0.0.6}:{7100}>\r\r\n\r\r\n"
	  "m: <sip:{10.0.0.7}:{7100}>\r\n\r\n",
	  "contact tcp 10.0.0.6 7100; contact tcp 10.0.0.7 7100" },
	{ "what follows a message is no start line",
	  "MESSAGE x SIP/2.0\r\n\r\nhello\r\n\r\nMESSAGE x SIP/2.0\r\nm: <sip:1.2.3.4:5>\r\n\r\n",
	  "" },
	{ "not SIP", "GET / HTTP/1.1\r\nHost: x\r\n\r\nMESSAGE x SIP/2.0\r\nm: <sip:1.2.3.4:5>\r\n"
	  "\r\n", "" },
	{ "TLS", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03", "" },
	{ "a control byte in an address", "MESSAGE x SIP/2.0\r\nm: <sip:10.0.0.5\x01:{7100}>\r\n"
	  "\r\n", "contact tcp - 7100" },
};

KUNIT_ARRAY_PARAM(row, rows, lcs_row_desc);

static void streams(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;

	lcs_record_check(test, row->text, row->want);
}

struct end_row {
	const char *text;
	u8 given_up;
};

/* Why a stream is given up, and that it says so at the first byte that shows it. */
static void reasons(struct kunit *test)
{
	static const struct end_row ends[] = {
		{ "\x16", LCS_NOT_SIP },
		{ " ", LCS_NOT_SIP },
		{ "GET /", LCS_KEPT },
		{ "GET / HTTP/1.1\n", LCS_NOT_SIP },
		{ "SIP/2.0 200 OK\r\n\r\n\x16", LCS_BAD_START },
		{ "SIP/2.0 200 OK\r\n\r\nGET / HTTP/1.1\r\n", LCS_BAD_START },
		{ "SIP/2.0 200 OK\r\n\r\nSIP/2.0 20 OK\r\n", LCS_BAD_START },
		{ "M123456789012345678901234567890123456789012345678901234567890", LCS_NOT_SIP },
		{ "SIP/2.0 200 OK\r\nl:x\r\nl", LCS_BAD_LENGTH },
		{ "SIP/2.0 200 OK\r\nc:x\r\n\r\n", LCS_BAD_LENGTH },
	};
	struct lcs_record *record;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		record = lcs_record_new(test);
		lcs_record_text(record, ends[i].text);
		KUNIT_EXPECT_EQ_MSG(test, record->stream.given_up, ends[i].given_up, "%s",
				    ends[i].text);
		KUNIT_EXPECT_EQ(test, record->stream.state == LCS_GIVEN_UP,
				ends[i].given_up != LCS_KEPT);
		KUNIT_EXPECT_EQ(test, record->stream.next,
				LCS_RECORD_SEQ + (u32)strlen(ends[i].text));
		lcs_record_end(record);
	}
}

/* Head, @len times @fill, tail; in memory of the test. */
static u8 *filled(struct kunit *test, const char *head, u32 len, char fill, const char *tail,
		  u32 *total)
{
	u32 head_len = strlen(head), tail_len = strlen(tail);
	u8 *bytes;

	*total = head_len + len + tail_len;
	bytes = kunit_kmalloc(test, *total, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memcpy(bytes, head, head_len);
	memset(bytes + head_len, fill, len);
	memcpy(bytes + head_len + len, tail, tail_len);
	return bytes;
}

struct long_row {
	const char *name;
	const char *before;
	const char *head;
	const char *tail;
	const char *after;
	const char *fits;
	const char *too_long;
	u16 flags;
	u8 given_up;
};

/*
 * A logical line of LCS_LINE_MAX bytes is read, one with a byte more is not: whatever kind it is,
 * whether it is folded, and wherever it is cut.
 */
static const struct long_row long_rows[] = {
	{ "a wanted header", "MESSAGE x SIP/2.0\r\n" FACTS, "m: <sip:10.0.0.5:7100>;x=", "\r\n",
	  CONTACT "\r\n", CONTACT_SAID "; " CONTACT_SAID, CONTACT_SAID, LCS_MSG_UNREADABLE,
	  LCS_KEPT },
	{ "a folded header", "MESSAGE x SIP/2.0\r\n" FACTS, "m:\r\n <sip:10.0.0.5:7100>;x=", "\r\n"
	  " ;y\r\n",
	  CONTACT "\r\n", CONTACT_SAID "; " CONTACT_SAID, CONTACT_SAID, LCS_MSG_UNREADABLE,
	  LCS_KEPT },
	{ "a header folded close to its end", "MESSAGE x SIP/2.0\r\n" FACTS,
	  "m: <sip:10.0.0.5:7100>;x=",
	  "\r\n \r\n", CONTACT "\r\n", CONTACT_SAID "; " CONTACT_SAID, CONTACT_SAID,
	  LCS_MSG_UNREADABLE, LCS_KEPT },
	{ "an unwanted header", "MESSAGE x SIP/2.0\r\n" FACTS, "Confusion: ", "\r\n", CONTACT
	  "\r\n",
	  CONTACT_SAID, CONTACT_SAID, 0, LCS_KEPT },
	{ "a header of no interest at all", "MESSAGE x SIP/2.0\r\n" FACTS, "Via: ", "\r\n x\r\n",
	  CONTACT "\r\n", CONTACT_SAID, CONTACT_SAID, 0, LCS_KEPT },
	{ "a header without a colon", "MESSAGE x SIP/2.0\r\n" FACTS, "Contact ", "\r\n", CONTACT
	  "\r\n",
	  CONTACT_SAID, CONTACT_SAID, LCS_MSG_UNREADABLE, LCS_KEPT },
	{ "a name without end", "MESSAGE x SIP/2.0\r\n" FACTS, "c", "\r\n", CONTACT "\r\n",
	  CONTACT_SAID, CONTACT_SAID, 0, LCS_KEPT },
	{ "Content-Length", "MESSAGE x SIP/2.0\r\n" FACTS, "l: 0\r\n ", "\r\n", "\r\n", "", "",
	  LCS_MSG_UNREADABLE, LCS_BAD_LENGTH },
	{ "Content-Type", "MESSAGE x SIP/2.0\r\n" FACTS "l: 0\r\n", "c: application/sdp;x=", "\r\n",
	  "\r\n",
	  "", "", LCS_MSG_UNREADABLE, LCS_KEPT },
	{ "a Request-URI", "", "MESSAGE sip:", " SIP/2.0\r\n", FACTS CONTACT "\r\n", CONTACT_SAID,
	  "", 0,
	  LCS_LONG_START },
	{ "an SDP line", "MESSAGE x SIP/2.0\r\n" FACTS "c: application/sdp\r\nl: 0000\r\n\r\n",
	  "m=audio 5350 RTP/AVP ", "\r\n", "c=IN IP4 10.0.0.5\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied", "", LCS_MSG_UNREADABLE,
	  LCS_KEPT },
	{ "an SDP line nobody wants",
	  "MESSAGE x SIP/2.0\r\n" FACTS "c: application/sdp\r\nl: 0000\r\n\r\n"
	  "c=IN IP4 10.0.0.5\r\n",
	  "a=x:", "\r\n", "m=audio 5350 RTP/AVP 0\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied", 0, LCS_KEPT },
	{ "a candidate",
	  "MESSAGE x SIP/2.0\r\n" FACTS "c: application/sdp\r\nl: 0000\r\n\r\n"
	  "c=IN IP4 10.0.0.5\r\nm=audio 5350 RTP/AVP 0\r\n",
	  "a=candidate:1 1 UDP 1 10.0.0.5 5360 typ host ", "\r\n", "a=sendrecv\r\na=x\r\n",
	  "candidate udp 10.0.0.5 5360 extra 1; media udp 10.0.0.5 5350;"
	  " rtcp udp 10.0.0.5 5351 implied", "", LCS_MSG_UNREADABLE, LCS_KEPT },
	{ "an invitation line",
	  "MESSAGE x SIP/2.0\r\n" FACTS "c: text/x-msmsgsinvite\r\nl: 0000\r\n\r\n"
	  "Invitation-Command: ACCEPT\r\nPort: 6891\r\nIP-Address: 10.0.0.5\r\n",
	  "Sender-Connect: ", "\r\n", "X: y",
	  "file tcp 10.0.0.5 6891", "", LCS_MSG_UNREADABLE, LCS_KEPT },
	{ "a part header", "MESSAGE x SIP/2.0\r\n" FACTS "c: multipart/mixed;boundary=B\r\n"
	  "l: 0000\r\n\r\n"
	  "--B\r\n", "Content-Type: application/sdp;x=", "\r\n",
	  "\r\nc=IN IP4 10.0.0.5\r\nm=audio 5350 RTP/AVP\r\n--B--",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied", "", LCS_MSG_UNREADABLE,
	  LCS_KEPT },
};

static void long_desc(const struct long_row *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", row->name);
}

KUNIT_ARRAY_PARAM(long, long_rows, long_desc);

static const u32 interesting_cuts[] = { 1, 2, 60, 63, 64, 65, 255, 256, 257, 4096, 8189, 8190, 8191,
					8192, 8193, 8194, 8195, 8196 };

/* Whole, byte by byte, and cut at every place around those where something changes. */
static u64 read_all_ways(struct kunit *test, const u8 *bytes, u32 len, u32 line_at)
{
	u64 fold = lcs_record_cut(test, bytes, len, len, len);
	u32 i;

	KUNIT_EXPECT_EQ(test, fold, lcs_record_cut(test, bytes, len, 0, 1));
	for (i = 0; i < ARRAY_SIZE(interesting_cuts); i++)
		KUNIT_EXPECT_EQ_MSG(test, fold, lcs_record_cut(test, bytes, len,
							       line_at + interesting_cuts[i], len),
				    "cut at %u of the line", interesting_cuts[i]);
	for (i = len - 80; i < len; i++)
		KUNIT_EXPECT_EQ_MSG(test, fold, lcs_record_cut(test, bytes, len, i, len),
				    "cut at %u of %u", i, len);
	return fold;
}

/* Writes the length of what follows the header block into "l: 0000". */
static void set_length(u8 *bytes, u32 len)
{
	u8 *digits = bytes, *body = bytes;
	u32 left;

	while (memcmp(body, "\r\n\r\n", 4))
		body++;
	while (body - digits >= 7 && memcmp(digits, "l: 0000", 7))
		digits++;
	if (body - digits < 7)
		return;
	for (left = len - (body + 4 - bytes); left; left /= 10, digits--)
		digits[6] = '0' + left % 10;
}

static void long_lines(struct kunit *test)
{
	const struct long_row *row = test->param_value;
	u32 fixed = strlen(row->head) + strlen(row->tail), more, len;
	char *before, *tail = lcs_record_join(test, row->tail, row->after, "");
	struct lcs_record *record;
	u8 *bytes;

	before = lcs_record_join(test, row->before, row->head, "");
	for (more = 0; more < 2; more++) {
		bytes = filled(test, before, LCS_LINE_MAX - fixed + more,
			       strstr(row->head, "l: 0") ? ' ' : 'x', tail, &len);
		set_length(bytes, len);
		record = lcs_record_new(test);
		lcs_record_read(record, bytes, len);
		KUNIT_EXPECT_STREQ(test, record->said, more ? row->too_long : row->fits);
		KUNIT_EXPECT_EQ(test, record->stream.msg.flags &
				(LCS_MSG_UNREADABLE | LCS_MSG_TOO_MANY), more ? row->flags : 0);
		KUNIT_EXPECT_EQ(test, record->stream.given_up, more ? row->given_up : LCS_KEPT);
		lcs_record_end(record);
		read_all_ways(test, bytes, len, strlen(row->before));
	}
}

/* A stream of many messages, with a line that is far too long in every place, keeps going. */
static void a_line_of_60_kB(struct kunit *test)
{
	static const char *const heads[] = { "Contact: <sip:10.0.0.5:7100>;x=",
	"Proxy-Authorization: ",
					     "To: ", "Expires:", "X" };
	struct lcs_record *record;
	u32 i, len;
	u8 *bytes;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		record = lcs_record_new(test);
		lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS);
		bytes = filled(test, heads[i], 60000, 'y', "\r\n", &len);
		lcs_record_read(record, bytes, len / 2);
		KUNIT_EXPECT_EQ(test, record->lines, 0u);
		lcs_record_read(record, bytes + len / 2, len - len / 2);
		lcs_record_text(record, "\r\nMESSAGE x SIP/2.0\r\n" CONTACT "\r\n");
		KUNIT_EXPECT_EQ(test, record->messages, 2u);
		KUNIT_EXPECT_STREQ(test, record->said, CONTACT_SAID);
		lcs_record_end(record);
	}
}

static void too_many_contacts(struct kunit *test)
{
	struct lcs_record *record = lcs_record_quiet(test);
	u32 i;

	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS);
	for (i = 0; i < 10000; i++)
		lcs_record_text(record, CONTACT);
	KUNIT_EXPECT_EQ(test, record->endpoints, (u32)LCS_ENDPOINTS_MAX);
	lcs_record_text(record, "\r\nMESSAGE x SIP/2.0\r\n" FACTS CONTACT "\r\n");
	KUNIT_EXPECT_EQ(test, record->endpoints, LCS_ENDPOINTS_MAX + 1u);
	KUNIT_EXPECT_EQ(test, record->messages, 2u);
	KUNIT_EXPECT_FALSE(test, (record->stream.msg.flags & LCS_MSG_TOO_MANY) != 0);
	lcs_record_end(record);
}

static void too_many_media(struct kunit *test)
{
	static const char *const lines[] = { "m=audio 5350 RTP/AVP 0\r\n",
	"m=audio 0 RTP/AVP 0\r\n",
					     "a=candidate:1 1 UDP 1 1.2.3.4 5 typ host\r\n",
					     "o=- 0 0 IN IP4 10.0.0.5\r\n",
					     "c=IN IP4 10.0.0.5\r\n" };
	struct lcs_record *record = lcs_record_quiet(test);
	u32 i;

	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS "l: 4000000\r\nc: application/sdp\r\n"
	"\r\n");
	for (i = 0; i < 70000; i++)
		lcs_record_text(record, lines[i % ARRAY_SIZE(lines)]);
	KUNIT_EXPECT_EQ(test, record->endpoints, (u32)LCS_ENDPOINTS_MAX);
	KUNIT_EXPECT_TRUE(test, (record->stream.msg.flags & LCS_MSG_TOO_MANY) != 0);
	KUNIT_EXPECT_EQ(test, record->stream.body.sdp.sections, 28000);
	lcs_record_end(record);
}

/* More m= lines than are counted do not begin at 0 again. */
static void sections_run_out(struct kunit *test)
{
	struct lcs_record *record = lcs_record_quiet(test);
	u32 i;

	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS "l: 4000000\r\nc: application/sdp\r\n"
	"\r\n");
	for (i = 0; i < 65540; i++)
		lcs_record_text(record, "m=x\n");
	KUNIT_EXPECT_EQ(test, record->stream.body.sdp.sections, 65535);
	lcs_record_end(record);
}

/* 4 GB of body: skipped by a number, whole or as gaps. */
static void a_body_of_4_GB(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);
	struct lcs_stream *stream = &record->stream;

	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS "l: 4294967295\r\nc: text/plain\r\n"
	"\r\n");
	KUNIT_EXPECT_EQ(test, stream->body_left, 4294967295u);
	lcs_record_text(record, "m=audio");
	KUNIT_EXPECT_EQ(test, stream->body_left, 4294967288u);
	KUNIT_EXPECT_TRUE(test, lcs_stream_skip_to(stream, stream->next + 0x80000000));
	KUNIT_EXPECT_FALSE(test, lcs_stream_skip_to(stream, stream->next + 0x7ffffff9));
	KUNIT_EXPECT_TRUE(test, lcs_stream_skip_to(stream, stream->next + 0x7ffffff8));
	KUNIT_EXPECT_EQ(test, record->messages, 0u);
	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" CONTACT "\r\n");
	KUNIT_EXPECT_EQ(test, record->messages, 2u);
	KUNIT_EXPECT_STREQ(test, record->said, CONTACT_SAID);
	lcs_record_end(record);
}

static void gaps_elsewhere(struct kunit *test)
{
	static const char *const texts[] = { "", "MESS", "MESSAGE x SIP/2.0\r\n",
	"MESSAGE x SIP/2.0\r\nX",
		"MESSAGE x SIP/2.0\r\n" FACTS "l: 9\r\nc: application/sdp\r\n\r\n" };
	struct lcs_record *record = lcs_record_new(test);
	u32 i, next;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		lcs_stream_init(&record->stream, LCS_RECORD_SEQ);
		lcs_record_text(record, texts[i]);
		next = record->stream.next;
		KUNIT_EXPECT_FALSE(test, lcs_stream_skip_to(&record->stream, next + 1));
		KUNIT_EXPECT_EQ(test, record->stream.next, next);
		lcs_stream_give_up(&record->stream, LCS_OPAQUE);
		KUNIT_EXPECT_TRUE(test, lcs_stream_skip_to(&record->stream, next + 1));
		KUNIT_EXPECT_EQ(test, record->stream.next, next + 1);
		lcs_stream_release(&record->stream, &lcs_record_sink, record);
	}
	lcs_record_end(record);
}

static void nobody_wants_the_body(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);

	record->refuse_body = true;
	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS "l: 24\r\nc: application/sdp\r\n\r\n"
			"m=audio 5350 RTP/AVP 0\r\n\r\n");
	KUNIT_EXPECT_EQ(test, record->messages, 1u);
	KUNIT_EXPECT_EQ(test, record->endpoints, 0u);
	KUNIT_EXPECT_EQ(test, record->stream.state, LCS_IDLE);
}

/* No memory for a line that is cut: given up. A line that lies whole needs none. */
static void no_memory(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);
	u32 len;

	record->refuse_line = true;
	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS CONTACT "X: y\r\n\r\n");
	KUNIT_EXPECT_EQ(test, record->messages, 1u);
	lcs_record_text(record, "MESSAGE x SIP/2.0\r\n" FACTS CONTACT "X: ");
	KUNIT_EXPECT_EQ(test, record->stream.given_up, LCS_KEPT);
	lcs_record_text(record, "y\r\nCont");
	KUNIT_EXPECT_EQ(test, record->stream.given_up, LCS_NO_MEMORY);
	lcs_record_text(record, "act: <sip:1.2.3.4:5>\r\n\r\n");
	KUNIT_EXPECT_EQ(test, record->endpoints, 2u);
	KUNIT_EXPECT_EQ(test, record->messages, 1u);

	/* none when it grows, and none for the beginning of a line that is too long anyway */
	record = lcs_record_new(test);
	lcs_record_text(record, "MESSAGE x SIP/2.0\r\nContact: ");
	record->refuse_line = true;
	lcs_record_read(record, filled(test, "", 300, 'x', "", &len), 300);
	KUNIT_EXPECT_EQ(test, record->stream.given_up, LCS_NO_MEMORY);
	lcs_record_end(record);
}

static void no_memory_for_a_long_line(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);
	u32 len;
	u8 *bytes = filled(test, "MESSAGE x SIP/2.0\r\nContact: ", 10000, 'x', "", &len);

	record->refuse_line = true;
	lcs_record_read(record, bytes, len);
	KUNIT_EXPECT_EQ(test, record->stream.given_up, LCS_NO_MEMORY);
	lcs_record_end(record);
}

/* The owner gives up in any callback: nothing is said after that. */
static void given_up_in_a_callback(struct kunit *test)
{
	static const char text[] = "INVITE sip:1.2.3.4 SIP/2.0\r\n" CONTACT
	"m: <sip:1.1.1.1>, <sip:2.2.2.2>\r\n"
		"Call-ID: a\r\nCSeq: 1 INVITE\r\nc: multipart/mixed;boundary=B\r\nl: 143\r\n\r\n"
		"--B\r\nContent-Type: application/sdp\r\n\r\nc=IN IP4 10.0.0.5\r\n"
		"m=audio 5350 RTP/AVP 0\r\n"
		"--B\r\nContent-Type: application/sdp\r\n\r\nm=audio 5350 RTP/AVP 0\r\n"
		"INVITE sip:1.2.3.4 SIP/2.0\r\n\r\n";
	struct lcs_record *record;
	u32 callback, step;

	for (callback = 1; callback <= 14; callback++)
		for (step = 1; step <= sizeof(text); step += 31) {
			u32 at = 0, len = strlen(text);

			record = lcs_record_new(test);
			record->give_up_at = callback;
			for (; at < len; at += min(step, len - at))
				lcs_record_read(record, text + at, min(step, len - at));
			KUNIT_EXPECT_EQ(test, record->callbacks, min(callback, 13u));
			KUNIT_EXPECT_EQ(test, record->stream.given_up,
					callback <= 13 ? LCS_OPAQUE : LCS_KEPT);
			KUNIT_EXPECT_EQ(test, record->stream.state,
					callback <= 13 ? LCS_GIVEN_UP : LCS_IDLE);
			lcs_record_end(record);
			kunit_kfree(test, record);
		}
}

static void given_up_between(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);

	lcs_record_text(record, "MESSAGE x SIP/2.0\r\nContact: ");
	KUNIT_EXPECT_EQ(test, record->lines, 1u);
	lcs_stream_give_up(&record->stream, LCS_OPAQUE);
	lcs_stream_give_up(&record->stream, LCS_NOT_SIP);
	KUNIT_EXPECT_EQ(test, record->stream.given_up, LCS_OPAQUE);
	lcs_record_text(record, "");
	KUNIT_EXPECT_EQ(test, record->lines, 0u);
	lcs_record_end(record);
}

static void nothing_to_read(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);

	lcs_record_text(record, "");
	KUNIT_EXPECT_EQ(test, record->stream.state, LCS_IDLE);
	KUNIT_EXPECT_EQ(test, record->stream.next, LCS_RECORD_SEQ);
	lcs_record_text(record, "MESSAGE x SIP/2.0\r\nContact: <");
	lcs_record_text(record, "");
	lcs_record_text(record, "sip:10.0.0.5:7100>\r\n");
	lcs_record_text(record, "");
	KUNIT_EXPECT_EQ(test, record->endpoints, 0u);
	lcs_record_text(record, "\r\n");
	KUNIT_EXPECT_STREQ(test, record->said, CONTACT_SAID);
	lcs_record_end(record);
}

/* An idle connection costs little: that much for each direction, without the line. */
static void small(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, sizeof(struct lcs_stream), (size_t)192);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(streams, row_gen_params),
	KUNIT_CASE(reasons),
	KUNIT_CASE_PARAM(long_lines, long_gen_params),
	KUNIT_CASE(a_line_of_60_kB),
	KUNIT_CASE(too_many_contacts),
	KUNIT_CASE(too_many_media),
	KUNIT_CASE(sections_run_out),
	KUNIT_CASE(a_body_of_4_GB),
	KUNIT_CASE(gaps_elsewhere),
	KUNIT_CASE(nobody_wants_the_body),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(no_memory_for_a_long_line),
	KUNIT_CASE(given_up_in_a_callback),
	KUNIT_CASE(given_up_between),
	KUNIT_CASE(nothing_to_read),
	KUNIT_CASE(small),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_stream",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto/stream.c");
