/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the protocol library says about a text, as words to compare with. Each row of a table in
 * lcs_*_test.c has a text, in which braces stand around every place that must be reported, and the
 * report in words. Each text is read whole, byte by byte, and cut in two at every byte.
 */
#ifndef _LCS_RECORD_H
#define _LCS_RECORD_H

#include <kunit/test.h>
#include <lcs/stream.h>
#include "lcs_fold.h"

/* A sequence number that runs over within most texts. */
#define LCS_RECORD_SEQ		0xffffff00u
#define LCS_RECORD_PLACES	64
#define LCS_RECORD_SAID		8192

/**
 * struct lcs_row - a row of a table
 * @name: what it shows
 * @text: the bytes, with braces around the places of addresses and ports
 * @want: what must be said of it
 */
struct lcs_row {
	const char *name;
	const char *text;
	const char *want;
};

static inline void lcs_row_desc(const struct lcs_row *row, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", row->name);
}

/**
 * struct lcs_record - a stream and what it reported
 * @test: whose memory is used
 * @stream: the stream
 * @fold: all reports so far, see lcs_fold.h
 * @messages: complete messages
 * @endpoints: endpoints reported
 * @lines: line buffers that were not given back
 * @said_len: bytes of @said
 * @place_count: how many of @places
 * @refuse_body: answer no in headers()
 * @refuse_line: have no memory for a line
 * @give_up_at: give the stream up in the callback of this number, counted from 1
 * @callbacks: how many came
 * @places: what was reported as standing somewhere
 * @said: the reports in words, %NULL where they are only folded
 */
struct lcs_record {
	struct kunit *test;
	struct lcs_stream stream;
	u64 fold;
	u32 messages;
	u32 endpoints;
	u32 lines;
	u32 said_len;
	u32 place_count;
	bool refuse_body;
	bool refuse_line;
	u32 give_up_at;
	u32 callbacks;
	struct lcs_range places[LCS_RECORD_PLACES];
	char *said;
};

static inline void lcs_say(struct lcs_record *record, const char *format, ...)
{
	u32 room = LCS_RECORD_SAID - record->said_len;
	va_list args;

	va_start(args, format);
	record->said_len += min((u32)vsnprintf(record->said + record->said_len, room, format, args),
				room - 1);
	va_end(args);
}

static inline void lcs_record_place(struct lcs_record *record, struct lcs_range place)
{
	u32 i;

	if (!place.len || record->place_count == LCS_RECORD_PLACES)
		return;
	for (i = 0; i < record->place_count; i++)
		if (record->places[i].seq == place.seq && record->places[i].len == place.len)
			return;
	record->places[record->place_count++] = place;
}

static inline void lcs_say_addr(struct lcs_record *record, const struct lcs_addr *addr)
{
	u32 i;

	if (addr->family == 4)
		lcs_say(record, " %u.%u.%u.%u", addr->ip[0], addr->ip[1], addr->ip[2], addr->ip[3]);
	else if (!addr->family)
		lcs_say(record, " -");
	else
		for (i = 0; i < 16; i += 2)
			lcs_say(record, "%c%x", i ? ':' : ' ', addr->ip[i] << 8 | addr->ip[i + 1]);
}

static inline void lcs_say_endpoint(struct lcs_record *record, const struct lcs_endpoint *ep)
{
	static const char *const kinds[] = { "uri", "contact", "origin", "media", "rtcp",
					     "candidate", "remote", "file", "sharing" };
	static const char *const flags[] = { "implied", "not-tcp", "cid", "maddr", "replace",
					     "connects", "active" };
	u32 i;

	lcs_say(record, "%s%s", record->said_len ? "; " : "", kinds[ep->kind]);
	lcs_say(record, "%s", ep->proto == IPPROTO_TCP ? " tcp" :
		ep->proto == IPPROTO_UDP ? " udp" : "");
	lcs_say_addr(record, &ep->addr);
	lcs_say(record, " %u", ep->port);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (ep->flags & 1 << i)
			lcs_say(record, " %s", flags[i]);
	if (ep->index)
		lcs_say(record, " line %u", ep->index);
	if (ep->kind == LCS_MEDIA && ep->count != 1)
		lcs_say(record, " count %u", ep->count);
	if (ep->extra)
		lcs_say(record, " extra %u", ep->extra);
	if (ep->expires != LCS_ABSENT)
		lcs_say(record, " expires %u", ep->expires);
	if (ep->instance)
		lcs_say(record, " instance %08x", ep->instance);
	if (ep->opaque)
		lcs_say(record, " opaque %08x", ep->opaque);
}

