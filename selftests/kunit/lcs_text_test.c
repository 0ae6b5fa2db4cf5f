// SPDX-License-Identifier: GPL-2.0
/*
 * Finding, comparing and reading numbers and addresses in text of a known length.
 */
#include <kunit/test.h>
#include <lcs/endpoint.h>

static struct lcs_text text_of(const char *string)
{
	const u8 *at = (const u8 *)string;

	return (struct lcs_text){ at, at + strlen(string) };
}

/* Every length and place around the steps of the search, among bytes much like the one sought. */
static void find_byte(struct kunit *test)
{
	static const u8 fills[] = { 'x', '\n' + 1, '\n' - 1, '\n' | 0x80, 0xff, 0x8b, 0 };
	u8 *bytes = kunit_kmalloc(test, 100, GFP_KERNEL);
	u32 fill, len, at, from;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	for (fill = 0; fill < ARRAY_SIZE(fills); fill++)
		for (len = 0; len < 84; len++)
			for (at = 0; at <= len; at++) {
				from = (len + at) % 8;
				memset(bytes, '\n', 100);
				memset(bytes + from, fills[fill], len);
				if (at < len)
					bytes[from + at] = '\n';
				if (len > at + 1)
					bytes[from + len - 1] = '\n';
				KUNIT_ASSERT_PTR_EQ(test, bytes + from + at,
						    lcs_find_byte(bytes + from,
								  bytes + from + len, '\n'));
			}
}

struct like_row {
	u8 byte;
	u8 limit;
	u8 fills[6];
};

/*
 * Any byte at any place, behind bytes of which those that are just not sought would be marked too
 * if something were borrowed from them.
 */
static void find_like(struct kunit *test)
{
	static const struct like_row rows[] = {
		{ 0, ' ', { ' ', ' ' + 1, 'z', 0x7f, 0x80, 0x9f } },
		{ '"', 1, { '"' ^ 1, '"' ^ 2, 'z', 0x7f, 0x80, 0xff } },
	};
	const u32 len = 2 * LCS_BLOCK + 5;
	u8 *bytes = kunit_kmalloc(test, len, GFP_KERNEL);
	const u8 *found, *first, *end = bytes + len;
	u32 i, at;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	for (i = 0; i < ARRAY_SIZE(rows) * 6 * 256; i++)
		for (at = 0; at < len; at++) {
			const struct like_row *row = rows + i / 256 / 6;
			u8 fill = row->fills[i / 256 % 6];

			memset(bytes, fill, len);
			bytes[at] = i;
			first = (u8)(i ^ row->byte) < row->limit ? bytes + at : end;
			found = lcs_find_like(bytes, end - LCS_BLOCK, end, row->byte, row->limit);
			if (found == first || (found < first && *found >= 0x80))
				continue;
			KUNIT_FAIL(test, "byte %u at %u among %u: found at %d, is at %d", i % 256,
				   at, fill, (int)(found - bytes), (int)(first - bytes));
			return;
		}
}

/* Line ends among what may stand before them, against a loop over the bytes. */
static void line_ends(struct kunit *test)
{
	static const u8 kinds[] = { 'x', ' ', 'x', '\r', 'x', '\t', '!', 0x8a, 'x', 0xa0, 0xff, '\n' };
	u8 *bytes = kunit_kmalloc(test, 100, GFP_KERNEL);
	u32 seed = 1, round, len, i, rare;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	for (round = 0; round < 20000; round++) {
		len = round % 100;
		rare = round / 100 % 20;
		for (i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = seed >> 27 < rare ? kinds[(seed >> 16) % ARRAY_SIZE(kinds)] : 'y';
		}
		for (i = 0; i < len && bytes[i] != '\n'; i++)
			;
		KUNIT_ASSERT_PTR_EQ(test, bytes + i, lcs_find_line_end(bytes, bytes + len));
		for (i = 0; i < len && bytes[i] != '!'; i++)
			;
		KUNIT_ASSERT_PTR_EQ(test, bytes + i, lcs_find_far(bytes, bytes + len, '!'));
	}
}

