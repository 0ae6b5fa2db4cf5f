// SPDX-License-Identifier: GPL-2.0
/*
 * The way of a TCP segment through the engine. In its own direction: in order only, what may still
 * be replaced is held, the rest goes out as what it became, within the window that the receiver
 * offered. In the other: acknowledgment, window and SACK blocks become the sender's again.
 */
#include <lcs/ack.h>

/*
 * Where the log fills, neighbours become one: with no more than this between them, and as long as
 * all texts of the log together stay below LCS_HELD_MAX.
 */
#define LCS_MERGE_GAP	256
#define LCS_MERGE_MAX	2048

/*
 * Bytes given to the stream at a time: the log is looked at in between, so that a large aggregated
 * segment does not fill it.
 */
#define LCS_READ_MAX	2048u

static u32 fin_of(const struct lcs_tcp *tcp)
{
	return tcp->flags & LCS_TCP_FIN ? 1 : 0;
}

static u32 in_len(const struct lcs_relay *relay)
{
	return relay->in.len + fin_of(&relay->in);
}

static enum lcs_relay_step ready(struct lcs_relay *relay)
{
	const struct lcs_tcp *in = &relay->in, *out = &relay->out;

	relay->changed = relay->action != LCS_RELAY_PASS || in->seq != out->seq ||
			 in->ack != out->ack || in->window != out->window ||
			 in->flags != out->flags || in->urg != out->urg ||
			 in->sacks != out->sacks ||
			 memcmp(in->sack, out->sack, in->sacks * sizeof(*in->sack));
	return LCS_RELAY_READY;
}

/* Nothing of the payload goes on, but the receiver shall answer. */
static void make_probe(struct lcs_relay *relay)
{
	struct lcs_edit *edit = relay->edit;

	edit->edited = 1;
	edit->probed = 1;
	relay->action = LCS_RELAY_PROBE;
	relay->probe = edit->last;
	relay->out.seq = edit->last_seq;
	relay->out.len = 1;
	relay->out.flags &= ~(LCS_TCP_FIN | LCS_TCP_URG);
	relay->out.urg = 0;
}

/* Who has a byte of the sender's, other than the payload. */
static const struct lcs_custody *custody_of(const struct lcs_relay *relay, u32 in)
{
	const struct lcs_custody *all[] = { &relay->edit->kept, &relay->edit->held,
					    &relay->spent };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->text && in - all[i]->seq < all[i]->len)
			return all[i];
	return NULL;
}

/**
 * lcs_relay_piece() - the next piece of a rewritten payload
 * @relay: the segment, action LCS_RELAY_REWRITE
 * @piece: is set
 *
 * Return: false where there is none; the lengths must come to out.len, or the packet is dropped.
 */
bool lcs_relay_piece(struct lcs_relay *relay, struct lcs_piece *piece)
{
	const struct lcs_edit *edit = relay->edit;
	u32 len = relay->out.seq + relay->out.len - relay->from, in, begin;
	struct lcs_place place = lcs_place_out(edit, relay->from);
	const struct lcs_custody *custody;

	if (!len)
		return false;
	in = relay->from - place.offset;
	if (place.edit && !lcs_before(in, place.edit->seq)) {
		begin = in - place.edit->seq;
		piece->text = place.edit->text + begin;
		piece->len = min(len, place.edit->out_len - begin);
		relay->from += piece->len;
		return true;
	}
	if (place.edit)
		len = min(len, place.edit->seq - in);
	custody = custody_of(relay, in);
	if (custody) {
		begin = in - custody->seq;
		piece->text = custody->text + begin;
		piece->len = min(len, custody->len - begin);
	} else if (in - relay->in.seq < relay->in.len) {
		piece->text = NULL;
		piece->offset = in - relay->in.seq;
		piece->len = min(len, relay->in.len - piece->offset);
	} else {
		return false;
	}
	relay->from += piece->len;
	return true;
}
EXPORT_SYMBOL_GPL(lcs_relay_piece);

