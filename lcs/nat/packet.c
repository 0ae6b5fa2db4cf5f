// SPDX-License-Identifier: GPL-2.0
/*
 * What the sequence-space engine decided, carried out on a packet: its header, its SACK option, its
 * payload, and what else depends on their size.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include <lcs/packet.h>
#include <lcs/probe.h>

static u32 read_be32(const u8 *at)
{
	__be32 value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

static void write_be32(u8 *at, u32 number)
{
	__be32 value = htonl(number);

	memcpy(at, &value, sizeof(value));
}

/* Where the SACK option of a header stands, %NULL where it has none or is malformed. */
static u8 *find_sack(u8 *option, const u8 *end)
{
	while (option < end && *option != TCPOPT_EOL) {
		if (*option == TCPOPT_NOP) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			return NULL;
		if (*option == TCPOPT_SACK)
			return option;
		option += option[1];
	}
	return NULL;
}

static void view_sacks(struct lcs_tcp *tcp, const u8 *sack)
{
	u8 i;

	tcp->sacks = min((sack[1] - TCPOLEN_SACK_BASE) / TCPOLEN_SACK_PERBLOCK, LCS_SACKS_MAX);
	for (i = 0; i < tcp->sacks; i++) {
		const u8 *block = sack + TCPOLEN_SACK_BASE + i * TCPOLEN_SACK_PERBLOCK;

		tcp->sack[i].from = read_be32(block);
		tcp->sack[i].to = read_be32(block + 4);
	}
}

/**
 * lcs_packet_view() - show a segment to the engine
 * @seg: the segment
 * @relay: gets relay->in and relay->max_len
 *
 * Return: false where its header cannot be read.
 */
bool lcs_packet_view(const struct lcs_segment *seg, struct lcs_relay *relay)
{
	unsigned int hlen = seg->dataoff - seg->protoff;
	struct lcs_tcp *in = &relay->in;
	u8 buffer[MAX_TCP_HEADER];
	struct tcphdr *th;
	u8 *sack;

	th = skb_header_pointer(seg->skb, seg->protoff, hlen, buffer);
	if (!th)
		return false;
	in->seq = seg->seq;
	in->ack = ntohl(th->ack_seq);
	in->len = seg->len;
	in->window = ntohs(th->window);
	in->urg = ntohs(th->urg_ptr);
	in->flags = (th->fin ? LCS_TCP_FIN : 0) | (th->rst ? LCS_TCP_RST : 0) |
		    (th->ack ? LCS_TCP_ACK : 0) | (th->urg ? LCS_TCP_URG : 0);
	in->sacks = 0;
	sack = find_sack((u8 *)(th + 1), (u8 *)th + hlen);
	if (sack)
		view_sacks(in, sack);
	relay->max_len = 65535 - (seg->dataoff - skb_network_offset(seg->skb));
	return true;
}

/* What is left of the SACK option is padding (RFC 9293 3.1). */
static void write_sacks(const struct lcs_tcp *out, u8 *sack)
{
	u8 i, size = sack[1], used = 0;

	for (i = 0; i < out->sacks; i++) {
		u8 *block = sack + TCPOLEN_SACK_BASE + i * TCPOLEN_SACK_PERBLOCK;

		write_be32(block, out->sack[i].from);
		write_be32(block + 4, out->sack[i].to);
	}
	if (out->sacks) {
		used = TCPOLEN_SACK_BASE + out->sacks * TCPOLEN_SACK_PERBLOCK;
		sack[1] = used;
	}
	memset(sack + used, TCPOPT_NOP, size - used);
}

/* The header is writable. The checksum follows, so that a sum over the whole segment stays. */
static void write_header(const struct lcs_segment *seg, const struct lcs_relay *relay)
{
	unsigned int hlen = seg->dataoff - seg->protoff;
	struct tcphdr *th = (void *)seg->skb->data + seg->protoff;
	const struct lcs_tcp *out = &relay->out;
	__wsum before = csum_partial(th, hlen, 0);
	__wsum diff;
	u8 *sack;

	th->seq = htonl(out->seq);
	th->ack_seq = htonl(out->ack);
	th->window = htons(out->window);
	th->fin = !!(out->flags & LCS_TCP_FIN);
	th->urg = !!(out->flags & LCS_TCP_URG);
	th->urg_ptr = htons(out->urg);
	sack = relay->in.sacks ? find_sack((u8 *)(th + 1), (u8 *)th + hlen) : NULL;
	if (sack)
		write_sacks(out, sack);
	if (seg->skb->ip_summed == CHECKSUM_PARTIAL)
		return;
	diff = csum_sub(csum_partial(th, hlen, 0), before);
	th->check = csum_fold(csum_add(diff, ~csum_unfold(th->check)));
}

/* The new payload, put together from the old one and from what the engine keeps. */
static u8 *gather(const struct lcs_segment *seg, struct lcs_relay *relay)
{
	u8 *text = kmalloc(relay->out.len, GFP_ATOMIC | __GFP_NOWARN);
	struct lcs_piece piece;
	u32 done = 0;

	if (!text)
		return NULL;
	while (lcs_relay_piece(relay, &piece)) {
		if (piece.text)
			memcpy(text + done, piece.text, piece.len);
		else if (skb_copy_bits(seg->skb, seg->dataoff + piece.offset, text + done,
				       piece.len))
			break;
		done += piece.len;
	}
	if (done == relay->out.len)
		return text;
	kfree(text);
	return NULL;
}