static void compare(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, lcs_text_is(text_of("Content-LENGTH"), "content-length"));
	KUNIT_EXPECT_TRUE(test, lcs_text_is(text_of(""), ""));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("content-lengt"), "content-length"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("content-length "), "content-length"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("content_length"), "content-length"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of(""), "a"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("a"), ""));
	/* only letters have a case: these differ in the same bit */
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("a\rb"), "a-b"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("ip\raddress"), "ip-address"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("ip-addre\x13s"), "ip-address"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("a\035candidate:"), "a=candidate:"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("\x14o"), "to"));
	KUNIT_EXPECT_TRUE(test, lcs_text_is(text_of("A=X-Candidate-IPV6:"), "a=x-candidate-ipv6:"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("a=x-candidate_ipv"), "a=x-candidate-ipv"));
	KUNIT_EXPECT_TRUE(test, lcs_text_is(text_of("POR"), "por"));
	KUNIT_EXPECT_TRUE(test, lcs_text_is(text_of("PORT"), "port"));
	KUNIT_EXPECT_TRUE(test, lcs_text_is(text_of("PORTX"), "portx"));
	KUNIT_EXPECT_FALSE(test, lcs_text_is(text_of("PARTX"), "portx"));

	KUNIT_EXPECT_TRUE(test, lcs_text_begins(text_of("SIP/2.0 200"), "sip/2.0 "));
	KUNIT_EXPECT_TRUE(test, lcs_text_begins(text_of("x"), ""));
	KUNIT_EXPECT_FALSE(test, lcs_text_begins(text_of("SIP/2.0"), "sip/2.0 "));
	KUNIT_EXPECT_FALSE(test, lcs_text_begins(text_of("SIP/3.0 200"), "sip/2.0 "));
}

static void blanks_and_words(struct kunit *test)
{
	struct lcs_text text = text_of(" \t\r\n one\ttwo\r\n  three "), word;

	word = lcs_take_word(&text);
	KUNIT_EXPECT_TRUE(test, lcs_text_is(word, "one"));
	word = lcs_take_word(&text);
	KUNIT_EXPECT_TRUE(test, lcs_text_is(word, "two"));
	word = lcs_take_word(&text);
	KUNIT_EXPECT_TRUE(test, lcs_text_is(word, "three"));
	word = lcs_take_word(&text);
	KUNIT_EXPECT_EQ(test, lcs_text_len(word), 0u);
	word = lcs_take_word(&text);
	KUNIT_EXPECT_EQ(test, lcs_text_len(word), 0u);

	text = text_of("\r\n \tx y\t \r\n");
	lcs_trim(&text);
	KUNIT_EXPECT_TRUE(test, lcs_text_is(text, "x y"));
	text = text_of(" \t ");
	lcs_trim(&text);
	KUNIT_EXPECT_EQ(test, lcs_text_len(text), 0u);
	/* other control bytes are no white space */
	text = text_of("\v\fx\1");
	lcs_trim(&text);
	KUNIT_EXPECT_EQ(test, lcs_text_len(text), 4u);
}

struct quoted_row {
	const char *text;
	int len;
};

static void quoted(struct kunit *test)
{
	static const struct quoted_row rows[] = {
		{ "\"\"", 2 },
		{ "\"a\"b\"", 3 },
		{ "\"a\\\"b\"c", 6 },
		{ "\"\\\\\"x", 4 },
		{ "\"\\\\\\\"\"x", 6 },
		{ "\"0123456789abcdef0123456789abcdef\" rest of it", 34 },
		{ "\"0123456789abcd\\\"ef0123456789abcdef\" rest", 36 },
		{ "\"", -1 },
		{ "\"a", -1 },
		{ "\"a\\", -1 },
		{ "\"a\\\"", -1 },
		{ "\"0123456789abcdef\\", -1 },
		{ "\"0123456789abcde\\\"", -1 },
	};
	struct lcs_text text;
	const u8 *after;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		text = text_of(rows[i].text);
		after = lcs_skip_quoted(text.at, text.end);
		KUNIT_EXPECT_EQ_MSG(test, after ? (int)(after - text.at) : -1, rows[i].len,
				    "%s", rows[i].text);
	}
}

struct number_row {
	const char *text;
	u32 max;
	bool good;
	u32 number;
};