/* The byte of this number in the receiver's space, part of what is being forwarded. */
static u8 byte_at(const struct lcs_relay *relay, u32 out)
{
	struct lcs_relay one = *relay;
	struct lcs_piece piece;
	u8 byte = 0;

	one.from = out;
	one.out.seq = out;
	one.out.len = 1;
	if (!lcs_relay_piece(&one, &piece))
		return 0;
	if (piece.text)
		return *piece.text;
	relay->ops->copy(relay->ctx, piece.offset, &byte, 1);
	return byte;
}

static void drop_custody(struct lcs_relay *relay, struct lcs_custody *custody)
{
	if (custody->text)
		relay->ops->release(relay->ctx, custody->text, custody->size);
	memset(custody, 0, sizeof(*custody));
}

/* Make room for @len bytes more. */
static bool grow_custody(struct lcs_relay *relay, struct lcs_custody *custody, u32 len)
{
	u32 size = custody->size ? custody->size : 512;
	u8 *text;

	while (size < custody->len + len)
		size *= 2;
	if (size == custody->size)
		return true;
	text = relay->ops->resize(relay->ctx, custody->text, custody->size, size);
	if (!text)
		return false;
	custody->text = text;
	custody->size = size;
	return true;
}

/* What is held and the receiver has acknowledged in the meantime needs no room any more. */
static void trim_hold(struct lcs_edit *edit)
{
	struct lcs_custody *held = &edit->held;
	s32 gone = lcs_edit_in(edit, edit->una) - held->seq;

	if (!held->text || gone <= 0)
		return;
	held->seq += gone;
	held->len -= gone;
	memmove(held->text, held->text + gone, held->len);
}

/*
 * Take the bytes from @from, where those in custody end, up to @to. Where others take the room, or
 * where they need not be taken (@must), the sender repeats the rest later.
 */
static enum lcs_edit_result hold(struct lcs_relay *relay, struct lcs_custody *custody, u32 others,
				 u32 from, u32 to, bool must)
{
	u32 len = to - from, room;

	if (must && to - relay->edit->decided > LCS_HELD_MAX)
		return LCS_EDIT_TOO_LONG;
	room = LCS_HELD_MAX - min((u32)LCS_HELD_MAX, custody->len + others);
	len = min(len, room);
	if (!len)
		return LCS_EDIT_DONE;
	if (!grow_custody(relay, custody, len))
		return must ? LCS_EDIT_NO_MEMORY : LCS_EDIT_DONE;
	if (!custody->len)
		custody->seq = from;
	relay->ops->copy(relay->ctx, from - relay->in.seq, custody->text + custody->len, len);
	custody->len += len;
	return LCS_EDIT_DONE;
}

/*
 * All that was held goes out. Where the sender was told that it has arrived we alone can repeat
 * it; that cannot have been told while an older one was kept, so one is enough.
 */
static void end_hold(struct lcs_relay *relay)
{
	struct lcs_edit *edit = relay->edit;

	if (edit->held.text && lcs_after(edit->told, edit->held.seq)) {
		drop_custody(relay, &edit->kept);
		edit->kept = edit->held;
	} else {
		relay->spent = edit->held;
	}
	memset(&edit->held, 0, sizeof(edit->held));
}

/**
 * lcs_relay_done() - the packet has been made, or dropped
 * @relay: the segment
 */
void lcs_relay_done(struct lcs_relay *relay)
{
	drop_custody(relay, &relay->spent);
}
EXPORT_SYMBOL_GPL(lcs_relay_done);

/* Where the payload to be forwarded begins. */
static u32 begin_of(const struct lcs_edit *edit, u32 seq)
{
	u32 begin = lcs_first(lcs_edit_out(edit, seq), edit->sent);

	if (lcs_edit_untouched(edit))
		return begin;
	/* What lies before it, and the sender does not repeat, goes along. */
	if (!lcs_after(seq, edit->told))
		begin = lcs_first(begin, edit->una);
	/* What the receiver has acknowledged may be known no more as what it became. */
	return lcs_last(begin, edit->una);
}

/* The payload goes on byte for byte. */
static bool is_literal(const struct lcs_relay *relay, u32 begin, u32 end)
{
	const struct lcs_edit *edit = relay->edit;
	struct lcs_place place = lcs_place_in(edit, relay->in.seq);

	return begin == relay->in.seq + place.offset && end - begin == in_len(relay) &&
	       (!place.edit || !lcs_before(place.edit->seq, relay->in.seq + relay->in.len));
}