/* Make room for @len bytes of payload in a packet that is ours alone and in one piece. */
static bool resize(const struct lcs_segment *seg, u32 len)
{
	struct sk_buff *skb = seg->skb;
	int more = (int)len - (int)seg->len;

	if (skb_linearize(skb) || skb_ensure_writable(skb, skb->len))
		return false;
	if (more > skb_tailroom(skb) && pskb_expand_head(skb, 0, more - skb_tailroom(skb),
							 GFP_ATOMIC))
		return false;
	if (more > 0)
		skb_put(skb, more);
	else
		__skb_trim(skb, skb->len + more);
	return true;
}

/*
 * A packet that outgrew what its sender sends in one is cut again on its way out, without a word
 * to the sender; one that shrank to a single segment must not claim to be several.
 */
static void set_gso(const struct lcs_segment *seg, const struct lcs_relay *relay)
{
	unsigned int options = seg->dataoff - seg->protoff - sizeof(struct tcphdr);
	struct tcphdr *th = (void *)seg->skb->data + seg->protoff;
	struct skb_shared_info *shinfo = skb_shinfo(seg->skb);
	unsigned int size = relay->edit->mss > options ? relay->edit->mss - options : 1;
	unsigned int sent = skb_is_gso(seg->skb) ? shinfo->gso_size : seg->len;
	bool ipv4 = ip_hdr(seg->skb)->version == 4;
	unsigned int least = ipv4 ? LCS_MSS_V4 : LCS_MSS_V6;

	/* No larger than what its sender, who knows the path, sends now; every path takes these. */
	size = min(size, max(sent, least - options));
	/* What came in fragments goes on in fragments: 6.1 cannot do that with several segments. */
	if (relay->out.len <= size || (!ipv4 && IP6CB(seg->skb)->frag_max_size)) {
		skb_gso_reset(seg->skb);
		return;
	}
	/* Each of the parts would point to an urgent byte of its own. */
	th->urg = 0;
	th->urg_ptr = 0;
	if (!skb_is_gso(seg->skb))
		shinfo->gso_type = (ipv4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6) |
				   (th->cwr ? SKB_GSO_TCP_ECN : 0);
	/* The payload is in one piece. */
	shinfo->gso_type &= ~SKB_GSO_FRAGLIST;
	shinfo->gso_size = size;
	shinfo->gso_segs = DIV_ROUND_UP(relay->out.len, size);
}

/* Lengths in the IP header, and a checksum that the device, or the stack for it, completes. */
static void set_lengths(const struct lcs_segment *seg)
{
	struct sk_buff *skb = seg->skb;
	struct tcphdr *th = (void *)skb->data + seg->protoff;
	unsigned int len = skb->len - seg->protoff;
	struct ipv6hdr *ip6h = ipv6_hdr(skb);
	struct iphdr *iph = ip_hdr(skb);

	if (iph->version == 4) {
		iph->tot_len = htons(skb->len - skb_network_offset(skb));
		ip_send_check(iph);
		th->check = ~tcp_v4_check(len, iph->saddr, iph->daddr, 0);
	} else {
		ip6h->payload_len = htons(skb->len - skb_network_offset(skb) - sizeof(*ip6h));
		th->check = ~tcp_v6_check(len, &ip6h->saddr, &ip6h->daddr, 0);
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + seg->protoff;
	skb->csum_offset = offsetof(struct tcphdr, check);
	skb_set_transport_header(skb, seg->protoff);
}

static bool rewrite(const struct lcs_segment *seg, struct lcs_relay *relay)
{
	u8 *text = lcs_is_jumbo(seg->skb) ? NULL : gather(seg, relay);

	if (!text)
		return false;
	if (!resize(seg, relay->out.len)) {
		kfree(text);
		return false;
	}
	memcpy(seg->skb->data + seg->dataoff, text, relay->out.len);
	kfree(text);
	write_header(seg, relay);
	set_gso(seg, relay);
	set_lengths(seg);
	return true;
}

/*
 * Segments that were aggregated as a list keep their own headers, but for addresses and ports: to
 * change more, they must become one. Return: false where there is no memory.
 */
static bool unlist(const struct lcs_segment *seg)
{
	struct sk_buff *skb = seg->skb;

	if (!skb_is_gso(skb) || !(skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST))
		return true;
	if (skb_linearize(skb) || skb_ensure_writable(skb, skb->len))
		return false;
	skb_shinfo(skb)->gso_type &= ~SKB_GSO_FRAGLIST;
	set_lengths(seg);
	return true;
}

/**
 * lcs_packet_apply() - make a packet what the engine says
 * @seg: the segment
 * @relay: lcs_relay_begin() or its followers returned LCS_RELAY_READY
 *
 * Return: false where there is no memory; the packet must be dropped then.
 */
bool lcs_packet_apply(const struct lcs_segment *seg, struct lcs_relay *relay)
{
	if (relay->action == LCS_RELAY_REWRITE)
		return rewrite(seg, relay);
	if (relay->action == LCS_RELAY_PROBE &&
	    !lcs_make_probe(seg->skb, seg->protoff, relay->out.seq, relay->probe))
		return false;
	if (!relay->changed)
		return true;
	if (!unlist(seg))
		return false;
	if (skb_ensure_writable(seg->skb, seg->dataoff))
		return false;
	write_header(seg, relay);
	return true;
}