static void numbers(struct kunit *test)
{
	static const struct number_row rows[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "3600", LCS_ABSENT, true, 3600 },
		{ "0003600", LCS_ABSENT, true, 3600 },
		{ "4294967295", LCS_ABSENT, true, 4294967295u },
		{ "4294967295", LCS_ABSENT - 1, false, 0 },
		{ "4294967296", LCS_ABSENT, false, 0 },
		{ "18446744073709551616", LCS_ABSENT, false, 0 },
		{ "99999999999999999999999999999999999999999", LCS_ABSENT, false, 0 },
		{ "00000000000000000000000000000000000000001", LCS_ABSENT, true, 1 },
		{ "", LCS_ABSENT, false, 0 },
		{ "-1", LCS_ABSENT, false, 0 },
		{ "+1", LCS_ABSENT, false, 0 },
		{ " 1", LCS_ABSENT, false, 0 },
		{ "1 ", LCS_ABSENT, false, 0 },
		{ "1.0", LCS_ABSENT, false, 0 },
		{ "0x1", LCS_ABSENT, false, 0 },
	};
	u32 i, number;
	u16 port;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		number = 0;
		KUNIT_EXPECT_EQ_MSG(test, rows[i].good,
				    lcs_read_number(text_of(rows[i].text), rows[i].max, &number),
				    "%s", rows[i].text);
		KUNIT_EXPECT_EQ_MSG(test, number, rows[i].number, "%s", rows[i].text);
	}
	KUNIT_EXPECT_TRUE(test, lcs_read_port(text_of("65535"), &port) && port == 65535);
	KUNIT_EXPECT_TRUE(test, lcs_read_port(text_of("0"), &port) && port == 0);
	KUNIT_EXPECT_TRUE(test, lcs_read_port(text_of("05060"), &port) && port == 5060);
	KUNIT_EXPECT_FALSE(test, lcs_read_port(text_of("65536"), &port));
	KUNIT_EXPECT_FALSE(test, lcs_read_port(text_of("005060"), &port));
	KUNIT_EXPECT_FALSE(test, lcs_read_port(text_of(""), &port));
}

struct addr_row {
	const char *text;
	u8 family;
	u8 ip[16];
};

static const struct addr_row addr_rows[] = {
	{ "10.0.0.5", 4, { 10, 0, 0, 5 } },
	{ "255.255.255.255", 4, { 255, 255, 255, 255 } },
	{ "0.0.0.0", 4, { 0 } },
	{ "1.2.3.4.", 0, { 0 } },
	{ "1.2.3", 0, { 0 } },
	{ "1.2.3.", 0, { 0 } },
	{ "1..2.3", 0, { 0 } },
	{ ".1.2.3", 0, { 0 } },
	{ "1.2.3.4.5", 0, { 0 } },
	{ "1.2.3.256", 0, { 0 } },
	{ "1.2.3.999999", 0, { 0 } },
	{ "1.2.3.04", 0, { 0 } },
	{ "010.2.3.4", 0, { 0 } },
	{ "1.2.3.4a", 0, { 0 } },
	{ "1.2.3.4/8", 0, { 0 } },
	{ " 1.2.3.4", 0, { 0 } },
	{ "10.0.0.5.example.com", 0, { 0 } },
	{ "192.168.100.1000", 0, { 0 } },
	{ "", 0, { 0 } },
	{ "1", 0, { 0 } },
	{ "dead", 0, { 0 } },
	{ "pc1", 0, { 0 } },
	{ "::", 6, { 0 } },
	{ "::1", 6, { [15] = 1 } },
	{ "1::", 6, { 0, 1 } },
	{ "2001:db8::5", 6, { 0x20, 1, 0xd, 0xb8, [15] = 5 } },
	{ "2001:DB8:0:0:0:0:0:5", 6, { 0x20, 1, 0xd, 0xb8, [15] = 5 } },
	{ "1:2:3:4:5:6:7:8", 6, { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } },
	{ "1:2:3:4:5:6:7::", 6, { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7 } },
	{ "::2:3:4:5:6:7:8", 6, { 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8 } },
	{ "1:2:3::6:7:8", 6, { 0, 1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 6, 0, 7, 0, 8 } },
	{ "::ffff:10.0.0.5", 6, { [10] = 0xff, 0xff, 10, 0, 0, 5 } },
	{ "::1.2.3.4", 6, { [12] = 1, 2, 3, 4 } },
	{ "1:2:3:4:5:6:1.2.3.4", 6, { 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4 } },
	{ "fe80:0000:0000:0000:0202:b3ff:fe1e:8329", 6,
	  { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 2, 0xb3, 0xff, 0xfe, 0x1e, 0x83, 0x29 } },
	{ ":", 0, { 0 } },
	{ ":::", 0, { 0 } },
	{ ":1", 0, { 0 } },
	{ "1:", 0, { 0 } },
	{ "1::2::3", 0, { 0 } },
	{ "::1::", 0, { 0 } },
	{ "1:::2", 0, { 0 } },
	{ "1:2:3:4:5:6:7", 0, { 0 } },
	{ "1:2:3:4:5:6:7:8:9", 0, { 0 } },
	{ "1:2:3:4:5:6:7:8::", 0, { 0 } },
	{ "::1:2:3:4:5:6:7:8", 0, { 0 } },
	{ "1:2:3:4:5:6:7:1.2.3.4", 0, { 0 } },
	{ "1:2:1.2.3.4", 0, { 0 } },
	{ "::1.2.3.256", 0, { 0 } },
	{ "::1.2.3.4:5", 0, { 0 } },
	{ "12345::", 0, { 0 } },
	{ "00001::", 0, { 0 } },
	{ "::g", 0, { 0 } },
	{ "fe80::1%eth0", 0, { 0 } },
	{ "[::1]", 0, { 0 } },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", 0, { 0 } },
};

