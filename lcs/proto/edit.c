// SPDX-License-Identifier: GPL-2.0
/*
 * The log of replacements of one direction, and positions of the sender's sequence space in the
 * receiver's and back. Between two replacements both spaces run in step; the log is short, so
 * every translation walks it from its oldest entry on.
 */
#include <lcs/edit.h>

static s32 growth_of(const struct lcs_replacement *edit)
{
	return (s32)edit->out_len - edit->in_len;
}

/**
 * lcs_edit_init() - begin at the start of a connection
 * @edit: the direction
 * @start: what the handshake said
 */
void lcs_edit_init(struct lcs_edit *edit, const struct lcs_edit_start *start)
{
	memset(edit, 0, sizeof(*edit));
	edit->have = start->seq;
	edit->read = start->seq;
	edit->decided = start->seq;
	edit->promise = start->seq;
	edit->told = start->seq;
	edit->sent = start->seq;
	edit->last_seq = start->seq - 1;
	edit->una = start->seq;
	edit->offset_from = start->seq;
	edit->edge = start->edge;
	edit->told_edge = start->edge;
	/* nf_conntrack_tcp_be_liberal lets a sender go beyond the edge. */
	edit->max_window = start->window;
	if (lcs_after(start->edge, start->seq))
		edit->max_window = max(start->window, start->edge - start->seq);
	edit->mss = start->mss;
	edit->scale = start->scale;
}
EXPORT_SYMBOL_GPL(lcs_edit_init);

static void free_custody(struct lcs_custody *custody, const struct lcs_edit_ops *ops, void *ctx)
{
	if (custody->text)
		ops->release(ctx, custody->text, custody->size);
	memset(custody, 0, sizeof(*custody));
}

static void free_first(struct lcs_edit *edit, struct lcs_replacement **at,
		       const struct lcs_edit_ops *ops, void *ctx)
{
	struct lcs_replacement *gone = *at;

	*at = gone->next;
	edit->count--;
	edit->log_size -= gone->out_len;
	ops->release(ctx, (u8 *)gone, gone->size);
}

/**
 * lcs_edit_release() - free all that a direction holds; nothing may pass it afterwards
 * @edit: the direction
 * @ops: has the release callback
 * @ctx: its own
 */
void lcs_edit_release(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx)
{
	while (edit->log)
		free_first(edit, &edit->log, ops, ctx);
	free_custody(&edit->held, ops, ctx);
	free_custody(&edit->kept, ops, ctx);
}
EXPORT_SYMBOL_GPL(lcs_edit_release);

/**
 * lcs_place_in() - what lies at a position of the sender's space
 * @edit: the direction
 * @in: the position
 */
struct lcs_place lcs_place_in(const struct lcs_edit *edit, u32 in)
{
	struct lcs_place place = { edit->log, edit->offset };

	while (place.edit && !lcs_before(in, lcs_in_end(place.edit))) {
		place.offset += growth_of(place.edit);
		place.edit = place.edit->next;
	}
	return place;
}

/**
 * lcs_place_out() - what lies at a position of the receiver's space
 * @edit: the direction
 * @out: the position
 */
struct lcs_place lcs_place_out(const struct lcs_edit *edit, u32 out)
{
	struct lcs_place place = { edit->log, edit->offset };

	while (place.edit &&
	       !lcs_before(out, place.edit->seq + place.offset + place.edit->out_len)) {
		place.offset += growth_of(place.edit);
		place.edit = place.edit->next;
	}
	return place;
}

/**
 * lcs_edit_out() - where what begins at a position begins for the receiver
 * @edit: the direction
 * @in: the position
 *
 * Return: inside a replacement, where its text begins.
 */
u32 lcs_edit_out(const struct lcs_edit *edit, u32 in)
{
	struct lcs_place place = lcs_place_in(edit, in);

	if (place.edit && lcs_after(in, place.edit->seq))
		in = place.edit->seq;
	return in + place.offset;
}

/**
 * lcs_edit_out_end() - where what ends at a position ends for the receiver
 * @edit: the direction
 * @in: the position
 *
 * Return: inside a replacement, where its text ends.
 */
