// SPDX-License-Identifier: GPL-2.0
/*
 * Connection tracking helper for Microsoft Live Communications Server and its clients (Windows
 * Messenger 5, Office Communicator) in TCP mode: registration, the hook, and the way of a segment
 * from the packet to the stream.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include <lcs/compat.h>
#include <lcs/loose.h>
#include <lcs/message.h>
#include <lcs/pinhole.h>
#include <lcs/probe.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Live Communications Server connection tracking helper");
MODULE_ALIAS("ip_conntrack_lcs");
MODULE_ALIAS_NFCT_HELPER("lcs");
/* nft loads the helper by its alias, but never the NAT half. */
MODULE_SOFTDEP("post: nf_nat_lcs");

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

/* help() is called for ICMP errors about the connection too. */
static bool is_tcp(const struct sk_buff *skb, const struct nf_conn *ct)
{
	__be16 frag_off;
	u8 nexthdr;

	if (nf_ct_l3num(ct) == NFPROTO_IPV4)
		return ip_hdr(skb)->protocol == IPPROTO_TCP;
	nexthdr = ipv6_hdr(skb)->nexthdr;
	if (nexthdr == IPPROTO_TCP)
		return true;
	ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &nexthdr, &frag_off);
	return nexthdr == IPPROTO_TCP;
}

/*
 * What the handshake says: a SYN from the originator, a SYN-ACK from the responder. A stream with
 * payload in its SYN, or one opened from both sides at once, is never believed.
 */
static void note_syn(struct nf_conn *ct, struct lcs_start *start, const struct tcphdr *th,
		     const struct lcs_segment *seg)
{
	if (rcu_access_pointer(start->conn))
		return;
	spin_lock_bh(&ct->lock);
	if (seg->len || th->ack != seg->dir)
		start->closed = LCS_BOTH;
	start->isn[seg->dir] = ntohl(th->seq);
	start->syn |= 1 << seg->dir;
	spin_unlock_bh(&ct->lock);
}

/* Feed the payload from @offset on to the stream, piece by piece where it is not in one. */
static void read_payload(struct lcs_conn *conn, const struct lcs_segment *seg, u32 offset)
{
	struct skb_seq_state state;
	unsigned int done = 0, n;
	const u8 *data;

	skb_prepare_seq_read(seg->skb, seg->dataoff + offset, seg->dataoff + seg->len, &state);
	while ((n = skb_seq_read(done, &data, &state)) > 0) {
		lcs_message_read(conn, seg->dir, data, n);
		done += n;
	}
	skb_abort_seq_read(&state);
}

/* A segment beyond the next expected byte. Where nobody needs the gap it goes on as it is. */
static int skip_gap(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	struct lcs_stream *stream = &conn->stream[seg->dir];

	if (lcs_stream_skip_to(stream, seg->seq)) {
		read_payload(conn, seg, 0);
		return NF_ACCEPT;
	}
	lcs_count(&conn->net->counts, LCS_COUNT_OUT_OF_ORDER);
	if (lcs_make_probe(seg->skb, seg->protoff, stream->next - 1, conn->last[seg->dir]))
		return NF_ACCEPT;
	return NF_DROP;
}

/* A stream that was not read from its beginning is read from the next start line on. */
static bool is_synced(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	if (conn->synced & 1 << seg->dir)
		return true;
	if (!lcs_begins_message(seg->skb, seg->dataoff))
		return false;
	lcs_stream_init(&conn->stream[seg->dir], seg->seq);
	conn->synced |= 1 << seg->dir;
	return true;
}

/* Expectations end with their master: it lives as long as the longest of the client's pinholes. */
static void extend_main(const struct lcs_client *client, const struct sk_buff *skb)
{
	unsigned long left = client->until - jiffies;
	struct nf_conn *ct;

	if (!client->main || !client->pinhole_count || !time_after(client->until, jiffies))
		return;
	ct = client->main->ct;
	if (ct->proto.tcp.state == TCP_CONNTRACK_ESTABLISHED && nf_ct_expires(ct) < left)
		lcs_ct_refresh(ct, skb, left);
}

