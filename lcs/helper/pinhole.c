// SPDX-License-Identifier: GPL-2.0
/*
 * The pinhole table. Rows are found by what they lead to; nf_conntrack_expect_lock protects the
 * hash, so that a row and its expectations change hands together. A row belongs to its client's
 * list under client->lock, which is taken first. Another client that claims the same address and
 * port, which can only be the same host after a crash, unlinks the old row; the old owner finds it
 * so later.
 */
#include <linux/slab.h>

#include <lcs/compat.h>
#include <lcs/nat.h>
#include <lcs/need.h>
#include <lcs/shadow.h>
#include <lcs/table.h>
#include <lcs/trace.h>

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

/**
 * lcs_transaction_of() - the transaction that a message belongs to
 * @msg: the message
 * @from_client: who sent it
 */
struct lcs_transaction lcs_transaction_of(const struct lcs_message *msg, bool from_client)
{
	struct lcs_transaction tr = {
		.call_id = msg->call_id,
		.cseq = msg->cseq,
		.method = msg->method,
		/* an answer belongs to the other side's request */
		.by_client = from_client != lcs_is_response(msg),
		.set = true,
	};

	/* These name the INVITE they cancel or acknowledge (RFC 3261 9.1, 13.2.2.4). */
	if (!lcs_is_response(msg) &&
	    (msg->method == LCS_METHOD_CANCEL || msg->method == LCS_METHOD_ACK))
		tr.method = LCS_METHOD_INVITE;
	return tr;
}

static void make_key(struct lcs_key *key, const struct lcs_conn *conn, const struct lcs_want *want)
{
	memset(key, 0, sizeof(*key));
	if (want->addr) {
		key->addr = *want->addr;
		key->from = *lcs_client_addr(conn);
	} else {
		key->addr = *lcs_client_addr(conn);
	}
	key->port = htons(want->port);
	key->zone = nf_ct_zone(conn->ct)->id;
	key->family = nf_ct_l3num(conn->ct);
	key->proto = want->proto;
}

/* Take a row and its expectations out of the tables. Caller holds nf_conntrack_expect_lock. */
static void unlink_row(struct lcs_pinhole *row)
{
	lockdep_assert_held(&nf_conntrack_expect_lock);
	if (row->unlinked)
		return;
	lcs_shadow_unlink(row);
	lcs_table_remove(row);
	WRITE_ONCE(row->unlinked, true);
	lcs_count(&row->net->counts, lcs_closed[row->class]);
}

static void free_row(struct rcu_head *head)
{
	kmem_cache_free(lcs_pinhole_cache, container_of(head, struct lcs_pinhole, rcu));
}

/**
 * lcs_pinhole_close() - close a pinhole and forget it
 * @row: the row; its expectations go, flows already established stay
 *
 * Caller holds client->lock.
 */
void lcs_pinhole_close(struct lcs_pinhole *row)
{
	lockdep_assert_held(&row->client->lock);
	trace_lcs_close(&row->key, row->class);
	spin_lock_bh(&nf_conntrack_expect_lock);
	unlink_row(row);
	lcs_shadow_put(row);
	spin_unlock_bh(&nf_conntrack_expect_lock);
	list_del(&row->list);
	row->client->pinhole_count--;
	call_rcu(&row->rcu, free_row);
}

/* Caller holds nf_conntrack_expect_lock. */
static int place_row(const struct lcs_conn *conn, struct lcs_pinhole *row)
{
	const struct lcs_nat_hooks *nat = lcs_nat();
	int err;

	lockdep_assert_held(&nf_conntrack_expect_lock);
	if (!nat || !conn->nat || row->outbound) {
		row->outside.port = row->key.port;
		return 0;
	}
	err = nat->place(conn, row);
	if (err)
		return err;
	row->translated = true;
	return 0;
}

/*
 * Enter a row into the table; whoever held its place loses it, and leaves it its outside port.
 * Return: -ENOSPC where there is no outside port; then nobody loses anything.
 */
static int enter_row(const struct lcs_conn *conn, struct lcs_pinhole *row)
{
	struct lcs_pinhole *old;
	int err;

	spin_lock_bh(&nf_conntrack_expect_lock);
	old = lcs_table_inside(row->net, &row->key);
	if (old)
		row->outside.port = old->outside.port;
	err = place_row(conn, row);
	if (!err && old) {
		unlink_row(old);
		lcs_count(&row->net->counts, LCS_COUNT_TAKEN_OVER);
	}
	if (!err)
		lcs_table_enter(row);
	spin_unlock_bh(&nf_conntrack_expect_lock);
	if (err)
		return err;
	list_add_tail(&row->list, &row->client->pinholes);
	row->client->pinhole_count++;
	lcs_count(&row->net->counts, lcs_opened[row->class]);
	return 0;
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
	case -ENOSPC:
		return LCS_REFUSED_LIMIT;
	case -ENOENT:
		return LCS_REFUSED_OUTSIDE;
	}
	return LCS_REFUSED_BUSY;
}

