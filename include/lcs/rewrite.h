/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which addresses and ports in the text become what.
 */
#ifndef _LCS_REWRITE_H
#define _LCS_REWRITE_H

#include <lcs/nat.h>

/**
 * struct lcs_work - what the engine's callbacks work on
 * @conn: the connection
 * @seg: the segment at hand, %NULL outside of one
 */
struct lcs_work {
	struct lcs_conn *conn;
	const struct lcs_segment *seg;
};

extern const struct lcs_edit_ops lcs_edit_ops;

void lcs_rewrite_endpoint(struct lcs_conn *conn, u8 dir, const struct lcs_endpoint *ep,
			  const struct lcs_pinhole *row);
void lcs_rewrite_headers(struct lcs_conn *conn, u8 dir, bool wanted);
bool lcs_rewrite_message(struct lcs_conn *conn, u8 dir);
void lcs_count_unchanged(struct lcs_conn *conn, enum lcs_edit_result why);

#endif /* _LCS_REWRITE_H */
