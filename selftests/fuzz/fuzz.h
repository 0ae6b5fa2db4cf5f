/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzz targets share. The oracle: however a stream is cut, it reports the same and ends in
 * the same state; and what is reported stands where it is said to stand.
 */
#ifndef _LCS_FUZZ_H
#define _LCS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <lcs/stream.h>
#include "../kunit/lcs_fold.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A sequence number that runs over in most inputs. */
#define LCS_FUZZ_SEQ	0xffffff80u

/**
 * struct lcs_fuzz - one reading of an input
 * @stream: the stream
 * @bytes: the input
 * @len: its length
 * @fold: its reports
 * @lines: line buffers not given back
 */
struct lcs_fuzz {
	struct lcs_stream stream;
	const u8 *bytes;
	u32 len;
	u64 fold;
	u32 lines;
};

static void lcs_fuzz_claim(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static struct lcs_text lcs_fuzz_place(const struct lcs_fuzz *fuzz, struct lcs_range range)
{
	u32 at = range.seq - LCS_FUZZ_SEQ;

	lcs_fuzz_claim(at <= fuzz->len && range.len <= fuzz->len - at, "a place outside the text");
	return (struct lcs_text){ fuzz->bytes + at, fuzz->bytes + at + range.len };
}

static void lcs_fuzz_endpoint(void *ctx, struct lcs_stream *stream, const struct lcs_endpoint *ep)
{
	struct lcs_fuzz *fuzz = ctx;
	struct lcs_addr addr;
	u32 number;
	u16 port;

	fuzz->fold = lcs_fold_endpoint(fuzz->fold, ep);
	if (ep->addr.family) {
		lcs_fuzz_claim(lcs_read_addr(lcs_fuzz_place(fuzz, ep->addr_at), &addr) &&
			       addr.family == ep->addr.family &&
			       !memcmp(addr.ip, ep->addr.ip, sizeof(addr.ip)), "another address");
	}
	if (ep->port_at.len)
		lcs_fuzz_claim(lcs_read_port(lcs_fuzz_place(fuzz, ep->port_at), &port) &&
			       port == ep->port, "another port");
	if (ep->extra_at.len)
		lcs_fuzz_claim(lcs_read_number(lcs_fuzz_place(fuzz, ep->extra_at), 65535,
					       &number) && number == ep->extra, "another PortX");
}

static bool lcs_fuzz_headers(void *ctx, struct lcs_stream *stream)
{
	struct lcs_fuzz *fuzz = ctx;

	fuzz->fold = lcs_fold_message(fuzz->fold + 1, &stream->msg);
	return true;
}

static void lcs_fuzz_message(void *ctx, struct lcs_stream *stream)
{
	struct lcs_fuzz *fuzz = ctx;

	fuzz->fold = lcs_fold_message(fuzz->fold + 2, &stream->msg);
}

static u64 lcs_fuzz_hash(void *ctx, struct lcs_text text)
{
	return lcs_fold_call_id(text);
}

static u8 *lcs_fuzz_resize(void *ctx, u8 *old, u32 old_size, u32 size)
{
	struct lcs_fuzz *fuzz = ctx;

	fuzz->lines += !old;
	return realloc(old, size);
}

static void lcs_fuzz_release(void *ctx, u8 *old, u32 old_size)
{
	struct lcs_fuzz *fuzz = ctx;

	fuzz->lines--;
	free(old);
}

static const struct lcs_sink lcs_fuzz_sink = {
	.endpoint = lcs_fuzz_endpoint,
	.headers = lcs_fuzz_headers,
	.message = lcs_fuzz_message,
	.hash = lcs_fuzz_hash,
	.resize = lcs_fuzz_resize,
	.release = lcs_fuzz_release,
};

static u32 lcs_fuzz_random(u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Reads the input in segments of at most @most bytes, each in memory of just its size. */
static u64 lcs_fuzz_read(const u8 *bytes, u32 len, u32 most, u32 seed)
{
	struct lcs_fuzz fuzz = { .bytes = bytes, .len = len };
	u32 at = 0, size, state = seed * 2654435761u + 1;
	u64 fold;
	u8 *copy;

	lcs_stream_init(&fuzz.stream, LCS_FUZZ_SEQ);
	while (at < len) {
		size = 1 + lcs_fuzz_random(&state) % most;
		size = most >= len ? len : min(size, len - at);
		copy = malloc(size);
		if (!copy)
			abort();
		memcpy(copy, bytes + at, size);
		lcs_stream_read(&fuzz.stream, &lcs_fuzz_sink, &fuzz, copy, size);
		free(copy);
		at += size;
	}
	fold = lcs_fold_state(fuzz.fold, &fuzz.stream);
	lcs_stream_release(&fuzz.stream, &lcs_fuzz_sink, &fuzz);
	lcs_fuzz_claim(!fuzz.lines, "a line buffer was not given back");
	return fold;
}

/* Whole, byte by byte, and cut at random. */
static void lcs_fuzz_all_ways(const u8 *bytes, u32 len)
{
	u64 fold = lcs_fuzz_read(bytes, len, len + 1, 0);
	u32 seed = (u32)fold;

	lcs_fuzz_claim(fold == lcs_fuzz_read(bytes, len, 1, 0), "another reading byte by byte");
	lcs_fuzz_claim(fold == lcs_fuzz_read(bytes, len, 1 + seed % 16, seed), "another short cut");
	lcs_fuzz_claim(fold == lcs_fuzz_read(bytes, len, 1 + seed % 500, seed), "another long cut");
}

/* The same of an input behind @head and in front of @tail; "%u" in @head is its length. */
static void lcs_fuzz_inside(const char *head, const u8 *data, u32 size, const char *tail)
{
	u32 room = strlen(head) + size + strlen(tail) + 16, len;
	u8 *bytes = malloc(room);

	if (!bytes)
		abort();
	len = snprintf((char *)bytes, room, head, size);
	memcpy(bytes + len, data, size);
	memcpy(bytes + len + size, tail, strlen(tail));
	lcs_fuzz_all_ways(bytes, len + size + strlen(tail));
	free(bytes);
}

#endif /* _LCS_FUZZ_H */
