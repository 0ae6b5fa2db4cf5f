// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a file as one direction of a connection and says what lcs/proto finds in it, a line each:
 *	read FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <lcs/stream.h>

static const u8 *bytes;

static void say_text(const char *name, struct lcs_range range)
{
	if (range.len)
		printf(" %s=%.*s", name, range.len, bytes + range.seq);
}

static void say_endpoint(void *ctx, struct lcs_stream *stream, const struct lcs_endpoint *ep)
{
	static const char *const kinds[] = { "request-uri", "contact", "origin", "media", "rtcp",
					     "candidate", "remote-candidate", "file-transfer",
					     "app-sharing" };

	printf("endpoint %s", kinds[ep->kind]);
	if (ep->addr.family)
		say_text("address", ep->addr_at);
	printf(" port=%u", ep->port);
	if (ep->flags & LCS_EP_NOT_TCP)
		printf(" not-tcp");
	putchar('\n');
}

static bool headers(void *ctx, struct lcs_stream *stream)
{
	return true;
}

static void say_message(void *ctx, struct lcs_stream *stream)
{
	printf("message %s%s\n", lcs_is_response(&stream->msg) ? "response" : "request",
	       stream->msg.flags & LCS_MSG_UNREADABLE ? " unreadable" : "");
}

static u64 hash(void *ctx, struct lcs_text text)
{
	return lcs_hash_lower(text);
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
	.endpoint = say_endpoint,
	.headers = headers,
	.message = say_message,
	.hash = hash,
	.resize = resize,
	.release = release,
};

/* All of a file, in memory of just its size. */
static u8 *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	u8 *data = NULL;
	long size = -1;

	if (file && !fseek(file, 0, SEEK_END))
		size = ftell(file);
	if (size >= 0)
		data = malloc(size ? size : 1);
	if (data) {
		rewind(file);
		*len = fread(data, 1, size, file);
	}
	if (file)
		fclose(file);
	return data;
}

int main(int argc, char **argv)
{
	static const char *const why[] = { "", "not-sip", "bad-start", "bad-length", "long-start",
					   "no-memory", "opaque" };
	struct lcs_stream stream;
	u8 *data = NULL;
	size_t len = 0;

	if (argc == 2)
		data = read_file(argv[1], &len);
	if (!data) {
		fprintf(stderr, "read: cannot read %s\n", argc == 2 ? argv[1] : "without a FILE");
		return 2;
	}
	bytes = data;
	lcs_stream_init(&stream, 0);
	lcs_stream_read(&stream, &sink, NULL, data, len);
	if (stream.state == LCS_GIVEN_UP)
		printf("gives up %s\n", why[stream.given_up]);
	else if (stream.state != LCS_IDLE)
		printf("in the middle of a message\n");
	lcs_stream_release(&stream, &sink, NULL);
	free(data);
	return 0;
}