static inline void lcs_record_callback(struct lcs_record *record)
{
	if (++record->callbacks == record->give_up_at)
		lcs_stream_give_up(&record->stream, LCS_OPAQUE);
}

static inline void lcs_record_endpoint(void *ctx, struct lcs_stream *stream,
				       const struct lcs_endpoint *ep)
{
	struct lcs_record *record = ctx;

	record->endpoints++;
	record->fold = lcs_fold_endpoint(record->fold, ep);
	if (record->said) {
		lcs_say_endpoint(record, ep);
		if (ep->addr.family)
			lcs_record_place(record, ep->addr_at);
		lcs_record_place(record, ep->port_at);
		lcs_record_place(record, ep->extra_at);
	}
	lcs_record_callback(record);
}

static inline bool lcs_record_headers(void *ctx, struct lcs_stream *stream)
{
	struct lcs_record *record = ctx;

	record->fold = lcs_fold_message(record->fold + 1, &stream->msg);
	lcs_record_callback(record);
	return !record->refuse_body;
}

static inline void lcs_record_message(void *ctx, struct lcs_stream *stream)
{
	struct lcs_record *record = ctx;

	record->messages++;
	record->fold = lcs_fold_message(record->fold + 2, &stream->msg);
	lcs_record_callback(record);
}

static inline u64 lcs_record_hash(void *ctx, struct lcs_text text)
{
	return lcs_fold_call_id(text);
}

/* A new block each time and of exactly the size asked for: one byte too far is seen. */
static inline u8 *lcs_record_resize(void *ctx, u8 *old, u32 old_size, u32 size)
{
	struct lcs_record *record = ctx;
	u8 *line = record->refuse_line ? NULL : kunit_kmalloc(record->test, size, GFP_KERNEL);

	if (!line)
		return NULL;
	if (old) {
		memcpy(line, old, min(old_size, size));
		kunit_kfree(record->test, old);
	} else {
		record->lines++;
	}
	return line;
}

static inline void lcs_record_release(void *ctx, u8 *old, u32 old_size)
{
	struct lcs_record *record = ctx;

	record->lines--;
	kunit_kfree(record->test, old);
}

static const struct lcs_sink lcs_record_sink = {
	.endpoint = lcs_record_endpoint,
	.headers = lcs_record_headers,
	.message = lcs_record_message,
	.hash = lcs_record_hash,
	.resize = lcs_record_resize,
	.release = lcs_record_release,
};

/* A record that only folds. */
static inline struct lcs_record *lcs_record_quiet(struct kunit *test)
{
	struct lcs_record *record = kunit_kzalloc(test, sizeof(*record), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, record);
	record->test = test;
	lcs_stream_init(&record->stream, LCS_RECORD_SEQ);
	return record;
}

static inline struct lcs_record *lcs_record_new(struct kunit *test)
{
	struct lcs_record *record = lcs_record_quiet(test);

	record->said = kunit_kzalloc(test, LCS_RECORD_SAID, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, record->said);
	return record;
}