/* What of the segment, and in front of it, goes on: @begin to @end of the receiver's space. */
static void forward(struct lcs_relay *relay, u32 begin, u32 end, bool fin)
{
	struct lcs_edit *edit = relay->edit;
	struct lcs_tcp *out = &relay->out;
	u32 urgent;

	relay->action = is_literal(relay, begin, end) ? LCS_RELAY_PASS : LCS_RELAY_REWRITE;
	relay->from = begin;
	out->seq = begin;
	out->len = end - begin - fin;
	if (!fin)
		out->flags &= ~LCS_TCP_FIN;
	if (out->flags & LCS_TCP_URG) {
		urgent = relay->in.seq + relay->in.urg;
		if (lcs_after(urgent, edit->decided))
			urgent = 0;
		else
			urgent = lcs_edit_out_end(edit, urgent) - begin;
		/* Out of reach, or what it will become is not known yet. */
		if (urgent - 1 < 65535)
			out->urg = urgent;
		else
			out->flags &= ~LCS_TCP_URG;
	}
	if (!lcs_after(end, edit->sent))
		return;
	if (out->len) {
		edit->last_seq = end - fin - 1;
		edit->last = byte_at(relay, edit->last_seq);
	}
	edit->sent = end;
}

/* Whether all that is held lies below a position of the receiver's space. */
static bool hold_ends(const struct lcs_edit *edit, u32 end)
{
	return edit->held.text &&
	       !lcs_before(end, lcs_edit_out_end(edit, lcs_custody_end(&edit->held)));
}

/**
 * struct lcs_plan - what is to become of a segment
 * @begin: out: begin of what goes on
 * @end: out: its end
 * @have: in: what we have then, what is to be held left aside
 * @stop: in: end of the segment, as far as it was read
 * @until: in: as far as it is decided
 * @fin: its FIN goes on
 */
struct lcs_plan {
	u32 begin;
	u32 end;
	u32 have;
	u32 stop;
	u32 until;
	bool fin;
};

static void plan(const struct lcs_relay *relay, struct lcs_plan *plan)
{
	u32 behind = relay->in.seq + in_len(relay), limit;
	const struct lcs_edit *edit = relay->edit;

	plan->stop = lcs_first(behind, edit->read);
	plan->until = lcs_first(plan->stop, edit->decided);
	plan->begin = begin_of(edit, relay->in.seq);
	plan->end = lcs_edit_out_end(edit, plan->until);
	plan->fin = fin_of(&relay->in) && plan->until == behind;
	limit = plan->begin + relay->max_len;
	/* A FIN takes no room in the packet. */
	if (plan->fin && plan->end == limit + 1)
		limit++;
	limit = lcs_first(edit->edge, limit);
	plan->fin = plan->fin && !lcs_after(plan->end, limit);
	if (lcs_after(plan->end, limit)) {
		plan->end = limit;
		plan->have = lcs_edit_in(edit, limit);
	} else {
		plan->have = lcs_last(plan->until, lcs_edit_in(edit, plan->end));
	}
	plan->have = lcs_last(edit->have, plan->have);
}

/*
 * What the packet does not carry: what is not decided must be held; what is, and has no room in the
 * receiver's window or in the packet, may be.
 */
static enum lcs_edit_result hold_rest(struct lcs_relay *relay, const struct lcs_plan *plan,
				      bool ends, struct lcs_custody *fresh)
{
	u32 to = lcs_first(plan->stop, relay->in.seq + relay->in.len);
	bool must = !lcs_before(plan->have, plan->until);
	struct lcs_edit *edit = relay->edit;

	if (!lcs_after(to, plan->have))
		return LCS_EDIT_DONE;
	if (!ends)
		trim_hold(edit);
	if (edit->held.text && !ends)
		return hold(relay, &edit->held, edit->kept.len, plan->have, to, must);
	return hold(relay, fresh, edit->held.len + edit->kept.len, plan->have, to, must);
}

