// SPDX-License-Identifier: GPL-2.0
/*
 * SIP URIs and Contact lists: every form that these clients write ([MS-SIP] 4, RFC 3261 19.1
 * and 20.10), and what must not be believed.
 */
#include <kunit/test.h>
#include <lcs/uri.h>
#include "lcs_record.h"

static const struct lcs_row contact_rows[] = {
	{ "form a", "<sip:{10.0.0.5}:{10586}>;methods=\"INVITE, MESSAGE, REFER\"",
	  "contact tcp 10.0.0.5 10586" },
	{ "form b",
	  "<sip:{10.0.0.5}:{12062};transport=tcp>;methods=\"INVITE, BENOTIFY\";proxy=replace",
	  "contact tcp 10.0.0.5 12062 replace" },
	{ "form c",
	  "<sip:{10.0.0.5}:{12723};transport=tcp;ms-opaque=fad3dfab32>;methods=\"a, b\";"
	  "proxy=replace;+sip.instance=\"<urn:uuid:34D859DB>\"",
	  "contact tcp 10.0.0.5 12723 replace instance 6efb4a23 opaque a96dd8b8" },
	{ "form c, uuid in the other case, over TLS",
	  "<sip:{10.0.0.5}:{12723};transport=tls>;+sip.instance=\"<URN:UUID:34d859db>\"",
	  "contact tcp 10.0.0.5 12723 not-tcp instance 6efb4a23" },
	{ "form d",
	  "<sip:user@domain.example:{14383};maddr={10.0.0.5};transport=tcp>;proxy=replace",
	  "contact tcp 10.0.0.5 14383 maddr replace" },
	{ "form e", "<sip:user@domain.example:{14383};maddr={10.0.0.5};transport=\"tcp\">",
	  "contact tcp 10.0.0.5 14383 maddr" },
	{ "form e, quoted maddr", "<sip:domain.example:{14383};maddr=\"{10.0.0.5}\">",
	  "contact tcp 10.0.0.5 14383 maddr" },
	{ "form f", "<sip:user@domain.example;opaque=user:epid:xyz;gruu>",
	  "contact tcp - 5060 implied" },
	{ "form g", "<sip:user@{10.0.0.5}:{17925};transport=tls>",
	  "contact tcp 10.0.0.5 17925 not-tcp" },
	{ "form g, no brackets", "\"Alice\" sip:alice@{10.0.0.5}:{17925}",
	  "contact tcp 10.0.0.5 17925" },
	{ "form g, no brackets, a name", "\"Alice\" sip:alice@pc1.example",
	  "contact tcp - 5060 implied" },
	{ "form h", "<sip : (null)@{10.0.0.5}:{5060}; transport = udp>; proxy = replace;"
	  " +sip.instance = \"<urn:uuid:34D859DB>\"",
	  "contact tcp 10.0.0.5 5060 not-tcp replace instance 6efb4a23" },
	{ "form i", "sip:user@dom:{15950};maddr=1.2.3.4;transport=tcp>;proxy=replace",
	  "contact tcp - 15950 replace" },
	{ "variant B", "<sip:{10.0.0.5}:{1677};transport=tcp;ms-received-cid=13000>;expires=3600",
	  "contact tcp 10.0.0.5 1677 cid expires 3600" },
	{ "list", "<sip:{10.0.0.5}:{14423};transport=tcp>;expires=3600,\r\n"
	  " <sip:{10.7.7.7}:{7101};transport=tcp>;expires=411",
	  "contact tcp 10.0.0.5 14423 expires 3600; contact tcp 10.7.7.7 7101 expires 411" },
	{ "list without brackets", "sip:{10.0.0.5}:{7100},sip:{10.0.0.6}:{7101};expires=7",
	  "contact tcp 10.0.0.5 7100; contact tcp 10.0.0.6 7101 expires 7" },
	{ "empty elements", ", ,<sip:{10.0.0.5}:{7100}>,,", "contact tcp 10.0.0.5 7100" },
	{ "folded", "<sip:user@domain.example:{14383}\r\n"
	  " ;maddr={10.0.0.5}\r\n\t;transport=tcp>\r\n ;proxy=replace",
	  "contact tcp 10.0.0.5 14383 maddr replace" },
	{ "folded in a list", "<sip:{10.0.0.5}:{7100}>\r\n ,\r\n <sip:{10.0.0.6}:{7100}>",
	  "contact tcp 10.0.0.5 7100; contact tcp 10.0.0.6 7100" },
	{ "quoted comma", "\"Lunch, Lucas\" <sip:{10.0.0.5}:{7100}>", "contact tcp 10.0.0.5 7100" },
	{ "display name like a URI", "\"sip:evil@1.2.3.4:5060\" <sip:{10.0.0.5}:{7100}>",
	  "contact tcp 10.0.0.5 7100" },
	{ "display name with brackets", "\"<sip:1.2.3.4:5>,\" <sip:{10.0.0.5}:{7100}>",
	  "contact tcp 10.0.0.5 7100" },
	{ "escaped quote", "\"a\\\"<sip:1.2.3.4:5>\" <sip:{10.0.0.5}:{7100}>",
	  "contact tcp 10.0.0.5 7100" },
	{ "bare display name", "Lucas L <sip:{10.0.0.5}:{7100}>", "contact tcp 10.0.0.5 7100" },
	{ "UTF-8 display name", "\"\xd0\x90\xd0\x8a\" <sip:{10.0.0.5}:{7100}>",
	  "contact tcp 10.0.0.5 7100" },
	{ "scheme in capitals", "<SiP:{10.0.0.5}:{7100}>", "contact tcp 10.0.0.5 7100" },
	{ "sips", "<sips:{10.0.0.5}:{7100}>", "contact tcp 10.0.0.5 7100 not-tcp" },
	{ "another scheme", "<tel:+1-201-555-0123>", "" },
	{ "a longer scheme", "<sipx:10.0.0.5:7100>", "" },
	{ "no scheme", "<10.0.0.5:7100>", "" },
	{ "empty brackets, then a good one", "<>, <sip:{10.0.0.5}:{7100}>",
	  "contact tcp 10.0.0.5 7100" },
	{ "password", "<sip:user:pass@{10.0.0.5}:{7100}>", "contact tcp 10.0.0.5 7100" },
	{ "semicolon in the user", "<sip:+1201;phone-context=x@{10.0.0.5}:{7100}>",
	  "contact tcp 10.0.0.5 7100" },
	{ "last @ counts", "<sip:a@1.2.3.4:5@{10.0.0.5}:{7100}>", "contact tcp 10.0.0.5 7100" },
	{ "escapes", "<sip:a%40b@{10.0.0.5}:{7100}>", "contact tcp 10.0.0.5 7100" },
	{ "headers in the URI", "<sip:10.0.0.5:{7100};maddr={10.0.0.6}?x=;maddr=1.1.1.1>",
	  "contact tcp 10.0.0.6 7100 maddr" },
	{ "headers without a port", "<sip:{10.0.0.5}?Subject=a>",
	  "contact tcp 10.0.0.5 5060 implied" },
	{ "IPv6", "<sip:user@[{2001:db8::5}]:{5061};transport=tcp>",
	  "contact tcp 2001:db8:0:0:0:0:0:5 5061" },
	{ "IPv6, no port", "<sip:[{2001:db8::5}]>",
	  "contact tcp 2001:db8:0:0:0:0:0:5 5060 implied" },
	{ "IPv6 in maddr", "<sip:x:{7100};maddr=[{2001:db8::5}]>",
	  "contact tcp 2001:db8:0:0:0:0:0:5 7100 maddr" },
	{ "IPv6 without brackets", "<sip:x:{7100};maddr=2001:db8::5>", "contact tcp - 7100 maddr" },
	{ "IPv4 in brackets", "<sip:[10.0.0.5]:{7100}>", "contact tcp - 7100" },
	{ "bracket not closed", "<sip:[2001:db8::5:7100>", "" },
	{ "rubbish behind the bracket", "<sip:[2001:db8::5]x>", "" },
	{ "a name like an address", "<sip:10.0.0.5.example.com:{7100}>", "contact tcp - 7100" },
	{ "address with a dot behind", "<sip:10.0.0.5.:{7100}>", "contact tcp - 7100" },
	{ "port 0", "<sip:10.0.0.5:0>", "" },
	{ "port 65536", "<sip:10.0.0.5:65536>", "" },
	{ "port 65535", "<sip:{10.0.0.5}:{65535}>", "contact tcp 10.0.0.5 65535" },
	{ "port signed", "<sip:10.0.0.5:+7100>", "" },
	{ "port absent behind its colon", "<sip:10.0.0.5:>", "" },
	{ "port, then rubbish", "<sip:10.0.0.5:7100x>", "" },
	{ "two ports", "<sip:10.0.0.5:7100:7101>", "" },
	{ "host, then rubbish", "<sip:10.0.0.5 x>", "" },
	{ "bad port, then a good one", "<sip:10.0.0.5:0>, <sip:{10.0.0.6}:{7100}>",
	  "contact tcp 10.0.0.6 7100" },
	{ "no host", "<sip:user@>", "" },
	{ "nothing but a scheme", "<sip:>", "" },
	{ "bracket never closed", "<sip:10.0.0.5:7100", "" },
	{ "quote never closed", "\"abc <sip:10.0.0.5:7100>", "" },
	{ "quote in the URI never closed", "<sip:10.0.0.5:7100;x=\"abc>", "" },
	{ "quote in a URI hides a bracket", "<sip:{10.0.0.5}:{7100};x=\"a>b\">",
	  "contact tcp 10.0.0.5 7100" },
	{ "quote of a parameter never closed", "<sip:10.0.0.5:7100>;methods=\"a, b", "" },
	{ "quote of a value that is wanted never closed",
	  "<sip:10.0.0.5:7100>;+sip.instance=\"<urn:uuid:6cba5", "" },
	{ "quoted maddr with a bracket", "<sip:h:{7100};maddr=\"10.0.0.5>;a=\">",
	  "contact tcp - 7100 maddr" },
	{ "quote of ms-opaque never closed", "<sip:10.0.0.5:7100;ms-opaque=\"abcdefghijk>", "" },
	{ "quotes of expires and proxy never closed",
	  "<sip:{10.0.0.5}:{7100}>,<sip:10.0.0.6:7100>;expires=\"5;proxy=\"x",
	  "contact tcp 10.0.0.5 7100" },
	{ "only a display name", "\"Alice\"", "" },
	{ "rubbish between Contacts", "<sip:10.0.0.5:7100> x, <sip:10.0.0.6:7100>", "" },
	{ "maddr twice: the last", "<sip:h:{7100};maddr=1.2.3.4;maddr={10.0.0.5}>",
	  "contact tcp 10.0.0.5 7100 maddr" },
	{ "maddr empty", "<sip:10.0.0.5:{7100};maddr=>", "contact tcp - 7100 maddr" },
	{ "maddr a name", "<sip:10.0.0.5:{7100};maddr=host.example>", "contact tcp - 7100 maddr" },
	{ "maddr without value", "<sip:10.0.0.5:{7100};maddr>", "contact tcp - 7100 maddr" },
	{ "maddr is a parameter of the URI only", "<sip:{10.0.0.5}:{7100}>;maddr=1.2.3.4",
	  "contact tcp 10.0.0.5 7100" },
	{ "names in capitals", "<sip:h:{7100};MADDR={10.0.0.5};TRANSPORT=TCP>;EXPIRES=5;"
	  "PROXY=REPLACE",
	  "contact tcp 10.0.0.5 7100 maddr replace expires 5" },
	{ "proxy= with another value", "<sip:{10.0.0.5}:{7100}>;proxy=keep",
	  "contact tcp 10.0.0.5 7100" },
	{ "expires is 0", "<sip:{10.0.0.5}:{7100}>;expires=0",
	  "contact tcp 10.0.0.5 7100 expires 0" },
	{ "expires too large", "<sip:{10.0.0.5}:{7100}>;expires=4294967295",
	  "contact tcp 10.0.0.5 7100" },
	{ "expires is no number", "<sip:{10.0.0.5}:{7100}>;expires=soon",
	  "contact tcp 10.0.0.5 7100" },
	{ "names that only begin alike",
	  "<sip:{10.0.0.5}:{7100};maddrx=1.1.1.1;m=2;ms-opaquex=1;transportx=udp;tx;x>;"
	  "expiresx=1;ex=2;proxyx=replace;px;+sip.instanc=\"1\";+;y",
	  "contact tcp 10.0.0.5 7100" },
	{ "empty parameters", "<sip:{10.0.0.5}:{7100};;=;;>;;;=x;", "contact tcp 10.0.0.5 7100" },
	{ "blanks everywhere",
	  " < sip : u@ {10.0.0.5} : {7100} ; transport = tcp ; ms-received-cid > ; expires = 60 ",
	  "contact tcp 10.0.0.5 7100 cid expires 60" },
};

