/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that a stream reports, and the state it ends in, folded into one number: two ways of
 * cutting the same bytes must give the same. For the KUnit tests, the fuzzers and the benchmark;
 * needs nothing of either.
 */
#ifndef _LCS_FOLD_H
#define _LCS_FOLD_H

#include <lcs/stream.h>

static inline u64 lcs_fold_number(u64 fold, u64 number)
{
	fold = (fold ^ number) * 0x9e3779b97f4a7c15ull;
	return fold ^ fold >> 29;
}

static inline u64 lcs_fold_bytes(u64 fold, const void *bytes, u32 len)
{
	const u8 *at = bytes;

	while (len--)
		fold = lcs_fold_number(fold, *at++);
	return fold;
}

static inline u64 lcs_fold_range(u64 fold, struct lcs_range range)
{
	return lcs_fold_number(lcs_fold_number(fold, range.seq), range.len);
}

static inline u64 lcs_fold_endpoint(u64 fold, const struct lcs_endpoint *ep)
{
	fold = lcs_fold_number(fold, ep->kind);
	fold = lcs_fold_number(fold, ep->proto);
	fold = lcs_fold_number(fold, ep->flags);
	fold = lcs_fold_number(fold, ep->addr.family);
	fold = lcs_fold_bytes(fold, ep->addr.ip, sizeof(ep->addr.ip));
	fold = lcs_fold_number(fold, ep->port);
	fold = lcs_fold_number(fold, ep->index);
	fold = lcs_fold_number(fold, ep->count);
	fold = lcs_fold_range(fold, ep->addr_at);
	fold = lcs_fold_range(fold, ep->port_at);
	fold = lcs_fold_range(fold, ep->extra_at);
	fold = lcs_fold_number(fold, ep->extra);
	fold = lcs_fold_number(fold, ep->expires);
	fold = lcs_fold_number(fold, ep->instance);
	return lcs_fold_number(fold, ep->opaque);
}

static inline u64 lcs_fold_message(u64 fold, const struct lcs_message *msg)
{
	fold = lcs_fold_number(fold, msg->seq);
	fold = lcs_fold_number(fold, msg->body_seq);
	fold = lcs_fold_number(fold, msg->flags);
	fold = lcs_fold_number(fold, msg->method);
	fold = lcs_fold_number(fold, msg->body);
	fold = lcs_fold_number(fold, msg->status);
	fold = lcs_fold_number(fold, msg->endpoints);
	fold = lcs_fold_number(fold, msg->cseq);
	fold = lcs_fold_number(fold, msg->expires);
	fold = lcs_fold_number(fold, msg->length);
	fold = lcs_fold_range(fold, msg->length_at);
	return lcs_fold_number(fold, msg->call_id);
}

/* Where a stream stands, less the room in its line buffer, which depends on how it grew. */
static inline u64 lcs_fold_state(u64 fold, const struct lcs_stream *stream)
{
	bool body = stream->state >= LCS_BODY_SKIPPED && stream->state <= LCS_BODY_PART_SDP;

	fold = lcs_fold_number(fold, stream->next);
	fold = lcs_fold_number(fold, stream->state);
	fold = lcs_fold_number(fold, stream->given_up);
	fold = lcs_fold_number(fold, stream->skip_line);
	fold = lcs_fold_number(fold, stream->line_ended);
	fold = lcs_fold_number(fold, stream->seen);
	if (stream->line_len) {
		fold = lcs_fold_number(fold, stream->line_seq);
		fold = lcs_fold_bytes(fold, stream->line, stream->line_len);
	}
	if (body) {
		fold = lcs_fold_number(fold, stream->body_left);
		fold = lcs_fold_number(fold, stream->part_sdp);
		fold = lcs_fold_number(fold, stream->part_fallback);
		fold = lcs_fold_bytes(fold, &stream->body, sizeof(stream->body));
	}
	return lcs_fold_message(fold, &stream->msg);
}

/* In place of the helper's keyed hash: FNV-1a with regard to case. */
static inline u64 lcs_fold_call_id(struct lcs_text text)
{
	return lcs_fold_bytes(14695981039346656037ull, text.at, lcs_text_len(text));
}

#endif /* _LCS_FOLD_H */