/*
 * Forward what can be, and hold what must be. What can fail comes first.
 * Return: why something cannot be held.
 */
static enum lcs_edit_result compose(struct lcs_relay *relay)
{
	struct lcs_edit *edit = relay->edit;
	struct lcs_custody fresh = {};
	enum lcs_edit_result result;
	struct lcs_plan p;
	bool ends;

	plan(relay, &p);
	ends = hold_ends(edit, p.end);
	result = hold_rest(relay, &p, ends, &fresh);
	if (result != LCS_EDIT_DONE)
		return result;
	if (lcs_after(p.end, p.begin))
		forward(relay, p.begin, p.end, p.fin);
	else
		make_probe(relay);
	edit->have = p.have;
	if (ends)
		end_hold(relay);
	if (fresh.text)
		edit->held = fresh;
	if (edit->held.text) {
		edit->have = lcs_custody_end(&edit->held);
		edit->edited = 1;
	}
	if (lcs_before(edit->decided, edit->have))
		edit->promise = edit->have;
	else
		edit->promise = lcs_last(edit->promise,
					 lcs_first(relay->in.seq, edit->have));
	return LCS_EDIT_DONE;
}

/* Bytes of the sender's space that are read but not decided, from custody or from the payload. */
static void copy_in(const struct lcs_relay *relay, u32 in, u8 *to, u32 len)
{
	const struct lcs_custody *held = &relay->edit->held;
	u32 at = in - held->seq, n = 0;

	if (held->text && at < held->len) {
		n = min(len, held->len - at);
		memcpy(to, held->text + at, n);
	}
	if (n < len)
		relay->ops->copy(relay->ctx, in + n - relay->in.seq, to + n, len - n);
}

/* Make one replacement of two neighbours and what lies between them. */
static bool merge(struct lcs_relay *relay, struct lcs_replacement **link)
{
	struct lcs_replacement *a = *link, *b = a->next;
	u32 gap = b->seq - lcs_in_end(a), len = a->out_len + gap + b->out_len;
	struct lcs_replacement *made;
	u32 size = sizeof(*a) + len;

	if (gap > LCS_MERGE_GAP || len > LCS_MERGE_MAX ||
	    relay->edit->log_size + gap > LCS_HELD_MAX)
		return false;
	made = (struct lcs_replacement *)relay->ops->resize(relay->ctx, (u8 *)a, a->size, size);
	if (!made)
		return false;
	copy_in(relay, lcs_in_end(made), made->text + made->out_len, gap);
	memcpy(made->text + made->out_len + gap, b->text, b->out_len);
	made->in_len += gap + b->in_len;
	made->out_len = len;
	made->size = size;
	made->next = b->next;
	*link = made;
	relay->edit->count--;
	relay->edit->log_size += gap;
	relay->ops->release(relay->ctx, (u8 *)b, b->size);
	return true;
}

/* Below @seq nothing will be replaced any more. */
static void decide(struct lcs_relay *relay, u32 seq)
{
	struct lcs_edit *edit = relay->edit;
	struct lcs_replacement **link = &edit->log;

	while (*link && lcs_before((*link)->seq, edit->decided))
		link = &(*link)->next;
	if (*link && lcs_before((*link)->seq, seq))
		edit->edited = 1;
	while (edit->count > LCS_EDITS_BUSY / 4 && *link && (*link)->next &&
	       lcs_before((*link)->next->seq, seq))
		if (!merge(relay, link))
			link = &(*link)->next;
	edit->decided = lcs_last(edit->decided, seq);
}

/* What was to be held goes on as it is. */
static void flush(struct lcs_relay *relay)
{
	struct lcs_edit *edit = relay->edit;

	lcs_edit_forget(edit, relay->ops, relay->ctx, edit->decided);
	edit->decided = edit->read;
}

/* All is read that can be: what becomes of the segment. */
static enum lcs_relay_step settle(struct lcs_relay *relay)
{
	relay->unheld = compose(relay);
	if (relay->unheld != LCS_EDIT_DONE) {
		relay->edit->frozen = relay->unheld;
		flush(relay);
		compose(relay);
	}
	return ready(relay);
}

