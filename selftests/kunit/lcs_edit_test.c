// SPDX-License-Identifier: GPL-2.0
/*
 * The sequence-space engine, segment by segment. selftests/sim/ has its properties under all that
 * TCP does; here each rule stands alone, with the numbers that come out.
 *
 * In a text {10.0.0.5|203.0.113.9} is a range and what it becomes, and nothing of what stands in
 * [ ] goes on before all of it is there.
 */
#include <kunit/test.h>
#include <lcs/hold.h>
#include <lcs/relay.h>

/* Sequence numbers run over within every text. */
#define FIRST		0xfffffffau
#define MARKS		80
#define TEXT		20000
#define SAID		(TEXT + 100)

struct lcs_edit_mark {
	u16 from;
	u16 to;
	u16 out;
	u16 out_len;
};

/**
 * struct lcs_edit_fix - both directions of a connection, and a text that one side sends
 * @edit: the text goes in the first
 * @memory: bytes allocated
 * @refuse: allocations fail
 * @in: the text
 * @out: what ranges become
 * @said: what came of the last segment
 */
struct lcs_edit_fix {
	struct kunit *test;
	struct lcs_edit edit[2];
	s32 memory;
	bool refuse;
	u32 len;
	u32 marks;
	u32 units;
	u32 reported;
	const u8 *payload;
	enum lcs_edit_result result;
	enum lcs_edit_result unheld;
	struct lcs_edit_mark mark[MARKS];
	struct lcs_edit_mark unit[MARKS];
	u8 in[TEXT];
	u8 out[TEXT];
	char said[SAID];
};

static u8 *fix_resize(void *ctx, u8 *old, u32 old_size, u32 size)
{
	struct lcs_edit_fix *fix = ctx;
	u8 *made;

	if (fix->refuse)
		return NULL;
	made = kunit_kzalloc(fix->test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fix->test, made);
	if (old) {
		memcpy(made, old, old_size);
		kunit_kfree(fix->test, old);
	}
	fix->memory += size - old_size;
	return made;
}

static void fix_release(void *ctx, u8 *old, u32 old_size)
{
	struct lcs_edit_fix *fix = ctx;

	fix->memory -= old_size;
	kunit_kfree(fix->test, old);
}

static void fix_copy(void *ctx, u32 offset, u8 *to, u32 len)
{
	struct lcs_edit_fix *fix = ctx;

	memcpy(to, fix->payload + offset, len);
}

static const struct lcs_edit_ops fix_ops = {
	.resize = fix_resize,
	.release = fix_release,
	.copy = fix_copy,
};

static void fix_text(struct lcs_edit_fix *fix, const char *text)
{
	u32 out = 0;

	for (; *text; text++) {
		struct lcs_edit_mark *mark = &fix->mark[fix->marks];

		if (*text == '{') {
			mark->from = fix->len;
		} else if (*text == '|') {
			mark->to = fix->len;
			mark->out = out;
			while (*++text != '}')
				fix->out[out++] = *text;
			mark->out_len = out - mark->out;
			fix->marks++;
		} else if (*text == '[') {
			fix->unit[fix->units].from = fix->len;
		} else if (*text == ']') {
			fix->unit[fix->units++].to = fix->len;
		} else {
			fix->in[fix->len++] = *text;
		}
	}
}

static struct lcs_edit_fix *fix_new(struct kunit *test, const char *text, u32 window, u16 mss)
{
	struct lcs_edit_start start = { .seq = FIRST, .edge = FIRST + window, .mss = mss };
	struct lcs_edit_fix *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->test = test;
	fix_text(fix, text);
	lcs_edit_init(&fix->edit[0], &start);
	lcs_edit_init(&fix->edit[1], &start);
	return fix;
}

