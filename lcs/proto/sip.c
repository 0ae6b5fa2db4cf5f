// SPDX-License-Identifier: GPL-2.0
/*
 * SIP start lines and header lines: to the facts of a message, and to endpoints. Names of headers
 * come in any case, in compact form and with white space before the colon (RFC 3261 7.3.1, 7.3.3);
 * their order decides nothing.
 */
#include <lcs/body.h>
#include <lcs/uri.h>

/* RFC 4475 3.1.1.2 shows a method of 44 bytes; a longer token than this is no SIP. */
#define LCS_METHOD_MAX	60

enum lcs_header {
	LCS_HDR_NONE,
	LCS_HDR_CALL_ID,
	LCS_HDR_CONTACT,
	LCS_HDR_CONTENT_ENCODING,
	LCS_HDR_CONTENT_LENGTH,
	LCS_HDR_CONTENT_TYPE,
	LCS_HDR_CSEQ,
	LCS_HDR_EXPIRES,
	LCS_HDR_TO,
};

/* Methods compare case-sensitively (RFC 3261 7.1). */
static __always_inline bool is_method(struct lcs_text text, const char *name)
{
	return !memcmp(text.at, name, __builtin_strlen(name));
}

static enum lcs_method read_method(struct lcs_text text)
{
	switch (lcs_text_len(text)) {
	case 3:
		if (is_method(text, "ACK"))
			return LCS_METHOD_ACK;
		if (is_method(text, "BYE"))
			return LCS_METHOD_BYE;
		break;
	case 4:
		if (is_method(text, "INFO"))
			return LCS_METHOD_INFO;
		break;
	case 5:
		if (is_method(text, "PRACK"))
			return LCS_METHOD_PRACK;
		if (is_method(text, "REFER"))
			return LCS_METHOD_REFER;
		break;
	case 6:
		if (is_method(text, "CANCEL"))
			return LCS_METHOD_CANCEL;
		if (is_method(text, "INVITE"))
			return LCS_METHOD_INVITE;
		if (is_method(text, "NOTIFY"))
			return LCS_METHOD_NOTIFY;
		if (is_method(text, "UPDATE"))
			return LCS_METHOD_UPDATE;
		break;
	case 7:
		if (is_method(text, "MESSAGE"))
			return LCS_METHOD_MESSAGE;
		if (is_method(text, "OPTIONS"))
			return LCS_METHOD_OPTIONS;
		if (is_method(text, "SERVICE"))
			return LCS_METHOD_SERVICE;
		break;
	case 8:
		if (is_method(text, "BENOTIFY"))
			return LCS_METHOD_BENOTIFY;
		if (is_method(text, "REGISTER"))
			return LCS_METHOD_REGISTER;
		break;
	case 9:
		if (is_method(text, "NEGOTIATE"))
			return LCS_METHOD_NEGOTIATE;
		if (is_method(text, "SUBSCRIBE"))
			return LCS_METHOD_SUBSCRIBE;
		break;
	}
	return LCS_METHOD_OTHER;
}

/* token of RFC 3261 25.1, of which a method consists */
static bool is_token(u8 c)
{
	if ((u8)((c | 0x20) - 'a') < 26 || lcs_is_digit(c))
		return true;
	switch (c) {
	case '-':
	case '.':
	case '!':
	case '%':
	case '*':
	case '_':
	case '+':
	case '`':
	case '\'':
	case '~':
		return true;
	}
	return false;
}

/* The method at the head of a request line; empty where there is none. */
static struct lcs_text take_method(struct lcs_text *text)
{
	struct lcs_text method = { text->at, text->at };

	while (method.end < text->end && is_token(*method.end) &&
	       method.end - method.at <= LCS_METHOD_MAX)
		method.end++;
	text->at = method.end;
	return method;
}

/*
 * The same of a whole line: the method and the blank behind it are taken off.
 * Return: false where there is none.
 */
static bool read_method_of(struct lcs_text *text, u8 *method)
{
	const struct lcs_sought blank = { ' ', ' ', ' ', 0 };
	struct lcs_text name = { text->at, lcs_find(text->at, text->end, blank) };

	*method = read_method(name);
	if (*method == LCS_METHOD_OTHER) {
		name = take_method(text);
		if (name.end == name.at || lcs_text_len(name) > LCS_METHOD_MAX)
			return false;
	}
	text->at = name.end;
	return text->at < text->end && *text->at == ' ';
}

/**
 * lcs_sip_start_interest() - can a text be the beginning of a start line
 * @text: what is there of the line
 *
 * Return: LCS_UNWANTED where it cannot.
 */
enum lcs_interest lcs_sip_start_interest(struct lcs_text text)
{
	struct lcs_text method;

