/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Refusals: why something was not opened, or a stream not read on.
 */
#ifndef _LCS_REFUSAL_H
#define _LCS_REFUSAL_H

#include <lcs/count.h>
#include <lcs/policy.h>

struct lcs_conn;
struct lcs_net;
struct nf_conn;

/**
 * enum lcs_refusal - why a pinhole was not opened
 * @LCS_REFUSED_ADDRESS: it names another host than the sender
 * @LCS_REFUSED_PORT: the port is outside the range the administrator allows
 * @LCS_REFUSED_LIMIT: the client has LCS_PINHOLES_MAX already
 * @LCS_REFUSED_BUSY: another helper's expectation is in the way
 * @LCS_REFUSED_TABLE_FULL: nf_conntrack_expect_max is reached
 * @LCS_REFUSED_MEMORY: no memory
 * @LCS_REFUSED_SHUTDOWN: the connection has lost its helper
 * @LCS_REFUSED_UNREADABLE: a header that decides could not be read
 * @LCS_REFUSED_RELAYED: it leads out, and parameter relayed is 0
 * @LCS_REFUSED_OUTSIDE: no outside port is free for it
 * @LCS_REFUSALS: how many reasons there are
 */
enum lcs_refusal {
	LCS_REFUSED_ADDRESS,
	LCS_REFUSED_PORT,
	LCS_REFUSED_LIMIT,
	LCS_REFUSED_BUSY,
	LCS_REFUSED_TABLE_FULL,
	LCS_REFUSED_MEMORY,
	LCS_REFUSED_SHUTDOWN,
	LCS_REFUSED_UNREADABLE,
	LCS_REFUSED_RELAYED,
	LCS_REFUSED_OUTSIDE,
	LCS_REFUSALS,
};

const char *lcs_refusal_name(enum lcs_refusal why);
const char *lcs_give_up_name(enum lcs_counter why);
void lcs_note_give_up(struct lcs_net *lnet, const struct nf_conn *ct, u8 dir, enum lcs_counter why);
void lcs_pinhole_refuse(struct lcs_conn *conn, enum lcs_class class, enum lcs_refusal why);

#endif /* _LCS_REFUSAL_H */
