// SPDX-License-Identifier: GPL-2.0
/*
 * Start lines and header lines: which are believed, and the facts of a message that they give.
 */
#include <kunit/test.h>
#include <lcs/stream.h>
#include "lcs_record.h"

struct start_row {
	const char *line;
	u16 status;
	u8 method;
	bool good;
};

/* A response's method comes from its CSeq, which is INVITE in this test. */
static const struct start_row start_rows[] = {
	{ "REGISTER sip:example.com SIP/2.0", 0, LCS_METHOD_REGISTER, true },
	{ "ACK sip:a SIP/2.0", 0, LCS_METHOD_ACK, true },
	{ "BENOTIFY sip:a SIP/2.0", 0, LCS_METHOD_BENOTIFY, true },
	{ "BYE sip:a SIP/2.0", 0, LCS_METHOD_BYE, true },
	{ "CANCEL sip:a SIP/2.0", 0, LCS_METHOD_CANCEL, true },
	{ "INFO sip:a SIP/2.0", 0, LCS_METHOD_INFO, true },
	{ "INVITE sip:a SIP/2.0", 0, LCS_METHOD_INVITE, true },
	{ "MESSAGE sip:a SIP/2.0", 0, LCS_METHOD_MESSAGE, true },
	{ "NEGOTIATE sip:a SIP/2.0", 0, LCS_METHOD_NEGOTIATE, true },
	{ "NOTIFY sip:a SIP/2.0", 0, LCS_METHOD_NOTIFY, true },
	{ "OPTIONS sip:a SIP/2.0", 0, LCS_METHOD_OPTIONS, true },
	{ "PRACK sip:a SIP/2.0", 0, LCS_METHOD_PRACK, true },
	{ "REFER sip:a SIP/2.0", 0, LCS_METHOD_REFER, true },
	{ "SERVICE sip:a SIP/2.0", 0, LCS_METHOD_SERVICE, true },
	{ "SUBSCRIBE sip:a SIP/2.0", 0, LCS_METHOD_SUBSCRIBE, true },
	{ "UPDATE sip:a SIP/2.0", 0, LCS_METHOD_UPDATE, true },
	{ "invite sip:a SIP/2.0", 0, LCS_METHOD_OTHER, true },
	{ "INVITES sip:a SIP/2.0", 0, LCS_METHOD_OTHER, true },
	{ "I sip:a SIP/2.0", 0, LCS_METHOD_OTHER, true },
	{ "!interesting-Method0123456789_*+ sip:a SIP/2.0", 0, LCS_METHOD_OTHER, true },
	{ "REGISTER sip:a sip/2.0", 0, LCS_METHOD_REGISTER, true },
	{ "REGISTER sip:a SIP/2.0  ", 0, LCS_METHOD_REGISTER, true },
	{ "REGISTER  sip:a  SIP/2.0", 0, LCS_METHOD_REGISTER, true },
	{ "M12345678901234567890123456789012345678901234567890123456789 sip:a SIP/2.0", 0,
	  LCS_METHOD_OTHER, true },
	{ "M123456789012345678901234567890123456789012345678901234567890 sip:a SIP/2.0", 0, 0,
	  false },
	{ "REGISTER SIP/2.0", 0, 0, false },
	{ "REGISTER sip:a", 0, 0, false },
	{ "REGISTER sip:a SIP/2.1", 0, 0, false },
	{ "REGISTER sip:aSIP/2.0", 0, 0, false },
	{ "REGISTER sip:a SIP/2.0x", 0, 0, false },
	{ "REGISTER\tsip:a SIP/2.0", 0, 0, false },
	{ "REGISTER", 0, 0, false },
	{ " REGISTER sip:a SIP/2.0", 0, 0, false },
	{ "REGI(STER sip:a SIP/2.0", 0, 0, false },
	{ "GET / HTTP/1.1", 0, 0, false },
	{ "GET /SIP/2.0", 0, 0, false },
	{ "\x16\x03\x01", 0, 0, false },
	{ "SIP/2.0 200 OK", 200, LCS_METHOD_INVITE, true },
	{ "sip/2.0 200 OK", 200, LCS_METHOD_INVITE, true },
	{ "SIP/2.0 100", 100, LCS_METHOD_INVITE, true },
	{ "SIP/2.0 699 ", 699, LCS_METHOD_INVITE, true },
	{ "SIP/2.0  404   Not Found", 404, LCS_METHOD_INVITE, true },
	{ "SIP/2.0 099 x", 0, 0, false },
	{ "SIP/2.0 700 x", 0, 0, false },
	{ "SIP/2.0 2000 x", 0, 0, false },
	{ "SIP/2.0 20 x", 0, 0, false },
	{ "SIP/2.0 2x0 x", 0, 0, false },
	{ "SIP/2.0 ", 0, 0, false },
	{ "SIP/2.0", 0, 0, false },
	{ "SIP/3.0 200 OK", 0, 0, false },
	{ "SIP/", 0, 0, false },
};

