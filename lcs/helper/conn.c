// SPDX-License-Identifier: GPL-2.0
/*
 * Connections and clients. A connection is allocated at the first payload byte of a confirmed
 * conntrack entry whose handshake was seen, so that a SYN flood costs nothing. It holds a reference
 * on that entry; a periodic sweep lets go of those whose entry is dying or has lost this helper.
 * The kernel's destroy callback is not used: it runs while packets are still in help(), not at all
 * for entries that were never confirmed, and in newer kernels perhaps after this module has gone.
 */
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include <lcs/compat.h>
#include <lcs/conn.h>
#include <lcs/dialog.h>
#include <lcs/message.h>
#include <lcs/nat.h>
#include <lcs/pinhole.h>
#include <lcs/policy.h>

#define LCS_SWEEP_INTERVAL	(10 * HZ)

static unsigned int lcs_net_id __read_mostly;
static struct kmem_cache *lcs_conn_cache __read_mostly;
static struct kmem_cache *lcs_client_cache __read_mostly;

/**
 * lcs_net() - what the helper keeps for a namespace
 * @net: the namespace
 */
struct lcs_net *lcs_net(const struct net *net)
{
	return net_generic(net, lcs_net_id);
}

/**
 * lcs_is_helped() - does this module help the connection
 * @ct: its conntrack entry
 *
 * Caller holds rcu_read_lock().
 */
bool lcs_is_helped(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);
	const struct nf_conntrack_helper *helper;

	if (!help)
		return false;
	helper = rcu_dereference(help->helper);
	return helper && helper->me == THIS_MODULE;
}
EXPORT_SYMBOL_GPL(lcs_is_helped);

/**
 * lcs_client_addr() - the client's own address, as its packets have it before any translation
 * @conn: a connection of the client
 */
const union nf_inet_addr *lcs_client_addr(const struct lcs_conn *conn)
{
	return &conn->ct->tuplehash[conn->client_dir].tuple.src.u3;
}
EXPORT_SYMBOL_GPL(lcs_client_addr);

/**
 * lcs_server_addr() - the server's own address
 * @conn: a connection of the client
 */
const union nf_inet_addr *lcs_server_addr(const struct lcs_conn *conn)
{
	return &conn->ct->tuplehash[!conn->client_dir].tuple.src.u3;
}

/**
 * lcs_is_own_port() - is this the client's port on the connection itself
 * @conn: a connection of the client
 * @port: host byte order
 *
 * Some clients listen nowhere else; there is nothing to expect on it.
 */
bool lcs_is_own_port(const struct lcs_conn *conn, u16 port)
{
	return conn->ct->tuplehash[conn->client_dir].tuple.src.u.tcp.port == htons(port);
}

static void client_put(struct lcs_client *client)
{
	if (refcount_dec_and_test(&client->ref)) {
		WARN_ON_ONCE(!list_empty(&client->pinholes));
		lcs_dialogs_reap(client, true);
		kmem_cache_free(lcs_client_cache, client);
	}
}

static void free_conn(struct rcu_head *head)
{
	struct lcs_conn *conn = container_of(head, struct lcs_conn, rcu);

	client_put(conn->client);
	kmem_cache_free(lcs_conn_cache, conn);
}

/* The client of the main connection that expected this one, if it is still there. */
static struct lcs_client *client_of_master(const struct nf_conn *ct)
{
	struct lcs_conn *conn;

	if (!ct->master || !lcs_is_helped(ct->master))
		return NULL;
	conn = rcu_dereference(lcs_start(ct->master)->conn);
	if (!conn || !refcount_inc_not_zero(&conn->client->ref))
		return NULL;
	return conn->client;
}

static struct lcs_client *new_client(struct lcs_conn *main)
{
	struct lcs_client *client = kmem_cache_zalloc(lcs_client_cache, GFP_ATOMIC);

