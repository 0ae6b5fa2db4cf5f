// SPDX-License-Identifier: GPL-2.0
/*
 * The oracles: what must be true at every packet, and at the end.
 */
#include <stdarg.h>

#include "sim.h"

void sim_say(const struct sim *sim, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# %9.3f ", sim->now / 1000.0);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list args;

	if (sim->failed)
		return;
	sim->failed = true;
	va_start(args, format);
	vsnprintf(sim->why, sizeof(sim->why), format, args);
	va_end(args);
	sim_trace(sim, "FAILED: %s", sim->why);
}

/* A header in words. */
const char *sim_show(const struct lcs_tcp *tcp, u32 seq_base, u32 ack_base)
{
	static char said[2][256];
	static int which;
	char *to = said[which ^= 1];
	int n;
	u8 i;

	n = snprintf(to, sizeof(said[0]), "%d+%u%s%s ack %d win %u", (s32)(tcp->seq - seq_base),
		     tcp->len, tcp->flags & LCS_TCP_FIN ? " FIN" : "",
		     tcp->flags & LCS_TCP_RST ? " RST" : "", (s32)(tcp->ack - ack_base),
		     tcp->window);
	for (i = 0; i < tcp->sacks; i++)
		n += snprintf(to + n, sizeof(said[0]) - n, " [%d-%d]",
			      (s32)(tcp->sack[i].from - ack_base),
			      (s32)(tcp->sack[i].to - ack_base));
	return to;
}

static void record(struct sim *sim, u8 to, u32 from, const u8 *data, u32 len)
{
	struct sim_record *record = &sim->record[to];
	u32 i;

	if (from + len > record->size) {
		u32 size = max(2 * record->size, from + len + 4096);

		record->bytes = realloc(record->bytes, size);
		record->known = realloc(record->known, size);
		memset(record->known + record->size, 0, size - record->size);
		record->size = size;
	}
	for (i = 0; i < len; i++) {
		if (record->known[from + i] && record->bytes[from + i] != data[i]) {
			sim_fail(sim, "byte %u to peer %u differs from when it was first sent",
				 from + i, to);
			return;
		}
		record->known[from + i] = 1;
		record->bytes[from + i] = data[i];
	}
}

/* What leaves the box: within the window, and the right bytes, each time. */
void sim_judge_forwarded(struct sim *sim, u8 to, const struct sim_packet *packet)
{
	const struct sim_text *text = &sim->text[!to];
	s32 from = packet->tcp.seq - (sim->peer[to].peer_isn + 1);
	u32 len = packet->tcp.len, fin = !!(packet->tcp.flags & LCS_TCP_FIN);

	if (!len && !fin)
		return;
	if (packet->fake) {
		if (from + len > sim->peer[to].rcv_nxt)
			sim_fail(sim, "a keep-alive's byte gets into the stream at %d", from);
		return;
	}
	if (from == -1 && len == 1)
		return;
	if (from < 0) {
		sim_fail(sim, "bytes from %d on", from);
		return;
	}
	sim->box.forwarded[!to] = max(sim->box.forwarded[!to], from + len + fin);
	if (from + len + fin > sim->peer[to].offered)
		sim_fail(sim, "%u bytes beyond the window of peer %u",
			 from + len + fin - sim->peer[to].offered, to);
	if (len > sim->box.max_len)
		sim_fail(sim, "%u bytes of payload do not fit", len);
	if (!sim->strict) {
		record(sim, to, from, packet->data, len);
		return;
	}
	if (from + len > text->out_len)
		sim_fail(sim, "peer %u gets more than was said", to);
	else if (memcmp(packet->data, text->out + from, len))
		sim_fail(sim, "peer %u gets other bytes at %d, segment of %u", to, from, len);
	if (fin && from + len != text->out_len)
		sim_fail(sim, "peer %u gets a FIN at %u of %u", to, from + len, text->out_len);
}

/* Up to where the sender's bytes are complete, when the receiver's are up to @out. */
static u32 in_of(const struct sim_text *text, u32 out)
{
	u32 low = 0, high = text->mark_count, at;
	const struct sim_mark *mark;

	while (low < high) {
		at = (low + high) / 2;
		if (text->mark[at].out < out)
			low = at + 1;
		else
			high = at;
	}
	if (!low)
		return out;
	mark = &text->mark[low - 1];
	if (out < mark->out + mark->out_len)
		return mark->in;
	return out - mark->out - mark->out_len + mark->in + mark->in_len;
}

static u32 through(const struct lcs_custody *custody, u32 seq)
{
	if (custody->text && seq - custody->seq < custody->len)
		return lcs_custody_end(custody);
	return seq;
}

