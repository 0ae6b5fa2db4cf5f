// SPDX-License-Identifier: GPL-2.0
/*
 * The pinhole table. Rows are found by what they lead to; nf_conntrack_expect_lock protects the
 * hash, so that a row and its expectation change hands together. A row belongs to its client's
 * list under client->lock, which is taken first. Another client that claims the same address and
 * port, which can only be the same host after a crash, unlinks the old row and its expectation; the
 * old owner finds its row taken later.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/netns/hash.h>

#include <lcs/compat.h>
#include <lcs/pinhole.h>

static struct hlist_head *lcs_rows __read_mostly;
static unsigned int lcs_rows_mask __read_mostly;
static u32 lcs_rows_seed __read_mostly;
static struct kmem_cache *lcs_pinhole_cache __read_mostly;

static const enum lcs_counter lcs_opened[LCS_CLASSES] = {
	[LCS_CLASS_CALLBACK] = LCS_COUNT_OPENED_CALLBACK,
	[LCS_CLASS_MEDIA] = LCS_COUNT_OPENED_MEDIA,
	[LCS_CLASS_FILE_TRANSFER] = LCS_COUNT_OPENED_FILE_TRANSFER,
	[LCS_CLASS_APP_SHARING] = LCS_COUNT_OPENED_APP_SHARING,
};

static const enum lcs_counter lcs_closed[LCS_CLASSES] = {
	[LCS_CLASS_CALLBACK] = LCS_COUNT_CLOSED_CALLBACK,
	[LCS_CLASS_MEDIA] = LCS_COUNT_CLOSED_MEDIA,
	[LCS_CLASS_FILE_TRANSFER] = LCS_COUNT_CLOSED_FILE_TRANSFER,
	[LCS_CLASS_APP_SHARING] = LCS_COUNT_CLOSED_APP_SHARING,
};

/* How a refusal is counted, and what the administrator can do about it. */
static const struct {
	enum lcs_counter counter;
	const char *text;
} lcs_refusals[] = {
	[LCS_REFUSED_ADDRESS] = { LCS_COUNT_REFUSED_ADDRESS,
				  "it names another host than its sender; nothing to change here" },
	[LCS_REFUSED_PORT] = { LCS_COUNT_REFUSED_PORT, "its port is outside parameter" },
	[LCS_REFUSED_LIMIT] = { LCS_COUNT_REFUSED_LIMIT,
				"its client has as many as one may have; nothing to change here" },
	[LCS_REFUSED_BUSY] = { LCS_COUNT_REFUSED_BUSY,
			       "another helper expects the same; do not attach two to one flow" },
	[LCS_REFUSED_TABLE_FULL] = { LCS_COUNT_REFUSED_TABLE_FULL,
				     "raise net.netfilter.nf_conntrack_expect_max" },
	[LCS_REFUSED_MEMORY] = { LCS_COUNT_REFUSED_MEMORY, "no memory" },
	[LCS_REFUSED_SHUTDOWN] = { LCS_COUNT_REFUSED_SHUTDOWN, "its connection lost its helper" },
	[LCS_REFUSED_UNREADABLE] = { LCS_COUNT_REFUSED_UNREADABLE,
				     "its message has a malformed header; nothing to change here" },
};

/**
 * lcs_pinhole_refuse() - count a pinhole that is not opened, and say why
 * @conn: the connection that asked for it
 * @class: what for
 * @why: the reason
 *
 * The line is rate-limited and holds nothing that a message said.
 */
void lcs_pinhole_refuse(struct lcs_conn *conn, enum lcs_class class, enum lcs_refusal why)
{
	lcs_count(&conn->net->counts, lcs_refusals[why].counter);
	if (!net_ratelimit())
		return;
	if (why == LCS_REFUSED_PORT)
		pr_info("pinhole refused: its port is outside parameter %s\n",
			lcs_port_parameter(class));
	else
		pr_info("pinhole refused: %s\n", lcs_refusals[why].text);
}