static void start_desc(const struct start_row *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", row->line);
}

KUNIT_ARRAY_PARAM(start, start_rows, start_desc);

static void start_lines(struct kunit *test)
{
	const struct start_row *row = test->param_value;
	struct lcs_record *record = lcs_record_new(test);
	char *text = lcs_record_join(test, row->line, "\r\n",
				     row->status ? "CSeq: 1 INVITE\r\n\r\n" : "\r\n");

	lcs_record_text(record, text);
	KUNIT_EXPECT_EQ(test, record->messages, row->good);
	KUNIT_EXPECT_EQ(test, record->stream.given_up, row->good ? LCS_KEPT : LCS_NOT_SIP);
	if (row->good) {
		KUNIT_EXPECT_EQ(test, record->stream.msg.method, row->method);
		KUNIT_EXPECT_EQ(test, record->stream.msg.status, row->status);
		KUNIT_EXPECT_EQ(test, lcs_is_response(&record->stream.msg), row->status != 0);
	}
	lcs_record_check(test, text, "");
}

struct header_row {
	const char *name;
	const char *headers;
	u16 flags;
	u32 cseq;
	u32 expires;
	u32 length;
	const char *call_id;
};

#define CSEQ	LCS_MSG_HAS_CSEQ
#define CALL	LCS_MSG_HAS_CALL_ID
#define LENGTH	LCS_MSG_HAS_LENGTH
#define TYPE	LCS_MSG_HAS_TYPE
#define TAG	LCS_MSG_TO_TAG
#define BAD	LCS_MSG_UNREADABLE
#define CODED	LCS_MSG_ENCODED
#define GOOD	"CSeq: 7 SUBSCRIBE\r\nCall-ID: a\r\n"
#define NO	LCS_ABSENT

