// SPDX-License-Identifier: GPL-2.0
/*
 * NAT companion of the Live Communications Server connection tracking helper: what it keeps for a
 * translated connection, the way of a segment through it, and what the core must know of it.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/tcp.h>

#include <lcs/compat.h>
#include <lcs/hold.h>
#include <lcs/nat.h>
#include <lcs/packet.h>
#include <lcs/place.h>
#include <lcs/rewrite.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Live Communications Server NAT helper");
MODULE_ALIAS_NF_NAT_HELPER("lcs");

/* Acknowledgments may lie this far back and still compare. */
#define LCS_SEQ_SPAN	0x40000000

/* Somebody else translates sequence numbers here: SYNPROXY, or a connection handed over. */
static bool is_adjusted(const struct nf_conn *ct)
{
	const struct nf_conn_seqadj *seqadj = nfct_seqadj(ct);
	int dir;

	if (!seqadj || test_bit(IPS_SEQ_ADJUST_BIT, &ct->status))
		return true;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		if (seqadj->seq[dir].offset_before || seqadj->seq[dir].offset_after)
			return true;
	return false;
}

static bool attach(struct lcs_conn *conn)
{
	int dir;

	if (is_adjusted(conn->ct))
		return false;
	conn->nat = kzalloc(sizeof(*conn->nat), GFP_ATOMIC | __GFP_NOWARN);
	if (!conn->nat)
		return false;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		conn->nat->edit[dir].una = conn->stream[dir].next;
	return true;
}

/*
 * Nothing was changed yet, so both spaces are the same, and the core has seen every packet: begin
 * with where it says that the connection stands.
 */
static void begin(struct lcs_conn *conn)
{
	const struct lcs_start *start = lcs_start(conn->ct);
	const struct ip_ct_tcp *tcp = &conn->ct->proto.tcp;
	bool ipv4 = nf_ct_l3num(conn->ct) == NFPROTO_IPV4;
	struct lcs_edit_start from = {};
	struct lcs_edit *edit;
	u8 frozen;
	u32 una;
	int dir;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		edit = &conn->nat->edit[dir];
		/* Of the message being read a part has passed as it was: so does its rest. */
		frozen = edit->frozen;
		from.seq = conn->stream[dir].next;
		from.edge = READ_ONCE(tcp->seen[dir].td_maxend);
		from.window = READ_ONCE(tcp->seen[!dir].td_maxwin);
		from.mss = start->mss[!dir] ? start->mss[!dir] : ipv4 ? LCS_MSS_V4 : LCS_MSS_V6;
		/* The kernel's own floor: a packet shall not become thousands. */
		from.mss = max_t(u16, from.mss, TCP_MIN_SND_MSS);
		from.scale = start->scaled == LCS_BOTH ? start->scale[!dir] : 0;
		/* What is not acknowledged is not known: the oldest possible is always right. */
		una = edit->una;
		if (from.seq - una > LCS_SEQ_SPAN)
			una = from.seq - LCS_SEQ_SPAN;
		lcs_edit_init(edit, &from);
		edit->frozen = frozen;
		edit->una = una;
		edit->told = una;
		edit->offset_from = una;
		edit->last = conn->last[dir];
	}
}

/* Its window tracking must understand the acknowledgments of what it never saw sent. */
static void tell_core(struct lcs_conn *conn)
{
	struct nf_conn_seqadj *seqadj = nfct_seqadj(conn->ct);
	struct nf_conn *ct = conn->ct;
	struct lcs_adjust adjust;
	int dir;

	spin_lock_bh(&ct->lock);
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		lcs_edit_adjust(&conn->nat->edit[dir], &adjust);
		seqadj->seq[dir].correction_pos = adjust.correction_pos;
		seqadj->seq[dir].offset_before = adjust.offset_before;
		seqadj->seq[dir].offset_after = adjust.offset_after;
		ct->proto.tcp.seen[dir].flags |= IP_CT_TCP_FLAG_BE_LIBERAL;
		/* Else it does not believe that what was forwarded beyond has been sent. */
		if (after(adjust.edge, ct->proto.tcp.seen[dir].td_maxend))
			ct->proto.tcp.seen[dir].td_maxend = adjust.edge;
	}
	spin_unlock_bh(&ct->lock);
}

static bool is_edited(const struct lcs_nat *nat)
{
	int dir;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		if (nat->edit[dir].edited || nat->edit[dir].log)
			return true;
	return false;
}

static int carry_out(struct lcs_conn *conn, const struct lcs_segment *seg, struct lcs_relay *relay)
{
	bool made;

	lcs_count_unchanged(conn, relay->unheld);
	if (is_edited(conn->nat)) {
		WRITE_ONCE(conn->edited, true);
		tell_core(conn);
	}
	if (relay->action == LCS_RELAY_DROP)
		return NF_DROP;
	if (relay->action == LCS_RELAY_PROBE)
		lcs_count(&conn->net->counts, LCS_COUNT_PROBES);
	made = lcs_packet_apply(seg, relay);
	lcs_relay_done(relay);
	return made ? NF_ACCEPT : NF_DROP;
}

