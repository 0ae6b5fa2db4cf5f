// SPDX-License-Identifier: GPL-2.0
/*
 * The byte stream of one direction: segments to messages and lines. Framing is by Content-Length
 * from the first byte of the connection (RFC 3261 18.3). A line that lies whole in a segment is
 * read there; only one that a segment boundary cuts is collected, and only if it is of interest.
 */
#include <lcs/body.h>
#include <lcs/search.h>

/* The first size of the line buffer; it doubles up to LCS_LINE_MAX. */
#define LCS_LINE_START	256

/* Longer than any name, or beginning of a line, by which interest() decides. */
#define LCS_NAME_MAX	64u

static __always_inline bool is_body(enum lcs_state state)
{
	return state >= LCS_BODY_SKIPPED && state <= LCS_BODY_PART_SDP;
}

static bool in_body(const struct lcs_stream *stream)
{
	return is_body(stream->state);
}

/* States whose lines go on where the next line begins with white space (RFC 3261 7.3.1). */
static bool folds(const struct lcs_stream *stream)
{
	return stream->state == LCS_HEADER || stream->state == LCS_BODY_PART_HEADER ||
	       stream->state == LCS_BODY_INVITATION_LINE;
}

static u32 seq_at(const struct lcs_reader *r, const u8 *at)
{
	return r->end_seq - (u32)(r->end - at);
}

static __always_inline void advance_in(struct lcs_reader *r, enum lcs_state state, const u8 *to)
{
	if (is_body(state))
		r->stream->body_left -= to - r->at;
	r->at = to;
}

static void advance(struct lcs_reader *r, const u8 *to)
{
	advance_in(r, r->stream->state, to);
}

/* How far the line being read can reach in what is at hand: a body may end without a line end. */
static const u8 *line_limit(const struct lcs_reader *r)
{
	u32 left = r->stream->body_left;

	if (in_body(r->stream) && left < (u32)(r->end - r->at))
		return r->at + left;
	return r->end;
}

static bool is_blank(struct lcs_text text)
{
	return text.at < text.end &&
	       (*text.at == '\n' ||
		(*text.at == '\r' && text.end - text.at > 1 && text.at[1] == '\n'));
}

static enum lcs_interest interest(const struct lcs_stream *stream, struct lcs_text text)
{
	if (stream->state == LCS_START_LINE)
		return lcs_sip_start_interest(text);
	if (stream->state == LCS_HEADER)
		return lcs_sip_interest(text);
	return lcs_body_interest(stream, text);
}

/**
 * lcs_report() - report an endpoint
 * @reader: the reader
 * @ep: the endpoint
 */
void lcs_report(struct lcs_reader *reader, const struct lcs_endpoint *ep)
{
	struct lcs_message *msg = &reader->stream->msg;

	/* The sink may have given the stream up in the middle of a line. */
	if (reader->stream->state == LCS_GIVEN_UP)
		return;
	if (msg->endpoints == LCS_ENDPOINTS_MAX) {
		msg->flags |= LCS_MSG_TOO_MANY;
		return;
	}
	msg->endpoints++;
	reader->sink->endpoint(reader->ctx, reader->stream, ep);
}

/**
 * lcs_stream_init() - begin at the start of a connection
 * @stream: the stream
 * @seq: sequence number of its first byte, host byte order: the SYN's plus one
 */
void lcs_stream_init(struct lcs_stream *stream, u32 seq)
{
	memset(stream, 0, sizeof(*stream));
	stream->next = seq;
}
EXPORT_SYMBOL_GPL(lcs_stream_init);

/**
 * lcs_stream_give_up() - never look at this stream again
 * @stream: the stream
 * @why: the reason; the first one stays
 *
 * A line being collected is freed by the next lcs_stream_read() or lcs_stream_release().
 */
void lcs_stream_give_up(struct lcs_stream *stream, enum lcs_give_up why)
{
	if (stream->state == LCS_GIVEN_UP)
		return;
	stream->state = LCS_GIVEN_UP;
	stream->given_up = why;
}
EXPORT_SYMBOL_GPL(lcs_stream_give_up);

/**
 * lcs_stream_release() - free what the stream holds
 * @stream: the stream
 * @sink: has the release callback
 * @ctx: the sink's own
 */
