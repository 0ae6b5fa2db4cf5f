// SPDX-License-Identifier: GPL-2.0
/*
 * The firewall: window tracking of the core, then the engine, then what the companion does with
 * the packet, segmentation of what has become too large included.
 */
#include "sim.h"

void sim_box_init(struct sim *sim)
{
	struct sim_box *box = &sim->box;
	u8 dir;

	for (dir = 0; dir < 2; dir++) {
		const struct sim_peer *sender = &sim->peer[dir], *receiver = &sim->peer[!dir];
		struct lcs_edit_start start = {
			.seq = sender->isn + 1,
			.edge = sender->isn + 1 + receiver->rcv_edge,
			.mss = receiver->habit.mss,
			.scale = receiver->habit.scale,
		};

		lcs_edit_init(&box->edit[dir], &start);
		lcs_edit_adjust(&box->edit[dir], &box->adjust[dir]);
		lcs_stream_init(&box->stream[dir], start.seq);
		box->seen[dir] = (struct sim_seen){
			.td_end = start.seq,
			.td_maxend = start.edge,
			.td_maxwin = sender->rcv_edge,
			.td_scale = sender->habit.scale,
		};
	}
}

void sim_box_release(struct sim *sim)
{
	u8 dir;

	for (dir = 0; dir < 2; dir++) {
		lcs_edit_release(&sim->box.edit[dir], &sim_ops, sim);
		lcs_stream_release(&sim->box.stream[dir], &sim_sink, sim);
	}
}

/* Segments of what the receiver takes at most, as the network card or tcp_gso_segment() does it. */
static void send_on(struct sim *sim, u8 to, struct sim_packet *packet)
{
	u32 mss = sim->peer[to].habit.mss, len = packet->tcp.len, at = 0, n;
	struct sim_packet *part;
	struct lcs_tcp tcp;

	do {
		n = min(len - at, mss);
		tcp = packet->tcp;
		tcp.seq += at;
		tcp.len = n;
		if (at + n < len)
			tcp.flags &= ~LCS_TCP_FIN;
		part = sim_packet_new(&tcp);
		part->fake = packet->fake;
		memcpy(part->data, packet->data + at, n);
		sim_send(sim, to, part, true);
		at += n;
	} while (at < len);
}

/* What the companion does: carry out what the engine says. */
static struct sim_packet *carry_out(struct sim *sim, struct lcs_relay *relay,
				    const struct sim_packet *packet)
{
	struct sim_packet *out = sim_packet_new(&relay->out);
	struct lcs_piece piece;
	u32 at = 0;

	if (relay->action == LCS_RELAY_PASS) {
		if (relay->out.len != relay->in.len)
			sim_fail(sim, "passed with another length");
		memcpy(out->data, packet->data, min(relay->out.len, relay->in.len));
		out->fake = packet->fake;
		return out;
	}
	if (relay->action == LCS_RELAY_PROBE) {
		sim->box.probes++;
		out->data[0] = relay->probe;
		return out;
	}
	sim->box.rewritten++;
	while (lcs_relay_piece(relay, &piece)) {
		if (at + piece.len > relay->out.len) {
			sim_fail(sim, "pieces are more than the payload");
			break;
		}
		memcpy(out->data + at, piece.text ? piece.text : packet->data + piece.offset,
		       piece.len);
		at += piece.len;
	}
	if (at != relay->out.len)
		sim_fail(sim, "pieces of %u bytes for a payload of %u", at, relay->out.len);
	return out;
}

/* What nf_nat_lcs tries first. */
static bool shift(struct lcs_relay *relay, const struct lcs_tcp *in)
{
	struct lcs_numbers numbers = { in->seq, in->ack, in->window };

	if (in->len || in->flags != LCS_TCP_ACK || in->sacks ||
	    !lcs_relay_shift(relay->edit, relay->back, &numbers))
		return false;
	relay->out.seq = numbers.seq;
	relay->out.ack = numbers.ack;
	relay->out.window = numbers.window;
	return true;
}