/* Replace what was read whole. Return: what must wait. */
static u32 fix_read(struct lcs_edit_fix *fix, u32 read)
{
	u32 wait = read, i;

	for (i = fix->reported; i < fix->marks && fix->mark[i].to <= read; i++) {
		struct lcs_range at = { FIRST + fix->mark[i].from,
					fix->mark[i].to - fix->mark[i].from };
		enum lcs_edit_result result;

		result = lcs_edit_replace(&fix->edit[0], &fix_ops, fix, at,
					  fix->out + fix->mark[i].out, fix->mark[i].out_len);
		if (result != LCS_EDIT_DONE)
			fix->result = result;
	}
	fix->reported = i;
	if (i < fix->marks && fix->mark[i].from < read)
		wait = fix->mark[i].from;
	for (i = 0; i < fix->units; i++)
		if (fix->unit[i].from < read && read < fix->unit[i].to)
			wait = min(wait, (u32)fix->unit[i].from);
	return FIRST + wait;
}

/* What becomes of the payload, in words: position and bytes; "?" for a probe, "$" for a FIN. */
static void fix_say(struct lcs_edit_fix *fix, struct lcs_relay *relay)
{
	struct lcs_piece piece;
	u32 n, len = 0;

	n = snprintf(fix->said, SAID, "%s%d:", relay->action == LCS_RELAY_PROBE ? "?" : "",
		     (s32)(relay->out.seq - FIRST));
	if (relay->action == LCS_RELAY_PROBE) {
		fix->said[n++] = relay->probe ? relay->probe : '-';
	} else if (relay->action == LCS_RELAY_PASS) {
		memcpy(fix->said + n, fix->payload, relay->in.len);
		n += relay->in.len;
	} else {
		while (lcs_relay_piece(relay, &piece)) {
			memcpy(fix->said + n + len,
			       piece.text ? piece.text : fix->payload + piece.offset, piece.len);
			len += piece.len;
		}
		KUNIT_EXPECT_EQ(fix->test, len, relay->out.len);
		n += len;
	}
	if (relay->out.flags & LCS_TCP_FIN)
		fix->said[n++] = '$';
	fix->said[n] = '\0';
}

static void fix_send(struct lcs_edit_fix *fix, u32 from, u32 to, u8 flags, u32 max_len)
{
	struct lcs_relay relay = {
		.ops = &fix_ops,
		.ctx = fix,
		.edit = &fix->edit[0],
		.back = &fix->edit[1],
		.max_len = max_len,
		.in = { .seq = FIRST + from, .len = to - from, .flags = flags },
	};
	enum lcs_relay_step step;

	fix->payload = fix->in + from;
	step = lcs_relay_begin(&relay);
	if (step == LCS_RELAY_GAP)
		step = lcs_relay_gap(&relay, false);
	while (step == LCS_RELAY_READ)
		step = lcs_relay_end(&relay, fix_read(fix, from + relay.read_offset +
						      relay.read_len));
	fix->unheld = relay.unheld;
	fix_say(fix, &relay);
	lcs_relay_done(&relay);
}

/* The receiver's ACK and window; what the sender gets: "ACK+window". */
static void fix_ack(struct lcs_edit_fix *fix, u32 ack, u16 window)
{
	struct lcs_relay relay = {
		.ops = &fix_ops,
		.ctx = fix,
		.edit = &fix->edit[1],
		.back = &fix->edit[0],
		.in = { .seq = FIRST, .ack = FIRST + ack, .window = window,
			.flags = LCS_TCP_ACK },
	};

	KUNIT_EXPECT_EQ(fix->test, lcs_relay_begin(&relay), LCS_RELAY_READY);
	snprintf(fix->said, SAID, "%d+%u", (s32)(relay.out.ack - FIRST), relay.out.window);
}

static void fix_end(struct lcs_edit_fix *fix)
{
	lcs_edit_release(&fix->edit[0], &fix_ops, fix);
	lcs_edit_release(&fix->edit[1], &fix_ops, fix);
	KUNIT_EXPECT_EQ(fix->test, fix->memory, 0);
}

enum lcs_edit_act {
	END,
	SEND,
	LAST,
	ACK,
	FULL,
};

