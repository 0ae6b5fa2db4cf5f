/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Segments that must not go on as they are.
 */
#ifndef _LCS_PROBE_H
#define _LCS_PROBE_H

#include <linux/skbuff.h>
#include <linux/types.h>

bool lcs_is_jumbo(const struct sk_buff *skb);
bool lcs_make_probe(struct sk_buff *skb, unsigned int protoff, u32 seq, u8 byte);

#endif /* _LCS_PROBE_H */
