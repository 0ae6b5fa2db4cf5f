// SPDX-License-Identifier: GPL-2.0
/*
 * Shadows: the kernel expectations that stand for a row of the pinhole table. They may vanish
 * behind our back: they expire, an administrator flushes them, their master dies.
 */
#include <lcs/compat.h>
#include <lcs/nat.h>
#include <lcs/shadow.h>

static bool lcs_leaving;

/**
 * lcs_shadows_end() - expect nothing any more
 *
 * The kernel takes a helper from its connections after it has removed what names the helper: what
 * came about in between would give new connections a helper that has gone. Those who cast while
 * this is said have ended when unregistering has waited for readers of RCU, which it does first.
 */
void lcs_shadows_end(void)
{
	WRITE_ONCE(lcs_leaving, true);
}

/*
 * Is an expectation of a row in force? One that is unlinked, or has expired, is not found.
 * Caller holds nf_conntrack_expect_lock.
 */
static bool is_live(const struct lcs_pinhole *row, const struct nf_conntrack_expect *exp)
{
	struct nf_conntrack_zone zone;

	lockdep_assert_held(&nf_conntrack_expect_lock);
	nf_ct_zone_init(&zone, row->key.zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	return __nf_ct_expect_find(row->net->net, &zone, &exp->tuple) == exp;
}

/*
 * Does the kernel still hold it? One that has expired stays, and counts, until something comes
 * across it. Caller holds nf_conntrack_expect_lock.
 */
static bool is_linked(const struct lcs_pinhole *row, const struct nf_conntrack_expect *exp)
{
	const struct nf_conn_help *help = nfct_help(row->conn->ct);
	const struct nf_conntrack_expect *other;

	if (is_live(row, exp))
		return true;
	hlist_for_each_entry(other, &help->expectations, lnode)
		if (other == exp)
			return true;
	return false;
}

/* Without a helper the kernel would take an expectation that is dead from the beginning. */
static struct nf_conntrack_expect *new_shadow(const struct lcs_pinhole *row)
{
	struct nf_conntrack_expect *exp;

	if (READ_ONCE(lcs_leaving) || !lcs_is_helped(row->conn->ct))
		return ERR_PTR(-ESHUTDOWN);
	if (row->shadows == LCS_ROW_SHADOWS_MAX || row->client->shadow_count == LCS_SHADOWS_MAX)
		return ERR_PTR(-ENOSPC);
	exp = nf_ct_expect_alloc(row->conn->ct);
	return exp ? exp : ERR_PTR(-ENOMEM);
}

/* Only here the kernel takes its own lock: meanwhile another client may have taken the row over. */
static int enter_shadow(struct lcs_pinhole *row, struct nf_conntrack_expect *exp)
{
	int err = nf_ct_expect_related(exp, 0);

	spin_lock_bh(&nf_conntrack_expect_lock);
	if (row->unlinked) {
		if (!err && is_linked(row, exp))
			lcs_expect_unlink(exp);
		err = -ESTALE;
	}
	if (!err) {
		row->exp[row->shadows++] = exp;
		row->client->shadow_count++;
	}
	spin_unlock_bh(&nf_conntrack_expect_lock);
	if (err)
		nf_ct_expect_put(exp);
	return err;
}

/*
 * A long call may have had many peers: the oldest way out makes room for a new one. Those alone say
 * from which port.
 */
static void forget_way_out(struct lcs_pinhole *row)
{
	unsigned int i;

	if (row->shadows < LCS_ROW_SHADOWS_MAX && row->client->shadow_count < LCS_SHADOWS_MAX)
		return;
	spin_lock_bh(&nf_conntrack_expect_lock);
	for (i = 0; i < row->shadows && !row->exp[i]->mask.src.u.all; i++)
		;
	if (i < row->shadows && !row->unlinked) {
		if (is_linked(row, row->exp[i]))
			lcs_expect_unlink(row->exp[i]);
		nf_ct_expect_put(row->exp[i]);
		row->shadows--;
		row->client->shadow_count--;
		memmove(&row->exp[i], &row->exp[i + 1], (row->shadows - i) * sizeof(*row->exp));
	}
	spin_unlock_bh(&nf_conntrack_expect_lock);
}

/**
 * lcs_shadow_cast() - expect packets for a row
 * @row: the row, entered in the table
 * @from: the only source they may have, %NULL for any
 *
 * The new expectation lives for the class's timeout; lcs_shadow_lasts() says how long really.
 * Caller holds client->lock and rcu_read_lock().
 *
 * Return: 0, -ENOMEM, -ENOSPC at LCS_ROW_SHADOWS_MAX or LCS_SHADOWS_MAX, -ESHUTDOWN where the
 * connection has lost its helper, -ESTALE where another client has taken the row over, or what the
 * kernel says: -EMFILE for a full table, -EBUSY for another helper's expectation.
 */
int lcs_shadow_cast(struct lcs_pinhole *row, const union nf_inet_addr *from)
{
	const struct nf_conn_help *help = nfct_help(row->conn->ct);
	const struct lcs_nat_hooks *nat = lcs_nat();
	struct nf_conntrack_helper *helper;
	struct nf_conntrack_expect *exp;

	lockdep_assert_held(&row->client->lock);
	/* Its outside form would lead to the firewall itself. */
	if (row->translated && !nat)
		return -ENOENT;
	exp = new_shadow(row);
	if (IS_ERR(exp))
		return PTR_ERR(exp);
	nf_ct_expect_init(exp, row->class, row->key.family, from, &row->outside.addr,
			  row->key.proto, NULL, &row->outside.port);
	/* A file comes over one connection; everything else over as many as there are peers. */
	exp->flags = row->class == LCS_CLASS_FILE_TRANSFER ? 0 : NF_CT_EXPECT_PERMANENT;
	if (!row->active)
		exp->flags |= NF_CT_EXPECT_INACTIVE;
	helper = help ? rcu_dereference(help->helper) : NULL;
	lcs_expect_assign_helper(exp, row->class == LCS_CLASS_CALLBACK ? helper : NULL);
	if (nat && row->conn->ct->status & IPS_NAT_MASK) {
		if (row->outbound)
			nat->lead_out(row, exp);
		else
			nat->lead_in(row, exp);
	}
	return enter_shadow(row, exp);
}

/**
 * lcs_shadow_cast_out() - expect packets from a row's inside form to a peer
 * @row: the row, translated
 * @to: address of the peer
 * @port: its port, network byte order
 *
 * Otherwise the first packet that the inside sends would get another outside port than the one
 * that was advertised. Caller holds client->lock and rcu_read_lock().
 *
 * Return: as lcs_shadow_cast(), or -ENOENT without the NAT companion.
 */
int lcs_shadow_cast_out(struct lcs_pinhole *row, const union nf_inet_addr *to, __be16 port)
{
	const struct lcs_nat_hooks *nat = lcs_nat();
	struct nf_conntrack_expect *exp;

	lockdep_assert_held(&row->client->lock);
	if (!nat)
		return -ENOENT;
	forget_way_out(row);
	exp = new_shadow(row);
	if (IS_ERR(exp))
		return PTR_ERR(exp);
	nf_ct_expect_init(exp, row->class, row->key.family, &row->key.addr, to, row->key.proto,
			  &row->key.port, &port);
	exp->flags = NF_CT_EXPECT_PERMANENT;
	lcs_expect_assign_helper(exp, NULL);
	nat->lead_out(row, exp);
	return enter_shadow(row, exp);
}

/**
 * lcs_shadow_live() - are all expectations of a row still in the kernel's table
 * @row: the row; caller holds client->lock
 */
bool lcs_shadow_live(const struct lcs_pinhole *row)
{
	unsigned int i;
	bool live;

	lockdep_assert_held(&row->client->lock);
	spin_lock_bh(&nf_conntrack_expect_lock);
	live = row->shadows && !row->unlinked;
	for (i = 0; live && i < row->shadows; i++)
		live = is_live(row, row->exp[i]);
	spin_unlock_bh(&nf_conntrack_expect_lock);
	return live;
}

/**
 * lcs_shadow_lasts() - let the expectations of a row live for so long
 * @row: the row; caller holds client->lock
 * @seconds: from now
 * @activate: let packets come, too
 *
 * Return: false where one of them has gone meanwhile.
 */
bool lcs_shadow_lasts(struct lcs_pinhole *row, u32 seconds, bool activate)
{
	struct nf_conntrack_expect *exp;
	unsigned int i;
	bool all;

	lockdep_assert_held(&row->client->lock);
	spin_lock_bh(&nf_conntrack_expect_lock);
	all = row->shadows && !row->unlinked;
	for (i = 0; i < row->shadows && !row->unlinked; i++) {
		exp = row->exp[i];
		if (!is_live(row, exp) || !lcs_expect_set_timeout(exp, seconds))
			all = false;
		else if (activate)
			WRITE_ONCE(exp->flags, exp->flags & ~NF_CT_EXPECT_INACTIVE);
	}
	spin_unlock_bh(&nf_conntrack_expect_lock);
	return all;
}

/**
 * lcs_shadow_unlink() - take the expectations of a row out of the kernel's table
 * @row: the row; caller holds nf_conntrack_expect_lock
 */
void lcs_shadow_unlink(struct lcs_pinhole *row)
{
	unsigned int i;

	lockdep_assert_held(&nf_conntrack_expect_lock);
	for (i = 0; i < row->shadows; i++)
		if (is_linked(row, row->exp[i]))
			lcs_expect_unlink(row->exp[i]);
}

/**
 * lcs_shadow_put() - forget the expectations of a row
 * @row: the row, whose expectations are unlinked; caller holds client->lock and
 *	nf_conntrack_expect_lock
 */
void lcs_shadow_put(struct lcs_pinhole *row)
{
	lockdep_assert_held(&row->client->lock);
	lockdep_assert_held(&nf_conntrack_expect_lock);
	row->client->shadow_count -= row->shadows;
	while (row->shadows)
		nf_ct_expect_put(row->exp[--row->shadows]);
}

/**
 * lcs_shadow_drop() - let a row have no expectations
 * @row: the row; caller holds client->lock and nf_conntrack_expect_lock
 */
void lcs_shadow_drop(struct lcs_pinhole *row)
{
	if (!row->unlinked)
		lcs_shadow_unlink(row);
	lcs_shadow_put(row);
}