struct lcs_edit_row {
	const char *name;
	const char *text;
	u32 window;
	u16 mss;
	/*
	 * SEND: a segment from @a to @b; LAST: with a FIN; FULL: that may become no longer than it
	 * is; ACK: the receiver acknowledges @a and offers @b
	 */
	struct {
		enum lcs_edit_act act;
		u16 a;
		u16 b;
		const char *want;
	} step[12];
};

static const struct lcs_edit_row rows[] = {
	{ "nothing to replace: as it came", "abcdef", 1000, 100,
	  { { SEND, 0, 3, "0:abc" }, { SEND, 3, 6, "3:def" }, { SEND, 0, 6, "0:abcdef" },
	    { ACK, 6, 1000, "6+1000" }, { ACK, 6, 900, "6+900" }, { ACK, 3, 900, "3+900" },
	    { SEND, 0, 6, "0:abcdef" } } },
	{ "a replacement grows", "ab{c|XYZ}de", 1000, 300,
	  { { SEND, 0, 5, "0:abXYZde" }, { ACK, 2, 1000, "2+998" }, { ACK, 7, 1000, "5+1000" } } },
	{ "and one shrinks", "ab{cdef|X}gh", 1000, 300,
	  { { SEND, 0, 8, "0:abXgh" }, { ACK, 3, 1000, "6+1000" }, { ACK, 5, 1000, "8+1000" } } },
	{ "repeated, cut anywhere", "ab{cd|XYZ}ef{g|V}h", 1000, 300,
	  { { SEND, 0, 8, "0:abXYZefVh" }, { SEND, 2, 3, "2:XYZ" }, { SEND, 1, 3, "1:bXYZ" },
	    { SEND, 3, 5, "2:XYZe" }, { SEND, 4, 6, "5:ef" }, { SEND, 5, 7, "6:fV" },
	    { SEND, 0, 8, "0:abXYZefVh" } } },
	{ "an ACK inside a replacement", "ab{cd|WXYZ}ef", 1000, 300,
	  { { SEND, 0, 6, "0:abWXYZef" }, { ACK, 3, 1000, "2+999" }, { ACK, 5, 1000, "2+1001" },
	    { SEND, 2, 6, "5:Zef" }, { ACK, 6, 1000, "4+1000" } } },
	{ "ACKs do not go back", "ab{cd|WXYZ}ef", 1000, 300,
	  { { SEND, 0, 6, "0:abWXYZef" }, { ACK, 7, 1000, "5+1000" },
	    { ACK, 1, 1000, "5+1000" } } },
	{ "what is acknowledged is not repeated", "ab{c|XYZ}de", 1000, 300,
	  { { SEND, 0, 5, "0:abXYZde" }, { ACK, 7, 1000, "5+1000" }, { SEND, 0, 5, "?6:e" } } },
	{ "out of order", "ab{c|XYZ}de", 1000, 300,
	  { { SEND, 3, 5, "?-1:-" }, { SEND, 0, 2, "0:ab" }, { SEND, 3, 5, "?1:b" },
	    { SEND, 2, 5, "2:XYZde" } } },
	{ "a cut range is held, acknowledged, and carried along", "ab{cdef|X}gh", 1000, 300,
	  { { SEND, 0, 4, "0:ab" }, { ACK, 2, 998, "4+996" }, { SEND, 4, 8, "2:Xgh" },
	    { SEND, 4, 8, "2:Xgh" }, { ACK, 2, 998, "4+999" }, { SEND, 4, 5, "2:X" },
	    { SEND, 2, 4, "2:X" }, { ACK, 3, 1000, "6+1000" }, { SEND, 4, 8, "3:gh" },
	    { ACK, 5, 1000, "8+1000" } } },
	{ "held whole: a probe, each time", "ab[cdef]gh", 1000, 300,
	  { { SEND, 0, 3, "0:ab" }, { SEND, 3, 5, "?1:b" }, { SEND, 3, 5, "?1:b" },
	    { ACK, 1, 999, "1+999" }, { ACK, 2, 998, "5+995" }, { SEND, 4, 5, "?1:b" },
	    { SEND, 5, 8, "2:cdefgh" }, { ACK, 2, 998, "5+995" }, { ACK, 8, 1000, "8+1000" } } },
	{ "not acknowledged before all that went out is", "ab[cdef]gh", 1000, 300,
	  { { SEND, 0, 4, "0:ab" }, { ACK, 1, 999, "1+999" }, { SEND, 0, 4, "1:b" },
	    { ACK, 2, 998, "4+996" } } },
	{ "held from the first byte", "[{a|XY}b]c", 1000, 300,
	  { { SEND, 0, 1, "?-1:-" }, { ACK, 0, 1000, "1+999" }, { SEND, 1, 3, "0:XYbc" } } },
	{ "a FIN flushes", "ab[c{d|XY}e]f", 1000, 300,
	  { { SEND, 0, 3, "0:ab" }, { ACK, 2, 998, "3+997" }, { LAST, 3, 4, "2:cd$" },
	    { ACK, 2, 998, "3+997" }, { LAST, 3, 4, "2:cd$" }, { ACK, 5, 1000, "5+1000" },
	    { LAST, 3, 4, "?3:d" } } },
	{ "a FIN alone flushes, and carries along", "ab[cd]", 1000, 300,
	  { { SEND, 0, 3, "0:ab" }, { ACK, 2, 998, "3+997" }, { LAST, 3, 3, "2:c$" },
	    { LAST, 3, 3, "2:c$" }, { ACK, 4, 1000, "4+1000" } } },
	{ "a FIN behind a gap is held off", "abcd", 1000, 300,
	  { { LAST, 2, 4, "?-1:-" }, { SEND, 0, 2, "0:ab" }, { LAST, 2, 4, "2:cd$" } } },
	{ "never beyond the window", "abcdefgh", 4, 300,
	  { { SEND, 0, 6, "0:abcd" }, { SEND, 4, 6, "?3:d" }, { ACK, 4, 3, "4+3" },
	    { SEND, 4, 8, "4:efg" } } },
	{ "what grew beyond the window goes with the next", "a{b|XYZ}cd", 4, 300,
	  { { SEND, 0, 3, "0:aXYZ" }, { ACK, 4, 4, "2+4" }, { SEND, 3, 4, "4:cd" },
	    { ACK, 6, 4, "4+4" } } },
	{ "or in pieces", "{a|UVWXYZ}b", 2, 300,
	  { { SEND, 0, 2, "0:UV" }, { ACK, 2, 2, "0+2" }, { SEND, 0, 2, "2:WX" },
	    { ACK, 4, 2, "0+2" }, { SEND, 0, 2, "4:YZ" }, { ACK, 6, 2, "1+2" },
	    { SEND, 1, 2, "6:b" } } },
	{ "a window that ends in a replacement lets the sender on",
	  "ab{cdefgh|UVWXYZuvwxyz}i", 4, 300,
	  { { SEND, 0, 8, "0:abUV" }, { ACK, 4, 2, "2+4" }, { SEND, 2, 6, "4:WX" } } },
	{ "a zero window's probe", "ab", 1, 300,
	  { { SEND, 0, 1, "0:a" }, { ACK, 1, 0, "1+0" }, { SEND, 1, 2, "?0:a" },
	    { ACK, 1, 1, "1+1" }, { SEND, 1, 2, "1:b" } } },
	{ "what is held goes off the window, but the sender must get on", "[abcdefgh]i", 8, 300,
	  { { SEND, 0, 2, "?-1:-" }, { ACK, 0, 8, "2+6" }, { SEND, 2, 6, "?-1:-" },
	    { ACK, 0, 8, "6+4" }, { SEND, 6, 9, "0:abcdefgh" } } },
	{ "an eighth of a large window is spared", "a{b|XY}c", 1600, 300,
	  { { SEND, 0, 3, "0:aXYc" }, { ACK, 4, 4000, "3+3500" } } },
	{ "what does not fit the packet goes with the next", "{a|XYZ}bc", 1000, 300,
	  { { FULL, 0, 2, "0:XY" }, { ACK, 2, 1000, "0+1000" }, { SEND, 2, 3, "2:Zbc" } } },
};

