/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The byte stream of one direction of a connection: from segments to messages, lines and endpoints.
 */
#ifndef _LCS_STREAM_H
#define _LCS_STREAM_H

#include <lcs/endpoint.h>
#include <lcs/invitation.h>
#include <lcs/sdp.h>

/* Words that the owner of a stream may use while a header block is being read. */
#define LCS_OWNER_WORDS		16

/*
 * The longest logical line that is read, with its folds and line end; longer ones are stepped over
 * ("Contact" in real life: 231).
 */
#define LCS_LINE_MAX		8192
/*
 * Endpoints reported of one message; real ones have up to about 60 (ICE with seven network cards).
 */
#define LCS_ENDPOINTS_MAX	512

/**
 * enum lcs_state - what the next byte belongs to
 * @LCS_IDLE: between messages; CR and LF are keep-alives (RFC 5626 3.5.1)
 * @LCS_START_LINE: a start line
 * @LCS_HEADER: a header line
 * @LCS_BODY_SKIPPED: a body that nobody reads
 * @LCS_BODY_SDP_LINE: a line of an SDP body
 * @LCS_BODY_INVITATION_LINE: a line of a text/x-msmsgsinvite body
 * @LCS_BODY_PREAMBLE: a line of a multipart body outside a part that is read
 * @LCS_BODY_PART_HEADER: a header line of a body part
 * @LCS_BODY_PART_SDP: a line of an application/sdp part
 * @LCS_GIVEN_UP: never looked at again
 */
enum lcs_state {
	LCS_IDLE,
	LCS_START_LINE,
	LCS_HEADER,
	LCS_BODY_SKIPPED,
	LCS_BODY_SDP_LINE,
	LCS_BODY_INVITATION_LINE,
	LCS_BODY_PREAMBLE,
	LCS_BODY_PART_HEADER,
	LCS_BODY_PART_SDP,
	LCS_GIVEN_UP,
};

/**
 * enum lcs_give_up - why a stream was given up
 * @LCS_KEPT: it was not
 * @LCS_NOT_SIP: its first bytes are not a SIP message
 * @LCS_BAD_START: after a message came something that is not a start line
 * @LCS_BAD_LENGTH: Content-Length is malformed, contradicting, or absent beside a Content-Type
 * @LCS_LONG_START: a start line longer than LCS_LINE_MAX
 * @LCS_NO_MEMORY: a line cut by a segment boundary could not be kept
 * @LCS_OPAQUE: the owner said so, lcs_stream_give_up()
 * @LCS_GIVE_UPS: how many reasons there are
 */
enum lcs_give_up {
	LCS_KEPT,
	LCS_NOT_SIP,
	LCS_BAD_START,
	LCS_BAD_LENGTH,
	LCS_LONG_START,
	LCS_NO_MEMORY,
	LCS_OPAQUE,
	LCS_GIVE_UPS,
};

struct lcs_stream;

/**
 * struct lcs_sink - where a stream reports what it finds
 * @endpoint: an endpoint; valid during the call only. Those of the header block come before
 *	@headers.
 * @headers: the header block is complete and so is stream->msg. Return false where nobody wants to
 *	read the body.
 * @message: the message is complete.
 * @hash: a keyed hash of a Call-ID
 * @resize: make room for a cut line: like krealloc(), @size bytes in place of @old (%NULL at
 *	first), contents kept; %NULL where refused, @old then stays
 * @release: give back what @resize gave
 *
 * None may sleep; all are called from lcs_stream_read() and lcs_stream_release() only.
 */
struct lcs_sink {
	void (*endpoint)(void *ctx, struct lcs_stream *stream, const struct lcs_endpoint *ep);
	bool (*headers)(void *ctx, struct lcs_stream *stream);
	void (*message)(void *ctx, struct lcs_stream *stream);
	u64 (*hash)(void *ctx, struct lcs_text text);
	u8 *(*resize)(void *ctx, u8 *old, u32 old_size, u32 size);
	void (*release)(void *ctx, u8 *old, u32 old_size);
};