void lcs_stream_release(struct lcs_stream *stream, const struct lcs_sink *sink, void *ctx)
{
	if (stream->line)
		sink->release(ctx, stream->line, stream->line_size);
	stream->line = NULL;
	stream->line_len = 0;
	stream->line_size = 0;
	stream->line_ended = 0;
}
EXPORT_SYMBOL_GPL(lcs_stream_release);

static void end_message(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;

	stream->state = LCS_IDLE;
	stream->skip_line = 0;
	r->sink->message(r->ctx, stream);
}

static void end_body(struct lcs_reader *r)
{
	lcs_body_end(r);
	if (r->stream->state != LCS_GIVEN_UP)
		end_message(r);
}

/* The empty line behind the headers: from here on everything that decides is known. */
static void end_headers(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;
	struct lcs_message *msg = &stream->msg;
	bool wanted;

	if ((msg->flags & (LCS_MSG_HAS_TYPE | LCS_MSG_HAS_LENGTH)) == LCS_MSG_HAS_TYPE) {
		lcs_stream_give_up(stream, LCS_BAD_LENGTH);
		return;
	}
	if (!(msg->flags & LCS_MSG_HAS_CSEQ) || !(msg->flags & LCS_MSG_HAS_CALL_ID))
		msg->flags |= LCS_MSG_UNREADABLE;
	msg->body_seq = seq_at(r, r->at);
	wanted = r->sink->headers(r->ctx, stream);
	if (stream->state == LCS_GIVEN_UP)
		return;
	if (!msg->length) {
		end_message(r);
		return;
	}
	stream->body_left = msg->length;
	stream->state = LCS_BODY_SKIPPED;
	if (wanted && !(msg->flags & (LCS_MSG_ENCODED | LCS_MSG_UNREADABLE)))
		stream->state = lcs_body_begin(stream);
}

static void header_line(struct lcs_reader *r, const struct lcs_line *line)
{
	if (line->text.at == line->text.end)
		end_headers(r);
	else
		lcs_sip_header(r, line);
}

static __always_inline void first_line(struct lcs_reader *r, const struct lcs_line *line)
{
	struct lcs_stream *stream = r->stream;

	/* First, because the sink may give the stream up when it gets the Request-URI. */
	stream->state = LCS_HEADER;
	if (lcs_sip_start(r, line))
		stream->seen = 1;
	else
		lcs_stream_give_up(stream, stream->seen ? LCS_BAD_START : LCS_NOT_SIP);
}

static void process_line(struct lcs_reader *r, const struct lcs_line *line)
{
	switch (r->stream->state) {
	case LCS_START_LINE:
		first_line(r, line);
		break;
	case LCS_HEADER:
		header_line(r, line);
		break;
	default:
		lcs_body_line(r, line);
		break;
	}
}

/* Is this the beginning of a line that cannot be of interest? Gives up where every line must be. */
static bool unwanted(struct lcs_stream *stream, struct lcs_text text)
{
	if (interest(stream, text) != LCS_UNWANTED)
		return false;
	if (stream->state == LCS_START_LINE)
		lcs_stream_give_up(stream, stream->seen ? LCS_BAD_START : LCS_NOT_SIP);
	return true;
}

/* A line, of which at least the name is there, is longer than anything we read. */
static void long_line(struct lcs_reader *r, struct lcs_text text)
{
	struct lcs_stream *stream = r->stream;

	if (unwanted(stream, text))
		return;
	if (stream->state == LCS_START_LINE) {
		lcs_stream_give_up(stream, LCS_LONG_START);
	} else if (stream->state == LCS_HEADER) {
		lcs_sip_long_header(stream, text);
	} else {
		stream->msg.flags |= LCS_MSG_UNREADABLE;
		stream->state = LCS_BODY_SKIPPED;
	}
}

/* A logical line from @from to @to, its line end included, wherever it lies. */
static void finish_line(struct lcs_reader *r, const u8 *from, const u8 *to, u32 seq)
{
	struct lcs_line line = { .text = { from, to }, .seq = seq };

	if (to - from > LCS_LINE_MAX) {
		long_line(r, line.text);
		return;
	}
	if (line.text.end > from && line.text.end[-1] == '\n')
		line.text.end--;
	if (line.text.end > from && line.text.end[-1] == '\r')
		line.text.end--;
	process_line(r, &line);
}

