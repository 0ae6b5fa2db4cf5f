/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections whose beginning was not seen.
 */
#ifndef _LCS_LOOSE_H
#define _LCS_LOOSE_H

#include <linux/skbuff.h>

bool lcs_begins_message(const struct sk_buff *skb, unsigned int dataoff);

#endif /* _LCS_LOOSE_H */
