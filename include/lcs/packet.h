/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sequence-space engine decided, carried out on a packet. What most packets of an idle
 * connection need is inline.
 */
#ifndef _LCS_PACKET_H
#define _LCS_PACKET_H

#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/tcp.h>

#include <lcs/nat.h>

/* What a host takes where it does not say (RFC 1122 4.2.2.6, RFC 8200 5). */
#define LCS_MSS_V4	536
#define LCS_MSS_V6	1220

/* The fourth word of a TCP header (RFC 9293 3.1): ACK; data offset above, window below. */
#define LCS_TCPHDR_ACK	0x00100000
/* NOP, NOP and the head of the time stamp option. */
#define LCS_STAMPS	(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 | TCPOPT_TIMESTAMP << 8 | \
			 TCPOLEN_TIMESTAMP)

/**
 * lcs_packet_is_ack() - is a segment nothing but an acknowledgment
 * @seg: the segment
 * @numbers: gets its sequence and acknowledgment number and window
 *
 * Without payload, other flags and options, but for the time stamps that most packets carry as
 * RFC 7323 appendix A lays them out.
 */
static inline bool lcs_packet_is_ack(const struct lcs_segment *seg, struct lcs_numbers *numbers)
{
	const struct tcphdr *th = (void *)seg->skb->data + seg->protoff;
	const __be32 *options = (const __be32 *)(th + 1);
	__be32 kind;

	if (seg->len || seg->dataoff > skb_headlen(seg->skb))
		return false;
	kind = tcp_flag_word(th) & htonl(0xffff0000);
	if (kind != htonl(sizeof(*th) / 4 << 28 | LCS_TCPHDR_ACK) &&
	    (kind != htonl((sizeof(*th) + TCPOLEN_TSTAMP_ALIGNED) / 4 << 28 | LCS_TCPHDR_ACK) ||
	     *options != htonl(LCS_STAMPS)))
		return false;
	numbers->seq = seg->seq;
	numbers->ack = ntohl(th->ack_seq);
	numbers->window = ntohs(th->window);
	return true;
}

static inline __wsum lcs_packet_sum(__be32 seq, __be32 ack, __be16 window)
{
	return csum_add(csum_add((__force __wsum)seq, (__force __wsum)ack),
			(__force __wsum)window);
}

/**
 * lcs_packet_shift() - give an acknowledgment its numbers in the other space
 * @seg: the segment, lcs_packet_is_ack()
 * @numbers: the numbers
 *
 * Return: false where there is no memory; the packet must be dropped then.
 */
static inline bool lcs_packet_shift(const struct lcs_segment *seg,
				    const struct lcs_numbers *numbers)
{
	__be32 seq = htonl(numbers->seq), ack = htonl(numbers->ack);
	__be16 window = htons(numbers->window);
	struct sk_buff *skb = seg->skb;
	struct tcphdr *th;
	__wsum diff;

	/* The header lies in the linear part, which NAT has just written to in most cases. */
	if (skb_cloned(skb) && skb_ensure_writable(skb, seg->dataoff))
		return false;
	th = (void *)skb->data + seg->protoff;
	if (skb->ip_summed != CHECKSUM_PARTIAL) {
		diff = csum_sub(lcs_packet_sum(seq, ack, window),
				lcs_packet_sum(th->seq, th->ack_seq, th->window));
		th->check = csum_fold(csum_add(diff, ~csum_unfold(th->check)));
	}
	th->seq = seq;
	th->ack_seq = ack;
	th->window = window;
	return true;
}

bool lcs_packet_view(const struct lcs_segment *seg, struct lcs_relay *relay);
bool lcs_packet_apply(const struct lcs_segment *seg, struct lcs_relay *relay);

#endif /* _LCS_PACKET_H */
