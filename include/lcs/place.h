/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Outside addresses and ports, and the connections that come or go through them.
 */
#ifndef _LCS_PLACE_H
#define _LCS_PLACE_H

#include <lcs/nat.h>

int lcs_place(const struct lcs_conn *conn, struct lcs_pinhole *row);
void lcs_lead_in(const struct lcs_pinhole *row, struct nf_conntrack_expect *exp);
void lcs_lead_out(const struct lcs_pinhole *row, struct nf_conntrack_expect *exp);
void lcs_children_init(void);
void lcs_children_exit(void);

#endif /* _LCS_PLACE_H */