static void finish_kept(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;
	u32 size = stream->line_size;
	u8 *line = stream->line;
	u16 len = stream->line_len;

	stream->line = NULL;
	stream->line_len = 0;
	stream->line_size = 0;
	stream->line_ended = 0;
	line[len] = '\n';
	finish_line(r, line, line + len, stream->line_seq);
	r->sink->release(r->ctx, line, size);
}

/* Drop what was collected of a line and, where there is @more of it, step over the rest. */
static void skip_kept(struct lcs_reader *r, bool more)
{
	lcs_stream_release(r->stream, r->sink, r->ctx);
	r->stream->skip_line = more;
}

static bool grow_line(struct lcs_reader *r, u32 need)
{
	struct lcs_stream *stream = r->stream;
	u32 size = stream->line_size ? stream->line_size : LCS_LINE_START;
	u8 *line;

	while (size < need)
		size *= 2;
	if (size == stream->line_size)
		return true;
	line = r->sink->resize(r->ctx, stream->line, stream->line_size, size);
	if (!line) {
		lcs_stream_give_up(stream, LCS_NO_MEMORY);
		return false;
	}
	stream->line = line;
	stream->line_size = size;
	return true;
}

static void append(struct lcs_reader *r, const u8 *to)
{
	struct lcs_stream *stream = r->stream;

	if (!stream->line_len)
		stream->line_seq = seq_at(r, r->at);
	memcpy(stream->line + stream->line_len, r->at, to - r->at);
	stream->line_len += to - r->at;
	advance(r, to);
}

/* A line being collected gets too long: collect enough to know its name, and step over the rest. */
static void keep_no_more(struct lcs_reader *r, const u8 *to)
{
	struct lcs_stream *stream = r->stream;

	if (stream->line_len < LCS_NAME_MAX) {
		if (!grow_line(r, LCS_NAME_MAX))
			return;
		append(r, r->at + min((u32)(to - r->at), LCS_NAME_MAX - stream->line_len));
	}
	long_line(r, (struct lcs_text){ stream->line, stream->line + stream->line_len });
	skip_kept(r, stream->state != LCS_BODY_SKIPPED);
}

/*
 * Add what is at hand, up to @to, to the line being collected.
 * Return: false when there is nothing left to collect for.
 */
static bool keep(struct lcs_reader *r, const u8 *to)
{
	u32 need = r->stream->line_len + (u32)(to - r->at);

	if (need > LCS_LINE_MAX) {
		keep_no_more(r, to);
		return false;
	}
	/* and a line end, for where the body ends without one */
	if (!grow_line(r, need + 1))
		return false;
	append(r, to);
	return true;
}

/*
 * Step over the rest of a line that nobody wants. Where it folds on, what follows begins with white
 * space, which no line that is wanted does.
 */
static void skip_line(struct lcs_reader *r)
{
	const u8 *limit = line_limit(r);
	const u8 *lf = lcs_find_line_end(r->at, limit);

	r->stream->skip_line = lf == limit;
	advance(r, lf == limit ? limit : lf + 1);
}

static void continue_line(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;
	const u8 *limit = line_limit(r), *lf;
	struct lcs_text kept;

	if (stream->line_ended) {
		if (*r->at != ' ' && *r->at != '\t') {
			finish_kept(r);
			return;
		}
		stream->line_ended = 0;
	}
	lf = lcs_find_line_end(r->at, limit);
	if (!keep(r, lf == limit ? limit : lf + 1))
		return;
	kept = (struct lcs_text){ stream->line, stream->line + stream->line_len };
	if (in_body(stream) && !stream->body_left) {
		finish_kept(r);
	} else if (lf < limit && (!folds(stream) || is_blank(kept))) {
		finish_kept(r);
	} else {
		stream->line_ended = lf < limit;
		if (unwanted(stream, kept))
			skip_kept(r, lf == limit);
	}
}

