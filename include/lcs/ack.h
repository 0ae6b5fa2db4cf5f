/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Acknowledgments, windows and SACK blocks of a receiver in the sender's sequence space.
 */
#ifndef _LCS_ACK_H
#define _LCS_ACK_H

#include <lcs/relay.h>

bool lcs_ack_translate(struct lcs_relay *relay);
u32 lcs_ack_bare(const struct lcs_edit *edit, u32 seq);
u32 lcs_ack_reset(const struct lcs_edit *edit, u32 seq);

#endif /* _LCS_ACK_H */
