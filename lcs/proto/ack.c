// SPDX-License-Identifier: GPL-2.0
/*
 * Acknowledgments, windows and SACK blocks of a receiver in the sender's sequence space, and the
 * place of segments that carry nothing else.
 */
#include <lcs/ack.h>

/*
 * The window the sender may fill: what is held goes first. Where that leaves less than a sender
 * sends for, it fills our hold instead: it must go on to complete what is held.
 */
static u16 window_field(struct lcs_edit *edit)
{
	u32 edge = lcs_edit_in_edge(edit, edit->edge) - lcs_edit_spare(edit), window = 0;

	if (edit->una == edit->sent && lcs_before(edit->decided, edit->have))
		edge = lcs_last(edge, edit->have + max(lcs_edit_quantum(edit), 1u << edit->scale));
	edit->told_edge = lcs_last(edit->told_edge, edge);
	if (lcs_after(edit->told_edge, edit->told))
		window = (edit->told_edge - edit->told) >> edit->scale;
	return min(window, 65535u);
}

/*
 * What the sender is told of the receiver's acknowledgment. Bytes in custody are acknowledged in
 * the receiver's place: those kept, and those held once it has all that was forwarded. So Nagle's
 * algorithm, or a window of one segment, does not keep the sender from sending the rest.
 */
static void tell(struct lcs_edit *edit, u32 complete)
{
	if (edit->una == edit->sent ||
	    (edit->kept.text && !lcs_before(complete, edit->kept.seq)))
		complete = lcs_last(complete, edit->una == edit->sent ? edit->promise :
				    lcs_first(edit->promise, lcs_custody_end(&edit->kept)));
	edit->told = lcs_last(edit->told, complete);
}

static void translate_sacks(struct lcs_relay *relay)
{
	const struct lcs_edit *back = relay->back;
	struct lcs_sack sack;
	u8 i, n = 0;

	for (i = 0; i < relay->in.sacks; i++) {
		sack = relay->in.sack[i];
		/* A duplicate (RFC 2883): our probe of one byte, or older than what we know. */
		if ((back->probed && sack.to - sack.from == 1 && !lcs_after(sack.to, back->una)) ||
		    lcs_before(sack.from, back->offset_from))
			continue;
		sack.from = lcs_edit_in_end(back, sack.from);
		sack.to = lcs_edit_in(back, sack.to);
		if (lcs_before(sack.from, sack.to) && !lcs_after(sack.to, back->read))
			relay->out.sack[n++] = sack;
	}
	relay->out.sacks = n;
}

/*
 * Could the receiver say that? It has no more than was sent, but for a FIN that passed before the
 * first replacement; and it looks back no further than its largest window (RFC 5961 5.2). The core
 * does not ask any more, see lcs_edit_adjust().
 */
static bool is_plausible(const struct lcs_edit *back, u32 ack)
{
	return !lcs_after(ack, back->sent + 1) &&
	       !lcs_before(ack, back->una - max(back->max_window, 65535u));
}

/**
 * lcs_ack_translate() - the acknowledgment of a segment becomes the sender's again
 * @relay: the segment; @back is the direction it is about
 *
 * Return: false where it is none that the receiver can have sent; nothing has changed then.
 */
bool lcs_ack_translate(struct lcs_relay *relay)
{
	struct lcs_edit *back = relay->back;
	u32 ack = relay->in.ack, complete, edge;

	if (!lcs_edit_untouched(back) && !is_plausible(back, ack))
		return false;
	if (lcs_after(ack, back->sent))
		ack = back->sent;
	edge = ack + ((u32)relay->in.window << back->scale);
	back->edge = lcs_last(back->edge, edge);
	if (!lcs_before(ack, back->una))
		back->max_window = max(back->max_window, edge - ack);
	if (lcs_after(ack, back->una))
		lcs_edit_acked(back, relay->ops, relay->ctx, ack);
	if (lcs_edit_untouched(back)) {
		back->told = lcs_last(back->told, ack);
		back->told_edge = lcs_last(back->told_edge, edge);
		return true;
	}
	complete = lcs_edit_in(back, back->una);
	tell(back, complete);
	relay->out.ack = back->told;
	relay->out.window = window_field(back);
	if (back->told == complete && ack == back->una)
		translate_sacks(relay);
	else
		relay->out.sacks = 0;
	return true;
}

/**
 * lcs_ack_bare() - where a segment without payload stands
 * @edit: its direction
 * @seq: its sequence number
 *
 * At the sender's snd_nxt: behind what was forwarded. One that repeats what the sender knows to be
 * acknowledged wants an answer, and must be old for the receiver too.
 */
u32 lcs_ack_bare(const struct lcs_edit *edit, u32 seq)
{
	if (lcs_edit_untouched(edit))
		return seq;
	if (!lcs_before(seq, edit->have))
		return edit->sent;
	if (lcs_before(seq, edit->told))
		return lcs_first(lcs_edit_out(edit, seq), edit->una - 1);
	return lcs_first(lcs_edit_out(edit, seq), edit->sent);
}

/**
 * lcs_ack_reset() - where a reset stands
 * @edit: its direction
 * @seq: its sequence number
 *
 * It must hit the receiver's next byte exactly (RFC 5961 3.2), else anybody could reset: what lies
 * beyond what was forwarded stays as far beyond.
 */
u32 lcs_ack_reset(const struct lcs_edit *edit, u32 seq)
{
	if (lcs_edit_untouched(edit) || lcs_before(seq, edit->have))
		return lcs_ack_bare(edit, seq);
	return edit->sent + (seq - edit->have);
}
