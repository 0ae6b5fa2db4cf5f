// SPDX-License-Identifier: GPL-2.0
/*
 * The sending half of a TCP peer: windows, Nagle, silly window avoidance, retransmission timer,
 * fast retransmission (NewReno, with SACK where there is), persist timer, keep-alives.
 */
#include "sim.h"

#define RTO		(200 * SIM_MS)
#define RTO_MAX		(1600 * SIM_MS)
#define DUPACKS		3

void sim_peer_init(struct sim_peer *peer, struct sim *sim, u8 id)
{
	peer->sim = sim;
	peer->id = id;
	peer->ssthresh = 0xffffffff;
	peer->rcv_edge = min(peer->habit.buffer, 65535u);
	peer->offered = peer->rcv_edge;
}

static u32 total(const struct sim_peer *peer)
{
	return peer->text->in_len;
}

/* Send @len bytes from @from on. */
void sim_peer_emit(struct sim_peer *peer, u32 from, u32 len, u8 flags)
{
	struct lcs_tcp tcp = { .seq = peer->isn + 1 + from, .len = len, .flags = flags };
	struct sim_packet *packet;

	sim_peer_fill(peer, &tcp);
	if (peer->habit.urgent && len && sim_chance(&peer->sim->random, 10)) {
		tcp.flags |= LCS_TCP_URG;
		tcp.urg = sim_pick(&peer->sim->random, 1, min(len, 65535u));
	}
	packet = sim_packet_new(&tcp);
	if (from + len <= total(peer)) {
		memcpy(packet->data, peer->text->in + from, len);
	} else {
		memset(packet->data, '?', len);
		packet->fake = true;
	}
	sim_trace(peer->sim, "%u sends %s", peer->id,
		  sim_show(&tcp, peer->isn + 1, peer->peer_isn + 1));
	sim_send(peer->sim, peer->id, packet, false);
}

static void arm(struct sim_peer *peer)
{
	sim_timer_set(peer->sim, peer->id, SIM_RETRANSMIT,
		      min(RTO << peer->backoff, RTO_MAX));
}

static u32 largest(const struct sim_peer *peer)
{
	return min(peer->habit.segment, 65000u);
}

/* Send a piece of the stream; the FIN goes with its end. */
static void send_piece(struct sim_peer *peer, u32 from, u32 len)
{
	bool fin = peer->closed && peer->habit.closes && from + len > total(peer);

	sim_peer_emit(peer, from, len - fin, fin ? LCS_TCP_FIN : 0);
	if (!sim_timer_runs(peer->sim, peer->id, SIM_RETRANSMIT))
		arm(peer);
}

static u32 available(const struct sim_peer *peer)
{
	u32 fin = peer->closed && peer->habit.closes;

	return peer->written + fin - peer->nxt;
}

/* How much to send now, 0 for nothing yet; *@persist where only the window is in the way. */
static u32 sendable(struct sim_peer *peer, bool *persist)
{
	u32 avail = available(peer), flight = peer->nxt - peer->una, most = largest(peer), len;
	s32 window = peer->edge - peer->nxt, congestion = peer->una + peer->cwnd - peer->nxt;
	u32 mss = min(most, peer->peer_mss), room = window;

	*persist = false;
	if (!avail)
		return 0;
	if (window <= 0) {
		*persist = !flight;
		return 0;
	}
	if (congestion <= 0)
		return 0;
	len = min(min(avail, most), room);
	if (len > (u32)congestion)
		len = congestion < (s32)mss && !flight ? min(len, mss) : (u32)congestion;
	if (len >= mss || len >= peer->max_window / 2)
		return len > mss && !peer->habit.ragged ? len - len % mss : len;
	if (len < avail) {
		*persist = !flight && len == room;
		return flight || *persist ? 0 : len;
	}
	if (peer->habit.nagle && flight && !(peer->closed && peer->habit.closes))
		return 0;
	return len;
}

void sim_peer_output(struct sim_peer *peer)
{
	bool persist;
	u32 len;

	while ((len = sendable(peer, &persist)) > 0) {
		if (peer->habit.ragged)
			len = sim_pick(&peer->sim->random, 1, len);
		send_piece(peer, peer->nxt, len);
		peer->nxt += len;
		peer->max_nxt = max(peer->max_nxt, peer->nxt);
	}
	if (!persist)
		sim_timer_stop(peer->sim, peer->id, SIM_PERSIST);
	else if (!sim_timer_runs(peer->sim, peer->id, SIM_PERSIST))
		sim_timer_set(peer->sim, peer->id, SIM_PERSIST, min(RTO << peer->backoff, RTO_MAX));
}

