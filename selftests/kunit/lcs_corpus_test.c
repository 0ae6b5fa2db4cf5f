// SPDX-License-Identifier: GPL-2.0
/*
 * The whole corpus (selftests/corpus): the endpoints and facts that its files state, and that any
 * segmentation of the same bytes gives the same reports and the same last state.
 */
#include <kunit/test.h>
#include <lcs/stream.h>
#include "lcs_fold.h"
#include "lcs_record.h"
#include "corpus_data.h"

/*
 * How many cuttings at random of each stream, and how many bytes to read of each stream, or
 * message, in all its cuttings: that leaves some out where there are hundreds of kilobytes. A build
 * may ask for other numbers.
 */
#ifndef LCS_CORPUS_SEEDS
#ifdef __KERNEL__
#define LCS_CORPUS_SEEDS	10
#define LCS_CORPUS_WORK		65536u
#else
#define LCS_CORPUS_SEEDS	100
#define LCS_CORPUS_WORK		4194304u
#endif
#endif

static void stream_desc(const struct lcs_case_stream *stream, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", stream->name);
}

KUNIT_ARRAY_PARAM(stream, lcs_corpus, stream_desc);

/**
 * struct check - comparing reports with what the corpus states
 * @record: for the line buffer; the first, so that it stands for this
 * @test: the test
 * @want: the message being read
 * @base: sequence number of its first byte
 * @next: which of its endpoints comes next
 * @messages: how many messages ended
 */
struct check {
	struct lcs_record record;
	struct kunit *test;
	const struct lcs_case_message *want;
	u32 base;
	u32 next;
	u32 messages;
};

static void check_endpoint(void *ctx, struct lcs_stream *stream, const struct lcs_endpoint *ep)
{
	struct check *check = ctx;
	const struct lcs_case_message *want = check->want;
	u32 number = check->next++;

	KUNIT_EXPECT_LT_MSG(check->test, number, (u32)want->endpoint_count,
			    "%s: one endpoint more", want->name);
	if (number >= want->endpoint_count)
		return;
	KUNIT_EXPECT_TRUE_MSG(check->test, lcs_case_same(want->endpoints + number, ep, check->base),
			      "%s: endpoint %u: kind %u proto %u flags %x port %u at %u+%u",
			      want->name, number, ep->kind, ep->proto, ep->flags, ep->port,
			      ep->port_at.seq - check->base, ep->port_at.len);
}

static bool check_headers(void *ctx, struct lcs_stream *stream)
{
	return true;
}

static void check_message(void *ctx, struct lcs_stream *stream)
{
	struct check *check = ctx;
	const struct lcs_case_message *want = check->want;
	const struct lcs_message *msg = &stream->msg;

	check->messages++;
	KUNIT_EXPECT_TRUE_MSG(check->test, want->complete, "%s", want->name);
	if (!want->complete)
		return;
	KUNIT_EXPECT_TRUE_MSG(check->test, lcs_case_same_facts(want, msg),
			      "%s: flags %x method %u body %u cseq %u expires %u", want->name,
			      msg->flags, msg->method, msg->body, msg->cseq, msg->expires);
}

static const struct lcs_sink check_sink = {
	.endpoint = check_endpoint,
	.headers = check_headers,
	.message = check_message,
	.hash = lcs_record_hash,
	.resize = lcs_record_resize,
	.release = lcs_record_release,
};

/* What the corpus states, read message by message. */
static void expected(struct kunit *test)
{
	const struct lcs_case_stream *stream = test->param_value;
	struct check *check = kunit_kzalloc(test, sizeof(*check), GFP_KERNEL);
	u32 i, messages;

	KUNIT_ASSERT_NOT_NULL(test, check);
	check->test = test;
	check->record.test = test;
	lcs_stream_init(&check->record.stream, LCS_RECORD_SEQ);
	for (i = 0; i < stream->count; i++) {
		check->want = stream->messages + i;
		check->base = check->record.stream.next;
		check->next = 0;
		messages = check->messages;
		lcs_stream_read(&check->record.stream, &check_sink, check, check->want->data,
				check->want->len);
		KUNIT_EXPECT_EQ_MSG(test, check->next, (u32)check->want->endpoint_count,
				    "%s: endpoints", check->want->name);
		KUNIT_EXPECT_EQ_MSG(test, check->messages - messages, (u32)check->want->complete,
				    "%s: messages", check->want->name);
		KUNIT_EXPECT_EQ_MSG(test, check->record.stream.given_up, check->want->give_up,
				    "%s: given up", check->want->name);
	}
	lcs_stream_release(&check->record.stream, &check_sink, check);
}