	if (lcs_text_begins(text, "sip/"))
		return LCS_WANTED;
	method = take_method(&text);
	if (lcs_text_len(method) > LCS_METHOD_MAX)
		return LCS_UNWANTED;
	if (text.at == text.end)
		return LCS_UNSURE;
	if (*text.at == ' ' && method.end > method.at)
		return LCS_WANTED;
	/* "SIP" of a status line, cut before its slash, is a token and came out as unsure above */
	return LCS_UNWANTED;
}

/* "SIP/2.0 200 OK": the version compares case-insensitively (RFC 3261 7.1). */
static bool read_status_line(struct lcs_stream *stream, struct lcs_text text)
{
	struct lcs_text code;
	u32 status;

	text.at += strlen("sip/2.0 ");
	code = lcs_take_word(&text);
	if (lcs_text_len(code) != 3 || !lcs_read_number(code, 699, &status) || status < 100)
		return false;
	stream->msg.status = status;
	stream->msg.flags |= LCS_MSG_RESPONSE;
	return true;
}

/*
 * A host that begins with a letter is a name, and without a parameter there is no maddr either. The
 * URI begins with the blank before it.
 */
static __always_inline bool names_no_address(struct lcs_text uri)
{
	const struct lcs_sought what = { '@', ';', ';', 0 };
	const u8 *host = uri.at + strlen(" sip:");

	return host < uri.end && lcs_same_4(uri.at + 1, "sip:") &&
	       (u8)((*host | 0x20) - 'a') < 26 && lcs_find(host, uri.end, what) == uri.end;
}

static noinline void read_request_uri(struct lcs_reader *reader, const struct lcs_line *line,
				      struct lcs_text uri)
{
	struct lcs_endpoint ep = { .kind = LCS_REQUEST_URI,
				   .proto = IPPROTO_TCP,
				   .expires = LCS_ABSENT };

	if (lcs_uri_read(uri, line, &ep) && ep.addr.family)
		lcs_report(reader, &ep);
}

/**
 * lcs_sip_start() - read a start line
 * @reader: reports an LCS_REQUEST_URI where the Request-URI of a request names an address
 * @line: the line
 *
 * Return: false where it is neither a request line nor a status line of SIP 2.0.
 */
bool lcs_sip_start(struct lcs_reader *reader, const struct lcs_line *line)
{
	static const char version[] = " sip/2.0";
	struct lcs_stream *stream = reader->stream;
	struct lcs_text text = line->text, tail;
	u8 method;

	if (lcs_text_begins(text, "sip/2.0 "))
		return read_status_line(stream, text);
	if (!read_method_of(&text, &method))
		return false;
	lcs_trim_end(&text);
	if (lcs_text_len(text) <= sizeof(version))
		return false;
	tail = (struct lcs_text){ text.end - (sizeof(version) - 1), text.end };
	if (!lcs_text_is(tail, version))
		return false;
	text.end = tail.at;
	stream->msg.method = method;
	if (!names_no_address(text))
		read_request_uri(reader, line, text);
	return true;
}

/**
 * lcs_header_name() - take the name off a header line
 * @text: the line; what is left of it begins behind the name
 *
 * Return: the name, without the white space that may stand before the colon.
 */
struct lcs_text lcs_header_name(struct lcs_text *text)
{
	struct lcs_text name = { text->at, text->at };

	while (name.end < text->end && *name.end != ':' && !lcs_is_lws(*name.end))
		name.end++;
	text->at = name.end;
	return name;
}

/*
 * Take a header's name and colon off a line, where it is this header. White space may stand before
 * the colon.
 */
static __always_inline bool take_name(struct lcs_text *text, const char *lower)
{
	struct lcs_text rest = { text->at + __builtin_strlen(lower), text->end };

	if (!lcs_text_begins(*text, lower))
		return false;
	if (rest.at < rest.end && *rest.at != ':')
		lcs_skip_lws(&rest);
	if (rest.at == rest.end || *rest.at != ':')
		return false;
	text->at = rest.at + 1;
	return true;
}

/* Take the name and colon off a header line; what remains of any other line does not matter. */
static __always_inline enum lcs_header take_header(struct lcs_text *text)
{
	u8 first = *text->at | 0x20;

	if (first == 'c') {
		if (take_name(text, "cseq"))
			return LCS_HDR_CSEQ;
		if (take_name(text, "call-id"))
			return LCS_HDR_CALL_ID;
		if (take_name(text, "contact"))
			return LCS_HDR_CONTACT;
		if (take_name(text, "content-length"))
			return LCS_HDR_CONTENT_LENGTH;
		if (take_name(text, "content-type") || take_name(text, "c"))
			return LCS_HDR_CONTENT_TYPE;
		if (take_name(text, "content-encoding"))
			return LCS_HDR_CONTENT_ENCODING;
		return LCS_HDR_NONE;
	}
	if (first == 't' && (take_name(text, "to") || take_name(text, "t")))
		return LCS_HDR_TO;
	if (first == 'e') {
		if (take_name(text, "expires"))
			return LCS_HDR_EXPIRES;
		if (take_name(text, "e"))
			return LCS_HDR_CONTENT_ENCODING;
	}
	if (take_name(text, "i"))
		return LCS_HDR_CALL_ID;
	if (take_name(text, "l"))
		return LCS_HDR_CONTENT_LENGTH;
	return take_name(text, "m") ? LCS_HDR_CONTACT : LCS_HDR_NONE;
}

