/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long what was read must wait: the bytes of a stream that may still be replaced.
 */
#ifndef _LCS_HOLD_H
#define _LCS_HOLD_H

#include <lcs/edit.h>
#include <lcs/stream.h>

u32 lcs_hold_max(const struct lcs_edit *edit);
u32 lcs_hold_from(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx,
		  const struct lcs_stream *stream);
enum lcs_edit_result lcs_hold_body(struct lcs_edit *edit, const struct lcs_stream *stream);
enum lcs_edit_result lcs_hold_message(struct lcs_edit *edit, const struct lcs_edit_ops *ops,
				      void *ctx, const struct lcs_stream *stream);

#endif /* _LCS_HOLD_H */
