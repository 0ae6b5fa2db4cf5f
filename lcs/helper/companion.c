// SPDX-License-Identifier: GPL-2.0
/*
 * The NAT companion comes and goes while connections live. Going, it first takes nothing new; when
 * the last packet is out of it, it lets go of all connections; then nothing leads to it any more.
 * Connections that end meanwhile find it for as long as one of them needs it.
 */
#include <linux/export.h>
#include <linux/mutex.h>

#include <lcs/nat.h>

const struct lcs_nat_hooks __rcu *lcs_nat_hooks;
const struct lcs_nat_hooks __rcu *lcs_nat_entrance;

/* Of lcs_nets and both pointers; taken before any client's lock. */
static DEFINE_MUTEX(lcs_companion_mutex);
/*
 * A namespace that goes away is off the kernel's own list before its connections are let go of.
 */
static LIST_HEAD(lcs_nets);

/**
 * lcs_companion_net_add() - a namespace may have connections from now on
 * @lnet: what the helper keeps for it
 */
void lcs_companion_net_add(struct lcs_net *lnet)
{
	mutex_lock(&lcs_companion_mutex);
	list_add_tail(&lnet->nets, &lcs_nets);
	mutex_unlock(&lcs_companion_mutex);
}

/**
 * lcs_companion_net_del() - all connections of a namespace were let go of
 * @lnet: what the helper keeps for it
 */
void lcs_companion_net_del(struct lcs_net *lnet)
{
	mutex_lock(&lcs_companion_mutex);
	list_del(&lnet->nets);
	mutex_unlock(&lcs_companion_mutex);
}

/**
 * lcs_companion_begin() - no connection loses its companion now
 *
 * Until lcs_companion_end(). May sleep.
 */
void lcs_companion_begin(void)
{
	mutex_lock(&lcs_companion_mutex);
}

/**
 * lcs_companion_end() - see lcs_companion_begin()
 */
void lcs_companion_end(void)
{
	mutex_unlock(&lcs_companion_mutex);
}

static const struct lcs_nat_hooks *hooks_locked(void)
{
	return rcu_dereference_protected(lcs_nat_hooks, lockdep_is_held(&lcs_companion_mutex));
}

/**
 * lcs_companion_detach() - a connection needs its companion no more
 * @conn: the connection; caller holds its client's lock, and is between lcs_companion_begin() and
 *	lcs_companion_end()
 *
 * Where text was changed, what still comes is dropped from now on.
 */
void lcs_companion_detach(struct lcs_conn *conn)
{
	lockdep_assert_held(&conn->client->lock);
	if (conn->nat)
		hooks_locked()->detach(conn);
}

/**
 * lcs_nat_register() - the companion comes
 * @hooks: what it does
 */
void lcs_nat_register(const struct lcs_nat_hooks *hooks)
{
	mutex_lock(&lcs_companion_mutex);
	rcu_assign_pointer(lcs_nat_hooks, hooks);
	rcu_assign_pointer(lcs_nat_entrance, hooks);
	mutex_unlock(&lcs_companion_mutex);
}
EXPORT_SYMBOL_GPL(lcs_nat_register);

/* The core goes on with what is at rest; what is in flight nobody can translate any more. */
static void part(struct lcs_conn *conn)
{
	if (!conn->nat)
		return;
	if (conn->edited && !nf_ct_is_dying(conn->ct)) {
		conn->handed = hooks_locked()->hand_over(conn);
		if (!conn->handed)
			lcs_count(&conn->net->counts, LCS_COUNT_KILLED);
	}
	lcs_companion_detach(conn);
}

/* No packet is left that the core would not translate: let them pass again. */
static void let_pass(struct lcs_conn *conn)
{
	if (conn->handed)
		WRITE_ONCE(conn->edited, false);
	conn->handed = false;
}

static void for_all(void (*what)(struct lcs_conn *conn))
{
	struct lcs_conn *conn;
	struct lcs_net *lnet;

	lockdep_assert_held(&lcs_companion_mutex);
	list_for_each_entry(lnet, &lcs_nets, nets) {
		rcu_read_lock();
		list_for_each_entry_rcu(conn, &lnet->conns, list) {
			spin_lock_bh(&conn->client->lock);
			/* One that is let go of may have lost its conntrack entry already. */
			if (!conn->gone)
				what(conn);
			spin_unlock_bh(&conn->client->lock);
		}
		rcu_read_unlock();
	}
}

/**
 * lcs_nat_unregister() - the companion goes
 *
 * When this returns nothing of it is in use, but for expectations. May sleep.
 */
void lcs_nat_unregister(void)
{
	mutex_lock(&lcs_companion_mutex);
	RCU_INIT_POINTER(lcs_nat_entrance, NULL);
	/* Whatever was attached is in its list then, and nothing translated is on its way. */
	synchronize_rcu();
	for_all(part);
	RCU_INIT_POINTER(lcs_nat_hooks, NULL);
	/* nf_confirm() may have asked the core before the hand-over, and only then help(). */
	synchronize_rcu();
	for_all(let_pass);
	mutex_unlock(&lcs_companion_mutex);
}
EXPORT_SYMBOL_GPL(lcs_nat_unregister);