/* Where what stands at a place of the sender's text begins, or ends, in the receiver's. */
static u32 out_of(const struct sim_text *text, u32 in, bool end)
{
	u32 low = 0, high = text->mark_count, at;
	const struct sim_mark *mark;

	while (low < high) {
		at = (low + high) / 2;
		if (text->mark[at].in < in)
			low = at + 1;
		else
			high = at;
	}
	if (!low)
		return in;
	mark = &text->mark[low - 1];
	if (in < mark->in + mark->in_len)
		return end ? mark->out + mark->out_len : mark->out;
	return in - mark->in - mark->in_len + mark->out + mark->out_len;
}

static bool has(const struct sim_peer *peer, u32 from, u32 to)
{
	u32 i;

	if (to <= peer->rcv_nxt)
		return true;
	for (i = 0; i < peer->early_count; i++)
		if (peer->early[i].from <= max(from, peer->rcv_nxt) && peer->early[i].to >= to)
			return true;
	return false;
}

/* SACK blocks for peer @to name what the other has, and no duplicate that the sender never sent. */
static void judge_sacks(struct sim *sim, u8 to, const struct lcs_tcp *tcp)
{
	const struct sim_peer *sender = &sim->peer[to], *receiver = &sim->peer[!to];
	u32 base = sender->isn + 1, from, end;
	u8 i;

	for (i = 0; i < tcp->sacks; i++) {
		from = tcp->sack[i].from - base;
		end = tcp->sack[i].to - base;
		if (end <= tcp->ack - base && !sim->path.twice && !sender->repeats &&
		    !sender->keepalives)
			sim_fail(sim, "peer %u is told of a duplicate, %u-%u, that it never sent",
				 to, from, end);
		if (sim->strict && !has(receiver, out_of(sim->text + to, from, false),
					out_of(sim->text + to, end, true)))
			sim_fail(sim, "peer %u is told that %u-%u has arrived, but it has not", to,
				 from, end);
	}
}

/*
 * What is urgent ends where it ended, or is not urgent any more where that is not in reach. Within
 * what is replaced it ends with it, and neighbours may be replaced as one.
 */
void sim_judge_urgent(struct sim *sim, u8 from, const struct lcs_tcp *in, const struct lcs_tcp *out)
{
	u32 base = sim->peer[from].isn + 1;
	u32 want = out_of(&sim->text[from], in->seq + in->urg - base, true);

	if (sim->strict && out->flags & LCS_TCP_URG &&
	    out->seq + out->urg - base - want > LCS_HELD_MAX / 8)
		sim_fail(sim, "what peer %u marked urgent ends at %u, not %u", from,
			 out->seq + out->urg - base, want);
}

/*
 * A segment without payload. What the sender knows to be old, a keep-alive or a window probe, must
 * be old for the receiver, or it will not answer; none stands beyond what was forwarded.
 */
void sim_judge_bare(struct sim *sim, u8 from, const struct lcs_tcp *in, const struct lcs_tcp *out)
{
	const struct sim_peer *sender = &sim->peer[from], *receiver = &sim->peer[!from];
	s32 at = in->seq - (sender->isn + 1), to = out->seq - (sender->isn + 1);

	if (in->len || in->flags & LCS_TCP_FIN)
		return;
	if (at < (s32)sender->una && to >= (s32)receiver->rcv_nxt)
		sim_fail(sim, "a probe of peer %u gets to %d, which is not old", from, to);
	if (sim->box.edit[from].edited && to > (s32)sim->box.forwarded[from])
		sim_fail(sim, "an empty segment of peer %u gets to %d, beyond all data", from, to);
	if (out->flags & LCS_TCP_RST && sim->clean && to != (s32)receiver->rcv_nxt)
		sim_fail(sim, "a reset of peer %u gets to %d, not to %u", from, to,
			 receiver->rcv_nxt);
}

/* What peer @to is told has arrived has arrived, or we have it. */
void sim_judge_told(struct sim *sim, u8 to, const struct lcs_tcp *tcp)
{
	const struct lcs_edit *edit = &sim->box.edit[to];
	u32 base = sim->peer[to].isn + 1, told = tcp->ack - base, arrived, before;

	judge_sacks(sim, to, tcp);
	if (!sim->strict)
		return;
	arrived = in_of(&sim->text[to], sim->peer[!to].rcv_nxt);
	do {
		before = arrived;
		arrived = through(&edit->kept, base + arrived) - base;
		arrived = through(&edit->held, base + arrived) - base;
	} while (arrived != before);
	if (told > arrived)
		sim_fail(sim, "peer %u is told that %u bytes have arrived, but only %u have", to,
			 told, arrived);
}

