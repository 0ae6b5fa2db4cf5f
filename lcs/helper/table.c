// SPDX-License-Identifier: GPL-2.0
/*
 * The table of pinholes: rows by their inside form, and by their outside form where they have one
 * of their own. nf_conntrack_expect_lock protects it, readers have RCU.
 */
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>

#include <lcs/compat.h>
#include <lcs/table.h>

/* Rows by inside form, and behind them by outside form. */
static struct hlist_head *lcs_rows __read_mostly;
static unsigned int lcs_rows_mask __read_mostly;
static u32 lcs_rows_seed __read_mostly;

static u32 hash_of(const struct lcs_net *lnet, const struct lcs_key *key)
{
	u32 hash = jhash(key, sizeof(*key), lcs_rows_seed ^ (u32)((unsigned long)lnet >> 8));

	return hash & lcs_rows_mask;
}

static struct hlist_head *bucket_of(const struct lcs_net *lnet, const struct lcs_key *key)
{
	return &lcs_rows[hash_of(lnet, key)];
}

/* Those that share a place are in the same bucket, whoever may come to each of them. */
static struct hlist_head *outside_bucket_of(const struct lcs_net *lnet, const struct lcs_key *key)
{
	struct lcs_key place = *key;

	memset(&place.from, 0, sizeof(place.from));
	return &lcs_rows[lcs_rows_mask + 1 + hash_of(lnet, &place)];
}

static bool is_place_of(const struct lcs_pinhole *row, const struct lcs_net *lnet,
			const struct lcs_key *key)
{
	return row->net == lnet && nf_inet_addr_cmp(&row->outside.addr, &key->addr) &&
	       row->outside.port == key->port && row->outside.zone == key->zone &&
	       row->outside.family == key->family && row->outside.proto == key->proto;
}

/*
 * May this peer come to a row's outside form? Without the lock half of a new peer's address may be
 * seen: then nobody may, and the text that names the form stays as it is.
 */
static bool is_for(const struct lcs_pinhole *row, const union nf_inet_addr *peer)
{
	return lcs_is_any(&row->outside.from) || nf_inet_addr_cmp(&row->outside.from, peer);
}

/**
 * lcs_table_inside() - find a pinhole by what it leads to
 * @lnet: the namespace
 * @key: the inside address and port
 *
 * Caller holds nf_conntrack_expect_lock or rcu_read_lock().
 *
 * Return: %NULL where there is none.
 */
struct lcs_pinhole *lcs_table_inside(const struct lcs_net *lnet, const struct lcs_key *key)
{
	struct lcs_pinhole *row;

	hlist_for_each_entry_rcu(row, bucket_of(lnet, key), node,
				 lockdep_is_held(&nf_conntrack_expect_lock))
		if (row->net == lnet && !memcmp(&row->key, key, sizeof(*key)))
			return row;
	return NULL;
}
EXPORT_SYMBOL_GPL(lcs_table_inside);

/**
 * lcs_table_outside() - find a pinhole by its outside form
 * @lnet: the namespace
 * @key: its outside address and port; @key->from is who would come, if that is known
 *
 * Caller holds nf_conntrack_expect_lock or rcu_read_lock().
 *
 * Return: %NULL where there is none, or only such as are for others alone.
 */
struct lcs_pinhole *lcs_table_outside(const struct lcs_net *lnet, const struct lcs_key *key)
{
	struct lcs_pinhole *row;

	hlist_for_each_entry_rcu(row, outside_bucket_of(lnet, key), outside_node,
				 lockdep_is_held(&nf_conntrack_expect_lock))
		if (is_place_of(row, lnet, key) && is_for(row, &key->from))
			return row;
	return NULL;
}
EXPORT_SYMBOL_GPL(lcs_table_outside);

/**
 * lcs_table_has_place() - is an outside form free for a row
 * @row: the row
 * @place: the form; its @from says for which peer alone, if it is for one
 *
 * Several have the same place where each is for another peer. A row with the same inside form makes
 * room: it is @row itself, or what that takes over. Caller holds nf_conntrack_expect_lock.
 */
bool lcs_table_has_place(const struct lcs_pinhole *row, const struct lcs_key *place)
{
	const struct lcs_pinhole *other;
	unsigned int sharers = 1;

	lockdep_assert_held(&nf_conntrack_expect_lock);
	hlist_for_each_entry(other, outside_bucket_of(row->net, place), outside_node) {
		if (!is_place_of(other, row->net, place) ||
		    !memcmp(&other->key, &row->key, sizeof(row->key)))
			continue;
		if (lcs_is_any(&place->from) || lcs_is_any(&other->outside.from) ||
		    nf_inet_addr_cmp(&place->from, &other->outside.from) ||
		    ++sharers > LCS_SHARERS_MAX)
			return false;
	}
	return true;
}
EXPORT_SYMBOL_GPL(lcs_table_has_place);

/**
 * lcs_table_enter() - let a row be found
 * @row: the row; caller holds nf_conntrack_expect_lock
 */
void lcs_table_enter(struct lcs_pinhole *row)
{
	lockdep_assert_held(&nf_conntrack_expect_lock);
	hlist_add_head_rcu(&row->node, bucket_of(row->net, &row->key));
	if (row->translated)
		hlist_add_head_rcu(&row->outside_node, outside_bucket_of(row->net, &row->outside));
}

/**
 * lcs_table_remove() - let a row be found no more
 * @row: the row, entered; caller holds nf_conntrack_expect_lock
 */
void lcs_table_remove(struct lcs_pinhole *row)
{
	lockdep_assert_held(&nf_conntrack_expect_lock);
	hlist_del_rcu(&row->node);
	if (row->translated)
		hlist_del_rcu(&row->outside_node);
}

/**
 * lcs_table_init() - make the table
 *
 * Each half has two buckets for each of the kernel's own: the administrator who sizes the one
 * (expect_hashsize of nf_conntrack) sizes the other.
 *
 * Return: 0 or -ENOMEM.
 */
int lcs_table_init(void)
{
	unsigned int buckets = roundup_pow_of_two(nf_ct_expect_hsize * 2);

	lcs_rows = kvcalloc(2 * buckets, sizeof(*lcs_rows), GFP_KERNEL);
	if (!lcs_rows)
		return -ENOMEM;
	lcs_rows_mask = buckets - 1;
	get_random_bytes(&lcs_rows_seed, sizeof(lcs_rows_seed));
	return 0;
}

/**
 * lcs_table_exit() - free the table; it is empty
 */
void lcs_table_exit(void)
{
	kvfree(lcs_rows);
}
