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
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/tcp.h>

#include <lcs/compat.h>
#include <lcs/loose.h>
#include <lcs/message.h>
#include <lcs/nat.h>
#include <lcs/probe.h>
#include <lcs/segment.h>
#include <lcs/shadow.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Live Communications Server connection tracking helper");
MODULE_ALIAS("ip_conntrack_lcs");
MODULE_ALIAS_NFCT_HELPER("lcs");
/* nft loads the helper by its alias, but never the NAT half. */
MODULE_SOFTDEP("post: nf_nat_lcs");

/* RFC 5925 2.2; the kernel's headers name it since 6.7 only. */
#define LCS_TCPOPT_AO	29

static noinline bool is_tcp_v6(const struct sk_buff *skb)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;
	__be16 frag_off;

	ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &nexthdr, &frag_off);
	return nexthdr == IPPROTO_TCP;
}

/* help() is called for ICMP errors about the connection too, which are related to it. */
static bool is_tcp(const struct sk_buff *skb, const struct nf_conn *ct,
		   enum ip_conntrack_info ctinfo)
{
	if (ctinfo == IP_CT_ESTABLISHED || ctinfo == IP_CT_ESTABLISHED_REPLY)
		return nf_ct_protonum(ct) == IPPROTO_TCP;
	if (nf_ct_l3num(ct) == NFPROTO_IPV4)
		return ip_hdr(skb)->protocol == IPPROTO_TCP;
	return is_tcp_v6(skb);
}