void sim_judge_engine(struct sim *sim)
{
	const struct lcs_edit *edit;
	u8 dir;

	for (dir = 0; dir < 2; dir++) {
		edit = &sim->box.edit[dir];
		if (edit->held.len + edit->kept.len > LCS_HELD_MAX)
			sim_fail(sim, "%u bytes held", edit->held.len + edit->kept.len);
		if (edit->log_size > LCS_HELD_MAX + LCS_EDITS_MAX * LCS_EDIT_TEXT_MAX)
			sim_fail(sim, "%u bytes of text in the log", edit->log_size);
		if (edit->count > LCS_EDITS_MAX)
			sim_fail(sim, "%u replacements in the log", edit->count);
	}
}

/**
 * struct judge_match - comparing a received stream with all texts it may be
 * @text: what was said
 * @got: what was received
 * @len: how much
 * @made: per group: 0 not known yet, 1 as it was, 2 replaced
 */
struct judge_match {
	const struct sim_text *text;
	const u8 *got;
	u32 len;
	u8 made[SIM_WRITES + 1];
};

/* Does the mark, in one of its two forms, stand here, and the byte behind it? */
static bool stands(const struct judge_match *m, u32 mark, u32 at, bool replaced)
{
	const struct sim_mark *k = &m->text->mark[mark];
	const u8 *form = replaced ? m->text->out + k->out : m->text->in + k->in;
	u32 len = replaced ? k->out_len : k->in_len, behind = k->in + k->in_len;

	if (at + len > m->len || memcmp(m->got + at, form, len))
		return false;
	if (mark + 1 < m->text->mark_count && m->text->mark[mark + 1].in == behind)
		return true;
	return behind >= m->text->in_len ? at + len == m->len :
	       at + len < m->len && m->got[at + len] == m->text->in[behind];
}

/* Where some replacements may be left out: each stands or not, those of one group together. */
static bool matches(struct judge_match *m)
{
	u32 at = 0, in = 0, i, n;
	bool replaced;

	for (i = 0; i <= m->text->mark_count; i++) {
		const struct sim_mark *k = &m->text->mark[i];

		n = (i < m->text->mark_count ? k->in : m->text->in_len) - in;
		if (at + n > m->len || memcmp(m->got + at, m->text->in + in, n))
			return false;
		at += n;
		if (i == m->text->mark_count)
			break;
		replaced = m->made[k->group] != 1 && stands(m, i, at, true);
		if (!replaced && (m->made[k->group] == 2 || !stands(m, i, at, false)))
			return false;
		if (k->group)
			m->made[k->group] = replaced ? 2 : 1;
		at += replaced ? k->out_len : k->in_len;
		in = k->in + k->in_len;
	}
	return at == m->len;
}

static void judge_stream(struct sim *sim, u8 to)
{
	struct judge_match match = {
		.text = &sim->text[!to],
		.got = sim->record[to].bytes,
		.len = sim->peer[to].rcv_nxt - sim->peer[to].fin_seen,
	};

	if (sim->strict && match.len != match.text->out_len)
		sim_fail(sim, "peer %u got %u bytes of %u", to, match.len, match.text->out_len);
	if (!sim->strict && !matches(&match))
		sim_fail(sim, "peer %u got a stream that no choice of replacements explains", to);
}

static void judge_rest(struct sim *sim, u8 dir)
{
	const struct lcs_edit *edit = &sim->box.edit[dir];
	const struct lcs_adjust *adjust = &sim->box.adjust[dir];
	s32 offset = sim->peer[!dir].rcv_nxt - sim->peer[dir].una;

	if (!lcs_edit_settled(edit))
		sim_fail(sim, "direction %u is not settled: %u edits, held %u, kept %u", dir,
			 edit->count, edit->held.len, edit->kept.len);
	if (adjust->offset_before != offset || adjust->offset_after != offset)
		sim_fail(sim, "direction %u: window tracking has offsets %d and %d, not %d", dir,
			 adjust->offset_before, adjust->offset_after, offset);
	if (sim->box.seen[dir].unacknowledged)
		sim_fail(sim, "direction %u: window tracking still waits for an ACK", dir);
}

void sim_judge_end(struct sim *sim)
{
	u8 id;

	for (id = 0; id < 2; id++) {
		const struct sim_peer *peer = &sim->peer[id];

		if (!sim_peer_done(peer)) {
			sim_fail(sim, "peer %u is stuck: %u of %u written, %u sent, %u arrived", id,
				 peer->written, peer->text->in_len, peer->nxt, peer->una);
			return;
		}
		if (sim->clean && !sim->box.busy && (peer->timeouts || peer->persists))
			sim_fail(sim, "peer %u waited on a clean path: timers %u and %u",
				 id, peer->timeouts, peer->persists);
		judge_stream(sim, id);
	}
	judge_rest(sim, 0);
	judge_rest(sim, 1);
	sim_box_release(sim);
	if (sim->box.memory)
		sim_fail(sim, "%llu bytes of memory are not given back",
			 (unsigned long long)sim->box.memory);
}