/* Who may use a pinhole before its peer is known. */
static const union nf_inet_addr *first_source(const struct lcs_pinhole *row)
{
	if (row->outbound)
		return &row->key.from;
	if (row->class == LCS_CLASS_CALLBACK && !lcs_callback_from_any())
		return lcs_server_addr(row->conn);
	return lcs_is_any(&row->outside.from) ? NULL : &row->outside.from;
}

/*
 * The connection that pinholes belong to: the client's main one while that is alive. A dying entry
 * expects nothing any more, long before it is let go of.
 */
static struct lcs_conn *home_of(struct lcs_conn *conn)
{
	struct lcs_conn *main = conn->client->main;

	if (main && !nf_ct_is_dying(main->ct) && lcs_is_helped(main->ct))
		return main;
	return conn;
}

static struct lcs_pinhole *new_row(struct lcs_conn *conn, const struct lcs_want *want)
{
	struct lcs_pinhole *row = kmem_cache_zalloc(lcs_pinhole_cache, GFP_ATOMIC);

	if (!row)
		return NULL;
	row->net = conn->net;
	row->client = conn->client;
	row->conn = home_of(conn);
	row->class = want->class;
	row->pair = want->pair;
	row->outbound = want->addr;
	row->active = !want->inactive;
	row->expires = LCS_ABSENT;
	row->answer_expires = LCS_ABSENT;
	make_key(&row->key, conn, want);
	row->outside = row->key;
	if (want->peer && conn->nat)
		row->outside.from = *want->peer;
	return row;
}

/**
 * lcs_pinhole_find() - find a pinhole of this client
 * @conn: a connection of the client; caller holds its client's lock
 * @want: what it leads to
 *
 * Return: %NULL where there is none.
 */
struct lcs_pinhole *lcs_pinhole_find(const struct lcs_conn *conn, const struct lcs_want *want)
{
	struct lcs_pinhole *row;
	struct lcs_key key;

	lockdep_assert_held(&conn->client->lock);
	make_key(&key, conn, want);
	rcu_read_lock();
	row = lcs_table_inside(conn->net, &key);
	if (row && row->client != conn->client)
		row = NULL;
	rcu_read_unlock();
	return row;
}

/* A row of the client's own that was not there before. */
static struct lcs_pinhole *make_row(struct lcs_conn *conn, const struct lcs_want *want)
{
	struct lcs_client *client = conn->client;
	struct lcs_pinhole *row;

	if (client->pinhole_count >= LCS_PINHOLES_MAX)
		lcs_pinholes_reap(client);
	if (client->pinhole_count >= LCS_PINHOLES_MAX) {
		lcs_pinhole_refuse(conn, want->class, LCS_REFUSED_LIMIT);
		return NULL;
	}
	row = new_row(conn, want);
	if (!row) {
		lcs_pinhole_refuse(conn, want->class, LCS_REFUSED_MEMORY);
		return NULL;
	}
	if (enter_row(conn, row)) {
		kmem_cache_free(lcs_pinhole_cache, row);
		lcs_pinhole_refuse(conn, want->class, LCS_REFUSED_OUTSIDE);
		return NULL;
	}
	row->until = jiffies + lcs_pending_lifetime(row->class) * HZ;
	return row;
}

static u32 seconds_left(const struct lcs_pinhole *row)
{
	return max_t(long, (long)(row->until - jiffies), HZ) / HZ;
}

/**
 * lcs_pinhole_reserve() - get a row, with its outside form, for what may be opened soon
 * @conn: the connection on which it is named
 * @want: what is named
 *
 * Caller holds client->lock and rcu_read_lock().
 *
 * Return: the client's row for it, new or not, or %NULL where it was refused, which is counted.
 */
struct lcs_pinhole *lcs_pinhole_reserve(struct lcs_conn *conn, const struct lcs_want *want)
{
	struct lcs_pinhole *row;

	lockdep_assert_held(&conn->client->lock);
	if (!lcs_port_allowed(want->class, want->port)) {
		lcs_pinhole_refuse(conn, want->class, LCS_REFUSED_PORT);
		return NULL;
	}
	row = lcs_pinhole_find(conn, want);
	if (row && row->class == want->class) {
		row->pair |= want->pair;
		return row;
	}
	if (row)
		lcs_pinhole_close(row);
	return make_row(conn, want);
}

/*
 * What was used up, nobody needs any more; what nothing may come to has to be confirmed again.
 */
