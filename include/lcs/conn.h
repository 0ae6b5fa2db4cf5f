/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections and clients: what the helper keeps beside a conntrack entry, and for how long.
 */
#ifndef _LCS_CONN_H
#define _LCS_CONN_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_helper.h>

#include <lcs/count.h>
#include <lcs/stream.h>

/* Own Contacts remembered from one header block; real messages have one. */
#define LCS_CONTACTS_MAX	4

struct lcs_nat;
struct sk_buff;

/**
 * struct lcs_net - what the helper keeps for a network namespace
 * @net: the namespace
 * @lock: protects @conns and @closing; innermost, nothing is taken under it
 * @conns: all connections, RCU
 * @nets: in the list of all of these
 * @closing: the namespace goes away, nothing is added any more
 * @sweep: lets go of the connections whose conntrack has gone
 * @counts: counters
 *
 * Packets may come until after the namespace's exit: so everything they touch lies in here.
 */
struct lcs_net {
	struct net *net;
	spinlock_t lock; /* of conns and closing */
	struct list_head conns;
	struct list_head nets;
	bool closing;
	struct delayed_work sweep;
	struct lcs_counts counts;
};

/**
 * struct lcs_client - one signed-in user agent
 * @ref: connections that share it
 * @lock: protects all below and the streams of its connections; taken before
 *	nf_conntrack_expect_lock, never with another client's
 * @main: the connection on which it signed in, %NULL when that has gone
 * @pinholes: its rows of the pinhole table
 * @dialogs: its dialogs whose peers are known
 * @pinhole_count: how many pinholes
 * @shadow_count: how many expectations they have
 * @dialog_count: how many dialogs
 * @until: jiffies at which the last pinhole ends
 */
struct lcs_client {
	refcount_t ref;
	spinlock_t lock; /* of all below */
	struct lcs_conn *main;
	struct list_head pinholes;
	struct list_head dialogs;
	u8 pinhole_count;
	u8 shadow_count;
	u8 dialog_count;
	unsigned long until;
};

/**
 * struct lcs_contact - a Contact of the client, until the end of its header block
 * @port: host byte order
 * @expires: its expires=, or LCS_ABSENT
 * @instance: its +sip.instance, hashed
 * @opaque: its ms-opaque, hashed
 */
struct lcs_contact {
	u16 port;
	u32 expires;
	u32 instance;
	u32 opaque;
};

/**
 * struct lcs_conn - a helped connection
 * @ct: its conntrack entry, referenced
 * @client: its client, referenced; the client's lock protects what follows
 * @net: its namespace
 * @list: in lcs_net.conns
 * @nat: what the NAT companion keeps, %NULL where nothing is to be rewritten
 * @client_dir: the direction whose sender is the client: on the main connection it is the
 *	originator, on a callback connection the responder
 * @gone: let go of
 * @loose: picked up in mid-stream: what opens waits for the peer's answer
 * @synced: bit per direction: its stream is being read
 * @edited: the text was changed: every packet has to be translated, or dropped
 * @handed: the core has taken that over
 * @waited: bit per direction: the last sweep found it in the middle of the same message
 * @bindings: the answer that the server is sending has a Contact already
 * @last: the last byte read of each direction
 * @described: of the description being read from the server: m= lines whose peers were noted
 * @stream: the stream of each direction
 * @named: of the description being read in each direction: m= lines with a port, a bit each
 * @closed: and those with port 0
 * @contact_count: own Contacts of the message that the client is sending, see lcs_contacts()
 * @rcu: for freeing
 */
struct lcs_conn {
	struct nf_conn *ct;
	struct lcs_client *client;
	struct lcs_net *net;
	struct list_head list;
	struct lcs_nat *nat;
	u8 client_dir;
	bool gone;
	bool loose;
	bool edited;
	bool handed;
	u8 waited;
	u8 synced;
	bool bindings;
	u8 contact_count;
	u8 last[IP_CT_DIR_MAX];
	u32 described;
	struct lcs_stream stream[IP_CT_DIR_MAX];
	u32 named[IP_CT_DIR_MAX];
	u32 closed[IP_CT_DIR_MAX];
	struct rcu_head rcu;
};

/*
 * Own Contacts of the message that the client is sending: they lie in its stream, which has no
 * other use for the room before the header block ends.
 */
static inline struct lcs_contact *lcs_contacts(struct lcs_conn *conn)
{
	return (struct lcs_contact *)conn->stream[conn->client_dir].body.owner;
}

/**
 * struct lcs_start - in nf_conn_help.data: what the handshake said, and later the connection
 * @conn: the connection; RCU, written under lcs_net.lock
 * @isn: initial sequence number of each direction, host byte order
 * @syn: bit per direction: its SYN was seen
 * @closed: bit per direction: never to be inspected
 * @injected: came from another firewall by conntrackd: inspected as with loose=1
 * @fixed: bit per direction: its SYN has what forbids to change the text where both agree on it
 *	(MPTCP, TCP-MD5, TCP-AO)
 * @scaled: bit per direction: its SYN had a window scale
 * @scale: the window scale
 * @mss: MSS of each SYN, 0 where it had none
 */
struct lcs_start {
	struct lcs_conn __rcu *conn;
	u32 isn[IP_CT_DIR_MAX];
	u8 syn;
	u8 closed;
	bool injected;
	u8 fixed;
	u8 scaled;
	u8 scale[IP_CT_DIR_MAX];
	u16 mss[IP_CT_DIR_MAX];
};

/* Both directions are not to be inspected. */
#define LCS_BOTH	3

/**
 * lcs_start() - what the helper keeps in a conntrack entry
 * @ct: the entry
 *
 * Return: %NULL where it has no helper extension.
 */
static inline struct lcs_start *lcs_start(const struct nf_conn *ct)
{
	struct nf_conn_help *help = nfct_help(ct);

	BUILD_BUG_ON(sizeof(struct lcs_start) > sizeof_field(struct nf_conn_help, data));
	return help ? (struct lcs_start *)help->data : NULL;
}

struct lcs_net *lcs_net(const struct net *net);
struct lcs_conn *lcs_conn_get(struct nf_conn *ct, struct lcs_start *start,
			      const struct sk_buff *skb);
const union nf_inet_addr *lcs_client_addr(const struct lcs_conn *conn);
const union nf_inet_addr *lcs_server_addr(const struct lcs_conn *conn);
bool lcs_is_own_port(const struct lcs_conn *conn, u16 port);
bool lcs_is_helped(const struct nf_conn *ct);
int lcs_conn_init(void);
void lcs_conn_exit(void);

#endif /* _LCS_CONN_H */