/* The end of a line at hand, as nearly all end; fresh_line() reads the others. */
static __always_inline bool is_line_end(const u8 *at)
{
	return lcs_same_2(at, "\r\n");
}

/*
 * These three read lines while they lie at hand with what follows them, as nearly all do. Lines,
 * and folds of lines, that do not even begin like one that is wanted are stepped over.
 * Return: false where the next one does not lie at hand, is folded or too long, or holds a control
 * byte or one beyond ASCII.
 */
static noinline bool start_line(struct lcs_reader *r)
{
	const u8 *at = r->at, *end = r->end, *stop;
	struct lcs_line line;

	if ((size_t)(end - at) < LCS_BLOCK)
		return false;
	stop = lcs_find_like(at, end - LCS_BLOCK, end, 0, ' ');
	if (end - stop < 2 || !is_line_end(stop) || stop + 1 - at >= LCS_LINE_MAX)
		return false;
	line = (struct lcs_line){ { at, stop }, seq_at(r, at) };
	r->at = stop + 2;
	first_line(r, &line);
	return true;
}

static noinline bool header_lines(struct lcs_reader *r)
{
	const u8 *at = r->at, *end = r->end, *last, *limit, *stop;
	const struct lcs_sought control = { .below = ' ' };
	struct lcs_line line;

	if ((size_t)(end - at) < LCS_BLOCK)
		return at == end;
	last = end - LCS_BLOCK;
	for (limit = end - 2; at <= limit; at = stop + 2) {
		while (at <= last && !lcs_header_may_begin(at)) {
			stop = lcs_find_like(at, last, end, 0, ' ');
			if (stop > limit || !is_line_end(stop))
				goto out;
			at = stop + 2;
		}
		if (at <= last)
			stop = lcs_find_like(at, last, end, 0, ' ');
		else
			stop = lcs_find(at, end, control);
		if (stop > limit || !is_line_end(stop) || stop + 1 - at >= LCS_LINE_MAX)
			break;
		if (stop > at && (stop == limit || stop[2] == ' ' || stop[2] == '\t'))
			break;
		line = (struct lcs_line){ { at, stop }, seq_at(r, at) };
		r->at = stop + 2;
		header_line(r, &line);
		if (r->stream->state != LCS_HEADER)
			return true;
	}
out:
	r->at = at;
	return at == end;
}

static noinline bool sdp_lines(struct lcs_reader *r)
{
	const u8 *at = r->at, *limit = line_limit(r), *end = limit, *lf;
	struct lcs_stream *stream = r->stream;
	enum lcs_sdp_name name;
	struct lcs_line line;

	while (end > at && end[-1] != '\n')
		end--;
	for (; end - at >= LCS_SDP_LOOK; at = lf + 1) {
		if (lcs_is_candidate(at)) {
			line = (struct lcs_line){ { at, end }, seq_at(r, at) };
			lf = lcs_sdp_candidate(r, line, at + strlen("a=candidate:"));
			if (!lf)
				break;
			continue;
		}
		name = lcs_sdp_name_at(at);
		lf = lcs_find_line_feed(at, end);
		if (!name)
			continue;
		if (lf - at >= LCS_LINE_MAX)
			break;
		line = (struct lcs_line){ { at, lf }, seq_at(r, at) };
		line.text.end -= lf[-1] == '\r';
		lcs_sdp_named(r, &line, name);
	}
	advance(r, at);
	return at == limit || stream->state == LCS_GIVEN_UP;
}

/*
 * The lines that make up most of what is read: start lines, headers and SDP, while they lie at
 * hand.
 * Return: false where the next one does not.
 */
static bool common_lines(struct lcs_reader *r)
{
	switch (r->stream->state) {
	case LCS_START_LINE:
		if (!start_line(r))
			return false;
		if (r->stream->state != LCS_HEADER)
			return true;
		fallthrough;
	case LCS_HEADER:
		return header_lines(r);
	case LCS_BODY_SDP_LINE:
		return sdp_lines(r);
	}
	return false;
}

/*
 * A line that begins at hand. Where its end, or the byte behind it that tells whether it folds on,
 * is not there yet, it is collected.
 */