u32 lcs_edit_out_end(const struct lcs_edit *edit, u32 in)
{
	struct lcs_place place = lcs_place_in(edit, in);

	if (place.edit && lcs_after(in, place.edit->seq))
		return place.edit->seq + place.offset + place.edit->out_len;
	return in + place.offset;
}

/**
 * lcs_edit_in() - up to where the sender's bytes are complete
 * @edit: the direction
 * @out: up to where the receiver's are
 *
 * Return: inside the text of a replacement, where the replaced range begins.
 */
u32 lcs_edit_in(const struct lcs_edit *edit, u32 out)
{
	struct lcs_place place = lcs_place_out(edit, out);

	if (place.edit && lcs_after(out, place.edit->seq + place.offset))
		return place.edit->seq;
	return out - place.offset;
}

/**
 * lcs_edit_in_end() - from where on the sender's bytes are complete
 * @edit: the direction
 * @out: from where on the receiver's are
 *
 * Return: inside the text of a replacement, where the replaced range ends.
 */
u32 lcs_edit_in_end(const struct lcs_edit *edit, u32 out)
{
	struct lcs_place place = lcs_place_out(edit, out);

	if (place.edit && lcs_after(out, place.edit->seq + place.offset))
		return lcs_in_end(place.edit);
	return out - place.offset;
}

/**
 * lcs_edit_in_edge() - up to where the sender may send
 * @edit: the direction
 * @out: up to where the receiver takes
 *
 * Inside the text of a replacement as many bytes of its range as of its text: however small the
 * window, a sender that fills it gets something across.
 */
u32 lcs_edit_in_edge(const struct lcs_edit *edit, u32 out)
{
	struct lcs_place place = lcs_place_out(edit, out);
	u32 begin;

	if (!place.edit)
		return out - place.offset;
	begin = place.edit->seq + place.offset;
	if (lcs_after(out, begin))
		return place.edit->seq + min((u32)place.edit->in_len, out - begin);
	return out - place.offset;
}

/**
 * lcs_edit_quantum() - what neither side does less for
 * @edit: the direction
 *
 * The receiver moves its window, and the sender fills it, by a full segment or half of the window
 * at least (RFC 1122 4.2.3.3, 4.2.3.4).
 */
u32 lcs_edit_quantum(const struct lcs_edit *edit)
{
	return max(min((u32)edit->mss, edit->max_window / 2), 1u);
}

/**
 * lcs_edit_acked() - the receiver has acknowledged
 * @edit: the direction
 * @ops: has the release callback
 * @ctx: its own
 * @una: up to where, not beyond what was sent
 */
void lcs_edit_acked(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx, u32 una)
{
	struct lcs_replacement *first;

	edit->una = una;
	if (edit->kept.text &&
	    !lcs_before(una, lcs_edit_out_end(edit, lcs_custody_end(&edit->kept))))
		free_custody(&edit->kept, ops, ctx);
	while ((first = edit->log) && lcs_before(first->seq, edit->decided) &&
	       !lcs_before(una, first->seq + edit->offset + first->out_len)) {
		edit->offset_from = first->seq + edit->offset + first->out_len;
		edit->offset += growth_of(first);
		free_first(edit, &edit->log, ops, ctx);
	}
	/* Sequence numbers come round: nobody looks back as far as that. */
	if (una - edit->offset_from > LCS_LOOK_BACK)
		edit->offset_from = una - LCS_LOOK_BACK;
}

static struct lcs_replacement *new_replacement(const struct lcs_edit_ops *ops, void *ctx,
					       struct lcs_range at, const u8 *text, u32 len)
{
	u32 size = sizeof(struct lcs_replacement) + len;
	struct lcs_replacement *made;

	made = (struct lcs_replacement *)ops->resize(ctx, NULL, 0, size);
	if (!made)
		return NULL;
	made->next = NULL;
	made->seq = at.seq;
	made->in_len = at.len;
	made->out_len = len;
	made->size = size;
	memcpy(made->text, text, len);
	return made;
}

