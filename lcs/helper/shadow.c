// SPDX-License-Identifier: GPL-2.0
/*
 * Shadows: the kernel expectations that stand for a row of the pinhole table. They may vanish
 * behind our back: they expire, an administrator flushes them, their master dies.
 */
#include <lcs/compat.h>
#include <lcs/nat.h>
#include <lcs/shadow.h>

/*
 * Is an expectation of a row still in the kernel's table? An unlinked one is not found there.
 * Caller holds nf_conntrack_expect_lock.
 */
static bool is_linked(const struct lcs_pinhole *row, const struct nf_conntrack_expect *exp)
{
	struct nf_conntrack_zone zone;

	lockdep_assert_held(&nf_conntrack_expect_lock);
	nf_ct_zone_init(&zone, row->key.zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	return __nf_ct_expect_find(row->net->net, &zone, &exp->tuple) == exp;
}

static struct nf_conntrack_expect *new_shadow(const struct lcs_pinhole *row)
{
	struct nf_conntrack_expect *exp;

	if (row->shadows == LCS_ROW_SHADOWS_MAX || row->client->shadow_count == LCS_SHADOWS_MAX)
		return ERR_PTR(-ENOSPC);
	exp = nf_ct_expect_alloc(row->conn->ct);
	return exp ? exp : ERR_PTR(-ENOMEM);
}

static int enter_shadow(struct lcs_pinhole *row, struct nf_conntrack_expect *exp)
{
	int err = nf_ct_expect_related(exp, 0);

	if (err) {
		nf_ct_expect_put(exp);
		return err;
	}
	row->exp[row->shadows++] = exp;
	row->client->shadow_count++;
	return 0;
}

/**
 * lcs_shadow_cast() - expect packets for a row
 * @row: the row, entered in the table
 * @from: the only source they may have, %NULL for any
 *
 * The new expectation lives for the class's timeout; lcs_shadow_lasts() says how long really.
 * Caller holds client->lock and rcu_read_lock().
 *
 * Return: 0, -ENOMEM, -ENOSPC at LCS_ROW_SHADOWS_MAX or LCS_SHADOWS_MAX, or what the kernel says:
 * -EMFILE for a full table, -EBUSY for another helper's expectation, -ESHUTDOWN.
 */
int lcs_shadow_cast(struct lcs_pinhole *row, const union nf_inet_addr *from)
{
	const struct nf_conn_help *help = nfct_help(row->conn->ct);
	const struct lcs_nat_hooks *nat = lcs_nat();
	struct nf_conntrack_helper *helper;
	struct nf_conntrack_expect *exp;

	lockdep_assert_held(&row->client->lock);
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
	if (nat && row->conn->ct->status & IPS_NAT_MASK)
		nat->lead_in(row, exp);
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
		live = is_linked(row, row->exp[i]);
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
	bool live;

	lockdep_assert_held(&row->client->lock);
	spin_lock_bh(&nf_conntrack_expect_lock);
	live = row->shadows && !row->unlinked;
	for (i = 0; live && i < row->shadows; i++) {
		exp = row->exp[i];
		live = is_linked(row, exp) && lcs_expect_set_timeout(exp, seconds);
		if (live && activate)
			WRITE_ONCE(exp->flags, exp->flags & ~NF_CT_EXPECT_INACTIVE);
	}
	spin_unlock_bh(&nf_conntrack_expect_lock);
	return live;
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
 * @row: the row, whose expectations are unlinked; caller holds client->lock
 */
void lcs_shadow_put(struct lcs_pinhole *row)
{
	lockdep_assert_held(&row->client->lock);
	row->client->shadow_count -= row->shadows;
	while (row->shadows)
		nf_ct_expect_put(row->exp[--row->shadows]);
}