static void begin_again(struct lcs_pinhole *row)
{
	unsigned int i;

	if (row->class == LCS_CLASS_FILE_TRANSFER)
		memset(row->need, 0, sizeof(row->need));
	for (i = 0; i < LCS_NEEDS && !row->active; i++) {
		row->need[i].confirmed = false;
		row->need[i].pending.set = false;
	}
}

/* Expect packets for a row: it is new, its expectations have gone, or their master dies. */
static int cast(struct lcs_conn *conn, struct lcs_pinhole *row, const struct lcs_want *want)
{
	int err;

	if (row->shadows) {
		spin_lock_bh(&nf_conntrack_expect_lock);
		lcs_shadow_drop(row);
		spin_unlock_bh(&nf_conntrack_expect_lock);
		row->active = !want->inactive;
		row->lasting = false;
		begin_again(row);
	}
	row->conn = home_of(conn);
	row->narrowed = false;
	err = lcs_shadow_cast(row, first_source(row));
	if (!err)
		trace_lcs_open(&row->key, row->class);
	return err;
}

/**
 * lcs_pinhole_open() - open a pinhole
 * @conn: the connection on which it was asked for
 * @want: what is asked for
 *
 * Whoever asks needs it from now on, for its class's pending lifetime at first. Caller holds
 * client->lock and rcu_read_lock().
 *
 * Return: the row, or %NULL where it was refused, which is counted. A row with an outside form
 * keeps that, and is returned, though nothing may come.
 */
struct lcs_pinhole *lcs_pinhole_open(struct lcs_conn *conn, const struct lcs_want *want)
{
	struct lcs_pinhole *row = lcs_pinhole_reserve(conn, want);
	struct lcs_need *need;
	bool again;
	int err;

	if (!row)
		return NULL;
	again = nf_ct_is_dying(row->conn->ct) || !lcs_shadow_live(row);
	if (again) {
		err = cast(conn, row, want);
		/* Another client of the same host was quicker: so that one has it now. */
		if (err && err != -ESTALE) {
			lcs_pinhole_refuse(conn, want->class, refusal_of(err));
			/* What was advertised must go on to mean the same. */
			if (!row->translated) {
				lcs_pinhole_close(row);
				return NULL;
			}
		}
	}
	need = lcs_need_ask(row, &want->cause);
	need->index = want->index;
	need->component = want->component;
	lcs_need_wait(row, need, again);
	return row;
}

/**
 * lcs_pinhole_extend() - let a pinhole live for so long
 * @row: the row; caller holds client->lock
 * @seconds: from now
 *
 * Without its expectations it ends, but for its outside form, which stands in the text.
 */
void lcs_pinhole_extend(struct lcs_pinhole *row, u32 seconds)
{
	lockdep_assert_held(&row->client->lock);
	row->until = jiffies + seconds * HZ;
	if (!lcs_shadow_lasts(row, seconds, row->active) &&
	    (!row->translated || READ_ONCE(row->unlinked)))
		row->until = jiffies;
	else if (time_after(row->until, row->client->until))
		WRITE_ONCE(row->client->until, row->until);
}

/*
 * Let a row have no expectations: it gets those for its peers. Whoever has a place that cannot move
 * shares it once its only peer is known; with the same lock held, for the expectations of the next
 * one who shares it must not clash with these.
 * Return: false where another has it for that peer already; then nothing has changed.
 */
static bool make_way(struct lcs_pinhole *row, const union nf_inet_addr *peer)
{
	bool shares = lcs_pinhole_shares(row);
	struct lcs_key place = row->outside;
	bool free;

	memset(&place.from, 0, sizeof(place.from));
	if (peer)
		place.from = *peer;
	spin_lock_bh(&nf_conntrack_expect_lock);
	free = !shares || lcs_table_has_place(row, &place);
	if (free) {
		/* Those who look without the lock never see it open to all in between. */
		if (shares)
			row->outside.from = place.from;
		lcs_shadow_drop(row);
	}
	spin_unlock_bh(&nf_conntrack_expect_lock);
	return free;
}

/* Nothing to do: what belongs to these addresses goes on without a gap. */
static bool is_narrowed_to(const struct lcs_pinhole *row, const union nf_inet_addr *from,
			   unsigned int n)
{
	const struct nf_conntrack_expect *exp;
	unsigned int i, k, found = 0;

	for (i = 0; i < row->shadows; i++) {
		exp = row->exp[i];
		/* Ways out say from which port. */
		if (exp->mask.src.u.all)
			continue;
		for (k = 0; k < n && !nf_inet_addr_cmp(&exp->tuple.src.u3, &from[k]); k++)
			;
		if (k == n)
			return false;
		found++;
	}
	return n && row->narrowed && found == n && lcs_shadow_live(row);
}

