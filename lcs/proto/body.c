// SPDX-License-Identifier: GPL-2.0
/*
 * Message bodies: which are read, and multipart bodies (RFC 2046 5.1). An SDP is an SDP only where
 * the type of the body, or of the part, says application/sdp.
 */
#include <lcs/body.h>
#include <lcs/uri.h>

/* RFC 2046 5.1.1 */
#define LCS_BOUNDARY_MAX	70

/* FNV-1a; unlike lcs_hash_lower() with regard to case. */
static u32 hash_exact(struct lcs_text text)
{
	u32 hash = 2166136261u;

	for (; text.at < text.end; text.at++)
		hash = (hash ^ *text.at) * 16777619u;
	return hash;
}

/**
 * lcs_multipart_begin() - the message has a multipart body
 * @stream: the stream, in the header block
 * @boundary: the boundary parameter, without quotes
 *
 * Only a hash and the length are kept: a sender who makes two delimiters collide fools itself.
 */
void lcs_multipart_begin(struct lcs_stream *stream, struct lcs_text boundary)
{
	u32 len = lcs_text_len(boundary);

	if (!len || len > LCS_BOUNDARY_MAX)
		return;
	stream->msg.body = LCS_BODY_MULTIPART;
	stream->boundary_len = len;
	stream->boundary_hash = hash_exact(boundary);
}

/**
 * lcs_body_begin() - begin to read a body that is wanted
 * @stream: the stream; its header block has just ended
 *
 * Return: the state that the first byte of the body is read in.
 */
enum lcs_state lcs_body_begin(struct lcs_stream *stream)
{
	memset(&stream->body, 0, sizeof(stream->body));
	stream->part_sdp = 0;
	stream->part_fallback = 0;
	switch (stream->msg.body) {
	case LCS_BODY_SDP:
		return LCS_BODY_SDP_LINE;
	case LCS_BODY_INVITATION:
		return LCS_BODY_INVITATION_LINE;
	case LCS_BODY_MULTIPART:
		return LCS_BODY_PREAMBLE;
	}
	return LCS_BODY_SKIPPED;
}

enum part_header {
	PART_OTHER,
	PART_DISPOSITION,
	PART_LENGTH,
	PART_TYPE,
};

static enum part_header find_part_header(struct lcs_text name)
{
	if (lcs_text_is(name, "content-type"))
		return PART_TYPE;
	if (lcs_text_is(name, "content-disposition"))
		return PART_DISPOSITION;
	return lcs_text_is(name, "content-length") ? PART_LENGTH : PART_OTHER;
}

static enum lcs_interest part_interest(struct lcs_text text)
{
	struct lcs_text name;

	if (*text.at == '\r' || *text.at == '\n')
		return LCS_WANTED;
	name = lcs_header_name(&text);
	if (lcs_text_len(name) > strlen("content-disposition"))
		return LCS_UNWANTED;
	if (text.at == text.end)
		return LCS_UNSURE;
	return find_part_header(name) == PART_OTHER ? LCS_UNWANTED : LCS_WANTED;
}

static enum lcs_interest delimiter_interest(struct lcs_text text)
{
	if (*text.at != '-')
		return LCS_UNWANTED;
	if (lcs_text_len(text) < 2)
		return LCS_UNSURE;
	return text.at[1] == '-' ? LCS_WANTED : LCS_UNWANTED;
}

/**
 * lcs_body_interest() - is a body line one of those that are read
 * @stream: the stream, in a body
 * @text: what is there of the line, at least a byte
 *
 * Return: whether the line is wanted, as far as can be told yet.
 */
enum lcs_interest lcs_body_interest(const struct lcs_stream *stream, struct lcs_text text)
{
	enum lcs_interest interest;

	switch (stream->state) {
	case LCS_BODY_SDP_LINE:
		return lcs_sdp_interest(text);
	case LCS_BODY_INVITATION_LINE:
		return lcs_invitation_interest(text);
	}
	interest = delimiter_interest(text);
	if (interest != LCS_UNWANTED)
		return interest;
	if (stream->state == LCS_BODY_PART_SDP)
		return lcs_sdp_interest(text);
	if (stream->state == LCS_BODY_PART_HEADER)
		return part_interest(text);
	return LCS_UNWANTED;
}