	if (!client)
		return NULL;
	refcount_set(&client->ref, 1);
	spin_lock_init(&client->lock);
	INIT_LIST_HEAD(&client->pinholes);
	INIT_LIST_HEAD(&client->dialogs);
	client->until = jiffies;
	client->main = main;
	lcs_count(&main->net->counts, LCS_COUNT_CLIENTS);
	return client;
}

/* Where the client is translated, its text is; only on the way through the IP layer, though. */
static void attach_nat(struct lcs_conn *conn, const struct lcs_start *start,
		       const struct sk_buff *skb)
{
	const struct lcs_nat_hooks *nat = rcu_dereference(lcs_nat_entrance);

	if (!nat || !lcs_is_translated(conn))
		return;
	if (!skb_dst(skb) || conn->loose || start->fixed == LCS_BOTH || !nat->attach(conn))
		lcs_count(&conn->net->counts, LCS_COUNT_UNTRANSLATABLE);
}

static struct lcs_conn *new_conn(struct nf_conn *ct, const struct lcs_start *start,
				 const struct sk_buff *skb)
{
	struct lcs_conn *conn = kmem_cache_zalloc(lcs_conn_cache, GFP_ATOMIC);
	int dir;

	if (!conn)
		return NULL;
	conn->ct = ct;
	conn->net = lcs_net(nf_ct_net(ct));
	/* What a Contact led here: the server is the originator, the client the responder. */
	conn->client_dir = ct->master && lcs_is_helped(ct->master) ? IP_CT_DIR_REPLY :
								     IP_CT_DIR_ORIGINAL;
	conn->loose = start->syn != LCS_BOTH;
	conn->synced = conn->loose ? 0 : LCS_BOTH;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		lcs_stream_init(&conn->stream[dir], start->isn[dir] + 1);
	conn->client = client_of_master(ct);
	if (!conn->client)
		conn->client = new_client(conn);
	if (!conn->client) {
		kmem_cache_free(lcs_conn_cache, conn);
		return NULL;
	}
	attach_nat(conn, start, skb);
	return conn;
}

/* Make a connection known. Return: the one that counts, %NULL where the namespace goes away. */
static struct lcs_conn *publish(struct lcs_conn *conn, struct lcs_start *start)
{
	struct lcs_net *lnet = conn->net;
	struct lcs_conn *other;

	spin_lock_bh(&lnet->lock);
	other = rcu_dereference_protected(start->conn, lockdep_is_held(&lnet->lock));
	if (!other && !lnet->closing && (start->closed & LCS_BOTH) != LCS_BOTH) {
		nf_conntrack_get(&conn->ct->ct_general);
		if (list_empty(&lnet->conns))
			queue_delayed_work(system_power_efficient_wq, &lnet->sweep,
					   LCS_SWEEP_INTERVAL);
		list_add_tail_rcu(&conn->list, &lnet->conns);
		rcu_assign_pointer(start->conn, conn);
		spin_unlock_bh(&lnet->lock);
		lcs_count(&lnet->counts, LCS_COUNT_CONNECTIONS);
		return conn;
	}
	spin_unlock_bh(&lnet->lock);
	if (conn->nat) {
		spin_lock_bh(&conn->client->lock);
		lcs_nat()->detach(conn);
		spin_unlock_bh(&conn->client->lock);
	}
	client_put(conn->client);
	kmem_cache_free(lcs_conn_cache, conn);
	return other;
}

/**
 * lcs_conn_get() - the connection of a conntrack entry, made where there is none yet
 * @ct: the entry, of the packet at hand
 * @start: lcs_start() of it
 * @skb: the packet
 *
 * Caller holds rcu_read_lock().
 *
 * Return: %NULL where it is not to be inspected, or there is no memory.
 */
