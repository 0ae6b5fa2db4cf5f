/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pinhole table: which address and port is open, for whom, for how long. The expectations in
 * the kernel are the shadow of a row here, never the other way round.
 */
#ifndef _LCS_PINHOLE_H
#define _LCS_PINHOLE_H

#include <lcs/conn.h>
#include <lcs/policy.h>
#include <lcs/refusal.h>

struct nf_conntrack_expect;

/* Pinholes of one client; below the kernel's limit, which would evict instead of refusing. */
#define LCS_PINHOLES_MAX	64
/* Expectations of one client: a pinhole has one for each peer address it is narrowed to. */
#define LCS_SHADOWS_MAX		192
/* Peer addresses one pinhole can be narrowed to; with more it stays open to any. */
#define LCS_SOURCES_MAX		8
/* Expectations of one pinhole: those for its sources, and those that lead out to its peers. */
#define LCS_ROW_SHADOWS_MAX	16
/* Clients that share one outside place, each for another peer. */
#define LCS_SHARERS_MAX		64
/* Who may need a pinhole: a registration, and dialogs; with more it lives until its time is up. */
#define LCS_NEEDS		(1 + 4)

/**
 * struct lcs_key - what a pinhole leads to
 * @addr: destination address
 * @from: the only source address: of what leads out its client; of an outside form that others
 *	share, each for its own peer, that peer; else zero
 * @port: destination port, network byte order
 * @zone: conntrack zone
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 * @unused: zero; keys are compared and hashed as a whole
 */
struct lcs_key {
	union nf_inet_addr addr;
	union nf_inet_addr from;
	__be16 port;
	u16 zone;
	u8 family;
	u8 proto;
	u16 unused;
};

/**
 * struct lcs_transaction - a SIP transaction (RFC 3261 17)
 * @call_id: hash of its Call-ID
 * @cseq: its CSeq number
 * @method: enum lcs_method of its request
 * @by_client: the client sent the request; each side counts its own CSeq
 * @set: there is one
 */
struct lcs_transaction {
	u64 call_id;
	u32 cseq;
	u8 method;
	bool by_client;
	bool set;
};

/**
 * struct lcs_want - a pinhole somebody asks for
 * @addr: destination address; %NULL for the client's own
 * @peer: the only one who may come, where that is known already; else %NULL
 * @class: what for
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 * @index: number of the m= line it serves
 * @component: RTP 1 or RTCP 2, 0 for anything else (RFC 5245 4.1.1.1)
 * @pair: the port above it must stay its neighbour outside, too
 * @inactive: nothing may come before it is confirmed
 * @port: host byte order
 * @cause: the transaction that asks, and may confirm it
 */
struct lcs_want {
	const union nf_inet_addr *addr;
	const union nf_inet_addr *peer;
	enum lcs_class class;
	u8 proto;
	u8 index;
	u8 component;
	bool pair;
	bool inactive;
	u16 port;
	struct lcs_transaction cause;
};

/**
 * struct lcs_need - what a registration, or a dialog, needs a pinhole for
 * @pending: the transaction that may confirm it; its Call-ID stays, 0 where there is no need
 * @drop: the transaction whose success ends it
 * @until: jiffies at which it ends
 * @invite: CSeq of the INVITE that @early and @invited speak of
 * @index: number of the m= line it serves
 * @component: RTP 1, RTCP 2
 * @confirmed: what asked for it has succeeded
 * @early: a PRACK or UPDATE asked for it while there was no dialog yet but that INVITE for one
 * @invited: that INVITE asked for it, too, and has not ended
 * @by_client: the client sent that INVITE
 */
struct lcs_need {
	struct lcs_transaction pending;
	struct lcs_transaction drop;
	unsigned long until;
	u32 invite;
	u8 index;
	u8 component;
	bool confirmed:1;
	bool early:1;
	bool invited:1;
	bool by_client:1;
};

