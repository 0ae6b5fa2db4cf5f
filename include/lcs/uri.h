/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIP URIs (RFC 3261 19.1) and the list of them in a Contact header (RFC 3261 20.10).
 */
#ifndef _LCS_URI_H
#define _LCS_URI_H

#include <lcs/stream.h>

/*
 * Parameters ";name=value" are read by lcs_next_param(), which stands on the next name, then either
 * lcs_is_param() and lcs_take_value(), or lcs_skip_param(). @stop is what else than a semicolon
 * ends one: '?' before the headers of a URI, ',' before the next Contact, or ';' for nothing else.
 */

/**
 * lcs_next_param() - step to the next parameter
 * @text: begins at its semicolon, or at white space before that; moved to its name
 *
 * Return: false where no parameter follows.
 */
static __always_inline bool lcs_next_param(struct lcs_text *text)
{
	lcs_skip_lws(text);
	if (text->at == text->end || *text->at != ';')
		return false;
	text->at++;
	lcs_skip_lws(text);
	return true;
}

/**
 * lcs_is_param() - is this the name of the parameter
 * @text: stands on the name; where it is this one, moved behind it
 * @stop: what ends a parameter
 * @lower: the name, as for lcs_text_is()
 *
 * Return: true where it is.
 */
static __always_inline bool lcs_is_param(struct lcs_text *text, u8 stop, const char *lower)
{
	struct lcs_text rest = { text->at + __builtin_strlen(lower), text->end };

	if (!lcs_text_begins(*text, lower))
		return false;
	lcs_skip_lws(&rest);
	if (rest.at < rest.end && *rest.at != '=' && *rest.at != ';' && *rest.at != stop)
		return false;
	text->at = rest.at;
	return true;
}

const u8 *lcs_value_end(struct lcs_text text, u8 stop);

/**
 * lcs_take_value() - take the value of a parameter
 * @text: stands behind the name; moved behind the value
 * @stop: what ends a parameter
 * @value: the value without its quotes; empty where there is none
 *
 * Return: false for a quoted value that does not end; @value is empty then.
 */
static __always_inline bool lcs_take_value(struct lcs_text *text, u8 stop, struct lcs_text *value)
{
	const u8 *end;

	*value = (struct lcs_text){ text->at, text->at };
	if (text->at == text->end || *text->at != '=')
		return true;
	text->at++;
	lcs_skip_lws(text);
	if (text->at < text->end && *text->at == '"') {
		end = lcs_skip_quoted(text->at, text->end);
		if (!end)
			return false;
		*value = (struct lcs_text){ text->at + 1, end - 1 };
	} else {
		end = lcs_value_end(*text, stop);
		*value = (struct lcs_text){ text->at, end };
		lcs_trim_end(value);
	}
	text->at = end;
	return true;
}

/**
 * lcs_skip_param() - step over a parameter
 * @text: stands on its name; moved behind its value
 * @stop: what ends a parameter
 *
 * Return: false for a quoted value that does not end.
 */
static __always_inline bool lcs_skip_param(struct lcs_text *text, u8 stop)
{
	const u8 *at = lcs_find(text->at, text->end, (struct lcs_sought){ ';', '"', stop, 0 });

	if (at < text->end && *at == '"')
		at = lcs_skip_quoted(at, text->end);
	if (at)
		text->at = at;
	return at;
}

bool lcs_uri_read(struct lcs_text uri, const struct lcs_line *line, struct lcs_endpoint *ep);
void lcs_contact_read(struct lcs_reader *reader, const struct lcs_line *line,
		      struct lcs_text value);

#endif /* _LCS_URI_H */
