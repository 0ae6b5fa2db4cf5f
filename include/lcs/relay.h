/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP segment on its way through a connection whose text is rewritten: what becomes of its
 * header and of its payload.
 *
 * lcs_relay_begin() says what to do next:
 *
 *	LCS_RELAY_READ	give relay->read_len bytes of the payload (may be none), from
 *			relay->read_offset on, to the stream, whose sink calls lcs_edit_replace();
 *			then lcs_relay_end(), which may ask for more
 *	LCS_RELAY_GAP	bytes are missing before it: lcs_relay_gap()
 *	LCS_RELAY_READY	carry out relay->action, then lcs_relay_done()
 *
 * All of that under the lock of the connection. A packet that cannot be made what relay->out says
 * is dropped: for the engine that is a loss like any other.
 */
#ifndef _LCS_RELAY_H
#define _LCS_RELAY_H

#include <lcs/edit.h>

#define LCS_SACKS_MAX	4

/* Flags of a segment */
enum {
	LCS_TCP_FIN = 1 << 0,
	LCS_TCP_RST = 1 << 1,
	LCS_TCP_ACK = 1 << 2,
	LCS_TCP_URG = 1 << 3,
};

/**
 * struct lcs_sack - a block of a SACK option
 * @from: left edge
 * @to: right edge
 */
struct lcs_sack {
	u32 from;
	u32 to;
};

/**
 * struct lcs_tcp - a TCP segment; not for SYNs, those pass as they are
 * @seq: sequence number
 * @ack: acknowledgment number, if LCS_TCP_ACK
 * @len: bytes of payload
 * @window: window field, unscaled
 * @urg: urgent pointer, if LCS_TCP_URG
 * @flags: LCS_TCP_*
 * @sacks: blocks of the SACK option
 * @sack: the blocks
 */
struct lcs_tcp {
	u32 seq;
	u32 ack;
	u32 len;
	u16 window;
	u16 urg;
	u8 flags;
	u8 sacks;
	struct lcs_sack sack[LCS_SACKS_MAX];
};

/**
 * enum lcs_relay_step - what the caller does next
 * @LCS_RELAY_READY: carry out relay->action
 * @LCS_RELAY_READ: read, then lcs_relay_end()
 * @LCS_RELAY_GAP: lcs_relay_gap()
 */
enum lcs_relay_step {
	LCS_RELAY_READY,
	LCS_RELAY_READ,
	LCS_RELAY_GAP,
};

/**
 * enum lcs_relay_action - what becomes of the payload
 * @LCS_RELAY_PASS: it stays as it is
 * @LCS_RELAY_REWRITE: it becomes the pieces that lcs_relay_piece() gives, out.len bytes in all
 * @LCS_RELAY_PROBE: it becomes the one byte relay->probe
 * @LCS_RELAY_DROP: the segment goes no further: it acknowledges what was never sent
 *
 * In each case the header becomes that of relay->out; where relay->changed is not set it has not
 * changed.
 */
enum lcs_relay_action {
	LCS_RELAY_PASS,
	LCS_RELAY_REWRITE,
	LCS_RELAY_PROBE,
	LCS_RELAY_DROP,
};

/**
 * struct lcs_relay - a segment being relayed
 * @ops: the surroundings (set by the caller, as are all up to @in)
 * @ctx: their own
 * @edit: the segment's own direction
 * @back: the other direction, which its acknowledgment is about
 * @max_len: the longest payload the packet can carry, at most 65535 less its headers
 * @in: the segment as it came
 * @out: as it goes
 * @action: what becomes of its payload
 * @changed: the header is not as it came
 * @unheld: something could not be held; the message passes as it is from there on
 * @busy: not all of it was read, the log being too full: the sender repeats it
 * @probe: the byte of a probe
 * @read_offset: where the payload is new to the stream
 * @read_len: how much of it
 * @from: out: where the payload of @out begins; moves on with lcs_relay_piece()
 * @spent: bytes that were held, go on now, and are not needed any more
 */
struct lcs_relay {
	const struct lcs_edit_ops *ops;
	void *ctx;
	struct lcs_edit *edit;
	struct lcs_edit *back;
	u32 max_len;
	struct lcs_tcp in;
	struct lcs_tcp out;
	enum lcs_relay_action action;
	bool changed;
	bool busy;
	enum lcs_edit_result unheld;
	u8 probe;
	u32 read_offset;
	u32 read_len;
	u32 from;
	struct lcs_custody spent;
};

/**
 * struct lcs_piece - a piece of a rewritten payload
 * @text: the bytes; %NULL: they are the original payload's
 * @offset: from here on, where @text is %NULL
 * @len: how many
 */
struct lcs_piece {
	const u8 *text;
	u32 offset;
	u32 len;
};

/**
 * struct lcs_numbers - what a segment says that is nothing but an acknowledgment
 * @seq: sequence number
 * @ack: acknowledgment number
 * @window: window field, unscaled
 */
struct lcs_numbers {
	u32 seq;
	u32 ack;
	u16 window;
};

/**
 * lcs_relay_shift() - the short way of an acknowledgment while both directions are at rest
 * @edit: its own direction
 * @back: the direction it is about
 * @n: the segment as it came; as it goes where that is known
 *
 * Most packets of an idle connection take it: it is what lcs_relay_begin() comes to where the
 * whole translation is one offset.
 *
 * Return: false where it must take the long way, and nothing has changed.
 */
static inline bool lcs_relay_shift(const struct lcs_edit *edit, struct lcs_edit *back,
				   struct lcs_numbers *n)
{
	u32 edge = n->ack + ((u32)n->window << back->scale);

	if (n->seq != edit->have || !lcs_edit_settled(edit) || !lcs_edit_settled(back) ||
	    !back->edited || lcs_before(n->ack, back->una) || lcs_after(n->ack, back->sent))
		return false;
	back->una = n->ack;
	back->max_window = max(back->max_window, edge - n->ack);
	back->edge = lcs_last(back->edge, edge);
	back->told = lcs_last(back->told, n->ack - back->offset);
	if (n->ack == back->sent)
		back->told = lcs_last(back->told, back->promise);
	edge = back->edge - back->offset - lcs_edit_spare(back);
	back->told_edge = lcs_last(back->told_edge, edge);
	edge = lcs_last(back->told_edge, back->told);
	n->seq = edit->sent;
	n->ack = back->told;
	n->window = min((edge - back->told) >> back->scale, 65535u);
	return true;
}

enum lcs_relay_step lcs_relay_begin(struct lcs_relay *relay);
enum lcs_relay_step lcs_relay_gap(struct lcs_relay *relay, bool unneeded);
enum lcs_relay_step lcs_relay_end(struct lcs_relay *relay, u32 undecided);
void lcs_relay_done(struct lcs_relay *relay);
bool lcs_relay_piece(struct lcs_relay *relay, struct lcs_piece *piece);

#endif /* _LCS_RELAY_H */