static noinline int relay_segment(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	struct lcs_work work = { .conn = conn, .seg = seg };
	struct lcs_stream *stream = &conn->stream[seg->dir];
	struct lcs_relay relay = {
		.ops = &lcs_edit_ops,
		.ctx = &work,
		.edit = &conn->nat->edit[seg->dir],
		.back = &conn->nat->edit[!seg->dir],
	};
	enum lcs_relay_step step;

	lockdep_assert_held(&conn->client->lock);
	if (!conn->edited)
		begin(conn);
	if (!lcs_packet_view(seg, &relay))
		return NF_DROP;
	step = lcs_relay_begin(&relay);
	if (step == LCS_RELAY_GAP) {
		lcs_count(&conn->net->counts, LCS_COUNT_OUT_OF_ORDER);
		step = lcs_relay_gap(&relay, lcs_stream_skip_to(stream, seg->seq));
	}
	while (step == LCS_RELAY_READ) {
		if (relay.read_len)
			lcs_segment_read(conn, seg, relay.read_offset, relay.read_len);
		step = lcs_relay_end(&relay, lcs_hold_from(relay.edit, relay.ops, relay.ctx,
							   stream));
	}
	return carry_out(conn, seg, &relay);
}

/* Most packets of an idle connection: an acknowledgment while nothing is in flight. */
static bool shift(struct lcs_conn *conn, const struct lcs_segment *seg, int *verdict)
{
	struct lcs_edit *first = &conn->nat->edit[0], *second = &conn->nat->edit[1];
	struct lcs_edit *edit = seg->dir ? second : first;
	struct lcs_edit *back = seg->dir ? first : second;
	struct lcs_numbers numbers;

	if (!lcs_packet_is_ack(seg, &numbers) || !lcs_relay_shift(edit, back, &numbers))
		return false;
	*verdict = lcs_packet_shift(seg, &numbers) ? NF_ACCEPT : NF_DROP;
	return true;
}

static int segment(struct lcs_conn *conn, const struct lcs_segment *seg)
{
	int verdict = NF_ACCEPT;

	spin_lock_bh(&conn->client->lock);
	if (conn->gone || !conn->nat) {
		if (conn->edited)
			verdict = NF_DROP;
	} else if (conn->edited && shift(conn, seg, &verdict)) {
		/* done */
	} else if (conn->edited || conn->stream[seg->dir].state != LCS_GIVEN_UP) {
		/* Outside of the IP layer's own path a packet cannot change its size. */
		verdict = skb_dst(seg->skb) ? relay_segment(conn, seg) : NF_DROP;
	}
	spin_unlock_bh(&conn->client->lock);
	return verdict;
}

static bool hand_over(struct lcs_conn *conn)
{
	struct nf_conn_seqadj *seqadj = nfct_seqadj(conn->ct);
	struct lcs_nat *nat = conn->nat;
	struct nf_conn *ct = conn->ct;
	int dir;

	lockdep_assert_held(&conn->client->lock);
	if (!lcs_edit_settled(&nat->edit[0]) || !lcs_edit_settled(&nat->edit[1]))
		return false;
	spin_lock_bh(&ct->lock);
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		seqadj->seq[dir].correction_pos = nat->edit[dir].sent - 1;
		seqadj->seq[dir].offset_before = nat->edit[dir].offset;
		seqadj->seq[dir].offset_after = nat->edit[dir].offset;
	}
	if (nat->edit[0].offset || nat->edit[1].offset)
		set_bit(IPS_SEQ_ADJUST_BIT, &ct->status);
	spin_unlock_bh(&ct->lock);
	return true;
}

static void detach(struct lcs_conn *conn)
{
	struct lcs_nat *nat = conn->nat;
	struct lcs_work work = { .conn = conn };

	lockdep_assert_held(&conn->client->lock);
	/* What would have to be rewritten and is not opens nothing that could be used. */
	lcs_stream_give_up(&conn->stream[0], LCS_OPAQUE);
	lcs_stream_give_up(&conn->stream[1], LCS_OPAQUE);
	lcs_edit_release(&nat->edit[0], &lcs_edit_ops, &work);
	lcs_edit_release(&nat->edit[1], &lcs_edit_ops, &work);
	WRITE_ONCE(conn->nat, NULL);
	kfree(nat);
}

static const struct lcs_nat_hooks hooks = {
	.attach = attach,
	.segment = segment,
	.place = lcs_place,
	.lead_in = lcs_lead_in,
	.lead_out = lcs_lead_out,
	.endpoint = lcs_rewrite_endpoint,
	.headers = lcs_rewrite_headers,
	.message = lcs_rewrite_message,
	.hand_over = hand_over,
	.detach = detach,
};

static struct nf_conntrack_nat_helper lcs_nat_helper = NF_CT_NAT_HELPER_INIT("lcs");

static int __init lcs_nat_init(void)
{
	lcs_children_init();
	nf_nat_helper_register(&lcs_nat_helper);
	lcs_nat_register(&hooks);
	return 0;
}

static void __exit lcs_nat_exit(void)
{
	lcs_nat_unregister();
	nf_nat_helper_unregister(&lcs_nat_helper);
	lcs_children_exit();
}

module_init(lcs_nat_init);
module_exit(lcs_nat_exit);
