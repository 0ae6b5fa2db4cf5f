// SPDX-License-Identifier: GPL-2.0
/*
 * What reading costs: the messages of the corpus through lcs/proto, each by a stream of its own.
 *	proto time		"name bytes ns" for each message
 *	proto count		the same readings, each marked for callgrind (scripts/bench-proto)
 * A message is read in one call; the 20 kB NOTIFY also cut into its headers and its body, and into
 * segments of 1460 bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <valgrind/callgrind.h>
#include <lcs/stream.h>
#include "corpus_data.h"

#define SEGMENT		1460u

/* Long enough for the clock, short enough for hundreds of messages. */
#define ENOUGH_NS	4000000.0

static unsigned int endpoints;

static void endpoint(void *ctx, struct lcs_stream *stream, const struct lcs_endpoint *ep)
{
	endpoints++;
}

static bool headers(void *ctx, struct lcs_stream *stream)
{
	return true;
}

static void message(void *ctx, struct lcs_stream *stream)
{
}

/* The helper's keyed hash of a Call-ID is the kernel's siphash: not the library's cost. */
static u64 hash(void *ctx, struct lcs_text text)
{
	return 1;
}

static u8 *resize(void *ctx, u8 *old, u32 old_size, u32 size)
{
	return realloc(old, size);
}

static void release(void *ctx, u8 *old, u32 old_size)
{
	free(old);
}

static const struct lcs_sink sink = {
	.endpoint = endpoint,
	.headers = headers,
	.message = message,
	.hash = hash,
	.resize = resize,
	.release = release,
};

static void read_whole(const u8 *bytes, u32 len)
{
	struct lcs_stream stream;

	lcs_stream_init(&stream, 1);
	lcs_stream_read(&stream, &sink, NULL, bytes, len);
	lcs_stream_release(&stream, &sink, NULL);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void time_one(const struct lcs_case_message *message)
{
	double begin, spent = 0;
	unsigned long rounds = 1, i;

	while (spent < ENOUGH_NS) {
		rounds *= 2;
		begin = now_ns();
		for (i = 0; i < rounds; i++)
			read_whole(message->data, message->len);
		spent = now_ns() - begin;
	}
	printf("%s %u %.1f\n", message->name, message->len, spent / rounds);
}

static void count_one(const struct lcs_case_message *message)
{
	CALLGRIND_ZERO_STATS;
	read_whole(message->data, message->len);
	CALLGRIND_DUMP_STATS_AT(message->name);
	printf("%s %u\n", message->name, message->len);
}

/* The body of a message in one call, and in segments. */
static void count_body(const struct lcs_case_message *message)
{
	const u8 *bytes = message->data;
	struct lcs_stream stream;
	u32 head = 0, at;

	while (memcmp(bytes + head, "\r\n\r\n", 4))
		head++;
	head += 4;
	lcs_stream_init(&stream, 1);
	lcs_stream_read(&stream, &sink, NULL, bytes, head);
	CALLGRIND_ZERO_STATS;
	lcs_stream_read(&stream, &sink, NULL, bytes + head, message->len - head);
	CALLGRIND_DUMP_STATS_AT("body-in-one-call");

	lcs_stream_init(&stream, 1);
	lcs_stream_read(&stream, &sink, NULL, bytes, head);
	CALLGRIND_ZERO_STATS;
	for (at = head; at < message->len; at += SEGMENT)
		lcs_stream_read(&stream, &sink, NULL, bytes + at, min(SEGMENT, message->len - at));
	CALLGRIND_DUMP_STATS_AT("body-in-segments");
	printf("body-in-one-call %u\nbody-in-segments %u\n", message->len - head,
	       (message->len - head + SEGMENT - 1) / SEGMENT);
}

int main(int argc, char **argv)
{
	bool count = argc == 2 && !strcmp(argv[1], "count");
	const struct lcs_case_message *message;
	u32 i, j;

	if (!count && (argc != 2 || strcmp(argv[1], "time"))) {
		fprintf(stderr, "usage: proto time | count\n");
		return 2;
	}
	for (i = 0; i < ARRAY_SIZE(lcs_corpus); i++)
		for (j = 0; j < lcs_corpus[i].count; j++) {
			message = lcs_corpus[i].messages + j;
			if (!message->complete)
				continue;
			if (count)
				count_one(message);
			else
				time_one(message);
			if (count && !strncmp(message->name, "37a", 3) && message->len > 20000)
				count_body(message);
		}
	fprintf(stderr, "%zu bytes of state for each direction\n", sizeof(struct lcs_stream));
	return sizeof(struct lcs_stream) > 192;
}
