/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the helper and its NAT companion meet. The helper works without the companion; it reaches
 * it through these hooks only.
 */
#ifndef _LCS_NAT_H
#define _LCS_NAT_H

#include <lcs/pinhole.h>
#include <lcs/relay.h>
#include <lcs/segment.h>

struct nf_conntrack_expect;

/**
 * struct lcs_moving - a body on its way through the companion
 * @moved: where the endpoints of the description being read went
 * @origin_seq: the address of its o= line, as in struct lcs_range
 * @origin_len: its length, 0 where there is none that is ours
 * @failed: the body stays as it is
 * @mapped: an endpoint of it was replaced
 */
struct lcs_moving {
	union nf_inet_addr moved;
	u32 origin_seq;
	u16 origin_len;
	bool failed;
	bool mapped;
};

/**
 * struct lcs_nat - what the companion keeps for a connection whose client is translated
 * @edit: the sequence space of the data of each direction
 * @body: the body being read in each direction
 */
struct lcs_nat {
	struct lcs_edit edit[IP_CT_DIR_MAX];
	struct lcs_moving body[IP_CT_DIR_MAX];
};

/**
 * struct lcs_nat_hooks - what the companion does for the helper
 * @attach: begin with a new connection. Returns false where its text cannot be rewritten.
 * @segment: the way of a segment; returns a verdict. Takes client->lock itself.
 * @place: give a new row its outside address and port; nf_conntrack_expect_lock is held.
 *	Returns 0 or -ENOSPC.
 * @lead_in: make an expectation one for packets to the row's outside form
 * @lead_out: make an expectation one for packets from the row's inside form to a peer
 * @endpoint: an endpoint was read; @row is the client's own pinhole for it, if there is one
 * @headers: a header block was read; @wanted: and its body will be
 * @message: a message was read. Returns false where its body passes as it was.
 * @hand_over: let the core go on with a connection at rest; nothing of it is on its way. Returns
 *	false where it is not at rest.
 * @detach: let go of conn->nat
 *
 * All but @attach and @segment are called with client->lock held, and those that take a connection
 * only where conn->nat is set.
 */
struct lcs_nat_hooks {
	bool (*attach)(struct lcs_conn *conn);
	int (*segment)(struct lcs_conn *conn, const struct lcs_segment *seg);
	int (*place)(const struct lcs_conn *conn, struct lcs_pinhole *row);
	void (*lead_in)(const struct lcs_pinhole *row, struct nf_conntrack_expect *exp);
	void (*lead_out)(const struct lcs_pinhole *row, struct nf_conntrack_expect *exp);
	void (*endpoint)(struct lcs_conn *conn, u8 dir, const struct lcs_endpoint *ep,
			 const struct lcs_pinhole *row);
	void (*headers)(struct lcs_conn *conn, u8 dir, bool wanted);
	bool (*message)(struct lcs_conn *conn, u8 dir);
	bool (*hand_over)(struct lcs_conn *conn);
	void (*detach)(struct lcs_conn *conn);
};

extern const struct lcs_nat_hooks __rcu *lcs_nat_hooks;
extern const struct lcs_nat_hooks __rcu *lcs_nat_entrance;

/* The companion, there as long as any conn->nat is. Caller holds rcu_read_lock(). */
static inline const struct lcs_nat_hooks *lcs_nat(void)
{
	return rcu_dereference(lcs_nat_hooks);
}

void lcs_companion_net_add(struct lcs_net *lnet);
void lcs_companion_net_del(struct lcs_net *lnet);
void lcs_companion_begin(void);
void lcs_companion_end(void);
void lcs_companion_detach(struct lcs_conn *conn);
void lcs_nat_register(const struct lcs_nat_hooks *hooks);
void lcs_nat_unregister(void);

/* The client's address as the server's side has it; the same as its own where it is not mapped. */
static inline const union nf_inet_addr *lcs_outside_addr(const struct lcs_conn *conn)
{
	return &conn->ct->tuplehash[!conn->client_dir].tuple.dst.u3;
}

static inline bool lcs_is_translated(const struct lcs_conn *conn)
{
	return !nf_inet_addr_cmp(lcs_outside_addr(conn), lcs_client_addr(conn));
}

#endif /* _LCS_NAT_H */
