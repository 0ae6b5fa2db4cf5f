/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shadows: the kernel expectations that stand for a row of the pinhole table.
 */
#ifndef _LCS_SHADOW_H
#define _LCS_SHADOW_H

#include <lcs/pinhole.h>

int lcs_shadow_cast(struct lcs_pinhole *row, const union nf_inet_addr *from);
int lcs_shadow_cast_out(struct lcs_pinhole *row, const union nf_inet_addr *to, __be16 port);
bool lcs_shadow_live(const struct lcs_pinhole *row);
bool lcs_shadow_lasts(struct lcs_pinhole *row, u32 seconds, bool activate);
void lcs_shadow_unlink(struct lcs_pinhole *row);
void lcs_shadow_put(struct lcs_pinhole *row);
void lcs_shadow_drop(struct lcs_pinhole *row);
void lcs_shadows_end(void);

#endif /* _LCS_SHADOW_H */
