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
 * There are at least two bytes.
 */
static __always_inline bool lcs_header_may_begin(const u8 *at)
{
	const u32 long_names = LCS_LETTER('c') | LCS_LETTER('t') | LCS_LETTER('\n');
	const u32 names = long_names | LCS_LETTER('e') | LCS_LETTER('i') | LCS_LETTER('l') |
			  LCS_LETTER('m') | LCS_LETTER('\r');

	if (!(names >> (at[0] & 31) & 1))
		return false;
	/* behind a name of one letter come white space and a colon, behind a carriage return \n */
	return long_names >> (at[0] & 31) & 1 || at[1] <= ':' || (at[1] | 0x20) == 'x';
}

enum lcs_interest lcs_sip_start_interest(struct lcs_text text);
enum lcs_interest lcs_sip_interest(struct lcs_text text);
struct lcs_text lcs_header_name(struct lcs_text *text);
bool lcs_sip_start(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_header(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_long_header(struct lcs_stream *stream, struct lcs_text text);

#endif /* _LCS_SIP_H */