static void addr_desc(const struct addr_row *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "'%s'", row->text);
}

KUNIT_ARRAY_PARAM(addr, addr_rows, addr_desc);

static void addresses(struct kunit *test)
{
	const struct addr_row *row = test->param_value;
	struct lcs_addr addr;

	memset(&addr, 0xff, sizeof(addr));
	KUNIT_EXPECT_EQ(test, lcs_read_addr(text_of(row->text), &addr), row->family != 0);
	KUNIT_EXPECT_EQ(test, addr.family, row->family);
	KUNIT_EXPECT_EQ(test, memcmp(addr.ip, row->ip, sizeof(addr.ip)), 0);
}

static void hash(struct kunit *test)
{
	static const char long_text[] = "<urn:uuid:34D859DB-A585-5C4E-8EF2-F8BCA3E0A5B2>";
	static const char other_case[] = "<URN:UUID:34d859db-a585-5c4e-8ef2-f8bca3e0a5b2>";

	/* the same numbers on every machine: the corpus states them */
	KUNIT_EXPECT_EQ(test, lcs_hash_lower(text_of("513756")), 0x96fa8106u);
	KUNIT_EXPECT_EQ(test, lcs_hash_lower(text_of(long_text)), 0x2e0c0f1bu);
	KUNIT_EXPECT_EQ(test, lcs_hash_lower(text_of(long_text)),
			lcs_hash_lower(text_of(other_case)));
	KUNIT_EXPECT_NE(test, lcs_hash_lower(text_of("foobar")), lcs_hash_lower(text_of("foobaz")));
	KUNIT_EXPECT_NE(test, lcs_hash_lower(text_of("a")), lcs_hash_lower(text_of("a ")));
	KUNIT_EXPECT_NE(test, lcs_hash_lower(text_of("")), 0u);
	/* one whose hash is 0, which stands for "absent" */
	KUNIT_EXPECT_EQ(test, lcs_hash_lower(text_of("vbqezpfa")), 1u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(find_byte),
	KUNIT_CASE(find_like),
	KUNIT_CASE(line_ends),
	KUNIT_CASE(compare),
	KUNIT_CASE(blanks_and_words),
	KUNIT_CASE(quoted),
	KUNIT_CASE(numbers),
	KUNIT_CASE_PARAM(addresses, addr_gen_params),
	KUNIT_CASE(hash),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_text",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto/text.c");