static struct hlist_head *bucket_of(const struct lcs_net *lnet, const struct lcs_key *key)
{
	u32 hash = jhash(key, sizeof(*key), lcs_rows_seed ^ (u32)((unsigned long)lnet >> 8));

	return &lcs_rows[hash & lcs_rows_mask];
}

static void make_key(struct lcs_key *key, const struct lcs_conn *conn, u8 proto, u16 port)
{
	memset(key, 0, sizeof(*key));
	key->addr = *lcs_client_addr(conn);
	key->port = htons(port);
	key->zone = nf_ct_zone(conn->ct)->id;
	key->family = nf_ct_l3num(conn->ct);
	key->proto = proto;
}

/* Caller holds nf_conntrack_expect_lock or rcu_read_lock(). */
static struct lcs_pinhole *find_row(const struct lcs_net *lnet, const struct lcs_key *key)
{
	struct lcs_pinhole *row;

	hlist_for_each_entry_rcu(row, bucket_of(lnet, key), node,
				 lockdep_is_held(&nf_conntrack_expect_lock))
		if (row->net == lnet && !memcmp(&row->key, key, sizeof(*key)))
			return row;
	return NULL;
}

/*
 * Is the expectation of a row still in the kernel's table? It may have expired or been flushed by
 * an administrator. Caller holds nf_conntrack_expect_lock.
 */
