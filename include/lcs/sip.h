/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIP start lines and header lines (RFC 3261 7): to the facts of a message, and to endpoints.
 */
#ifndef _LCS_SIP_H
#define _LCS_SIP_H

#include <lcs/stream.h>

/*
 * Can a header line that begins so be one that is read? Those are an empty one, and Call-ID (i),
 * Contact (m), Content-Encoding (e), Content-Length (l), Content-Type (c), CSeq, Expires, To (t).
 * @text has at least a byte; the second is looked at where it is there.
 */
static inline bool lcs_header_may_begin(struct lcs_text text)
{
	const u32 letters = 1 << ('c' - 'a') | 1 << ('e' - 'a') | 1 << ('i' - 'a') |
			    1 << ('l' - 'a') | 1 << ('m' - 'a') | 1 << ('t' - 'a');
	u8 first = *text.at | 0x20, letter = first - 'a', second;

	if (letter >= 26)
		return *text.at == '\r' || *text.at == '\n';
	if (!(letters >> letter & 1))
		return false;
	if (lcs_text_len(text) < 2)
		return true;
	second = text.at[1] | 0x20;
	if (text.at[1] == ':' || lcs_is_lws(text.at[1]))
		return true;
	return first == 'c' ? second == 'a' || second == 'o' || second == 's' :
	       first == 'e' ? second == 'x' : first == 't' && second == 'o';
}

enum lcs_interest lcs_sip_start_interest(struct lcs_text text);
enum lcs_interest lcs_sip_interest(struct lcs_text text);
struct lcs_text lcs_header_name(struct lcs_text *text);
bool lcs_sip_start(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_header(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_long_header(struct lcs_stream *stream, struct lcs_text text);

#endif /* _LCS_SIP_H */
