/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The corpus as C data: what the header made by "corpus.py c-header" fills in, and the one
 * comparison of an expected with a reported endpoint. For the module's KUnit tests and for user
 * space.
 */
#ifndef _LCS_CORPUS_CASE_H
#define _LCS_CORPUS_CASE_H

#include <lcs/stream.h>

/**
 * struct lcs_case_message - one message of a dialogue and what the library must say about it
 * @name: dialogue and number of the message in its file
 * @data: its bytes
 * @len: how many
 * @endpoints: what must be reported, in this order; places are relative to @data
 * @endpoint_count: how many
 * @complete: a message is reported as complete; false for keep-alives, and for what makes the
 *	stream be given up
 * @check_facts: @facts are stated; false where a header that decides is unreadable: then only
 *	LCS_MSG_UNREADABLE is
 * @give_up: enum lcs_give_up that the stream has behind these bytes
 * @facts: flags, method, body, status, cseq, expires, length, length_at and body_seq of the
 *	message
 */
struct lcs_case_message {
	const char *name;
	const u8 *data;
	u32 len;
	const struct lcs_endpoint *endpoints;
	u16 endpoint_count;
	bool complete;
	bool check_facts;
	u8 give_up;
	struct lcs_message facts;
};

/**
 * struct lcs_case_stream - all bytes of one direction of one connection
 * @name: dialogue, direction and connection
 * @messages: in the order sent; each begins where the one before it ended
 * @count: how many
 */
struct lcs_case_stream {
	const char *name;
	const struct lcs_case_message *messages;
	u32 count;
};

static inline bool lcs_case_same_range(struct lcs_range want, struct lcs_range got, u32 base)
{
	return want.len == got.len && (!want.len || want.seq + base == got.seq);
}

/* Fields that have a meaning for some kinds only (include/lcs/endpoint.h). */
static inline bool lcs_case_same_details(const struct lcs_endpoint *want,
					 const struct lcs_endpoint *got, u32 base)
{
	switch (want->kind) {
	case LCS_CONTACT:
		return want->expires == got->expires && want->instance == got->instance &&
		       want->opaque == got->opaque;
	case LCS_MEDIA:
		return want->count == got->count;
	case LCS_CANDIDATE:
	case LCS_REMOTE_CANDIDATE:
		return want->extra == got->extra;
	case LCS_FILE_TRANSFER:
		return want->extra == got->extra && want->instance == got->instance &&
		       lcs_case_same_range(want->extra_at, got->extra_at, base);
	default:
		return true;
	}
}

/**
 * lcs_case_same() - is a reported endpoint the expected one
 * @want: from the corpus
 * @got: reported
 * @base: sequence number of the message's first byte
 *
 * The place of an address counts only where there is an address: a name has none to rewrite.
 */
static inline bool lcs_case_same(const struct lcs_endpoint *want, const struct lcs_endpoint *got,
				 u32 base)
{
	if (want->kind != got->kind || want->proto != got->proto || want->flags != got->flags)
		return false;
	if (want->port != got->port || want->index != got->index)
		return false;
	if (want->addr.family != got->addr.family ||
	    memcmp(want->addr.ip, got->addr.ip, sizeof(want->addr.ip)))
		return false;
	if (want->addr.family && !lcs_case_same_range(want->addr_at, got->addr_at, base))
		return false;
	return lcs_case_same_range(want->port_at, got->port_at, base) &&
	       lcs_case_same_details(want, got, base);
}

/**
 * lcs_case_same_facts() - are the facts of a message the expected ones
 * @want: from the corpus
 * @got: stream->msg when the message is complete
 *
 * The place of Content-Length counts where it may be corrected.
 */
static inline bool lcs_case_same_facts(const struct lcs_case_message *want,
				       const struct lcs_message *got)
{
	const struct lcs_message *facts = &want->facts;

	if (!want->check_facts)
		return got->flags & LCS_MSG_UNREADABLE;
	if (facts->flags != got->flags || facts->method != got->method || facts->body != got->body)
		return false;
	if (facts->status != got->status || facts->cseq != got->cseq)
		return false;
	if (facts->expires != got->expires || facts->length != got->length)
		return false;
	if (facts->body_seq != got->body_seq - got->seq)
		return false;
	return facts->flags & LCS_MSG_PART_LENGTH ||
	       lcs_case_same_range(facts->length_at, got->length_at, got->seq);
}

#endif /* _LCS_CORPUS_CASE_H */