/* Reads bytes from a copy of exactly their size. */
static inline void lcs_record_read(struct lcs_record *record, const void *bytes, u32 len)
{
	u8 *copy = kunit_kmalloc(record->test, len ? len : 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(record->test, copy);
	memcpy(copy, bytes, len);
	lcs_stream_read(&record->stream, &lcs_record_sink, record, copy, len);
	kunit_kfree(record->test, copy);
}

static inline void lcs_record_text(struct lcs_record *record, const char *text)
{
	lcs_record_read(record, text, strlen(text));
}

/* The end of a test: nothing may be kept. Returns the fold of reports and last state. */
static inline u64 lcs_record_end(struct lcs_record *record)
{
	u64 fold = lcs_fold_state(record->fold, &record->stream);

	lcs_stream_release(&record->stream, &lcs_record_sink, record);
	KUNIT_EXPECT_EQ(record->test, record->lines, 0u);
	return fold;
}

/* A quiet reading of @bytes, first @first of them, then @step by @step. */
static inline u64 lcs_record_cut(struct kunit *test, const u8 *bytes, u32 len, u32 first, u32 step)
{
	struct lcs_record *record = lcs_record_quiet(test);
	u32 at = min(first, len);
	u64 fold;

	lcs_record_read(record, bytes, at);
	for (; at < len; at += min(step, len - at))
		lcs_record_read(record, bytes + at, min(step, len - at));
	fold = lcs_record_end(record);
	kunit_kfree(test, record);
	return fold;
}

/* Takes the braces out of @text and notes what stood in them. */
static inline u32 lcs_record_unbrace(const char *text, u8 *bytes, struct lcs_range *places,
				     u32 *place_count)
{
	u32 len = 0, count = 0;

	for (; *text; text++) {
		if (*text == '{' && count < LCS_RECORD_PLACES)
			places[count].seq = LCS_RECORD_SEQ + len;
		else if (*text == '}' && count < LCS_RECORD_PLACES)
			places[count].len = LCS_RECORD_SEQ + len - places[count].seq, count++;
		else
			bytes[len++] = *text;
	}
	*place_count = count;
	return len;
}

static inline void lcs_record_expect_places(struct lcs_record *record, const char *text,
					    const struct lcs_range *places, u32 count)
{
	struct kunit *test = record->test;
	u32 i, j;

	KUNIT_EXPECT_EQ_MSG(test, record->place_count, count, "places in:\n%s", text);
	for (i = 0; i < count; i++) {
		for (j = 0; j < record->place_count; j++)
			if (record->places[j].seq == places[i].seq &&
			    record->places[j].len == places[i].len)
				break;
		KUNIT_EXPECT_LT_MSG(test, j, record->place_count, "place %u not reported in:\n%s",
				    i, text);
	}
}

/* Checks one text of a table, read in every way that two pieces and single bytes allow. */
static inline void lcs_record_check(struct kunit *test, const char *text, const char *want)
{
	struct lcs_record *record = lcs_record_new(test);
	struct lcs_range places[LCS_RECORD_PLACES];
	u8 *bytes = kunit_kmalloc(test, strlen(text) + 1, GFP_KERNEL);
	u32 len, count, cut;
	u64 fold;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	len = lcs_record_unbrace(text, bytes, places, &count);
	lcs_record_read(record, bytes, len);
	KUNIT_EXPECT_STREQ_MSG(test, record->said, want, "in:\n%s", text);
	lcs_record_expect_places(record, text, places, count);
	fold = lcs_record_end(record);
	for (cut = 0; cut < len; cut++)
		KUNIT_EXPECT_EQ_MSG(test, lcs_record_cut(test, bytes, len, cut, len), fold,
				    "cut at %u:\n%s", cut, text);
	KUNIT_EXPECT_EQ_MSG(test, lcs_record_cut(test, bytes, len, 0, 1), fold,
			    "byte by byte:\n%s", text);
	kunit_kfree(test, record);
	kunit_kfree(test, bytes);
}

/* A short text from two or three, in memory of the test. */
static inline char *lcs_record_join(struct kunit *test, const char *a, const char *b,
				    const char *c)
{
	u32 size = strlen(a) + strlen(b) + strlen(c) + 1;
	char *text = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	snprintf(text, size, "%s%s%s", a, b, c);
	return text;
}

#endif /* _LCS_RECORD_H */
