/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sequence-space engine decided, carried out on a packet.
 */
#ifndef _LCS_PACKET_H
#define _LCS_PACKET_H

#include <lcs/nat.h>

bool lcs_packet_is_ack(const struct lcs_segment *seg, struct lcs_tcp *tcp);
bool lcs_packet_shift(const struct lcs_segment *seg, const struct lcs_tcp *tcp);
bool lcs_packet_view(const struct lcs_segment *seg, struct lcs_relay *relay);
bool lcs_packet_apply(const struct lcs_segment *seg, struct lcs_relay *relay, u16 largest);

#endif /* _LCS_PACKET_H */