static void row_desc(const struct lcs_edit_row *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", row->name);
}

KUNIT_ARRAY_PARAM(row, rows, row_desc);

static void segments(struct kunit *test)
{
	const struct lcs_edit_row *row = test->param_value;
	struct lcs_edit_fix *fix = fix_new(test, row->text, row->window, row->mss);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(row->step) && row->step[i].act != END; i++) {
		u16 a = row->step[i].a, b = row->step[i].b;

		if (row->step[i].act == ACK)
			fix_ack(fix, a, b);
		else
			fix_send(fix, a, b, row->step[i].act == LAST ? LCS_TCP_FIN : 0,
				 row->step[i].act == FULL ? b - a : 60000);
		KUNIT_EXPECT_STREQ_MSG(test, fix->said, row->step[i].want, "%s, step %u",
				       row->name, i);
	}
	KUNIT_EXPECT_EQ(test, fix->result, LCS_EDIT_DONE);
	fix_end(fix);
}

/* Segments without payload: at snd_nxt, and those that ask for an answer. */
static void empty_segments(struct kunit *test)
{
	static const struct {
		u32 at;
		s32 want;
	} bare[] = {
		{ 9, 8 }, { 6, 8 }, { 5, 7 }, { 4, 6 },
		/* below what the sender was told: old for the receiver too, which has 4 bytes */
		{ 3, 3 }, { 2, 3 }, { 1, 3 },
	};
	struct lcs_edit_fix *fix = fix_new(test, "a{b|XYZ}[cdef]", 1000, 300);
	u32 i;

	fix_send(fix, 0, 2, 0, 60000);
	fix_send(fix, 2, 4, 0, 60000);
	fix_ack(fix, 4, 1000);
	KUNIT_EXPECT_STREQ(test, fix->said, "4+998");
	fix_send(fix, 4, 6, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "4:cdef");
	for (i = 0; i < ARRAY_SIZE(bare); i++) {
		struct lcs_relay relay = {
			.ops = &fix_ops,
			.ctx = fix,
			.edit = &fix->edit[0],
			.back = &fix->edit[1],
			.in = { .seq = FIRST + bare[i].at },
		};

		KUNIT_EXPECT_EQ(test, lcs_relay_begin(&relay), LCS_RELAY_READY);
		KUNIT_EXPECT_EQ_MSG(test, (s32)(relay.out.seq - FIRST), bare[i].want, "%u",
				    bare[i].at);
	}
	fix_end(fix);
}