/**
 * lcs_edit_replace() - replace a range of the stream
 * @edit: the direction
 * @ops: has the resize callback
 * @ctx: its own
 * @at: the range, at least a byte; read already, and not yet released by lcs_relay_end()
 * @text: what it becomes; has at least a byte
 * @len: bytes of @text
 *
 * Ranges may come in any order; the same range may come again with the same text. After
 * %LCS_EDIT_DONE nothing can fail any more.
 *
 * Return: why it cannot be, or %LCS_EDIT_DONE.
 */
enum lcs_edit_result lcs_edit_replace(struct lcs_edit *edit, const struct lcs_edit_ops *ops,
				      void *ctx, struct lcs_range at, const u8 *text, u32 len)
{
	struct lcs_replacement **link = &edit->log, *made;

	if (edit->frozen)
		return edit->frozen;
	if (!len || len > LCS_EDIT_TEXT_MAX)
		return LCS_EDIT_TOO_LONG;
	if (!at.len || lcs_before(at.seq, edit->decided))
		return LCS_EDIT_LATE;
	while (*link && !lcs_before(at.seq, lcs_in_end(*link)))
		link = &(*link)->next;
	if (*link && lcs_before((*link)->seq, at.seq + at.len)) {
		if ((*link)->seq == at.seq && (*link)->in_len == at.len &&
		    (*link)->out_len == len && !memcmp((*link)->text, text, len))
			return LCS_EDIT_DONE;
		return LCS_EDIT_CLASH;
	}
	if (edit->count == LCS_EDITS_MAX)
		return LCS_EDIT_FULL;
	made = new_replacement(ops, ctx, at, text, len);
	if (!made)
		return LCS_EDIT_NO_MEMORY;
	made->next = *link;
	*link = made;
	edit->count++;
	edit->log_size += len;
	return LCS_EDIT_DONE;
}
EXPORT_SYMBOL_GPL(lcs_edit_replace);

/**
 * lcs_edit_forget() - take back replacements that were not released yet
 * @edit: the direction
 * @ops: has the release callback
 * @ctx: its own
 * @seq: those from here on
 */
void lcs_edit_forget(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx, u32 seq)
{
	struct lcs_replacement **link = &edit->log;

	seq = lcs_last(seq, edit->decided);
	while (*link && lcs_before((*link)->seq, seq))
		link = &(*link)->next;
	while (*link)
		free_first(edit, link, ops, ctx);
}
EXPORT_SYMBOL_GPL(lcs_edit_forget);

/**
 * lcs_edit_growth() - by how much the replacements within a range change its size
 * @edit: the direction
 * @from: in: begin of the range
 * @to: in: its end
 */
s32 lcs_edit_growth(const struct lcs_edit *edit, u32 from, u32 to)
{
	struct lcs_replacement *at;
	s32 growth = 0;

	for (at = edit->log; at && lcs_before(at->seq, to); at = at->next)
		if (!lcs_before(at->seq, from))
			growth += growth_of(at);
	return growth;
}
EXPORT_SYMBOL_GPL(lcs_edit_growth);

/**
 * lcs_edit_adjust() - what tcp_in_window() needs
 * @edit: the direction
 * @adjust: for the nf_ct_seqadj of this direction
 *
 * An ACK inside a replacement counts with the largest offset in flight: it must not seem to
 * acknowledge what the sender has not sent. One of all that was forwarded counts exactly.
 */
void lcs_edit_adjust(const struct lcs_edit *edit, struct lcs_adjust *adjust)
{
	struct lcs_replacement *at;
	s32 offset = edit->offset;

	adjust->offset_before = offset;
	adjust->correction_pos = edit->una - 1;
	for (at = edit->log; at && lcs_before(at->seq, edit->decided); at = at->next) {
		/* nf_ct_seq_offset() is asked with ack - 1, and compares with after() */
		adjust->correction_pos = at->seq + offset + at->out_len - 2;
		offset += growth_of(at);
		adjust->offset_before = max(adjust->offset_before, offset);
	}
	adjust->offset_after = offset;
	adjust->edge = edit->told_edge;
}
EXPORT_SYMBOL_GPL(lcs_edit_adjust);