/* All in a SUBSCRIBE. */
static const struct header_row header_rows[] = {
	{ "all", "Call-ID: x@y\r\nCSeq: 7 SUBSCRIBE\r\nExpires: 900\r\nTo: <sip:a>;tag=1\r\n"
	  "Content-Length: 0\r\n", CSEQ | CALL | LENGTH | TAG, 7, 900, 0, "x@y" },
	{ "compact", "i:x@y\r\nCSeq:7 SUBSCRIBE\r\nt:<sip:a>;tag=1\r\nl:0\r\nc:text/plain\r\n",
	  CSEQ | CALL | LENGTH | TAG | TYPE, 7, NO, 0, "x@y" },
	{ "compact in capitals", "I:x@y\r\nCSEQ:7 SUBSCRIBE\r\nT:<sip:a>;tag=1\r\nL:0\r\n",
	  CSEQ | CALL | LENGTH | TAG, 7, NO, 0, "x@y" },
	{ "blanks before the colon, capitals", "CALL-ID \t: x@y\r\nCSEQ  :  7   SUBSCRIBE  \r\n"
	  "EXPIRES :900 \r\nTO : <sip:a> ; TAG = 1\r\nCONTENT-LENGTH :  0\r\n",
	  CSEQ | CALL | LENGTH | TAG, 7, 900, 0, "x@y" },
	{ "folded", "Call-ID:\r\n x@y\r\nCSeq: 7\r\n\tSUBSCRIBE\r\nExpires\r\n : \r\n 900\r\n"
	  "To: <sip:a>\r\n ;tag=1\r\nContent-Length:\r\n 0\r\n",
	  CSEQ | CALL | LENGTH | TAG, 7, 900, 0, "x@y" },
	{ "bare line feeds", "Call-ID: x@y\nCSeq: 7 SUBSCRIBE\nExpires: 900\n", CSEQ | CALL, 7, 900,
	  0, "x@y" },
	{ "names that only begin alike, or are not at the start",
	  GOOD "Content-Lengt: 5\r\nContent-Lengths: 5\r\nCSeqs: 9 x\r\nTo2: <sip:a>;tag=1\r\n"
	  " Expires: 5\r\nX-Expires: 5\r\nmm: <sip:1.2.3.4:5>\r\nContacts: <sip:1.2.3.4:5>\r\n"
	  "Content-Encodings: gzip\r\nExpired: 1\r\nCall-IX: b\r\nContent-Tyxe: a\r\n",
	  CSEQ | CALL, 7, NO, 0, "a" },
	{ "lines without a colon", GOOD "Expires 900\r\nExpires\r\nTo\r\n:\r\n\r9\r\n", CSEQ | CALL,
	  7, NO, 0, "a" },
	{ "compact names without a colon", GOOD "i x\r\nl 5\r\nm\t<sip:1.2.3.4:5>\r\nt x\r\n"
	  "e x\r\n",
	  CSEQ | CALL, 7, NO, 0, "a" },
	{ "no CSeq", "Call-ID: a\r\n", CALL | BAD, 0, NO, 0, "a" },
	{ "no Call-ID", "CSeq: 7 SUBSCRIBE\r\n", CSEQ | BAD, 7, NO, 0, NULL },
	{ "Call-ID empty", "CSeq: 7 SUBSCRIBE\r\nCall-ID:  \r\n", CSEQ | BAD, 7, NO, 0, NULL },
	{ "twice the same", GOOD GOOD "Expires: 5\r\nExpires: 5\r\n", CSEQ | CALL, 7, 5, 0, "a" },
	{ "two Call-IDs", GOOD "Call-ID: b\r\n", CSEQ | CALL | BAD, 7, NO, 0, "b" },
	{ "Call-IDs differ in case", GOOD "Call-ID: A\r\n", CSEQ | CALL | BAD, 7, NO, 0, "A" },
	{ "two CSeqs", GOOD "CSeq: 8 SUBSCRIBE\r\n", CSEQ | CALL | BAD, 8, NO, 0, "a" },
	{ "CSeq of another method", "CSeq: 7 INVITE\r\nCall-ID: a\r\n", CSEQ | CALL | BAD, 7, NO, 0,
	  "a" },
	{ "CSeq without method", "CSeq: 7\r\nCall-ID: a\r\n", CALL | BAD, 0, NO, 0, "a" },
	{ "CSeq too large", "CSeq: 4294967296 SUBSCRIBE\r\nCall-ID: a\r\n", CALL | BAD, 0, NO, 0,
	  "a" },
	{ "CSeq largest", "CSeq: 4294967295 SUBSCRIBE\r\nCall-ID: a\r\n", CSEQ | CALL, 0xffffffff,
	  NO, 0, "a" },
	{ "CSeq with zeros", "CSeq: 0007 SUBSCRIBE\r\nCall-ID: a\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "two Expires", GOOD "Expires: 5\r\nExpires: 6\r\n", CSEQ | CALL | BAD, 7, 5, 0, "a" },
	{ "Expires is a date", GOOD "Expires: Thu, 01 Dec 2005 16:00:00 GMT\r\n", CSEQ | CALL | BAD,
	  7, NO, 0, "a" },
	{ "Expires too large", GOOD "Expires: 4294967296\r\n", CSEQ | CALL | BAD, 7, NO, 0, "a" },
	{ "length with zeros and blanks", GOOD "Content-Length:   000 \r\n", CSEQ | CALL | LENGTH,
	  7, NO, 0, "a" },
	{ "length twice the same", GOOD "l: 0\r\nContent-Length: 0\r\n",
	  CSEQ | CALL | LENGTH | LCS_MSG_PART_LENGTH, 7, NO, 0, "a" },
	{ "two types", GOOD "c: text/plain\r\nc: application/sdp\r\nl: 0\r\n",
	  CSEQ | CALL | LENGTH | TYPE | BAD, 7, NO, 0, "a" },
	{ "encoded", GOOD "Content-Encoding: gzip\r\n", CSEQ | CALL | CODED, 7, NO, 0, "a" },
	{ "encoded, compact", GOOD "e:gzip\r\n", CSEQ | CALL | CODED, 7, NO, 0, "a" },
	{ "not encoded", GOOD "Content-Encoding: Identity\r\ne:\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "tag of the URI only", GOOD "To: <sip:a;tag=1>\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "tag in the display name", GOOD "To: \"a;tag=1\" <sip:a>\r\n", CSEQ | CALL, 7, NO, 0,
	  "a" },
	{ "tag behind a display name", GOOD "To: \"<;\" <sip:a>;x=y;tag=1\r\n", CSEQ | CALL | TAG,
	  7, NO, 0, "a" },
	{ "tag without brackets", GOOD "To: sip:a;tag=1\r\n", CSEQ | CALL | TAG, 7, NO, 0, "a" },
	{ "tag empty", GOOD "To: <sip:a>;tag=\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "tag without value", GOOD "To: <sip:a>;tag\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "tag quoted", GOOD "To: <sip:a>;tag=\"x\"\r\n", CSEQ | CALL | TAG, 7, NO, 0, "a" },
	{ "tag quoted, not closed", GOOD "To: <sip:a>;tag=\"x\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "quote in To not closed", GOOD "To: \"a <sip:a>;tag=1\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "no value of To", GOOD "To:\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "only quotes in To", GOOD "To: \"a\"\r\n", CSEQ | CALL, 7, NO, 0, "a" },
	{ "quote before the tag not closed", GOOD "To: <sip:a>;x=\"y;tag=1\r\n", CSEQ | CALL, 7, NO,
	  0, "a" },
	{ "bracket in To not closed", GOOD "To: <sip:a;tag=1\r\n", CSEQ | CALL, 7, NO, 0, "a" },
};

static void header_desc(const struct header_row *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", row->name);
}

KUNIT_ARRAY_PARAM(header, header_rows, header_desc);

static void headers(struct kunit *test)
{
	const struct header_row *row = test->param_value;
	struct lcs_record *record = lcs_record_new(test);
	const struct lcs_message *msg = &record->stream.msg;
	const u8 *call_id = (const u8 *)row->call_id;
	char *text = lcs_record_join(test, "SUBSCRIBE sip:a SIP/2.0\r\n", row->headers, "\r\n");

	lcs_record_text(record, text);
	KUNIT_EXPECT_EQ(test, record->messages, 1u);
	KUNIT_EXPECT_EQ(test, msg->flags, row->flags);
	KUNIT_EXPECT_EQ(test, msg->cseq, row->cseq);
	KUNIT_EXPECT_EQ(test, msg->expires, row->expires);
	KUNIT_EXPECT_EQ(test, msg->length, row->length);
	KUNIT_EXPECT_EQ(test, msg->body_seq, LCS_RECORD_SEQ + (u32)strlen(text));
	if (call_id)
		KUNIT_EXPECT_EQ(test, msg->call_id, lcs_fold_call_id((struct lcs_text){
				call_id, call_id + strlen(row->call_id) }));
	lcs_record_check(test, text, "");
}

/* Content-Length: what it may say, or the stream is given up. */
static const struct lcs_row length_rows[] = {
	{ "signed", "Content-Length: +5", "" },
	{ "negative", "Content-Length: -1", "" },
	{ "empty", "Content-Length:", "" },
	{ "hexadecimal", "Content-Length: 0x10", "" },
	{ "two numbers", "Content-Length: 5 5", "" },
	{ "more than 32 bits", "Content-Length: 4294967296", "" },
	{ "more than 64 bits", "Content-Length: 18446744073709551621", "" },
	{ "contradicting", "Content-Length: 5\r\nl: 6", "" },
	{ "absent beside a type", "Content-Type: application/sdp", "" },
};

KUNIT_ARRAY_PARAM(length, length_rows, lcs_row_desc);

static void bad_lengths(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;
	struct lcs_record *record = lcs_record_new(test);
	char *text = lcs_record_join(test, "OPTIONS x SIP/2.0\r\n", row->text,
				     "\r\n\r\nOPTIONS sip:1.2.3.4 SIP/2.0\r\n\r\n");

	lcs_record_text(record, text);
	KUNIT_EXPECT_EQ(test, record->stream.given_up, LCS_BAD_LENGTH);
	KUNIT_EXPECT_EQ(test, record->messages, 0u);
	lcs_record_check(test, text, "");
}

/* Where the digits of Content-Length stand, over the end of the sequence space. */
static void length_place(struct kunit *test)
{
	static const char text[] = "OPTIONS x SIP/2.0\r\nContent-Length:\r\n  0042 \r\n\r\n";
	struct lcs_record *record = lcs_record_new(test);
	const struct lcs_message *msg = &record->stream.msg;
	u32 at = strstr(text, "0042") - text;

	lcs_stream_init(&record->stream, 0u - at - 1);
	lcs_record_text(record, text);
	KUNIT_EXPECT_EQ(test, msg->length, 42u);
	KUNIT_EXPECT_EQ(test, msg->length_at.seq, 0xffffffffu);
	KUNIT_EXPECT_EQ(test, msg->length_at.len, 4);
	KUNIT_EXPECT_EQ(test, msg->body_seq, (u32)strlen(text) - at - 1);
	KUNIT_EXPECT_EQ(test, record->stream.body_left, 42u);
}

/* An encoded body is not read, nor one behind headers that cannot be read. */
static void bodies_not_read(struct kunit *test)
{
	static const char *const headers[] = { GOOD "Content-Encoding: gzip\r\n",
					       GOOD "Expires: x\r\n", "Call-ID: a\r\n" };
	struct lcs_record *record;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(headers); i++) {
		record = lcs_record_new(test);
		lcs_record_text(record, "SUBSCRIBE x SIP/2.0\r\nc:application/sdp\r\nl:44\r\n");
		lcs_record_text(record, headers[i]);
		lcs_record_text(record, "\r\nc=IN IP4 10.0.0.5\r\nm=audio 5350 RTP/AVP 0\r\n");
		KUNIT_EXPECT_EQ(test, record->endpoints, 0u);
		KUNIT_EXPECT_EQ(test, record->stream.body_left, 1u);
		lcs_record_text(record, "x");
		KUNIT_EXPECT_EQ(test, record->messages, 1u);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(start_lines, start_gen_params),
	KUNIT_CASE_PARAM(headers, header_gen_params),
	KUNIT_CASE_PARAM(bad_lengths, length_gen_params),
	KUNIT_CASE(length_place),
	KUNIT_CASE(bodies_not_read),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_sip",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto/sip.c");