/**
 * struct lcs_stream - where one direction's stream stands
 * @next: sequence number of the next byte to read
 * @line_seq: sequence number of the first byte in @line
 * @body_left: bytes of the body not yet read
 * @line: a line cut by a segment boundary, or %NULL
 * @line_len: bytes in @line
 * @line_size: room in @line
 * @state: enum lcs_state
 * @given_up: enum lcs_give_up
 * @skip_line: the rest of the line is not wanted
 * @line_ended: @line is complete unless the next byte folds it on
 * @seen: a whole start line was read, so this is SIP
 * @part_sdp: the body part being read is an application/sdp
 * @part_fallback: it is the one for OCS 2007 clients (ms-proxy-2007fallback)
 * @msg: the message being read
 * @boundary_hash: of the multipart delimiter in force
 * @boundary_len: its length
 * @body: what the lines of the body said so far; its @owner is the stream's owner's, from the
 * beginning of a message to the end of the sink's headers()
 */
struct lcs_stream {
	u32 next;
	u32 line_seq;
	u32 body_left;
	u16 line_len;
	u16 line_size;
	u8 *line;
	u8 state;
	u8 given_up;
	u8 skip_line:1;
	u8 line_ended:1;
	u8 seen:1;
	u8 part_sdp:1;
	u8 part_fallback:1;
	u8 boundary_len;
	u32 boundary_hash;
	struct lcs_message msg;
	union {
		struct lcs_sdp sdp;
		struct lcs_invitation invitation;
		u32 owner[LCS_OWNER_WORDS];
	} body;
};

/**
 * struct lcs_reader - one call of lcs_stream_read()
 * @stream: the stream
 * @sink: where its findings go
 * @ctx: the sink's own
 * @at: the next byte to read
 * @end: one behind the last byte at hand
 * @end_seq: the sequence number that belongs to @end
 */
struct lcs_reader {
	struct lcs_stream *stream;
	const struct lcs_sink *sink;
	void *ctx;
	const u8 *at;
	const u8 *end;
	u32 end_seq;
};

/**
 * struct lcs_line - a complete logical line
 * @text: the line without its line end, which may be read; folds stand in it as they came
 * @seq: sequence number of its first byte
 */
struct lcs_line {
	struct lcs_text text;
	u32 seq;
};

/* Where a piece of a line stands in the stream. */
static inline struct lcs_range lcs_range_of(const struct lcs_line *line, struct lcs_text piece)
{
	struct lcs_range range = {
		.seq = line->seq + (u32)(piece.at - line->text.at),
		.len = piece.end - piece.at,
	};

	return range;
}

void lcs_stream_init(struct lcs_stream *stream, u32 seq);
void lcs_stream_read(struct lcs_stream *stream, const struct lcs_sink *sink, void *ctx,
		     const u8 *data, u32 len);
bool lcs_stream_skip_to(struct lcs_stream *stream, u32 seq);
void lcs_stream_give_up(struct lcs_stream *stream, enum lcs_give_up why);
void lcs_stream_release(struct lcs_stream *stream, const struct lcs_sink *sink, void *ctx);
void lcs_report(struct lcs_reader *reader, const struct lcs_endpoint *ep);

/**
 * lcs_stream_keep_alive() - step over a keep-alive: one or two line ends between messages
 * @stream: the stream
 * @data: the next bytes, a whole segment
 * @len: how many
 *
 * lcs_stream_read() begins with it; most segments of a client that is signed in are this.
 *
 * Return: false where it is something else: nothing was done.
 */
static inline bool lcs_stream_keep_alive(struct lcs_stream *stream, const u8 *data, u32 len)
{
	if (stream->state != LCS_IDLE || (len != 2 && len != 4) || memcmp(data, "\r\n", 2) ||
	    (len == 4 && memcmp(data + 2, "\r\n", 2)))
		return false;
	stream->next += len;
	return true;
}

#endif /* _LCS_STREAM_H */