/**
 * lcs_pinhole_narrow() - let packets come from these addresses only
 * @row: the row, an inbound one; caller holds client->lock and rcu_read_lock()
 * @from: the addresses, all different
 * @n: how many, LCS_SOURCES_MAX at most; with none packets may come from anywhere
 *
 * Return: true where the row's expectations are new, so that its ways out are gone.
 */
bool lcs_pinhole_narrow(struct lcs_pinhole *row, const union nf_inet_addr *from, unsigned int n)
{
	u32 left = seconds_left(row);
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&row->client->lock);
	if ((!n && !row->narrowed) || is_narrowed_to(row, from, n))
		return false;
	if (row->client->shadow_count - row->shadows + n > LCS_SHADOWS_MAX) {
		lcs_pinhole_refuse(row->conn, row->class, LCS_REFUSED_LIMIT);
		return false;
	}
	if (!make_way(row, n == 1 ? from : NULL)) {
		lcs_pinhole_refuse(row->conn, row->class, LCS_REFUSED_OUTSIDE);
		return false;
	}
	row->narrowed = n;
	if (!n)
		err = lcs_shadow_cast(row, first_source(row));
	for (i = 0; i < n && !err; i++)
		err = lcs_shadow_cast(row, &from[i]);
	/* Rather too few than any. */
	if (err && err != -ESTALE)
		lcs_pinhole_refuse(row->conn, row->class, refusal_of(err));
	lcs_pinhole_extend(row, left);
	return true;
}

/* With relayed=1 the client may be led out to that peer already, from any of its ports. */
static bool is_led_out(const struct lcs_pinhole *row, const union nf_inet_addr *to, __be16 port)
{
	struct lcs_key key = row->key;

	key.addr = *to;
	key.from = row->key.addr;
	key.port = port;
	return lcs_table_inside(row->net, &key);
}

/**
 * lcs_pinhole_lead_out() - let the inside send first, from the outside form that was advertised
 * @row: the row, an inbound one; caller holds client->lock and rcu_read_lock()
 * @to: address of the peer
 * @port: its port, host byte order
 */
void lcs_pinhole_lead_out(struct lcs_pinhole *row, const union nf_inet_addr *to, u16 port)
{
	u32 left = seconds_left(row);
	__be16 dport = htons(port);
	unsigned int i;
	int err;

	lockdep_assert_held(&row->client->lock);
	for (i = 0; i < row->shadows; i++)
		if (nf_inet_addr_cmp(&row->exp[i]->tuple.dst.u3, to) &&
		    row->exp[i]->tuple.dst.u.all == dport)
			return;
	err = lcs_shadow_cast_out(row, to, dport);
	if (!err)
		lcs_pinhole_extend(row, left);
	else if (err != -ESTALE && !(err == -EBUSY && is_led_out(row, to, dport)))
		lcs_pinhole_refuse(row->conn, row->class, refusal_of(err));
}

/**
 * lcs_pinholes_reap() - forget the rows that have ended by themselves
 * @client: their client; caller holds its lock
 */
void lcs_pinholes_reap(struct lcs_client *client)
{
	struct lcs_pinhole *row, *next;
	unsigned long until = jiffies;

	lockdep_assert_held(&client->lock);
	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		if (READ_ONCE(row->unlinked) || time_after_eq(jiffies, row->until))
			lcs_pinhole_close(row);
		else if (time_after(row->until, until))
			until = row->until;
	}
	WRITE_ONCE(client->until, until);
}

/**
 * lcs_pinholes_orphan() - close what has a connection's conntrack entry as master
 * @conn: the connection, about to be let go of; caller holds its client's lock
 */
void lcs_pinholes_orphan(struct lcs_conn *conn)
{
	struct lcs_pinhole *row, *next;

	lockdep_assert_held(&conn->client->lock);
	list_for_each_entry_safe(row, next, &conn->client->pinholes, list)
		if (row->conn == conn)
			lcs_pinhole_close(row);
}

/**
 * lcs_pinholes_init() - get ready
 *
 * Return: 0 or -ENOMEM.
 */
int lcs_pinholes_init(void)
{
	int err;

	lcs_pinhole_cache = kmem_cache_create("lcs_pinhole", sizeof(struct lcs_pinhole), 0,
					      SLAB_NO_MERGE, NULL);
	if (!lcs_pinhole_cache)
		return -ENOMEM;
	err = lcs_table_init();
	if (err)
		kmem_cache_destroy(lcs_pinhole_cache);
	return err;
}

/**
 * lcs_pinholes_exit() - free what lcs_pinholes_init() made
 *
 * All rows were closed, and their free_row() has run.
 */
void lcs_pinholes_exit(void)
{
	lcs_table_exit();
	kmem_cache_destroy(lcs_pinhole_cache);
}
