// SPDX-License-Identifier: GPL-2.0
/*
 * The receiving half of a TCP peer: order, window, acknowledgments, SACK (RFC 2018, RFC 2883).
 * What the bytes are is judged elsewhere; here only which of them have come.
 */
#include "sim.h"

static void add_recent(struct sim_peer *peer, struct sim_block block)
{
	struct sim_block kept[3] = { block };
	u32 i, n = 1;

	for (i = 0; i < peer->recent_count && n < 3; i++)
		if (peer->recent[i].from > block.to || peer->recent[i].to < block.from)
			kept[n++] = peer->recent[i];
	memcpy(peer->recent, kept, sizeof(kept));
	peer->recent_count = n;
}

/* Note bytes that came too early. Return: false where there are too many holes. */
static bool add_early(struct sim_peer *peer, struct sim_block block)
{
	u32 i, n = 0;

	for (i = 0; i < peer->early_count; i++) {
		struct sim_block other = peer->early[i];

		if (other.from > block.to || other.to < block.from) {
			peer->early[n++] = other;
			continue;
		}
		if (block.from >= other.from && block.to <= other.to) {
			peer->twice = block;
			peer->has_twice = true;
		}
		block.from = min(block.from, other.from);
		block.to = max(block.to, other.to);
	}
	peer->early_count = n;
	if (n == SIM_BLOCKS)
		return false;
	peer->early[peer->early_count++] = block;
	add_recent(peer, block);
	return true;
}

static void use_early(struct sim_peer *peer)
{
	u32 i, n = 0;

	for (i = 0; i < peer->early_count; i++)
		if (peer->early[i].from <= peer->rcv_nxt)
			peer->rcv_nxt = max(peer->rcv_nxt, peer->early[i].to);
	for (i = 0; i < peer->early_count; i++)
		if (peer->early[i].from > peer->rcv_nxt)
			peer->early[n++] = peer->early[i];
	peer->early_count = n;
	for (i = n = 0; i < peer->recent_count; i++)
		if (peer->recent[i].from > peer->rcv_nxt)
			peer->recent[n++] = peer->recent[i];
	peer->recent_count = n;
}

/* Move the right edge of the window, not by a silly amount (RFC 1122 4.2.3.3). */
static void open_window(struct sim_peer *peer)
{
	u32 room = peer->habit.buffer - min(peer->habit.buffer, peer->unread);
	u32 least = min(peer->habit.mss, peer->habit.buffer / 2), edge;
	u8 scale = peer->habit.scale;

	edge = peer->rcv_nxt + (min(room >> scale, 65535u) << scale);
	peer->rcv_edge = max(peer->rcv_edge, peer->rcv_nxt);
	if (edge > peer->rcv_edge &&
	    (edge - peer->rcv_edge >= least || !((peer->rcv_edge - peer->rcv_nxt) >> scale)))
		peer->rcv_edge = edge;
}

static void fill_sacks(struct sim_peer *peer, struct lcs_tcp *tcp)
{
	u32 base = peer->peer_isn + 1, i;

	tcp->sacks = 0;
	if (!peer->habit.sack)
		return;
	if (peer->has_twice && peer->habit.dsack)
		tcp->sack[tcp->sacks++] = (struct lcs_sack){ base + peer->twice.from,
							     base + peer->twice.to };
	peer->has_twice = false;
	for (i = 0; i < peer->recent_count && tcp->sacks < LCS_SACKS_MAX; i++)
		tcp->sack[tcp->sacks++] = (struct lcs_sack){ base + peer->recent[i].from,
							     base + peer->recent[i].to };
}