/* So many replacements are not acknowledged that the receiver must catch up first. */
static bool is_busy(const struct lcs_edit *edit)
{
	const struct lcs_replacement *entry;
	unsigned int n = 0;

	if (edit->count < LCS_EDITS_BUSY)
		return false;
	/* Those of a body that is held are not on their way: no acknowledgment takes them away. */
	for (entry = edit->log; entry && lcs_before(entry->seq, edit->decided); entry = entry->next)
		n++;
	return n >= LCS_EDITS_BUSY &&
	       lcs_after(lcs_edit_out_end(edit, edit->decided), edit->una);
}

static enum lcs_relay_step ask_to_read(struct lcs_relay *relay)
{
	relay->read_offset = relay->edit->read - relay->in.seq;
	relay->read_len = relay->in.len - min(relay->read_offset, relay->in.len);
	relay->read_len = min(relay->read_len, LCS_READ_MAX);
	return LCS_RELAY_READ;
}

/**
 * lcs_relay_end() - the new bytes of the segment were read
 * @relay: the segment
 * @undecided: the first byte that may still be replaced, see lcs_hold_from()
 *
 * Return: LCS_RELAY_READ: there is more to read; LCS_RELAY_READY: relay->action says what becomes
 * of the segment, relay->unheld whether, and why, the rest of the message being read will not be
 * rewritten.
 */
enum lcs_relay_step lcs_relay_end(struct lcs_relay *relay, u32 undecided)
{
	u32 behind = relay->in.seq + relay->in.len;
	struct lcs_edit *edit = relay->edit;

	edit->read += relay->read_len;
	decide(relay, undecided);
	relay->busy = is_busy(edit);
	if (lcs_before(edit->read, behind) && !relay->busy)
		return ask_to_read(relay);
	if (edit->read == behind && fin_of(&relay->in)) {
		edit->read++;
		flush(relay);
	}
	return settle(relay);
}
EXPORT_SYMBOL_GPL(lcs_relay_end);

/**
 * lcs_relay_begin() - a segment has come
 * @relay: the segment
 *
 * Return: what to do next.
 */
enum lcs_relay_step lcs_relay_begin(struct lcs_relay *relay)
{
	struct lcs_edit *edit = relay->edit;
	const struct lcs_tcp *in = &relay->in;

	relay->out = *in;
	relay->action = LCS_RELAY_PASS;
	relay->unheld = LCS_EDIT_DONE;
	relay->read_len = 0;
	memset(&relay->spent, 0, sizeof(relay->spent));
	if (in->flags & LCS_TCP_ACK && !lcs_ack_translate(relay)) {
		relay->action = LCS_RELAY_DROP;
		return LCS_RELAY_READY;
	}
	if (in->flags & LCS_TCP_RST) {
		relay->out.seq = lcs_ack_reset(edit, in->seq);
		return ready(relay);
	}
	if (!in_len(relay)) {
		relay->out.seq = lcs_ack_bare(edit, in->seq);
		return ready(relay);
	}
	if (lcs_after(in->seq, edit->have)) {
		if (edit->have == edit->read && !edit->held.text)
			return LCS_RELAY_GAP;
		make_probe(relay);
		return ready(relay);
	}
	relay->busy = is_busy(edit);
	if (lcs_after(in->seq + in_len(relay), edit->read) && !relay->busy)
		return ask_to_read(relay);
	return settle(relay);
}
EXPORT_SYMBOL_GPL(lcs_relay_begin);

/**
 * lcs_relay_gap() - bytes are missing before the segment
 * @relay: the segment
 * @unneeded: nobody needs them: a body being skipped, a stream given up
 *
 * Return: what to do next.
 */
enum lcs_relay_step lcs_relay_gap(struct lcs_relay *relay, bool unneeded)
{
	struct lcs_edit *edit = relay->edit;

	if (!unneeded) {
		make_probe(relay);
		return ready(relay);
	}
	edit->sent = lcs_edit_out(edit, relay->in.seq);
	edit->have = relay->in.seq;
	edit->read = relay->in.seq;
	edit->decided = relay->in.seq;
	return ask_to_read(relay);
}
EXPORT_SYMBOL_GPL(lcs_relay_gap);