/* The header of a line of which perhaps only the name is there. */
static enum lcs_header name_header(struct lcs_text text)
{
	u8 bytes[20] = { 0 };
	struct lcs_text name = lcs_header_name(&text), line = { bytes, bytes };

	if (lcs_text_len(name) > strlen("content-encoding"))
		return LCS_HDR_NONE;
	memcpy(bytes, name.at, lcs_text_len(name));
	bytes[lcs_text_len(name)] = ':';
	line.end += lcs_text_len(name) + 1;
	return take_header(&line);
}

/**
 * lcs_sip_interest() - is a header line one of those that are read
 * @text: what is there of the line
 *
 * Return: whether the line is wanted, as far as can be told yet.
 */
enum lcs_interest lcs_sip_interest(struct lcs_text text)
{
	struct lcs_text line = text, name;

	if (lcs_text_len(text) >= 2 && !lcs_header_may_begin(text.at))
		return LCS_UNWANTED;
	if (*text.at == '\r' || *text.at == '\n')
		return LCS_WANTED;
	name = lcs_header_name(&text);
	if (lcs_text_len(name) > strlen("content-encoding"))
		return LCS_UNWANTED;
	if (text.at == text.end)
		return LCS_UNSURE;
	return name_header(line) == LCS_HDR_NONE ? LCS_UNWANTED : LCS_WANTED;
}

/* A header that may come once came again: it must say the same. */
static void once(struct lcs_message *msg, u16 flag, bool same)
{
	if ((msg->flags & flag) && !same)
		msg->flags |= LCS_MSG_UNREADABLE;
	msg->flags |= flag;
}

static noinline void read_cseq(struct lcs_message *msg, struct lcs_text value)
{
	struct lcs_text number = lcs_take_word(&value), word = lcs_take_word(&value);
	enum lcs_method method;
	u32 cseq;

	if (!lcs_read_number(number, LCS_ABSENT, &cseq) || word.at == word.end) {
		msg->flags |= LCS_MSG_UNREADABLE;
		return;
	}
	method = read_method(word);
	/*
	 * The method of a request stands in its start line too, and must be the same (RFC
	 * 3261 8.1.1.5).
	 */
	once(msg, LCS_MSG_HAS_CSEQ, msg->cseq == cseq && msg->method == method);
	if (!lcs_is_response(msg) && msg->method != method)
		msg->flags |= LCS_MSG_UNREADABLE;
	msg->cseq = cseq;
	msg->method = method;
}

static noinline void read_expires(struct lcs_message *msg, struct lcs_text value)
{
	u32 expires;

	lcs_trim(&value);
	if (!lcs_read_number(value, LCS_ABSENT - 1, &expires) ||
	    (msg->expires != LCS_ABSENT && msg->expires != expires))
		msg->flags |= LCS_MSG_UNREADABLE;
	else
		msg->expires = expires;
}

static noinline void read_length(struct lcs_stream *stream, const struct lcs_line *line,
				 struct lcs_text value)
{
	struct lcs_message *msg = &stream->msg;
	u32 length;

	lcs_trim(&value);
	if (!lcs_read_number(value, LCS_ABSENT, &length) ||
	    ((msg->flags & LCS_MSG_HAS_LENGTH) && msg->length != length)) {
		lcs_stream_give_up(stream, LCS_BAD_LENGTH);
		return;
	}
	/* Written twice, one of them could not be corrected. */
	if (msg->flags & LCS_MSG_HAS_LENGTH)
		msg->flags |= LCS_MSG_PART_LENGTH;
	msg->flags |= LCS_MSG_HAS_LENGTH;
	msg->length = length;
	msg->length_at = lcs_range_of(line, value);
}

static void read_boundary(struct lcs_stream *stream, struct lcs_text params)
{
	struct lcs_text value;

	while (lcs_next_param(&params))
		if (lcs_is_param(&params, ';', "boundary")) {
			if (lcs_take_value(&params, ';', &value))
				lcs_multipart_begin(stream, value);
			return;
		} else if (!lcs_skip_param(&params, ';')) {
			return;
		}
}