/* TCP options of a SYN that say how its sender may be sent to, or forbid to change the text. */
static void note_options(struct lcs_start *start, const struct lcs_segment *seg,
			 const struct tcphdr *th)
{
	u8 buffer[MAX_TCP_OPTION_SPACE];
	unsigned int len = th->doff * 4 - sizeof(*th);
	const u8 *at, *end;

	/* A client may try again without those it had first. */
	start->mss[seg->dir] = 0;
	start->scale[seg->dir] = 0;
	start->scaled &= ~(1 << seg->dir);
	start->fixed &= ~(1 << seg->dir);
	at = skb_header_pointer(seg->skb, seg->protoff + sizeof(*th), len, buffer);
	if (!len || !at)
		return;
	for (end = at + len; at < end && *at != TCPOPT_EOL;) {
		if (*at == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return;
		if (*at == TCPOPT_MSS && at[1] == TCPOLEN_MSS) {
			start->mss[seg->dir] = at[2] << 8 | at[3];
		} else if (*at == TCPOPT_WINDOW && at[1] == TCPOLEN_WINDOW) {
			start->scaled |= 1 << seg->dir;
			start->scale[seg->dir] = min_t(u8, at[2], TCP_MAX_WSCALE);
		} else if (*at == TCPOPT_MD5SIG || *at == LCS_TCPOPT_AO || *at == TCPOPT_MPTCP) {
			start->fixed |= 1 << seg->dir;
		}
		at += at[1];
	}
}

/*
 * Both ends have lost the connection, and the core believes the new one in the old entry: the
 * numbers we know are the old one's. Where nothing was read the responder's are not known by its
 * own, but by what it acknowledges. The next SYN gets an entry of its own.
 */
static bool is_another(const struct nf_conn *ct, const struct tcphdr *th,
		       const struct lcs_start *start, const struct lcs_segment *seg)
{
	if (seg->dir != IP_CT_DIR_REPLY ||
	    READ_ONCE(ct->proto.tcp.state) != TCP_CONNTRACK_SYN_RECV)
		return false;
	if (rcu_access_pointer(start->conn))
		return seg->seq != start->isn[seg->dir];
	return !start->closed && start->syn & 1 << IP_CT_DIR_ORIGINAL && th->ack &&
	       ntohl(th->ack_seq) != start->isn[IP_CT_DIR_ORIGINAL] + 1;
}

/* What such a connection says opens nothing. Caller holds ct->lock. */
static void distrust(struct nf_conn *ct, struct lcs_start *start)
{
	if (start->closed != LCS_BOTH)
		lcs_count(&lcs_net(nf_ct_net(ct))->counts, LCS_COUNT_UNPROVEN);
	start->closed = LCS_BOTH;
}

/*
 * What the handshake says: a SYN from the originator, a SYN-ACK from the responder, as the core
 * believes them. A stream with payload in its SYN, or one opened from both sides at once, is never
 * believed.
 */
static noinline int note_syn(struct nf_conn *ct, const struct tcphdr *th,
			     const struct lcs_segment *seg)
{
	static const u8 believed[] = { TCP_CONNTRACK_SYN_SENT, TCP_CONNTRACK_SYN_RECV };
	struct lcs_start *start = lcs_start(ct);

	if (is_another(ct, th, start, seg)) {
		nf_ct_kill(ct);
		return NF_DROP;
	}
	if (rcu_access_pointer(start->conn))
		return NF_ACCEPT;
	/* Replacements need the core's window tracking to know of them. */
	if (!nf_ct_is_confirmed(ct) && ct->status & IPS_NAT_MASK && !nfct_seqadj(ct)) {
		nfct_seqadj_ext_add(ct);
		/* All extensions may have moved. */
		start = lcs_start(ct);
	}
	spin_lock_bh(&ct->lock);
	if (ct->proto.tcp.state == TCP_CONNTRACK_SYN_SENT2) {
		distrust(ct, start);
	} else if (ct->proto.tcp.state == believed[seg->dir]) {
		if (seg->len || th->ack != seg->dir)
			distrust(ct, start);
		start->isn[seg->dir] = seg->seq;
		start->syn |= 1 << seg->dir;
		note_options(start, seg, th);
	}
	spin_unlock_bh(&ct->lock);
	return NF_ACCEPT;
}

/* Nearly all payloads lie in the linear part, or in one fragment. */
static const u8 *in_one_piece(const struct sk_buff *skb, u32 offset, u32 len)
{
	u32 linear = skb_headlen(skb);
	const u8 *data;

	if (offset + len <= linear)
		return skb->data + offset;
	if (offset < linear || skb_shinfo(skb)->nr_frags != 1 || skb_has_frag_list(skb))
		return NULL;
	data = skb_frag_address_safe(&skb_shinfo(skb)->frags[0]);
	return data ? data + (offset - linear) : NULL;
}

/* Give @len bytes at @offset of the packet to the stream, fragment by fragment. */
static void read_fragments(struct lcs_conn *conn, const struct lcs_segment *seg, u32 offset,
			   u32 len)
{
	struct skb_seq_state state;
	unsigned int done = 0, n;
	const u8 *data;

	skb_prepare_seq_read(seg->skb, offset, offset + len, &state);
	while (done < len && (n = skb_seq_read(done, &data, &state)) > 0) {
		/* A block reaches to its own end, not to that of the part. */
		n = min(n, len - done);
		lcs_message_read(conn, seg->dir, data, n);
		done += n;
	}
	skb_abort_seq_read(&state);
}

/**
 * lcs_segment_read() - give a part of a segment's payload to its stream
 * @conn: the connection; caller holds client->lock and rcu_read_lock()
 * @seg: the segment
 * @offset: of the part in the payload, in bytes
 * @len: of the part, at least one byte
 */
void lcs_segment_read(struct lcs_conn *conn, const struct lcs_segment *seg, u32 offset, u32 len)
{
	const u8 *data;

	lockdep_assert_held(&conn->client->lock);
	offset += seg->dataoff;
	data = in_one_piece(seg->skb, offset, len);
	if (data && lcs_stream_keep_alive(&conn->stream[seg->dir], data, len))
		conn->last[seg->dir] = '\n';
	else if (data)
		lcs_message_read(conn, seg->dir, data, len);
	else
		read_fragments(conn, seg, offset, len);
}
EXPORT_SYMBOL_GPL(lcs_segment_read);

/* A segment beyond the next expected byte. Where nobody needs the gap it goes on as it is. */
static int skip_gap(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	struct lcs_stream *stream = &conn->stream[seg->dir];

	if (lcs_stream_skip_to(stream, seg->seq)) {
		lcs_segment_read(conn, seg, 0, seg->len);
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

/*
 * Let a client's main connection live as long as the longest of its pinholes: expectations end with
 * their master. The core sets its own timeout with every packet.
 */
static noinline void extend(struct lcs_client *client, const struct sk_buff *skb)
{
	unsigned long left;
	struct nf_conn *ct;

	spin_lock_bh(&client->lock);
	left = client->until - jiffies;
	if (client->main && client->pinhole_count && time_after(client->until, jiffies)) {
		ct = client->main->ct;
		if (ct->proto.tcp.state == TCP_CONNTRACK_ESTABLISHED && nf_ct_expires(ct) < left)
			lcs_ct_refresh(ct, skb, left);
	}
	spin_unlock_bh(&client->lock);
}

/*
 * Its entry ends before its pinholes do, and not because the core gives it less where segments are
 * repeated. Without the lock: the next packet asks again.
 */
static bool ends_early(const struct lcs_client *client)
{
	const struct lcs_conn *main = READ_ONCE(client->main);

	return main && !READ_ONCE(main->ct->proto.tcp.retrans) &&
	       (s32)((u32)READ_ONCE(client->until) - READ_ONCE(main->ct->timeout)) > 0;
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
		lcs_segment_read(conn, seg, stream->next - seg->seq,
				 seg->seq + seg->len - stream->next);
unlock:
	spin_unlock_bh(&conn->client->lock);
	return verdict;
}

/*
 * The receiver has what was not read: it came on a way that this helper does not see, and will not
 * come again. What follows cannot be read.
 */
static noinline void note_unseen(struct lcs_conn *conn, u8 dir, u32 ack)
{
	struct lcs_stream *stream = &conn->stream[dir];

	if (READ_ONCE(stream->state) == LCS_GIVEN_UP)
		return;
	spin_lock_bh(&conn->client->lock);
	if (!conn->gone && conn->synced & 1 << dir && stream->state != LCS_GIVEN_UP &&
	    after(ack, stream->next + 1)) {
		lcs_stream_give_up(stream, LCS_OPAQUE);
		lcs_note_give_up(conn->net, conn->ct, dir, LCS_COUNT_GIVEN_UP_UNSEEN);
	}
	spin_unlock_bh(&conn->client->lock);
}

/* A segment without payload, of a connection whose text was not changed. A FIN has a number. */
static int read_empty(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	const struct tcphdr *th = (const struct tcphdr *)(seg->skb->data + seg->protoff);
	u32 ack = ntohl(th->ack_seq);

	/* Behind SYNPROXY the core has yet to translate what a client acknowledges. */
	if (unlikely(after(ack, READ_ONCE(conn->stream[!seg->dir].next) + 1)) && th->ack &&
	    !test_bit(IPS_SEQ_ADJUST_BIT, &conn->ct->status))
		note_unseen(conn, !seg->dir, ack);
	return NF_ACCEPT;
}

static int read_payload(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	const struct lcs_nat_hooks *nat;

	if (READ_ONCE(conn->nat)) {
		nat = rcu_dereference(lcs_nat_entrance);
		/* The companion goes away: what needs translation waits until it has let go. */
		return nat ? nat->segment(conn, seg) : NF_DROP;
	}
	/* It had to let go in the middle. */
	if (unlikely(READ_ONCE(conn->edited)))
		return NF_DROP;
	if (READ_ONCE(conn->stream[seg->dir].state) == LCS_GIVEN_UP)
		return NF_ACCEPT;
	return read_segment(conn, seg);
}

static int read_packet(struct nf_conn *ct, struct lcs_start *start, const struct lcs_segment *seg)
{
	struct lcs_conn *conn = rcu_dereference(start->conn);
	int verdict;

	if (!conn && seg->len)
		conn = lcs_conn_get(ct, start, seg->skb);
	if (!conn)
		return NF_ACCEPT;
	if (!seg->len && !READ_ONCE(conn->edited))
		verdict = read_empty(conn, seg);
	else
		verdict = read_payload(conn, seg);
	if (verdict == NF_DROP)
		lcs_count(&conn->net->counts, LCS_COUNT_DROPPED);
	/* After payload the core waits for its acknowledgment, which comes by here, too. */
	if (!seg->len && unlikely(ends_early(conn->client)))
		extend(conn->client, seg->skb);
	return verdict;
}

/* There is no memory to look at a packet: where it may be needed TCP sends it again. */
static int drop_unread(const struct lcs_start *start)
{
	const struct lcs_conn *conn = rcu_dereference(start->conn);

	if (!conn)
		return NF_ACCEPT;
	lcs_count(&conn->net->counts, LCS_COUNT_DROPPED);
	return NF_DROP;
}

static int lcs_help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct,
		    enum ip_conntrack_info ctinfo)
{
	struct lcs_start *start = lcs_start(ct);
	const struct tcphdr *th;
	struct lcs_segment seg;
	unsigned int dataoff;

	/* On loopback a packet comes by twice; the second time is told by its device. */
	if (!start || nf_is_loopback_packet(skb) || !is_tcp(skb, ct, ctinfo))
		return NF_ACCEPT;
	if (!pskb_may_pull(skb, protoff + sizeof(*th)))
		return drop_unread(start);
	th = (const struct tcphdr *)(skb->data + protoff);
	dataoff = protoff + th->doff * 4;
	if (th->doff * 4 < sizeof(*th) || dataoff > skb->len)
		return NF_ACCEPT;
	seg = (struct lcs_segment){
		.skb = skb,
		.protoff = protoff,
		.dataoff = dataoff,
		.seq = ntohl(th->seq),
		.len = skb->len - dataoff,
		.dir = CTINFO2DIR(ctinfo),
	};
	if (unlikely(tcp_flag_word(th) & (TCP_FLAG_SYN | TCP_FLAG_RST))) {
		if (th->syn)
			return note_syn(ct, th, &seg);
		/* What a reset says (RFC 9293 3.5.3) is no part of the stream. */
		seg.len = 0;
	}
	return read_packet(ct, start, &seg);
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
	lcs_shadows_end();
	/* Waits for the packets in help(), and takes the helper off all connections. */
	lcs_helpers_unregister(lcs_registered, ARRAY_SIZE(lcs_registered));
	lcs_conn_exit();
	lcs_pinholes_exit();
}

module_init(lcs_init);
module_exit(lcs_exit);