static bool is_linked(const struct lcs_pinhole *row)
{
	const struct nf_conntrack_expect *exp = row->exp;
	struct nf_conntrack_zone zone;

	nf_ct_zone_init(&zone, row->key.zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	return __nf_ct_expect_find(row->net->net, &zone, &exp->tuple) == exp;
}

/* Take a row and its expectation out of the tables. Caller holds nf_conntrack_expect_lock. */
static void unlink_row(struct lcs_pinhole *row)
{
	lockdep_assert_held(&nf_conntrack_expect_lock);
	if (row->unlinked)
		return;
	if (is_linked(row))
		lcs_expect_unlink(row->exp);
	hlist_del_rcu(&row->node);
	row->unlinked = true;
	lcs_count(&row->net->counts, lcs_closed[row->class]);
}

static void free_row(struct rcu_head *head)
{
	kmem_cache_free(lcs_pinhole_cache, container_of(head, struct lcs_pinhole, rcu));
}

/**
 * lcs_pinhole_close() - close a pinhole and forget it
 * @row: the row; its expectation goes, flows already established stay
 *
 * Caller holds client->lock.
 */
void lcs_pinhole_close(struct lcs_pinhole *row)
{
	lockdep_assert_held(&row->client->lock);
	spin_lock_bh(&nf_conntrack_expect_lock);
	unlink_row(row);
	spin_unlock_bh(&nf_conntrack_expect_lock);
	list_del(&row->list);
	row->client->pinhole_count--;
	nf_ct_expect_put(row->exp);
	call_rcu(&row->rcu, free_row);
}

static struct nf_conntrack_expect *new_expectation(const struct lcs_conn *conn,
						   const struct lcs_pinhole *row)
{
	const union nf_inet_addr *from = lcs_callback_from_any() ? NULL : lcs_server_addr(conn);
	struct nf_conntrack_expect *exp = nf_ct_expect_alloc(row->conn->ct);
	const struct nf_conn_help *help = nfct_help(row->conn->ct);
	struct nf_conntrack_helper *helper;

	if (!exp)
		return NULL;
	nf_ct_expect_init(exp, row->class, row->key.family, from, &row->key.addr, row->key.proto,
			  NULL, &row->key.port);
	exp->flags = NF_CT_EXPECT_PERMANENT | NF_CT_EXPECT_INACTIVE;
	helper = help ? rcu_dereference(help->helper) : NULL;
	lcs_expect_assign_helper(exp, row->class == LCS_CLASS_CALLBACK ? helper : NULL);
	return exp;
}

/* Enter a row into the table; whoever held its place loses it. */
static void enter_row(struct lcs_pinhole *row)
{
	struct lcs_pinhole *old;

	spin_lock_bh(&nf_conntrack_expect_lock);
	old = find_row(row->net, &row->key);
	if (old) {
		unlink_row(old);
		lcs_count(&row->net->counts, LCS_COUNT_TAKEN_OVER);
	}
	hlist_add_head_rcu(&row->node, bucket_of(row->net, &row->key));
	spin_unlock_bh(&nf_conntrack_expect_lock);
}

static enum lcs_refusal refusal_of(int err)
{
	switch (err) {
	case -EMFILE:
		return LCS_REFUSED_TABLE_FULL;
	case -ESHUTDOWN:
		return LCS_REFUSED_SHUTDOWN;
	case -ENOMEM:
		return LCS_REFUSED_MEMORY;
	}
	return LCS_REFUSED_BUSY;
}

/* Let the expectation of a row live for @seconds. Return: false where it is not there any more. */
static bool set_lifetime(struct lcs_pinhole *row, u32 seconds, bool active)
{
	bool linked;

	spin_lock_bh(&nf_conntrack_expect_lock);
	linked = !row->unlinked && is_linked(row) && lcs_expect_set_timeout(row->exp, seconds);
	if (linked && active)
		WRITE_ONCE(row->exp->flags, row->exp->flags & ~NF_CT_EXPECT_INACTIVE);
	spin_unlock_bh(&nf_conntrack_expect_lock);
	row->until = jiffies + seconds * HZ;
	return linked;
}

static struct lcs_pinhole *new_row(struct lcs_conn *conn, enum lcs_class class, u8 proto, u16 port)
{
	struct lcs_pinhole *row = kmem_cache_zalloc(lcs_pinhole_cache, GFP_ATOMIC);

	if (!row)
		return NULL;
	row->net = conn->net;
	row->client = conn->client;
	row->conn = conn->client->main ? conn->client->main : conn;
	row->class = class;
	row->expires = LCS_ABSENT;
	row->answer_expires = LCS_ABSENT;
	make_key(&row->key, conn, proto, port);
	row->exp = new_expectation(conn, row);
	if (!row->exp) {
		kmem_cache_free(lcs_pinhole_cache, row);
		return NULL;
	}
	return row;
}

/**
 * lcs_pinhole_own() - find a pinhole of this client
 * @conn: a connection of the client
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 * @port: host byte order
 *
 * Caller holds client->lock. Return: %NULL where there is none.
 */
struct lcs_pinhole *lcs_pinhole_own(const struct lcs_conn *conn, u8 proto, u16 port)
{
	struct lcs_pinhole *row;
	struct lcs_key key;

	make_key(&key, conn, proto, port);
	rcu_read_lock();
	row = find_row(conn->net, &key);
	if (row && row->client != conn->client)
		row = NULL;
	rcu_read_unlock();
	return row;
}

/* The one that opens: a row is made, entered, and gets its expectation. */
static struct lcs_pinhole *open_row(struct lcs_conn *conn, enum lcs_class class, u8 proto, u16 port)
{
	struct lcs_pinhole *row = new_row(conn, class, proto, port);
	int err;

	if (!row) {
		lcs_pinhole_refuse(conn, class, LCS_REFUSED_MEMORY);
		return NULL;
	}
	list_add_tail(&row->list, &conn->client->pinholes);
	conn->client->pinhole_count++;
	enter_row(row);
	lcs_count(&conn->net->counts, lcs_opened[class]);
	err = nf_ct_expect_related(row->exp, 0);
	if (err) {
		lcs_pinhole_close(row);
		lcs_pinhole_refuse(conn, class, refusal_of(err));
		return NULL;
	}
	set_lifetime(row, lcs_pending_lifetime(), false);
	return row;
}

/**
 * lcs_pinhole_open() - open a pinhole to the client's own address, inactive until confirmed
 * @conn: the connection on which the client asked for it
 * @class: what for
 * @proto: IPPROTO_TCP or IPPROTO_UDP
 * @port: host byte order
 *
 * One that the client has already stays as it is. Caller holds client->lock and rcu_read_lock().
 *
 * Return: the row, or %NULL where it was refused, which is counted.
 */
struct lcs_pinhole *lcs_pinhole_open(struct lcs_conn *conn, enum lcs_class class, u8 proto,
				     u16 port)
{
	struct lcs_pinhole *row;
	bool linked;

	lockdep_assert_held(&conn->client->lock);
	if (!lcs_port_allowed(class, port)) {
		lcs_pinhole_refuse(conn, class, LCS_REFUSED_PORT);
		return NULL;
	}
	row = lcs_pinhole_own(conn, proto, port);
	if (row) {
		spin_lock_bh(&nf_conntrack_expect_lock);
		linked = is_linked(row);
		spin_unlock_bh(&nf_conntrack_expect_lock);
		if (linked)
			return row;
		lcs_pinhole_close(row);
	}
	if (conn->client->pinhole_count >= LCS_PINHOLES_MAX)
		lcs_pinholes_reap(conn->client);
	if (conn->client->pinhole_count >= LCS_PINHOLES_MAX) {
		lcs_pinhole_refuse(conn, class, LCS_REFUSED_LIMIT);
		return NULL;
	}
	return open_row(conn, class, proto, port);
}

/**
 * lcs_pinhole_confirm() - let packets come, for so long
 * @row: the row
 * @seconds: lifetime from now
 *
 * Caller holds client->lock. Return: false where the expectation has gone meanwhile.
 */
bool lcs_pinhole_confirm(struct lcs_pinhole *row, u32 seconds)
{
	row->pending = false;
	row->active = true;
	return set_lifetime(row, seconds, true);
}

/**
 * lcs_pinholes_reap() - forget the rows that have ended by themselves
 * @client: their client; caller holds its lock
 */
void lcs_pinholes_reap(struct lcs_client *client)
{
	struct lcs_pinhole *row, *next;

	list_for_each_entry_safe(row, next, &client->pinholes, list)
		if (READ_ONCE(row->unlinked) || time_after_eq(jiffies, row->until))
			lcs_pinhole_close(row);
}

/**
 * lcs_pinholes_orphan() - close what has a connection's conntrack entry as master
 * @conn: the connection, about to be let go of; caller holds its client's lock
 */
void lcs_pinholes_orphan(struct lcs_conn *conn)
{
	struct lcs_pinhole *row, *next;

	list_for_each_entry_safe(row, next, &conn->client->pinholes, list)
		if (row->conn == conn)
			lcs_pinhole_close(row);
}

/**
 * lcs_pinholes_init() - make the table
 *
 * It has two buckets for each of the kernel's own, so that the administrator who sizes the one
 * (expect_hashsize of nf_conntrack) sizes the other.
 *
 * Return: 0 or -ENOMEM.
 */
int lcs_pinholes_init(void)
{
	unsigned int buckets = roundup_pow_of_two(nf_ct_expect_hsize * 2);

	lcs_pinhole_cache = kmem_cache_create("lcs_pinhole", sizeof(struct lcs_pinhole), 0,
					      SLAB_NO_MERGE, NULL);
	if (!lcs_pinhole_cache)
		return -ENOMEM;
	lcs_rows = kvcalloc(buckets, sizeof(*lcs_rows), GFP_KERNEL);
	if (!lcs_rows) {
		kmem_cache_destroy(lcs_pinhole_cache);
		return -ENOMEM;
	}
	lcs_rows_mask = buckets - 1;
	get_random_bytes(&lcs_rows_seed, sizeof(lcs_rows_seed));
	return 0;
}

/**
 * lcs_pinholes_exit() - free the table
 *
 * All rows were closed, and their free_row() has run.
 */
void lcs_pinholes_exit(void)
{
	kvfree(lcs_rows);
	kmem_cache_destroy(lcs_pinhole_cache);
}
