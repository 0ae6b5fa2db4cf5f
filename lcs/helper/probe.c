// SPDX-License-Identifier: GPL-2.0
/*
 * Probes. The payload of a segment beyond the next expected byte is not forwarded: read unread, it
 * would let two parties see two streams. Its header goes on with one byte that was forwarded
 * before, so that the receiver answers with the duplicate ACK that tells the sender what is
 * missing (an empty segment it might leave unanswered: Linux rate-limits those).
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include <lcs/probe.h>

static void set_length_v4(struct sk_buff *skb, unsigned int protoff)
{
	struct tcphdr *th = (void *)skb->data + protoff;
	unsigned int len = skb->len - protoff;
	struct iphdr *iph = ip_hdr(skb);

	iph->tot_len = htons(skb->len);
	ip_send_check(iph);
	th->check = tcp_v4_check(len, iph->saddr, iph->daddr, skb_checksum(skb, protoff, len, 0));
}

static void set_length_v6(struct sk_buff *skb, unsigned int protoff)
{
	struct tcphdr *th = (void *)skb->data + protoff;
	unsigned int len = skb->len - protoff;
	struct ipv6hdr *ip6h = ipv6_hdr(skb);

	ip6h->payload_len = htons(skb->len - sizeof(*ip6h));
	th->check = tcp_v6_check(len, &ip6h->saddr, &ip6h->daddr,
				 skb_checksum(skb, protoff, len, 0));
}

/* Let a packet have this length. A bare FIN has no room for the byte yet. */
static bool set_length(struct sk_buff *skb, unsigned int len)
{
	if (skb->len >= len)
		return !skb_ensure_writable(skb, len) && !pskb_trim(skb, len);
	len -= skb->len;
	if (skb_linearize(skb) || skb_ensure_writable(skb, skb->len))
		return false;
	if (skb_tailroom(skb) < len && pskb_expand_head(skb, 0, len, GFP_ATOMIC))
		return false;
	skb_put(skb, len);
	return true;
}

/**
 * lcs_is_jumbo() - is it a packet that says its length in an option of its own (RFC 2675)
 * @skb: the packet
 *
 * Aggregates of more than 64 KiB are, where the administrator allows those (BIG TCP). One cannot
 * be cut to a usual length without taking that option out; where it is dropped, TCP repeats it in
 * segments that need none.
 */
bool lcs_is_jumbo(const struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);

	return ip6h->version == 6 && ip6h->nexthdr == NEXTHDR_HOP && !ip6h->payload_len;
}
EXPORT_SYMBOL_GPL(lcs_is_jumbo);

/**
 * lcs_make_probe() - turn a segment into a probe
 * @skb: the packet, its network header at skb->data
 * @protoff: where its TCP header begins
 * @seq: sequence number of the byte it shall carry, host byte order
 * @byte: that byte
 *
 * Return: false where there is no memory, or it is lcs_is_jumbo(); the packet must be dropped then.
 */
bool lcs_make_probe(struct sk_buff *skb, unsigned int protoff, u32 seq, u8 byte)
{
	struct tcphdr *th;
	unsigned int dataoff;

	if (lcs_is_jumbo(skb) || skb_ensure_writable(skb, protoff + sizeof(*th)))
		return false;
	th = (void *)skb->data + protoff;
	dataoff = protoff + th->doff * 4;
	if (!set_length(skb, dataoff + 1))
		return false;
	if (skb_is_gso(skb))
		skb_gso_reset(skb);
	skb->ip_summed = CHECKSUM_NONE;

	th = (void *)skb->data + protoff;
	skb->data[dataoff] = byte;
	th->seq = htonl(seq);
	th->fin = 0;
	th->psh = 0;
	th->urg = 0;
	th->urg_ptr = 0;
	th->check = 0;
	if (ip_hdr(skb)->version == 4)
		set_length_v4(skb, protoff);
	else
		set_length_v6(skb, protoff);
	return true;
}
EXPORT_SYMBOL_GPL(lcs_make_probe);
