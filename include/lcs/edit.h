/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The replacements made in one direction of a connection, and the exact translation between the
 * sender's sequence space and the receiver's.
 *
 * Below, "in" is the sender's space and "out" the receiver's; all numbers are in host byte order.
 * Bytes pass four marks of the sender's space, each at or behind the next one:
 *
 *	forwarded	went to the receiver at least once; in the receiver's space it is @sent
 *	@have		forwarded, or held by us
 *	@read		given to the stream; what lies between @have and @read must come again
 *			(there was no room for it), what it becomes is known already
 *
 * and @decided, between the first and the last: below it nothing will be replaced any more.
 */
#ifndef _LCS_EDIT_H
#define _LCS_EDIT_H

#include <lcs/endpoint.h>

/* Replacements of one direction that the receiver has not acknowledged, and of a held body. */
#define LCS_EDITS_MAX	192
/* With so many, a sender waits for the receiver, as it does when the path is congested. */
#define LCS_EDITS_BUSY	32
/* Bytes of one direction that are held, or were and may have to be repeated by us. */
#define LCS_HELD_MAX	16384
/* The most that is kept of a window for what grows: messages of a large one do not all grow. */
#define LCS_SPARE_MAX	4096u
/* How far back the offset is known, where nothing was replaced since; windows are smaller. */
#define LCS_LOOK_BACK	0x40000000u
/* The longest replacement text; an IPv6 address and a port have 45 characters. */
#define LCS_EDIT_TEXT_MAX	256

/**
 * struct lcs_edit_ops - what the engine needs from its surroundings
 * @resize: make room: like krealloc(), @size bytes in place of @old (%NULL at first), contents
 *	kept; %NULL where refused, @old then stays. All sizes are told, for an account.
 * @release: give back what @resize gave
 * @copy: copy @len bytes of the segment at hand, from @offset of its payload on, to @to
 *
 * None may sleep. @copy cannot fail: the payload is there.
 */
struct lcs_edit_ops {
	u8 *(*resize)(void *ctx, u8 *old, u32 old_size, u32 size);
	void (*release)(void *ctx, u8 *old, u32 old_size);
	void (*copy)(void *ctx, u32 offset, u8 *to, u32 len);
};

/**
 * struct lcs_replacement - a range of the sender's space and what it became
 * @next: the one behind it, in order of @seq, never overlapping
 * @seq: sequence number of the first byte replaced
 * @in_len: bytes replaced, at least one
 * @out_len: bytes of @text, at least one
 * @size: room of the whole, as it was allocated
 * @text: what the receiver gets
 */
struct lcs_replacement {
	struct lcs_replacement *next;
	u32 seq;
	u16 in_len;
	u16 out_len;
	u32 size;
	u8 text[];
};

/**
 * struct lcs_custody - bytes as the sender sent them, for which we answer
 * @text: the bytes, or %NULL
 * @seq: sequence number of the first
 * @len: how many
 * @size: room of @text
 */
struct lcs_custody {
	u8 *text;
	u32 seq;
	u16 len;
	u16 size;
};

/**
 * struct lcs_edit - one direction
 * @have: in: one behind the last byte that was forwarded or is held
 * @read: in: one behind the last byte given to the stream (stream->next, plus one for a FIN)
 * @decided: in: below it nothing will be replaced any more
 * @promise: in: up to here the sender may be told that bytes in custody have arrived: more must
 *	come from it in any case, or what follows is its own to repeat
 * @told: in: the highest acknowledgment the sender was given
 * @told_edge: in: the highest right edge of the window the sender was given
 * @sent: out: one behind the last byte forwarded
 * @last_seq: out: the last byte forwarded
 * @una: out: the highest acknowledgment of the receiver
 * @edge: out: the highest right edge of the window the receiver offered
 * @max_window: the largest window it offered
 * @offset: out less in, below the first of @log
 * @offset_from: out: from here on; what lies before is known no more
 * @log_size: bytes of all texts in @log
 * @log: replacements not yet acknowledged, and those not yet decided
 * @held: bytes not forwarded yet; they end at @have
 * @kept: held bytes, forwarded since, that the receiver has not acknowledged although the sender
 *	was told that they have arrived
 * @mss: the largest segment the receiver takes
 * @count: entries of @log
 * @last: the byte at @last_seq, for probes
 * @frozen: enum lcs_edit_result: why nothing of the message being read may be replaced any more
 * @scale: shift of the receiver's window field
 * @edited: something was replaced, held or probed: packets have to be translated
 * @probed: probes were sent, the receiver may report them as duplicates
 * @body: the body of the message being read is held until it is whole
 */
struct lcs_edit {
	u32 have;
	u32 read;
	u32 decided;
	u32 promise;
	u32 told;
	u32 told_edge;
	u32 sent;
	u32 last_seq;
	u32 una;
	u32 edge;
	u32 max_window;
	s32 offset;
	u32 offset_from;
	u32 log_size;
	struct lcs_replacement *log;
	struct lcs_custody held;
	struct lcs_custody kept;
	u16 mss;
	u8 count;
	u8 last;
	u8 frozen;
	u8 scale:4;
	u8 edited:1;
	u8 probed:1;
	u8 body:1;
};