/* The acknowledging half of a header. */
void sim_peer_fill(struct sim_peer *peer, struct lcs_tcp *tcp)
{
	open_window(peer);
	tcp->flags |= LCS_TCP_ACK;
	tcp->ack = peer->peer_isn + 1 + peer->rcv_nxt;
	tcp->window = (peer->rcv_edge - peer->rcv_nxt) >> peer->habit.scale;
	peer->offered = max(peer->offered, peer->rcv_nxt + (tcp->window << peer->habit.scale));
	fill_sacks(peer, tcp);
	peer->quiet = 0;
	sim_timer_stop(peer->sim, peer->id, SIM_DELAYED_ACK);
}

void sim_peer_ack(struct sim_peer *peer)
{
	sim_peer_emit(peer, peer->nxt, 0, 0);
}

void sim_peer_read(struct sim_peer *peer)
{
	u32 before = peer->rcv_edge;

	peer->unread -= min(peer->unread, peer->habit.read_some);
	if (peer->unread)
		sim_timer_set(peer->sim, peer->id, SIM_READ, peer->habit.read_every);
	open_window(peer);
	if (peer->rcv_edge != before)
		sim_peer_ack(peer);
}

static void in_order(struct sim_peer *peer, u32 end)
{
	bool filled = peer->early_count;
	u32 before = peer->rcv_nxt;

	peer->rcv_nxt = end;
	use_early(peer);
	if (peer->habit.read_some) {
		peer->unread += peer->rcv_nxt - before;
		if (!sim_timer_runs(peer->sim, peer->id, SIM_READ))
			sim_timer_set(peer->sim, peer->id, SIM_READ, peer->habit.read_every);
	}
	if (peer->fin_known && peer->rcv_nxt > peer->fin_at)
		peer->fin_seen = true;
	peer->quiet += end - before;
	if (!peer->habit.delayed_ack || filled || peer->fin_seen ||
	    peer->quiet >= 2 * peer->habit.mss)
		sim_peer_ack(peer);
	else if (!sim_timer_runs(peer->sim, peer->id, SIM_DELAYED_ACK))
		sim_timer_set(peer->sim, peer->id, SIM_DELAYED_ACK, peer->habit.delayed_ack);
}

static void receive_data(struct sim_peer *peer, const struct lcs_tcp *tcp)
{
	s32 from = tcp->seq - (peer->peer_isn + 1), end = from + (s32)tcp->len;
	s32 next = peer->rcv_nxt, edge = peer->rcv_edge;
	bool fin = tcp->flags & LCS_TCP_FIN;

	if (end + fin <= next) {
		if (tcp->len && from >= 0) {
			peer->twice = (struct sim_block){ from, end };
			peer->has_twice = true;
		}
		sim_peer_ack(peer);
		return;
	}
	if (end + fin > edge && (peer->habit.drops || from >= edge)) {
		sim_peer_ack(peer);
		return;
	}
	if (end + fin > edge) {
		end = edge;
		fin = false;
	}
	if (fin) {
		peer->fin_known = true;
		peer->fin_at = end;
		end++;
	}
	if (from <= next && end > next) {
		if (from < next && from >= 0) {
			peer->twice = (struct sim_block){ from, next };
			peer->has_twice = true;
		}
		in_order(peer, end);
	} else {
		if (end > from && end > next && !add_early(peer, (struct sim_block){ from, end }))
			sim_trace(peer->sim, "    too many holes");
		sim_peer_ack(peer);
	}
}

void sim_peer_receive(struct sim_peer *peer, const struct sim_packet *packet)
{
	const struct lcs_tcp *tcp = &packet->tcp;
	s32 from = tcp->seq - (peer->peer_isn + 1);

	if (tcp->flags & LCS_TCP_RST) {
		if (from != (s32)peer->rcv_nxt)
			sim_trace(peer->sim, "    reset not at the next byte");
		peer->sim->reset = true;
		return;
	}
	if (tcp->len || tcp->flags & LCS_TCP_FIN)
		receive_data(peer, tcp);
	else if (from < (s32)peer->rcv_nxt)
		sim_peer_ack(peer);
	sim_peer_acked(peer, tcp);
}