struct lcs_conn *lcs_conn_get(struct nf_conn *ct, struct lcs_start *start,
			      const struct sk_buff *skb)
{
	struct lcs_conn *conn = rcu_dereference(start->conn);

	if (conn || (READ_ONCE(start->closed) & LCS_BOTH) == LCS_BOTH)
		return conn;
	if (!nf_ct_is_confirmed(ct))
		return NULL;
	if (start->syn != LCS_BOTH && !start->injected && !lcs_loose()) {
		WRITE_ONCE(start->closed, LCS_BOTH);
		lcs_count(&lcs_net(nf_ct_net(ct))->counts, LCS_COUNT_UNPROVEN);
		return NULL;
	}
	conn = new_conn(ct, start, skb);
	if (!conn) {
		/* Without its first byte the stream is not proven any more. */
		WRITE_ONCE(start->closed, LCS_BOTH);
		lcs_note_give_up(lcs_net(nf_ct_net(ct)), ct, IP_CT_DIR_ORIGINAL,
				 LCS_COUNT_GIVEN_UP_MEMORY);
		return NULL;
	}
	return publish(conn, start);
}

static void let_go(struct lcs_conn *conn)
{
	struct lcs_start *start = lcs_start(conn->ct);
	struct lcs_client *client = conn->client;
	struct lcs_net *lnet = conn->net;
	struct nf_conn *ct = conn->ct;
	bool cut;

	lcs_companion_begin();
	spin_lock_bh(&client->lock);
	conn->gone = true;
	if (client->main == conn)
		client->main = NULL;
	lcs_pinholes_orphan(conn);
	lcs_message_release(conn);
	lcs_companion_detach(conn);
	cut = conn->edited && !conn->handed;
	spin_unlock_bh(&client->lock);
	lcs_companion_end();

	spin_lock_bh(&lnet->lock);
	WRITE_ONCE(start->closed, LCS_BOTH);
	RCU_INIT_POINTER(start->conn, NULL);
	list_del_rcu(&conn->list);
	spin_unlock_bh(&lnet->lock);

	lcs_count(&lnet->counts, LCS_COUNT_RELEASES);
	call_rcu(&conn->rcu, free_conn);
	/* Nobody will translate it any more. */
	if (cut)
		nf_ct_kill(ct);
	nf_ct_put(ct);
}

/*
 * Nothing will ever be read of it again, and nothing depends on it. One that was changed must go on
 * to be translated.
 */
static bool is_spent(const struct lcs_conn *conn)
{
	lockdep_assert_held(&conn->client->lock);
	return conn->stream[IP_CT_DIR_ORIGINAL].state == LCS_GIVEN_UP &&
	       conn->stream[IP_CT_DIR_REPLY].state == LCS_GIVEN_UP && !conn->edited &&
	       list_empty(&conn->client->pinholes);
}

static bool has_ended(const struct lcs_conn *conn)
{
	bool ended;

	rcu_read_lock();
	ended = nf_ct_is_dying(conn->ct) || !lcs_is_helped(conn->ct);
	rcu_read_unlock();
	if (ended)
		return true;
	spin_lock_bh(&conn->client->lock);
	ended = is_spent(conn);
	spin_unlock_bh(&conn->client->lock);
	return ended;
}

/* Most of the room for text that must be kept is taken. */
static bool is_scarce(struct lcs_net *lnet)
{
	return atomic_long_read(&lnet->counts.value[LCS_COUNT_HELD_BYTES]) >
	       lcs_held_limit() / 4 * 3;
}

/*
 * Text of a message that nobody completes takes the room of others: where that gets scarce, it has
 * to go. Bytes that we answer for go with their connection.
 */
static void relieve(struct lcs_conn *conn)
{
	bool holds = false, cut = false;
	u8 dir, bit;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		bit = 1 << dir;
		if (conn->stream[dir].state == LCS_IDLE) {
			conn->waited &= ~bit;
			continue;
		}
		if (conn->waited & bit) {
			holds |= !!conn->stream[dir].line;
			cut |= conn->nat && conn->nat->edit[dir].held.text;
		}
		conn->waited |= bit;
	}
	if ((!holds && !cut) || !is_scarce(conn->net))
		return;
	lcs_stream_give_up(&conn->stream[IP_CT_DIR_ORIGINAL], LCS_NO_MEMORY);
	lcs_stream_give_up(&conn->stream[IP_CT_DIR_REPLY], LCS_NO_MEMORY);
	lcs_note_give_up(conn->net, conn->ct, conn->client_dir, LCS_COUNT_GIVEN_UP_MEMORY);
	lcs_message_release(conn);
	if (cut) {
		lcs_count(&conn->net->counts, LCS_COUNT_KILLED);
		lcs_companion_detach(conn);
	}
}