/* Where the first hole behind @from ends that SACK blocks leave, and where it begins. */
static u32 hole(const struct sim_peer *peer, u32 *from)
{
	u32 end = peer->max_nxt, i;
	bool again;

	do {
		again = false;
		for (i = 0; i < peer->sacked_count; i++)
			if (peer->sacked[i].from <= *from && peer->sacked[i].to > *from) {
				*from = peer->sacked[i].to;
				again = true;
			}
	} while (again);
	for (i = 0; i < peer->sacked_count; i++)
		if (peer->sacked[i].from > *from)
			end = min(end, peer->sacked[i].from);
	return end;
}

/* Repeat what is missing first; not where it was cut before, unless by chance. */
static void retransmit(struct sim_peer *peer)
{
	u32 from = peer->una, end = hole(peer, &from), len;

	if (from >= end)
		return;
	len = min(end - from, min(peer->peer_mss, largest(peer)));
	if (peer->habit.shreds)
		len = sim_pick(&peer->sim->random, 1, len);
	if ((s32)(peer->edge - from) <= 0)
		len = 1;
	else
		len = min(len, peer->edge - from);
	peer->repeats++;
	send_piece(peer, from, len);
}

static void timed_out(struct sim_peer *peer)
{
	if (peer->una == peer->max_nxt)
		return;
	peer->timeouts++;
	sim_trace(peer->sim, "%u retransmission timeout", peer->id);
	peer->ssthresh = max((peer->nxt - peer->una) / 2, 2 * peer->peer_mss);
	peer->cwnd = peer->peer_mss;
	peer->recovery = true;
	peer->recover = peer->max_nxt;
	peer->dupacks = 0;
	peer->sacked_count = 0;
	if (peer->backoff < 3)
		peer->backoff++;
	retransmit(peer);
	arm(peer);
}

static void probe_window(struct sim_peer *peer)
{
	s32 window = peer->edge - peer->nxt;

	if (!available(peer) || peer->nxt != peer->una) {
		sim_peer_output(peer);
		return;
	}
	peer->persists++;
	sim_trace(peer->sim, "%u persist timer", peer->id);
	if (window > 0) {
		u32 room = window, len = min(available(peer), room);

		send_piece(peer, peer->nxt, len);
		peer->nxt += len;
		peer->max_nxt = max(peer->max_nxt, peer->nxt);
		return;
	}
	if (peer->habit.byte_probes && peer->nxt < peer->written) {
		peer->repeats++;
		sim_peer_emit(peer, peer->nxt, 1, 0);
		peer->max_nxt = max(peer->max_nxt, peer->nxt + 1);
	} else {
		sim_peer_emit(peer, peer->una - 1, 0, 0);
	}
	if (peer->backoff < 3)
		peer->backoff++;
	sim_timer_set(peer->sim, peer->id, SIM_PERSIST, min(RTO << peer->backoff, RTO_MAX));
}

static void keep_alive(struct sim_peer *peer)
{
	struct lcs_tcp tcp = { .seq = peer->isn + peer->una };
	struct sim_packet *packet;

	if (peer->una == peer->max_nxt && peer->una == peer->nxt && peer->una) {
		tcp.len = peer->habit.fake_byte;
		sim_peer_fill(peer, &tcp);
		packet = sim_packet_new(&tcp);
		packet->fake = true;
		memset(packet->data, 0, tcp.len);
		sim_trace(peer->sim, "%u keep-alive", peer->id);
		sim_send(peer->sim, peer->id, packet, false);
		if (++peer->keepalives > 20)
			return;
	}
	sim_timer_set(peer->sim, peer->id, SIM_KEEPALIVE, peer->habit.keepalive);
}

static void write_some(struct sim_peer *peer)
{
	if (peer->next_write < peer->writes)
		peer->written = peer->write_end[peer->next_write++];
	if (peer->next_write < peer->writes)
		sim_timer_set(peer->sim, peer->id, SIM_WRITE, peer->write_gap[peer->next_write]);
	else
		peer->closed = true;
	sim_peer_output(peer);
}

void sim_peer_timer(struct sim_peer *peer, enum sim_timer timer)
{
	switch (timer) {
	case SIM_RETRANSMIT:
		timed_out(peer);
		break;
	case SIM_PERSIST:
		probe_window(peer);
		break;
	case SIM_DELAYED_ACK:
		sim_peer_ack(peer);
		break;
	case SIM_WRITE:
		write_some(peer);
		break;
	case SIM_READ:
		sim_peer_read(peer);
		break;
	default:
		keep_alive(peer);
		break;
	}
}

