/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pinhole table: which inside address and port is open, for whom, for how long. The
 * expectation in the kernel is the shadow of a row here, never the other way round.
 */
#ifndef _LCS_PINHOLE_H
#define _LCS_PINHOLE_H

#include <lcs/conn.h>
#include <lcs/policy.h>

/* Pinholes of one client; below the kernel's limit, which would evict instead of refusing. */
#define LCS_PINHOLES_MAX	64

/**
 * struct lcs_key - what a pinhole leads to
 * @addr: the inside address
 * @port: network byte order
 * @zone: conntrack zone
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 */
struct lcs_key {
	union nf_inet_addr addr;
	__be16 port;
	u16 zone;
	u8 family;
	u8 proto;
};

/**
 * struct lcs_pinhole - a row of the table
 * @node: in the hash; under nf_conntrack_expect_lock, RCU
 * @list: in client->pinholes
 * @net: its namespace
 * @client: its owner
 * @conn: the connection whose conntrack entry is the expectation's master
 * @exp: the expectation, referenced
 * @key: what it leads to; never changes
 * @class: what it is for
 * @unlinked: another client has claimed it, out of the hash; under nf_conntrack_expect_lock
 * @pending: the transaction @cseq of @call_id may confirm it
 * @active: confirmed, packets may come
 * @answer_rank: how surely the answer being read speaks of it, 0 not at all
 * @call_id: the dialog, or the registration, it belongs to
 * @cseq: the transaction
 * @expires: lifetime asked for in seconds, or LCS_ABSENT
 * @answer_expires: lifetime granted in seconds, or LCS_ABSENT
 * @instance: +sip.instance of the Contact, hashed
 * @opaque: ms-opaque of the Contact, hashed
 * @until: jiffies at which the expectation ends
 * @rcu: for freeing
 *
 * What is not said otherwise is protected by client->lock.
 */
struct lcs_pinhole {
	struct hlist_node node;
	struct list_head list;
	struct lcs_net *net;
	struct lcs_client *client;
	struct lcs_conn *conn;
	struct nf_conntrack_expect *exp;
	struct lcs_key key;
	u8 class;
	bool unlinked;
	bool pending;
	bool active;
	u8 answer_rank;
	u64 call_id;
	u32 cseq;
	u32 expires;
	u32 answer_expires;
	u32 instance;
	u32 opaque;
	unsigned long until;
	struct rcu_head rcu;
};

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
};

struct lcs_pinhole *lcs_pinhole_open(struct lcs_conn *conn, enum lcs_class class, u8 proto,
				     u16 port);
void lcs_pinhole_close(struct lcs_pinhole *row);
void lcs_pinhole_refuse(struct lcs_conn *conn, enum lcs_class class, enum lcs_refusal why);
bool lcs_pinhole_confirm(struct lcs_pinhole *row, u32 seconds);
struct lcs_pinhole *lcs_pinhole_own(const struct lcs_conn *conn, u8 proto, u16 port);
void lcs_pinholes_reap(struct lcs_client *client);
void lcs_pinholes_orphan(struct lcs_conn *conn);
int lcs_pinholes_init(void);
void lcs_pinholes_exit(void);

#endif /* _LCS_PINHOLE_H */
