/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP segment being looked at.
 */
#ifndef _LCS_SEGMENT_H
#define _LCS_SEGMENT_H

#include <linux/skbuff.h>

#include <lcs/conn.h>

/**
 * struct lcs_segment - a TCP segment being looked at
 * @skb: the packet
 * @protoff: where its TCP header begins
 * @dataoff: where its payload begins
 * @seq: sequence number of its first payload byte, host byte order
 * @len: bytes of payload
 * @dir: its direction
 */
struct lcs_segment {
	struct sk_buff *skb;
	unsigned int protoff;
	unsigned int dataoff;
	u32 seq;
	u32 len;
	u8 dir;
};

void lcs_segment_read(struct lcs_conn *conn, const struct lcs_segment *seg, u32 offset, u32 len);

#endif /* _LCS_SEGMENT_H */