static void sack_case(struct lcs_edit_fix *fix, u32 ack, const struct lcs_sack *in, u8 count,
		      const char *want)
{
	struct lcs_relay relay = {
		.ops = &fix_ops,
		.ctx = fix,
		.edit = &fix->edit[1],
		.back = &fix->edit[0],
		.in = { .seq = FIRST, .ack = FIRST + ack, .window = 1000,
			.flags = LCS_TCP_ACK, .sacks = count },
	};
	u32 n = 0;
	u8 i;

	for (i = 0; i < count; i++)
		relay.in.sack[i] = (struct lcs_sack){ FIRST + in[i].from, FIRST + in[i].to };
	lcs_relay_begin(&relay);
	fix->said[0] = '\0';
	for (i = 0; i < relay.out.sacks; i++)
		n += snprintf(fix->said + n, SAID - n, "%u-%u ", relay.out.sack[i].from - FIRST,
			      relay.out.sack[i].to - FIRST);
	KUNIT_EXPECT_STREQ(fix->test, fix->said, want);
}

/* Edges move inward to whole ranges; our probes' duplicates are taken out. */
static void sacks(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "ab{cd|WXYZ}ef{g|V}hi[jk]l", 1000, 300);
	const struct lcs_sack whole = { 2, 8 }, inside = { 3, 5 }, left = { 3, 8 };
	const struct lcs_sack right = { 1, 4 }, two[] = { { 0, 1 }, { 7, 9 } }, beyond = { 9, 30 };

	fix_send(fix, 0, 9, 0, 60000);
	sack_case(fix, 0, &whole, 1, "2-6 ");
	sack_case(fix, 0, &inside, 1, "");
	sack_case(fix, 0, &left, 1, "4-6 ");
	sack_case(fix, 0, &right, 1, "1-2 ");
	sack_case(fix, 1, two, 2, "0-1 5-7 ");
	sack_case(fix, 1, &beyond, 1, "");
	fix_send(fix, 12, 13, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "?10:i");
	sack_case(fix, 1, two, 2, "5-7 ");
	/* custody that was promised, went out, and is not acknowledged */
	fix_send(fix, 9, 10, 0, 60000);
	fix_ack(fix, 11, 1000);
	fix_send(fix, 10, 12, 0, 60000);
	sack_case(fix, 11, &(struct lcs_sack){ 12, 14 }, 1, "");
	fix_end(fix);
}

