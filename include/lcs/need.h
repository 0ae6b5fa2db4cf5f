/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Needs: who needs a pinhole, and for how long. A row lives as long as anybody needs it.
 */
#ifndef _LCS_NEED_H
#define _LCS_NEED_H

#include <lcs/pinhole.h>

/* What a registration needs; dialogs have the others. */
static inline struct lcs_need *lcs_need_registration(struct lcs_pinhole *row)
{
	return &row->need[0];
}

bool lcs_need_lives(const struct lcs_need *need);
struct lcs_need *lcs_need_of(struct lcs_pinhole *row, u64 call_id);
struct lcs_need *lcs_need_pending(struct lcs_pinhole *row, const struct lcs_transaction *tr);
struct lcs_need *lcs_need_ask(struct lcs_pinhole *row, const struct lcs_transaction *cause);
void lcs_need_wait(struct lcs_pinhole *row, struct lcs_need *need, bool again);
void lcs_need_confirm(struct lcs_pinhole *row, struct lcs_need *need,
		      const struct lcs_transaction *tr, u32 seconds);
bool lcs_need_end(struct lcs_pinhole *row, struct lcs_need *need);

#endif /* _LCS_NEED_H */