/**
 * struct lcs_edit_start - what the handshake said about one direction
 * @seq: sequence number of its first byte
 * @edge: right edge of the window that the receiver offered last
 * @window: the largest window the receiver offered, 0 where unknown
 * @mss: MSS option of the receiver's SYN, 536 where it had none (RFC 1122 4.2.2.6)
 * @scale: window scale of the receiver's SYN, 0 unless both SYNs had one (RFC 7323 2.2)
 */
struct lcs_edit_start {
	u32 seq;
	u32 edge;
	u32 window;
	u16 mss;
	u8 scale;
};

/**
 * enum lcs_edit_result - how a replacement fared
 * @LCS_EDIT_DONE: it will be made
 * @LCS_EDIT_LATE: the bytes were forwarded already, or soon will be, as they are
 * @LCS_EDIT_CLASH: another replacement has a part of the range, or makes something else of it
 * @LCS_EDIT_FULL: LCS_EDITS_MAX
 * @LCS_EDIT_TOO_LONG: the body is longer than can be held, or the text than LCS_EDIT_TEXT_MAX
 * @LCS_EDIT_NO_MEMORY: no memory
 * @LCS_EDIT_FIXED: the body must keep its size (a part has a Content-Length of its own)
 */
enum lcs_edit_result {
	LCS_EDIT_DONE,
	LCS_EDIT_LATE,
	LCS_EDIT_CLASH,
	LCS_EDIT_FULL,
	LCS_EDIT_TOO_LONG,
	LCS_EDIT_NO_MEMORY,
	LCS_EDIT_FIXED,
};

/**
 * struct lcs_adjust - what the core's tcp_in_window() needs to judge both sides
 * @correction_pos: nf_ct_seqadj.correction_pos, in the receiver's space
 * @offset_before: for ACKs up to it
 * @offset_after: for those behind it
 * @edge: ip_ct_tcp_state.td_maxend of the sender is at least this: what the sender may send
 */
struct lcs_adjust {
	u32 correction_pos;
	s32 offset_before;
	s32 offset_after;
	u32 edge;
};

/**
 * struct lcs_place - what lies at a position of the stream
 * @edit: the first replacement that ends behind it, or %NULL
 * @offset: out less in, before that replacement
 */
struct lcs_place {
	struct lcs_replacement *edit;
	s32 offset;
};

/* Sequence numbers in order, although they wrap. */
static inline bool lcs_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool lcs_after(u32 a, u32 b)
{
	return lcs_before(b, a);
}

static inline u32 lcs_first(u32 a, u32 b)
{
	return lcs_before(a, b) ? a : b;
}

static inline u32 lcs_last(u32 a, u32 b)
{
	return lcs_before(a, b) ? b : a;
}

static inline u32 lcs_in_end(const struct lcs_replacement *edit)
{
	return edit->seq + edit->in_len;
}

static inline u32 lcs_custody_end(const struct lcs_custody *custody)
{
	return custody->seq + custody->len;
}

void lcs_edit_init(struct lcs_edit *edit, const struct lcs_edit_start *start);
void lcs_edit_release(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx);
enum lcs_edit_result lcs_edit_replace(struct lcs_edit *edit, const struct lcs_edit_ops *ops,
				      void *ctx, struct lcs_range at, const u8 *text, u32 len);
void lcs_edit_forget(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx, u32 seq);
struct lcs_place lcs_place_in(const struct lcs_edit *edit, u32 in);
struct lcs_place lcs_place_out(const struct lcs_edit *edit, u32 out);
u32 lcs_edit_out(const struct lcs_edit *edit, u32 in);
u32 lcs_edit_out_end(const struct lcs_edit *edit, u32 in);
u32 lcs_edit_in(const struct lcs_edit *edit, u32 out);
u32 lcs_edit_in_end(const struct lcs_edit *edit, u32 out);
u32 lcs_edit_in_edge(const struct lcs_edit *edit, u32 out);
u32 lcs_edit_quantum(const struct lcs_edit *edit);
void lcs_edit_acked(struct lcs_edit *edit, const struct lcs_edit_ops *ops, void *ctx, u32 una);
s32 lcs_edit_growth(const struct lcs_edit *edit, u32 from, u32 to);
void lcs_edit_adjust(const struct lcs_edit *edit, struct lcs_adjust *adjust);

/* Nothing was ever changed or held: both spaces are the same. */
static inline bool lcs_edit_untouched(const struct lcs_edit *edit)
{
	return !edit->edited && !edit->log;
}

/**
 * lcs_edit_spare() - the part of the receiver's window that is kept for what grows
 * @edit: the direction
 *
 * Without it a sender that fills the window has its last bytes cut off by what grew before them.
 * A window of a few segments has nothing to spare.
 */
static inline u32 lcs_edit_spare(const struct lcs_edit *edit)
{
	return edit->max_window < 4 * edit->mss ? 0 : min(edit->max_window / 8, LCS_SPARE_MAX);
}

/* Nothing is in flight that a replacement touches: the whole translation is one offset. */
static inline bool lcs_edit_settled(const struct lcs_edit *edit)
{
	return !edit->log && !edit->held.text && !edit->kept.text && edit->have == edit->read;
}

#endif /* _LCS_EDIT_H */