/* A duplicate older than what is known of the translation is taken out. */
static void old_duplicates(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "ab{cd|WXYZ}efgh", 1000, 300);
	const struct lcs_sack known = { 6, 8 }, old = { 2, 8 }, older = { 0, 2 };

	fix_send(fix, 0, 8, 0, 60000);
	fix_ack(fix, 10, 1000);
	sack_case(fix, 10, &known, 1, "4-6 ");
	sack_case(fix, 10, &old, 1, "");
	sack_case(fix, 10, &older, 1, "");
	fix_end(fix);
}

/* The urgent pointer keeps pointing at the same byte, behind the longer text. */
static void urgent_data(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "a{b|XYZ}cd", 1000, 300);
	struct lcs_relay relay = {
		.ops = &fix_ops,
		.ctx = fix,
		.edit = &fix->edit[0],
		.back = &fix->edit[1],
		.max_len = 60000,
		.in = { .seq = FIRST, .len = 4, .flags = LCS_TCP_URG, .urg = 3 },
	};

	fix->payload = fix->in;
	KUNIT_ASSERT_EQ(test, lcs_relay_begin(&relay), LCS_RELAY_READ);
	KUNIT_ASSERT_EQ(test, lcs_relay_end(&relay, fix_read(fix, 4)), LCS_RELAY_READY);
	KUNIT_EXPECT_EQ(test, relay.out.urg, 5);
	KUNIT_EXPECT_TRUE(test, relay.out.flags & LCS_TCP_URG);
	lcs_relay_done(&relay);
	fix_end(fix);
}

/* What the core's window tracking is told: never less than what may be acknowledged. */
static void window_tracking(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "a{b|XYZ}c{defgh|V}i", 1000, 300);
	struct lcs_adjust adjust;

	lcs_edit_adjust(&fix->edit[0], &adjust);
	KUNIT_EXPECT_EQ(test, adjust.offset_before, 0);
	KUNIT_EXPECT_EQ(test, adjust.offset_after, 0);
	KUNIT_EXPECT_EQ(test, adjust.edge, FIRST + 1000);
	fix_send(fix, 0, 9, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "0:aXYZcVi");
	lcs_edit_adjust(&fix->edit[0], &adjust);
	KUNIT_EXPECT_EQ(test, adjust.offset_before, 2);
	KUNIT_EXPECT_EQ(test, adjust.offset_after, -2);
	/* the ACK of the second replacement's text, asked for with ack - 1, is the first exact */
	KUNIT_EXPECT_EQ(test, adjust.correction_pos, FIRST + 6 - 2);
	fix_ack(fix, 7, 1000);
	KUNIT_EXPECT_STREQ(test, fix->said, "9+1000");
	lcs_edit_adjust(&fix->edit[0], &adjust);
	KUNIT_EXPECT_EQ(test, adjust.offset_before, -2);
	KUNIT_EXPECT_EQ(test, adjust.offset_after, -2);
	KUNIT_EXPECT_TRUE(test, lcs_edit_settled(&fix->edit[0]));
	KUNIT_EXPECT_EQ(test, fix->memory, 0);
	fix_end(fix);
}