static void note_sacks(struct sim_peer *peer, const struct lcs_tcp *tcp)
{
	u32 base = peer->isn + 1, i, n = 0;

	for (i = 0; i < peer->sacked_count; i++)
		if (peer->sacked[i].to > peer->una)
			peer->sacked[n++] = peer->sacked[i];
	peer->sacked_count = n;
	for (i = 0; i < tcp->sacks; i++) {
		struct sim_block block = { tcp->sack[i].from - base, tcp->sack[i].to - base };

		if (block.to > peer->max_nxt && (s32)block.to > 0)
			sim_fail(peer->sim, "SACK of bytes never sent: %u-%u", block.from,
				 block.to);
		if (block.from > peer->una && block.to <= peer->max_nxt &&
		    block.from < block.to && peer->sacked_count < SIM_BLOCKS)
			peer->sacked[peer->sacked_count++] = block;
	}
}

static void advance(struct sim_peer *peer, u32 ack)
{
	u32 gone = ack - peer->una;

	peer->una = ack;
	peer->nxt = max(peer->nxt, ack);
	peer->dupacks = 0;
	peer->backoff = 0;
	if (peer->recovery && ack >= peer->recover)
		peer->recovery = false;
	if (peer->cwnd < peer->ssthresh)
		peer->cwnd += min(gone, peer->peer_mss);
	else
		peer->cwnd += max(1u, peer->peer_mss * peer->peer_mss / peer->cwnd);
	peer->cwnd = min(peer->cwnd, peer->habit.cwnd_max * peer->peer_mss);
	if (peer->una == peer->max_nxt)
		sim_timer_stop(peer->sim, peer->id, SIM_RETRANSMIT);
	else
		arm(peer);
}

static void duplicate(struct sim_peer *peer)
{
	if (++peer->dupacks != DUPACKS || peer->recovery)
		return;
	sim_trace(peer->sim, "%u fast retransmission", peer->id);
	peer->recovery = true;
	peer->recover = peer->max_nxt;
	peer->ssthresh = max((peer->nxt - peer->una) / 2, 2 * peer->peer_mss);
	peer->cwnd = peer->ssthresh;
	retransmit(peer);
}

/* Return: true where the window changed. */
static bool update_window(struct sim_peer *peer, const struct lcs_tcp *tcp, u32 ack)
{
	u32 window = (u32)tcp->window << peer->sim->peer[!peer->id].habit.scale;
	u32 edge = ack + window, before = peer->edge;

	if (!(ack > peer->wl2 || lcs_after(tcp->seq, peer->wl1) ||
	      (tcp->seq == peer->wl1 && ack == peer->wl2 && edge > peer->edge)))
		return false;
	peer->wl1 = tcp->seq;
	peer->wl2 = ack;
	peer->edge = edge;
	peer->max_window = max(peer->max_window, window);
	return edge != before;
}

bool sim_peer_done(const struct sim_peer *peer)
{
	return peer->closed && peer->una == total(peer) + (peer->habit.closes ? 1 : 0);
}

/* All is said and done: some end with a reset. */
static void reset(struct sim_peer *peer)
{
	if (!peer->habit.resets || !sim_peer_done(peer))
		return;
	peer->habit.resets = false;
	sim_peer_emit(peer, peer->nxt, 0, LCS_TCP_RST);
}

/* The acknowledgment in a segment. */
void sim_peer_acked(struct sim_peer *peer, const struct lcs_tcp *tcp)
{
	u32 ack = tcp->ack - (peer->isn + 1);
	bool changed, moved = ack > peer->una;

	if (!(tcp->flags & LCS_TCP_ACK) || ack < peer->una)
		return;
	if (ack > peer->max_nxt) {
		sim_fail(peer->sim, "peer %u: ACK of bytes never sent: %u of %u", peer->id, ack,
			 peer->max_nxt);
		return;
	}
	changed = update_window(peer, tcp, ack);
	if (moved)
		advance(peer, ack);
	if (peer->habit.sack)
		note_sacks(peer, tcp);
	if (moved && peer->recovery)
		retransmit(peer);
	else if (!moved && !changed && !tcp->len && peer->una != peer->max_nxt)
		duplicate(peer);
	sim_peer_output(peer);
	reset(peer);
}