KUNIT_ARRAY_PARAM(contact, contact_rows, lcs_row_desc);

static void contacts(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;

	lcs_record_check(test, lcs_record_join(test, "OPTIONS x SIP/2.0\r\nm:", row->text,
					       "\r\n\r\n"), row->want);
}

static const struct lcs_row request_rows[] = {
	{ "variant B", "sip:{11.22.33.44}:{1677};transport=tcp;ms-received-cid=13000",
	  "uri tcp 11.22.33.44 1677 cid" },
	{ "form d", "sip:user@domain.example:{14383};maddr={10.0.0.5}",
	  "uri tcp 10.0.0.5 14383 maddr" },
	{ "no port", "sip:{10.0.0.5}", "uri tcp 10.0.0.5 5060 implied" },
	{ "a name", "sip:user@example.com", "" },
	{ "a name and a port", "sip:user@example.com:5060;transport=tcp", "" },
	{ "brackets are not allowed there", "<sip:10.0.0.5:7100>", "" },
	{ "blanks around it", "   sip:{10.0.0.5}:{7100}  ", "uri tcp 10.0.0.5 7100" },
	{ "a blank inside", "sip:user@{10.0.0.5}:{7100} ; x", "uri tcp 10.0.0.5 7100" },
	{ "bad port", "sip:10.0.0.5:70000", "" },
	{ "another scheme", "tel:+123", "" },
	{ "empty", "", "" },
};