/* Without memory for a hold the text goes on as it is, without memory for a range that one does. */
static void no_memory(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "a{b|XYZ}[c{d|U}e]f", 1000, 300);

	fix->refuse = true;
	fix_send(fix, 0, 2, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "0:ab");
	KUNIT_EXPECT_EQ(test, fix->result, LCS_EDIT_NO_MEMORY);
	fix_send(fix, 2, 4, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "2:cd");
	KUNIT_EXPECT_EQ(test, fix->unheld, LCS_EDIT_NO_MEMORY);
	KUNIT_EXPECT_EQ(test, fix->edit[0].frozen, LCS_EDIT_NO_MEMORY);
	fix_end(fix);
}

/* What cannot be replaced, and why. */
static void refusals(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "abcdefgh[i]j", 1000, 300);
	struct lcs_edit *edit = &fix->edit[0];
	const u8 *text = (const u8 *)"XY";

#define LCS_REPLACE(from, length, n)	\
	lcs_edit_replace(edit, &fix_ops, fix, (struct lcs_range){ FIRST + (from), length }, text, n)
	fix_send(fix, 0, 2, 0, 60000);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(1, 1, 2), LCS_EDIT_LATE);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(4, 0, 2), LCS_EDIT_LATE);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(4, 2, 2), LCS_EDIT_DONE);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(4, 2, 2), LCS_EDIT_DONE);
	KUNIT_EXPECT_EQ(test, edit->count, 1);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(4, 2, 1), LCS_EDIT_CLASH);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(3, 2, 2), LCS_EDIT_CLASH);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(5, 2, 2), LCS_EDIT_CLASH);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(3, 1, 2), LCS_EDIT_DONE);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(6, 1, 2), LCS_EDIT_DONE);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(7, 1, 0), LCS_EDIT_TOO_LONG);
	KUNIT_EXPECT_EQ(test, LCS_REPLACE(7, 1, LCS_EDIT_TEXT_MAX + 1), LCS_EDIT_TOO_LONG);
	KUNIT_EXPECT_EQ(test, lcs_edit_growth(edit, FIRST + 3, FIRST + 6), 1);
	lcs_edit_forget(edit, &fix_ops, fix, FIRST + 4);
	KUNIT_EXPECT_EQ(test, edit->count, 1);
	fix_send(fix, 2, 8, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "2:cXYefgh");
	lcs_edit_forget(edit, &fix_ops, fix, FIRST);
	KUNIT_EXPECT_EQ(test, edit->count, 1);
#undef LCS_REPLACE
	fix_end(fix);
}

/* However many there are in a body that is held: no acknowledgment is waited for. */
static void full_body(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "", 60000, 1460);
	u32 i;

	memset(fix->in, 'x', TEXT);
	fix->marks = MARKS;
	for (i = 0; i < MARKS; i++) {
		fix->mark[i] = (struct lcs_edit_mark){ i * 20 + 2, i * 20 + 3, 2 * i, 2 };
		memcpy(fix->out + 2 * i, "ab", 2);
	}
	fix->unit[fix->units++] = (struct lcs_edit_mark){ 1, MARKS * 20 };
	for (i = 0; i + 1000 <= MARKS * 20 - 10; i += 1000)
		fix_send(fix, i, i + 1000, 0, 60000);
	KUNIT_EXPECT_GT(test, fix->edit[0].count, LCS_EDITS_BUSY);
	fix_send(fix, i, MARKS * 20, 0, 60000);
	KUNIT_EXPECT_EQ(test, fix->edit[0].read, FIRST + MARKS * 20);
	KUNIT_EXPECT_EQ(test, (u32)strlen(fix->said), 2 + MARKS * 21 - 1);
	KUNIT_EXPECT_MEMEQ(test, fix->said, "1:xabx", 6);
	fix_end(fix);
}