enum delimiter {
	NO_DELIMITER,
	NEXT_PART,
	LAST_PART,
};

static enum delimiter read_delimiter(const struct lcs_stream *stream, struct lcs_text text)
{
	struct lcs_text boundary;

	/* Nothing stands before it in its line; white space may follow it (RFC 2046 5.1.1). */
	while (text.end > text.at && lcs_is_lws(text.end[-1]))
		text.end--;
	if (lcs_text_len(text) < 2u + stream->boundary_len || !lcs_text_begins(text, "--"))
		return NO_DELIMITER;
	boundary.at = text.at + 2;
	boundary.end = boundary.at + stream->boundary_len;
	if (hash_exact(boundary) != stream->boundary_hash)
		return NO_DELIMITER;
	text.at = boundary.end;
	if (text.at == text.end)
		return NEXT_PART;
	return lcs_text_is(text, "--") ? LAST_PART : NO_DELIMITER;
}

/* [MS-SDPEXT]: the part that OCS 2007 clients take; its SDP may be a stub */
static bool is_fallback(struct lcs_text params)
{
	while (lcs_next_param(&params))
		if (lcs_is_param(&params, ';', "ms-proxy-2007fallback"))
			return true;
		else if (!lcs_skip_param(&params, ';'))
			return false;
	return false;
}

static void part_header(struct lcs_stream *stream, const struct lcs_line *line)
{
	struct lcs_text text = line->text, params;
	enum part_header header;

	if (text.at == text.end) {
		memset(&stream->body, 0, sizeof(stream->body));
		stream->state = stream->part_sdp ? LCS_BODY_PART_SDP : LCS_BODY_PREAMBLE;
		return;
	}
	header = find_part_header(lcs_header_name(&text));
	lcs_skip_lws(&text);
	if (text.at == text.end || *text.at++ != ':')
		return;
	params = (struct lcs_text){ lcs_find_byte(text.at, text.end, ';'), text.end };
	text.end = params.at;
	lcs_trim(&text);
	switch (header) {
	case PART_DISPOSITION:
		stream->part_fallback = is_fallback(params);
		break;
	case PART_LENGTH:
		stream->msg.flags |= LCS_MSG_PART_LENGTH;
		break;
	case PART_TYPE:
		stream->part_sdp = lcs_text_is(text, "application/sdp");
		break;
	case PART_OTHER:
		break;
	}
}

static void multipart_line(struct lcs_reader *reader, const struct lcs_line *line)
{
	struct lcs_stream *stream = reader->stream;
	enum delimiter delimiter = read_delimiter(stream, line->text);

	if (delimiter != NO_DELIMITER) {
		if (stream->state == LCS_BODY_PART_SDP)
			lcs_sdp_end(reader);
		if (stream->state == LCS_GIVEN_UP)
			return;
		stream->part_sdp = 0;
		stream->part_fallback = 0;
		stream->state = delimiter == NEXT_PART ? LCS_BODY_PART_HEADER : LCS_BODY_SKIPPED;
	} else if (stream->state == LCS_BODY_PART_SDP) {
		lcs_sdp_line(reader, line);
	} else if (stream->state == LCS_BODY_PART_HEADER) {
		part_header(stream, line);
	}
}

/**
 * lcs_body_line() - read a line of a body
 * @reader: the stream is in one of the states of a body that is read
 * @line: the line
 */
void lcs_body_line(struct lcs_reader *reader, const struct lcs_line *line)
{
	switch (reader->stream->state) {
	case LCS_BODY_SDP_LINE:
		lcs_sdp_line(reader, line);
		break;
	case LCS_BODY_INVITATION_LINE:
		lcs_invitation_line(reader, line);
		break;
	default:
		multipart_line(reader, line);
		break;
	}
}

/**
 * lcs_body_end() - the last byte of a body was read
 * @reader: reports what its lines leave open
 */
void lcs_body_end(struct lcs_reader *reader)
{
	switch (reader->stream->state) {
	case LCS_BODY_SDP_LINE:
	case LCS_BODY_PART_SDP:
		lcs_sdp_end(reader);
		break;
	case LCS_BODY_INVITATION_LINE:
		lcs_invitation_end(reader);
		break;
	}
}