static noinline void read_type(struct lcs_stream *stream, struct lcs_text value)
{
	struct lcs_message *msg = &stream->msg;
	struct lcs_text type;

	type = (struct lcs_text){ value.at, lcs_find_byte(value.at, value.end, ';') };
	value.at = type.end;
	lcs_trim(&type);
	msg->body = LCS_BODY_OTHER;
	if (msg->flags & LCS_MSG_HAS_TYPE) {
		msg->flags |= LCS_MSG_UNREADABLE;
		return;
	}
	msg->flags |= LCS_MSG_HAS_TYPE;
	if (lcs_text_is(type, "application/sdp"))
		msg->body = LCS_BODY_SDP;
	else if (lcs_text_is(type, "text/x-msmsgsinvite"))
		msg->body = LCS_BODY_INVITATION;
	else if (lcs_text_begins(type, "multipart/"))
		read_boundary(stream, value);
}

/* What follows a display name, quoted or not; %NULL for a quoted one that does not end. */
static noinline const u8 *skip_display_name(const u8 *at, const u8 *end)
{
	const struct lcs_sought what = { '<', ';', '"', 0 };

	at = lcs_find(at, end, what);
	while (at < end && *at == '"') {
		at = lcs_skip_quoted(at, end);
		if (!at)
			return NULL;
		at = lcs_find(at, end, what);
	}
	return at;
}

/* Does a To carry a tag? The parameters of a URI in brackets are not those of the header. */
static __always_inline bool has_tag(struct lcs_text value)
{
	const u8 *at;
	struct lcs_text tag;

	lcs_skip_lws(&value);
	at = value.at;
	if (at < value.end && *at != '<')
		at = skip_display_name(at, value.end);
	if (!at)
		return false;
	if (at < value.end && *at == '<')
		at = lcs_find_far(at, value.end, '>') + 1;
	if (at >= value.end)
		return false;
	value.at = at;
	while (lcs_next_param(&value))
		if (lcs_is_param(&value, ';', "tag"))
			return lcs_take_value(&value, ';', &tag) && tag.end > tag.at;
		else if (!lcs_skip_param(&value, ';'))
			return false;
	return false;
}

static noinline void read_to(struct lcs_message *msg, struct lcs_text value)
{
	if (has_tag(value))
		msg->flags |= LCS_MSG_TO_TAG;
}

static noinline void read_call_id(struct lcs_reader *reader, struct lcs_text value)
{
	struct lcs_message *msg = &reader->stream->msg;
	u64 hash;

	lcs_trim(&value);
	if (value.at == value.end)
		return;
	hash = reader->sink->hash(reader->ctx, value);
	once(msg, LCS_MSG_HAS_CALL_ID, msg->call_id == hash);
	msg->call_id = hash;
}

static noinline void read_encoding(struct lcs_message *msg, struct lcs_text value)
{
	lcs_trim(&value);
	if (value.at < value.end && !lcs_text_is(value, "identity"))
		msg->flags |= LCS_MSG_ENCODED;
}

/**
 * lcs_sip_header() - read a header line
 * @reader: reports an LCS_CONTACT for each binding of a Contact
 * @line: the line, not empty
 *
 * Sets stream->msg; may give the stream up when its framing cannot be told.
 */
void lcs_sip_header(struct lcs_reader *reader, const struct lcs_line *line)
{
	struct lcs_stream *stream = reader->stream;
	struct lcs_text text = line->text;

	switch (take_header(&text)) {
	case LCS_HDR_CALL_ID:
		read_call_id(reader, text);
		break;
	case LCS_HDR_CONTACT:
		lcs_contact_read(reader, line, text);
		break;
	case LCS_HDR_CONTENT_ENCODING:
		read_encoding(&stream->msg, text);
		break;
	case LCS_HDR_CONTENT_LENGTH:
		read_length(stream, line, text);
		break;
	case LCS_HDR_CONTENT_TYPE:
		read_type(stream, text);
		break;
	case LCS_HDR_CSEQ:
		read_cseq(&stream->msg, text);
		break;
	case LCS_HDR_EXPIRES:
		read_expires(&stream->msg, text);
		break;
	case LCS_HDR_TO:
		read_to(&stream->msg, text);
		break;
	case LCS_HDR_NONE:
		break;
	}
}

/**
 * lcs_sip_long_header() - a header line that is read turned out longer than LCS_LINE_MAX
 * @stream: opens nothing for this message; given up where the line was to tell the framing
 * @text: the beginning of the line
 */
void lcs_sip_long_header(struct lcs_stream *stream, struct lcs_text text)
{
	enum lcs_header header = name_header(text);

	stream->msg.flags |= LCS_MSG_UNREADABLE;
	if (header == LCS_HDR_CONTENT_LENGTH)
		lcs_stream_give_up(stream, LCS_BAD_LENGTH);
	else if (header == LCS_HDR_CONTENT_TYPE)
		stream->msg.flags |= LCS_MSG_HAS_TYPE;
}
