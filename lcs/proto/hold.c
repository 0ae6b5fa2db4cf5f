// SPDX-License-Identifier: GPL-2.0
/*
 * How long bytes must wait: a line until it is complete, and a body that may be rewritten, with
 * the header lines from Content-Length on, until it is whole: its length stands in front of it.
 */
#include <lcs/hold.h>

/**
 * lcs_hold_max() - how much can be held at most
 * @edit: the direction
 *
 * What is held must fit the receiver's window at once when it goes on.
 */
u32 lcs_hold_max(const struct lcs_edit *edit)
{
	u32 taken = lcs_edit_spare(edit) + lcs_edit_quantum(edit);

	return edit->max_window > taken ? min(edit->max_window - taken, (u32)LCS_HELD_MAX) : 0;
}
EXPORT_SYMBOL_GPL(lcs_hold_max);

static bool may_have_body(const struct lcs_message *msg)
{
	if (!(msg->flags & LCS_MSG_HAS_LENGTH) || !msg->length)
		return false;
	if (msg->flags & (LCS_MSG_UNREADABLE | LCS_MSG_ENCODED))
		return false;
	return !(msg->flags & LCS_MSG_HAS_TYPE) || msg->body != LCS_BODY_OTHER;
}

/**
 * lcs_hold_from() - the first byte that may still be replaced
 * @edit: the direction
 * @ops: the surroundings
 * @ctx: their own
 * @stream: its stream, all at hand read
 *
 * Return: what lcs_relay_end() needs; stream->next where nothing has to wait.
 */
u32 lcs_hold_from(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx,
		  const struct lcs_stream *stream)
{
	const struct lcs_message *msg = &stream->msg;
	u32 from = stream->next;

	if (edit->frozen)
		return from;
	switch (stream->state) {
	case LCS_IDLE:
		return from;
	case LCS_GIVEN_UP:
		/* In the midst of a message: its length will not be made right. */
		if (edit->body)
			lcs_edit_forget(edit, ops, ctx, msg->length_at.seq);
		edit->body = 0;
		return from;
	case LCS_START_LINE:
	case LCS_HEADER:
		if (stream->line_len)
			from = stream->line_seq;
		if (may_have_body(msg) && msg->length <= lcs_hold_max(edit))
			from = lcs_first(from, msg->length_at.seq);
		return from;
	default:
		return edit->body ? msg->length_at.seq : from;
	}
}
EXPORT_SYMBOL_GPL(lcs_hold_from);

/**
 * lcs_hold_body() - the header block is complete: hold its body?
 * @edit: the direction
 * @stream: its stream, from the sink's headers()
 *
 * Return: %LCS_EDIT_DONE where it is held until it is whole, or there is none that could be
 * rewritten; else why it is not and nothing of it can be replaced.
 */
enum lcs_edit_result lcs_hold_body(struct lcs_edit *edit, const struct lcs_stream *stream)
{
	const struct lcs_message *msg = &stream->msg;
	u32 size = msg->body_seq - msg->length_at.seq;

	if (edit->frozen || !may_have_body(msg) || !(msg->flags & LCS_MSG_HAS_TYPE))
		return edit->frozen;
	if (lcs_before(msg->length_at.seq, edit->decided))
		edit->frozen = LCS_EDIT_LATE;
	else if (msg->length > LCS_HELD_MAX || size + msg->length > lcs_hold_max(edit))
		edit->frozen = LCS_EDIT_TOO_LONG;
	else
		edit->body = 1;
	return edit->frozen;
}
EXPORT_SYMBOL_GPL(lcs_hold_body);

static u32 write_number(u8 *to, u32 number)
{
	u32 rest = number, digits = 1, i;

	while (rest >= 10) {
		rest /= 10;
		digits++;
	}
	for (i = digits; i--; number /= 10)
		to[i] = '0' + number % 10;
	return digits;
}

/**
 * lcs_hold_message() - the message is complete: make its Content-Length right
 * @edit: the direction
 * @ops: the surroundings
 * @ctx: their own
 * @stream: its stream, from the sink's message()
 *
 * Where that cannot be, the replacements in the body are taken back.
 *
 * Return: why they were, or %LCS_EDIT_DONE.
 */
enum lcs_edit_result lcs_hold_message(struct lcs_edit *edit, const struct lcs_edit_ops *ops,
				      void *ctx, const struct lcs_stream *stream)
{
	const struct lcs_message *msg = &stream->msg;
	enum lcs_edit_result result = LCS_EDIT_DONE;
	u8 digits[10];
	s32 growth;

	growth = edit->body ? lcs_edit_growth(edit, msg->body_seq, msg->body_seq + msg->length) : 0;
	if (growth && (msg->flags & LCS_MSG_PART_LENGTH))
		result = LCS_EDIT_FIXED;
	else if (growth)
		result = lcs_edit_replace(edit, ops, ctx, msg->length_at, digits,
					  write_number(digits, msg->length + growth));
	if (result != LCS_EDIT_DONE)
		lcs_edit_forget(edit, ops, ctx, msg->body_seq);
	edit->body = 0;
	edit->frozen = LCS_EDIT_DONE;
	return result;
}
EXPORT_SYMBOL_GPL(lcs_hold_message);