/* In order only: what was read before is passed, what comes too early is held off. */
static int read_segment(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	struct lcs_stream *stream = &conn->stream[seg->dir];
	int verdict = NF_ACCEPT;

	spin_lock_bh(&conn->client->lock);
	if (conn->gone || stream->state == LCS_GIVEN_UP || !is_synced(conn, seg))
		goto unlock;
	if (after(seg->seq, stream->next))
		verdict = skip_gap(conn, seg);
	else if (after(seg->seq + seg->len, stream->next))
		read_payload(conn, seg, stream->next - seg->seq);
	extend_main(conn->client, seg->skb);
unlock:
	spin_unlock_bh(&conn->client->lock);
	return verdict;
}

static int lcs_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct,
		    enum ip_conntrack_info ctinfo)
{
	struct lcs_segment seg = { .skb = skb, .protoff = protoff, .dir = CTINFO2DIR(ctinfo) };
	struct lcs_start *start = lcs_start(ct);
	const struct tcphdr *th;
	struct lcs_conn *conn;
	struct tcphdr header;

	/* On loopback a packet comes by twice; the second time is told by its device. */
	if (!start || nf_is_loopback_packet(skb) || !is_tcp(skb, ct))
		return NF_ACCEPT;
	th = skb_header_pointer(skb, protoff, sizeof(header), &header);
	if (!th)
		return NF_ACCEPT;
	seg.dataoff = protoff + th->doff * 4;
	if (seg.dataoff > skb->len)
		return NF_ACCEPT;
	seg.len = skb->len - seg.dataoff;
	seg.seq = ntohl(th->seq);
	if (th->syn) {
		note_syn(ct, start, th, &seg);
	} else if (seg.len) {
		conn = lcs_conn_get(ct, start);
		if (conn && READ_ONCE(conn->stream[seg.dir].state) != LCS_GIVEN_UP)
			return read_segment(conn, &seg);
	}
	return NF_ACCEPT;
}

/* conntrackd has injected the entry; the attribute says nothing to us and may be absent. */
static int lcs_from_nlattr(struct nlattr *attr, struct nf_conn *ct)
{
	struct lcs_start *start = lcs_start(ct);

	if (start)
		start->injected = true;
	return 0;
}

static const struct nf_conntrack_expect_policy lcs_policy[LCS_CLASSES] = {
	[LCS_CLASS_CALLBACK] = { NF_CT_EXPECT_MAX_CNT, 180, "callback" },
	[LCS_CLASS_MEDIA] = { NF_CT_EXPECT_MAX_CNT, 180, "media" },
	[LCS_CLASS_FILE_TRANSFER] = { NF_CT_EXPECT_MAX_CNT, 180, "file-transfer" },
	[LCS_CLASS_APP_SHARING] = { NF_CT_EXPECT_MAX_CNT, 180, "app-sharing" },
};

static struct nf_conntrack_helper lcs_helper[2] __read_mostly;
static struct nf_conntrack_helper *lcs_registered[ARRAY_SIZE(lcs_helper)] __read_mostly;

static int __init lcs_init(void)
{
	int ret;

	lcs_message_init();
	ret = lcs_pinholes_init();
	if (ret)
		return ret;
	ret = lcs_conn_init();
	if (ret)
		goto free_pinholes;
	/* expect_class_max is the highest index. */
	lcs_helper_init(&lcs_helper[0], NFPROTO_IPV4, lcs_policy, LCS_CLASSES - 1, lcs_help,
			lcs_from_nlattr);
	lcs_helper_init(&lcs_helper[1], NFPROTO_IPV6, lcs_policy, LCS_CLASSES - 1, lcs_help,
			lcs_from_nlattr);
	ret = lcs_helpers_register(lcs_helper, ARRAY_SIZE(lcs_helper), lcs_registered);
	if (ret) {
		pr_err("cannot register the helper: %d\n", ret);
		goto free_conns;
	}
	return 0;

free_conns:
	lcs_conn_exit();
free_pinholes:
	lcs_pinholes_exit();
	return ret;
}

static void __exit lcs_exit(void)
{
	/* Waits for the packets in help(), and takes the helper off all connections. */
	lcs_helpers_unregister(lcs_registered, ARRAY_SIZE(lcs_registered));
	lcs_conn_exit();
	lcs_pinholes_exit();
}

module_init(lcs_init);
module_exit(lcs_exit);
