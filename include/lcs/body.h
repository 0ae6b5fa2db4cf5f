/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Message bodies: which of them are read, multipart bodies, and the end of each (RFC 2046 5.1).
 */
#ifndef _LCS_BODY_H
#define _LCS_BODY_H

#include <lcs/sip.h>

void lcs_multipart_begin(struct lcs_stream *stream, struct lcs_text boundary);
enum lcs_state lcs_body_begin(struct lcs_stream *stream);
enum lcs_interest lcs_body_interest(const struct lcs_stream *stream, struct lcs_text text);
void lcs_body_line(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_body_end(struct lcs_reader *reader);

#endif /* _LCS_BODY_H */