KUNIT_ARRAY_PARAM(request, request_rows, lcs_row_desc);

static void request_uris(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;

	lcs_record_check(test, lcs_record_join(test, "NOTIFY ", row->text, " SIP/2.0\r\n"),
			 row->want);
}

/* The exported functions by themselves. */
static void alone(struct kunit *test)
{
	static const char text[] = "sip:10.0.0.5:7100";
	struct lcs_line line = { { (const u8 *)text, (const u8 *)text + strlen(text) }, 100 };
	struct lcs_endpoint ep = {};
	struct lcs_record *record = lcs_record_new(test);
	struct lcs_reader reader = { &record->stream, &lcs_record_sink, record, NULL, NULL, 0 };

	KUNIT_EXPECT_TRUE(test, lcs_uri_read(line.text, &line, &ep));
	KUNIT_EXPECT_EQ(test, ep.addr_at.seq, 104u);
	KUNIT_EXPECT_EQ(test, ep.port_at.seq, 113u);
	lcs_contact_read(&reader, &line, line.text);
	KUNIT_EXPECT_STREQ(test, record->said, "contact tcp 10.0.0.5 7100");
	line.text.end = line.text.at;
	lcs_contact_read(&reader, &line, line.text);
	KUNIT_EXPECT_EQ(test, record->endpoints, 1u);
}

static void star(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);

	lcs_record_text(record, "REGISTER sip:x SIP/2.0\r\nContact: *\r\n\r\n");
	KUNIT_EXPECT_EQ(test, record->messages, 1u);
	KUNIT_EXPECT_TRUE(test, (record->stream.msg.flags & LCS_MSG_STAR) != 0);
	lcs_record_text(record, "REGISTER sip:x SIP/2.0\r\nContact: *, <sip:10.0.0.5:7100>\r\n"
	"\r\n");
	KUNIT_EXPECT_FALSE(test, (record->stream.msg.flags & LCS_MSG_STAR) != 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(contacts, contact_gen_params),
	KUNIT_CASE_PARAM(request_uris, request_gen_params),
	KUNIT_CASE(alone),
	KUNIT_CASE(star),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_uri",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto/uri.c");