/* The log has an end; a sender that gets ahead of the receiver must wait before it is reached. */
static void full_log(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "", 60000, 1460);
	u32 i;

	memset(fix->in, 'x', TEXT);
	for (i = 0; i < LCS_EDITS_BUSY; i++) {
		/* too far apart to become one */
		fix->mark[0] = (struct lcs_edit_mark){ i * 70, i * 70 + 1, 0, 2 };
		fix->out[0] = 'a';
		fix->out[1] = 'b';
		fix->marks = 1;
		fix->reported = 0;
		fix_send(fix, i * 70, i * 70 + 70, 0, 60000);
	}
	KUNIT_EXPECT_EQ(test, fix->edit[0].count, LCS_EDITS_BUSY);
	fix_send(fix, i * 70, i * 70 + 1, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "?2271:x");
	fix_ack(fix, 2272, 60000);
	KUNIT_EXPECT_EQ(test, fix->edit[0].count, 0);
	fix_send(fix, i * 70, i * 70 + 1, 0, 60000);
	KUNIT_EXPECT_STREQ(test, fix->said, "2272:x");
	fix_end(fix);
}

/* What the window keeps back goes as it opens, and what is acknowledged makes room. */
static void hold_makes_room(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "", 1000, 1460);
	struct lcs_edit *edit = &fix->edit[0];

	memset(fix->in, 'x', TEXT);
	fix->unit[fix->units++] = (struct lcs_edit_mark){ .from = 16100, .to = 19000 };
	fix_send(fix, 0, 16000, 0, 60000);
	KUNIT_EXPECT_EQ(test, edit->sent, FIRST + 1000);
	KUNIT_EXPECT_EQ(test, edit->held.len, 15000);
	fix_ack(fix, 1000, 14000);
	KUNIT_EXPECT_STREQ(test, fix->said, "1000+12250");
	fix_send(fix, 16000, 16100, 0, 60000);
	KUNIT_EXPECT_EQ(test, edit->sent, FIRST + 15000);
	fix_ack(fix, 15000, 1000);
	fix_send(fix, 16100, 18000, 0, 60000);
	KUNIT_EXPECT_EQ(test, fix->unheld, LCS_EDIT_DONE);
	KUNIT_EXPECT_EQ(test, edit->sent, FIRST + 16000);
	KUNIT_EXPECT_EQ(test, edit->have, FIRST + 18000);
	KUNIT_EXPECT_EQ(test, edit->held.seq, FIRST + 15000);
	KUNIT_EXPECT_EQ(test, edit->held.len, 3000);
	fix_end(fix);
}

/* A stretch that cannot be held whole goes on as it is, and nothing in it is replaced. */
static void too_long_to_hold(struct kunit *test)
{
	struct lcs_edit_fix *fix = fix_new(test, "", 60000, 1460);

	memset(fix->in, 'x', TEXT);
	fix->unit[fix->units++] = (struct lcs_edit_mark){ .from = 0, .to = TEXT };
	fix_send(fix, 0, LCS_HELD_MAX, 0, 60000);
	KUNIT_EXPECT_EQ(test, fix->unheld, LCS_EDIT_DONE);
	KUNIT_EXPECT_EQ(test, fix->edit[0].held.len, LCS_HELD_MAX);
	fix_send(fix, LCS_HELD_MAX, LCS_HELD_MAX + 1, 0, 60000);
	KUNIT_EXPECT_EQ(test, fix->unheld, LCS_EDIT_TOO_LONG);
	KUNIT_EXPECT_EQ(test, fix->edit[0].sent, FIRST + LCS_HELD_MAX + 1);
	KUNIT_EXPECT_EQ(test, fix->edit[0].frozen, LCS_EDIT_TOO_LONG);
	fix_end(fix);
}

/* An idle connection costs little. */
static void small(struct kunit *test)
{
	KUNIT_EXPECT_LE(test, sizeof(struct lcs_edit), (size_t)128);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(segments, row_gen_params),
	KUNIT_CASE(empty_segments),
	KUNIT_CASE(sacks),
	KUNIT_CASE(old_duplicates),
	KUNIT_CASE(urgent_data),
	KUNIT_CASE(window_tracking),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(refusals),
	KUNIT_CASE(full_body),
	KUNIT_CASE(full_log),
	KUNIT_CASE(hold_makes_room),
	KUNIT_CASE(too_long_to_hold),
	KUNIT_CASE(small),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_edit",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto/edit.c and relay.c");
