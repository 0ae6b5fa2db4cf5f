/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIP start lines and header lines (RFC 3261 7): to the facts of a message, and to endpoints.
 */
#ifndef _LCS_SIP_H
#define _LCS_SIP_H

#include <lcs/stream.h>

/*
 * Can a header line that begins so be one that is read? Those are: an empty one, and the names,
 * long and compact, of Call-ID (c, i), Contact (c, m), Content-Encoding (c, e), Content-Length
 * (c, l), Content-Type (c), CSeq (c), Expires (e) and To (t).
 */
static inline bool lcs_header_may_begin(u8 c)
{
	const u32 letters = 1 << ('c' - 'a') | 1 << ('e' - 'a') | 1 << ('i' - 'a') |
			    1 << ('l' - 'a') | 1 << ('m' - 'a') | 1 << ('t' - 'a');
	u8 letter = (c | 0x20) - 'a';

	return letter < 26 ? letters >> letter & 1 : c == '\r' || c == '\n';
}

enum lcs_interest lcs_sip_start_interest(struct lcs_text text);
enum lcs_interest lcs_sip_interest(struct lcs_text text);
struct lcs_text lcs_header_name(struct lcs_text *text);
bool lcs_sip_start(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_header(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_long_header(struct lcs_stream *stream, struct lcs_text text);
bool lcs_param(struct lcs_text params, const char *lower, struct lcs_text *value);

#endif /* _LCS_SIP_H */
