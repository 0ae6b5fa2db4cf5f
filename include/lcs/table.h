/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of pinholes: which of them leads to an inside address and port, or has an outside one.
 */
#ifndef _LCS_TABLE_H
#define _LCS_TABLE_H

#include <lcs/pinhole.h>

/* No address, where one would say who alone may come. */
static inline bool lcs_is_any(const union nf_inet_addr *addr)
{
	static const union nf_inet_addr any;

	return nf_inet_addr_cmp(addr, &any);
}

struct lcs_pinhole *lcs_table_inside(const struct lcs_net *lnet, const struct lcs_key *key);
struct lcs_pinhole *lcs_table_outside(const struct lcs_net *lnet, const struct lcs_key *key);
bool lcs_table_has_place(const struct lcs_pinhole *row, const struct lcs_key *place);
void lcs_table_enter(struct lcs_pinhole *row);
void lcs_table_remove(struct lcs_pinhole *row);
int lcs_table_init(void);
void lcs_table_exit(void);

#endif /* _LCS_TABLE_H */
