/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIP start lines and header lines (RFC 3261 7): to the facts of a message, and to endpoints.
 */
#ifndef _LCS_SIP_H
#define _LCS_SIP_H

#include <lcs/stream.h>

enum lcs_interest lcs_sip_start_interest(struct lcs_text text);
enum lcs_interest lcs_sip_interest(struct lcs_text text);
struct lcs_text lcs_header_name(struct lcs_text *text);
bool lcs_sip_start(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_header(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sip_long_header(struct lcs_stream *stream, struct lcs_text text);
bool lcs_param(struct lcs_text params, const char *lower, struct lcs_text *value);

#endif /* _LCS_SIP_H */