/* All bytes of a stream, or of @count of its messages from @from. */
static u8 *bytes_of(struct kunit *test, const struct lcs_case_stream *stream, u32 from, u32 count,
		    u32 *len)
{
	u8 *bytes;
	u32 i;

	*len = 0;
	for (i = from; i < from + count; i++)
		*len += stream->messages[i].len;
	bytes = kunit_kmalloc(test, *len ? *len : 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	*len = 0;
	for (i = from; i < from + count; i++) {
		memcpy(bytes + *len, stream->messages[i].data, stream->messages[i].len);
		*len += stream->messages[i].len;
	}
	return bytes;
}

/* One message and the one behind it, in two segments, cut at every byte. */
static void cut_at_every_byte(struct kunit *test)
{
	const struct lcs_case_stream *stream = test->param_value;
	u32 i, cut, len, step;
	u64 fold;
	u8 *bytes;

	for (i = 0; i < stream->count; i++) {
		bytes = bytes_of(test, stream, i, min(2u, stream->count - i), &len);
		fold = lcs_record_cut(test, bytes, len, len, len);
		step = 1 + len / (1 + LCS_CORPUS_WORK / (len + 1));
		for (cut = 0; cut < len; cut += step)
			KUNIT_ASSERT_EQ_MSG(test, fold, lcs_record_cut(test, bytes, len, cut, len),
					    "%s: cut at %u", stream->messages[i].name, cut);
		kunit_kfree(test, bytes);
	}
}

static void byte_by_byte(struct kunit *test)
{
	const struct lcs_case_stream *stream = test->param_value;
	u32 len;
	u8 *bytes = bytes_of(test, stream, 0, stream->count, &len);

	KUNIT_EXPECT_EQ(test, lcs_record_cut(test, bytes, len, len, len),
			lcs_record_cut(test, bytes, len, 0, 1));
}

/* Message by message, in pairs, and in pairs from the second on. */
static void pipelined(struct kunit *test)
{
	const struct lcs_case_stream *stream = test->param_value;
	struct lcs_record *record;
	u32 way, i, take, len;
	u8 *bytes = bytes_of(test, stream, 0, stream->count, &len);
	u64 fold = lcs_record_cut(test, bytes, len, len, len);

	for (way = 0; way < 3; way++) {
		record = lcs_record_quiet(test);
		for (i = 0; i < stream->count; i += take) {
			take = way == 0 || (way == 1 && !i) ? 1 : min(2u, stream->count - i);
			bytes = bytes_of(test, stream, i, take, &len);
			lcs_record_read(record, bytes, len);
		}
		KUNIT_EXPECT_EQ_MSG(test, fold, lcs_record_end(record), "way %u", way);
	}
}

/* xorshift: the same cuts on every machine. */
static u32 next_random(u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static u64 read_cut_randomly(struct kunit *test, const u8 *bytes, u32 len, u32 seed)
{
	struct lcs_record *record = lcs_record_quiet(test);
	u32 at = 0, size, state = seed * 2654435761u + 1;
	/* from single bytes to whole segments */
	u32 most = 1u << next_random(&state) % 12;
	u64 fold;

	while (at < len) {
		size = min(1 + next_random(&state) % most, len - at);
		lcs_record_read(record, bytes + at, size);
		at += size;
	}
	fold = lcs_record_end(record);
	kunit_kfree(test, record);
	return fold;
}

static void random_cuts(struct kunit *test)
{
	const struct lcs_case_stream *stream = test->param_value;
	u32 len, seed, seeds;
	u8 *bytes = bytes_of(test, stream, 0, stream->count, &len);
	u64 fold = lcs_record_cut(test, bytes, len, len, len);

	seeds = min((u32)LCS_CORPUS_SEEDS, 1 + LCS_CORPUS_WORK / (len + 1));
	for (seed = 0; seed < seeds; seed++)
		KUNIT_ASSERT_EQ_MSG(test, fold, read_cut_randomly(test, bytes, len, seed),
				    "seed %u", seed);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(expected, stream_gen_params),
	KUNIT_CASE_PARAM(cut_at_every_byte, stream_gen_params),
	KUNIT_CASE_PARAM(byte_by_byte, stream_gen_params),
	KUNIT_CASE_PARAM(pipelined, stream_gen_params),
	KUNIT_CASE_PARAM(random_cuts, stream_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_corpus",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto over the corpus");