/* Only this work, and the namespace's exit once it is cancelled, take connections off the list. */
static void sweep(struct work_struct *work)
{
	struct lcs_net *lnet = container_of(to_delayed_work(work), struct lcs_net, sweep);
	struct lcs_conn *conn, *next;
	bool again;

	list_for_each_entry_safe(conn, next, &lnet->conns, list) {
		if (has_ended(conn)) {
			let_go(conn);
		} else {
			lcs_companion_begin();
			spin_lock_bh(&conn->client->lock);
			lcs_pinholes_reap(conn->client);
			lcs_dialogs_reap(conn->client, false);
			relieve(conn);
			spin_unlock_bh(&conn->client->lock);
			lcs_companion_end();
		}
		cond_resched();
	}
	spin_lock_bh(&lnet->lock);
	again = !list_empty(&lnet->conns) && !lnet->closing;
	spin_unlock_bh(&lnet->lock);
	if (again)
		queue_delayed_work(system_power_efficient_wq, &lnet->sweep, LCS_SWEEP_INTERVAL);
}

static int __net_init lcs_net_init(struct net *net)
{
	struct lcs_net *lnet = lcs_net(net);
	int err;

	lnet->net = net;
	spin_lock_init(&lnet->lock);
	INIT_LIST_HEAD(&lnet->conns);
	INIT_DELAYED_WORK(&lnet->sweep, sweep);
	err = lcs_counts_show(net, &lnet->counts);
	if (!err)
		lcs_companion_net_add(lnet);
	return err;
}

static void __net_exit lcs_net_exit(struct net *net)
{
	struct lcs_net *lnet = lcs_net(net);
	struct lcs_conn *conn, *next;

	lcs_counts_hide(net);
	spin_lock_bh(&lnet->lock);
	lnet->closing = true;
	spin_unlock_bh(&lnet->lock);
	cancel_delayed_work_sync(&lnet->sweep);
	list_for_each_entry_safe(conn, next, &lnet->conns, list)
		let_go(conn);
	lcs_companion_net_del(lnet);
}

static struct pernet_operations lcs_net_ops = {
	.init = lcs_net_init,
	.exit = lcs_net_exit,
	.id = &lcs_net_id,
	.size = sizeof(struct lcs_net),
};

/**
 * lcs_conn_init() - get ready for connections
 *
 * Return: 0 or a negative errno.
 */
int lcs_conn_init(void)
{
	int ret = -ENOMEM;

	lcs_conn_cache = kmem_cache_create("lcs_conn", sizeof(struct lcs_conn), 0,
					   SLAB_NO_MERGE, NULL);
	if (!lcs_conn_cache)
		return ret;
	lcs_client_cache = kmem_cache_create("lcs_client", sizeof(struct lcs_client), 0,
					     SLAB_NO_MERGE, NULL);
	if (lcs_client_cache)
		ret = register_pernet_subsys(&lcs_net_ops);
	if (ret) {
		kmem_cache_destroy(lcs_client_cache);
		kmem_cache_destroy(lcs_conn_cache);
	}
	return ret;
}

/**
 * lcs_conn_exit() - let go of all connections
 *
 * No packet is in help() any more, nor will one come.
 */
void lcs_conn_exit(void)
{
	unregister_pernet_subsys(&lcs_net_ops);
	/* free_conn() of the last ones */
	rcu_barrier();
	kmem_cache_destroy(lcs_client_cache);
	kmem_cache_destroy(lcs_conn_cache);
}