/**
 * struct lcs_pinhole - a row of the table
 * @node: in the hash of inside forms; under nf_conntrack_expect_lock, RCU
 * @outside_node: in that of outside forms, where @translated
 * @list: in client->pinholes
 * @net: its namespace
 * @client: its owner
 * @conn: the connection whose conntrack entry is the expectations' master
 * @exp: the expectations, referenced, the oldest first; written under both client->lock and
 *	nf_conntrack_expect_lock, read under either
 * @shadows: how many; as @exp
 * @key: what it leads to; never changes
 * @outside: its outside address and port, the same as inside where nothing is translated;
 *	@outside.from changes under nf_conntrack_expect_lock
 * @class: what it is for
 * @pair: see struct lcs_want
 * @translated: inside and outside form differ, or may
 * @unlinked: closed or claimed by another client, out of the hash; under nf_conntrack_expect_lock
 * @outbound: it leads out, from the client to a peer
 * @active: packets may come
 * @narrowed: to the addresses of peers
 * @lasting: more dialogs needed it than there is room for: nothing but time closes it
 * @told: a message has gone out that says its outside form
 * @answer_rank: how surely the answer being read speaks of it, 0 not at all
 * @need: who needs it; the first is the registration, see lcs/need.h
 * @expires: lifetime asked for in seconds, or LCS_ABSENT
 * @answer_expires: lifetime granted in seconds, or LCS_ABSENT
 * @instance: of a Contact: +sip.instance; of a file transfer: the cookie; hashed
 * @opaque: ms-opaque of a Contact, hashed
 * @until: jiffies at which the expectations end
 * @rcu: for freeing
 *
 * What is not said otherwise is protected by client->lock.
 */
struct lcs_pinhole {
	struct hlist_node node;
	struct hlist_node outside_node;
	struct list_head list;
	struct lcs_net *net;
	struct lcs_client *client;
	struct lcs_conn *conn;
	struct nf_conntrack_expect *exp[LCS_ROW_SHADOWS_MAX];
	u8 shadows;
	u8 class;
	u8 answer_rank;
	bool pair;
	bool translated;
	bool unlinked;
	bool outbound;
	bool active;
	bool narrowed;
	bool lasting;
	bool told;
	struct lcs_key key;
	struct lcs_key outside;
	struct lcs_need need[LCS_NEEDS];
	u32 expires;
	u32 answer_expires;
	u32 instance;
	u32 opaque;
	unsigned long until;
	struct rcu_head rcu;
};

static inline bool lcs_same_transaction(const struct lcs_transaction *a,
					const struct lcs_transaction *b)
{
	return a->set && b->set && a->call_id == b->call_id && a->cseq == b->cseq &&
	       a->method == b->method && a->by_client == b->by_client;
}

/* It is for what session descriptions name. */
static inline bool lcs_pinhole_is_media(const struct lcs_pinhole *row)
{
	return row->class == LCS_CLASS_MEDIA || row->class == LCS_CLASS_APP_SHARING;
}

/* Its outside place cannot move (T.120): clients share it, each for its latest peer. */
static inline bool lcs_pinhole_shares(const struct lcs_pinhole *row)
{
	return row->translated && row->class == LCS_CLASS_APP_SHARING;
}

struct lcs_transaction lcs_transaction_of(const struct lcs_message *msg, bool from_client);
struct lcs_pinhole *lcs_pinhole_open(struct lcs_conn *conn, const struct lcs_want *want);
struct lcs_pinhole *lcs_pinhole_reserve(struct lcs_conn *conn, const struct lcs_want *want);
struct lcs_pinhole *lcs_pinhole_find(const struct lcs_conn *conn, const struct lcs_want *want);
void lcs_pinhole_close(struct lcs_pinhole *row);
void lcs_pinhole_extend(struct lcs_pinhole *row, u32 seconds);
bool lcs_pinhole_narrow(struct lcs_pinhole *row, const union nf_inet_addr *from, unsigned int n);
void lcs_pinhole_lead_out(struct lcs_pinhole *row, const union nf_inet_addr *to, u16 port);
void lcs_pinholes_reap(struct lcs_client *client);
void lcs_pinholes_orphan(struct lcs_conn *conn);
int lcs_pinholes_init(void);
void lcs_pinholes_exit(void);

#endif /* _LCS_PINHOLE_H */