static void run_engine(struct sim *sim, struct lcs_relay *relay, const struct sim_packet *packet)
{
	enum lcs_relay_step step;
	u8 dir = sim->box.dir;
	bool unneeded;

	relay->out = packet->tcp;
	if (sim->box.edit[0].edited && sim_chance(&sim->random, 50) &&
	    shift(relay, &packet->tcp))
		return;
	step = lcs_relay_begin(relay);
	if (step == LCS_RELAY_GAP) {
		unneeded = !sim->synthetic &&
			   lcs_stream_skip_to(&sim->box.stream[dir], packet->tcp.seq);
		step = lcs_relay_gap(relay, unneeded);
		/* the missing bytes count as forwarded: they will be, as they come */
		if (unneeded)
			sim->box.forwarded[dir] = relay->edit->sent - sim->peer[dir].isn - 1;
	}
	while (step == LCS_RELAY_READ)
		step = lcs_relay_end(relay, sim_read(sim, dir, packet->data + relay->read_offset,
						     relay->read_len));
	if (relay->busy) {
		sim->box.busy++;
		sim_trace(sim, "    the log is full");
	}
	if (relay->unheld) {
		sim->box.unheld++;
		sim_trace(sim, "    not held: %u", relay->unheld);
	}
}

static void track(struct sim *sim, u8 dir, const struct lcs_tcp *tcp)
{
	enum sim_window verdict = sim_in_window(sim->box.seen, sim->box.adjust, dir, tcp);

	sim->box.verdict[verdict]++;
	if (verdict == SIM_ACK_OVER)
		sim_fail(sim, "window tracking: ACK of more than sent: %d, %d behind %d, sent %d",
			 sim->box.adjust[!dir].offset_before, sim->box.adjust[!dir].offset_after,
			 sim->box.adjust[!dir].correction_pos - sim->peer[!dir].isn - 1,
			 sim->box.seen[!dir].td_end - sim->peer[!dir].isn - 1);
}

/* Where a direction stands, in words. */
static void say_edit(const struct sim *sim, u8 dir)
{
	const struct lcs_edit *edit = &sim->box.edit[dir];
	u32 base = sim->peer[dir].isn + 1;

	sim_say(sim, "    edit %u: decided %d have %d read %d, told %d of %d, %u replacements",
		dir, edit->decided - base, edit->have - base, edit->read - base,
		edit->told - base, edit->promise - base, edit->count);
	sim_say(sim, "            sent %d una %d edge %d, held %d+%u, kept %d+%u",
		edit->sent - base, edit->una - base, edit->edge - base,
		edit->held.len ? edit->held.seq - base : 0, edit->held.len,
		edit->kept.len ? edit->kept.seq - base : 0, edit->kept.len);
}

static void adjust(struct sim *sim, u8 dir)
{
	struct sim_seen *seen = &sim->box.seen[dir];

	lcs_edit_adjust(&sim->box.edit[dir], &sim->box.adjust[dir]);
	seen->td_maxend = lcs_last(seen->td_maxend, sim->box.adjust[dir].edge);
}

/* A packet of peer @from. */
void sim_box_packet(struct sim *sim, u8 from, struct sim_packet *packet)
{
	struct lcs_relay relay = {
		.ops = &sim_ops,
		.ctx = sim,
		.edit = &sim->box.edit[from],
		.back = &sim->box.edit[!from],
		.max_len = sim->box.max_len,
		.in = packet->tcp,
	};
	struct sim_packet *out;

	sim->box.packet = packet;
	sim->box.dir = from;
	track(sim, from, &packet->tcp);
	run_engine(sim, &relay, packet);
	if (relay.action == LCS_RELAY_DROP) {
		sim_fail(sim, "an acknowledgment that a receiver sent was not believed");
		return;
	}
	adjust(sim, 0);
	adjust(sim, 1);
	out = carry_out(sim, &relay, packet);
	lcs_relay_done(&relay);
	sim_trace(sim, "  box %u  %s %s", from,
		  sim_show(&out->tcp, sim->peer[from].isn + 1, sim->peer[!from].isn + 1),
		  relay.action == LCS_RELAY_PASS ? "" :
		  relay.action == LCS_RELAY_PROBE ? "probe" : "rewritten");
	if (sim->trace)
		say_edit(sim, packet->tcp.len ? from : !from);
	sim_judge_engine(sim);
	sim_judge_forwarded(sim, !from, out);
	sim_judge_told(sim, !from, &out->tcp);
	sim_judge_bare(sim, from, &packet->tcp, &out->tcp);
	sim_judge_urgent(sim, from, &packet->tcp, &out->tcp);
	send_on(sim, !from, out);
	free(out);
}