static void fresh_line(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;
	const u8 *limit = line_limit(r), *from = r->at, *lf;
	bool ends = in_body(stream) && (u32)(limit - from) == stream->body_left;
	u32 seq = seq_at(r, from);

	lf = lcs_find_line_end(from, limit);
	if (folds(stream) && !is_blank((struct lcs_text){ from, limit }))
		while (limit - lf > 1 && (lf[1] == ' ' || lf[1] == '\t'))
			lf = lcs_find_line_end(lf + 1, limit);
	else if (lf < limit)
		ends = true;
	if (lf < limit && (ends || limit - lf > 1)) {
		advance(r, lf + 1);
		finish_line(r, from, r->at, seq);
	} else if (unwanted(stream, (struct lcs_text){ from, limit })) {
		stream->skip_line = lf == limit && !ends;
		advance(r, limit);
	} else if (keep(r, limit)) {
		stream->line_ended = lf < limit;
		if (ends)
			finish_kept(r);
	}
}

static void read_line(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;

	if (stream->skip_line)
		skip_line(r);
	else if (stream->line_len)
		continue_line(r);
	else if (!common_lines(r))
		fresh_line(r);
	if (in_body(stream) && !stream->body_left && !stream->line_len)
		end_body(r);
}

/*
 * Between messages: line ends are keep-alives (RFC 3261 7.5, RFC 5626 3.5.1).
 * Return: false where nothing else is at hand.
 */
static bool read_idle(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;

	while (r->at < r->end && (*r->at == '\r' || *r->at == '\n'))
		r->at++;
	if (r->at == r->end)
		return false;
	stream->msg = (struct lcs_message){
		.seq = seq_at(r, r->at),
		.expires = LCS_ABSENT,
	};
	stream->state = LCS_START_LINE;
	return true;
}

static void skip_body(struct lcs_reader *r)
{
	struct lcs_stream *stream = r->stream;

	advance(r, line_limit(r));
	if (!stream->body_left)
		end_message(r);
}

/**
 * lcs_stream_read() - read the next bytes of the stream
 * @stream: the stream
 * @sink: is told what they say
 * @ctx: the sink's own
 * @data: the bytes, the first of which has sequence number stream->next
 * @len: how many
 *
 * One pass over each byte that is read; a body that nobody reads costs a constant. Any
 * segmentation of the same bytes gives the same reports.
 */
void lcs_stream_read(struct lcs_stream *stream, const struct lcs_sink *sink, void *ctx,
		     const u8 *data, u32 len)
{
	struct lcs_reader r;

	if (stream->state == LCS_BODY_SKIPPED && len < stream->body_left) {
		stream->body_left -= len;
		stream->next += len;
		return;
	}
	if (lcs_stream_keep_alive(stream, data, len))
		return;
	r = (struct lcs_reader){
		.stream = stream,
		.sink = sink,
		.ctx = ctx,
		.at = data,
		.end = data + len,
		.end_seq = stream->next + len,
	};
	while (r.at < r.end && stream->state != LCS_GIVEN_UP) {
		if (stream->state == LCS_IDLE && !read_idle(&r))
			break;
		if (stream->state == LCS_BODY_SKIPPED)
			skip_body(&r);
		else
			read_line(&r);
	}
	if (stream->state == LCS_GIVEN_UP) {
		lcs_stream_release(stream, sink, ctx);
		stream->skip_line = 0;
	}
	stream->next = r.end_seq;
}
EXPORT_SYMBOL_GPL(lcs_stream_read);

/**
 * lcs_stream_skip_to() - go on behind a gap that nobody needs to read
 * @stream: the stream
 * @seq: sequence number to go on at, beyond stream->next
 *
 * Where the gap ends with the message, the next lcs_stream_read() reports that end.
 *
 * Return: false, and nothing changed, where a byte of the gap is needed.
 */
bool lcs_stream_skip_to(struct lcs_stream *stream, u32 seq)
{
	u32 gap = seq - stream->next;

	if (stream->state == LCS_GIVEN_UP) {
		stream->next = seq;
		return true;
	}
	if (stream->state != LCS_BODY_SKIPPED || gap > stream->body_left)
		return false;
	stream->body_left -= gap;
	stream->next = seq;
	return true;
}
EXPORT_SYMBOL_GPL(lcs_stream_skip_to);
