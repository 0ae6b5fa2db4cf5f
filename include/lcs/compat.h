/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's netfilter interface in its newest form, whatever the kernel. The stable branches
 * change it in mid-branch, so versions decide nothing: scripts/conftest compiles a small program
 * for each form and says in lcs/conftest.h which the kernel at hand has.
 */
#ifndef _LCS_COMPAT_H
#define _LCS_COMPAT_H

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include <lcs/conftest.h>

/*
 * A registration needs a port up to 7.2, which serves nothing since helpers are no longer assigned
 * by port; nf_conntrack_sip holds 5060 and userspace helpers 0, this one nobody holds.
 */
#define LCS_REGISTER_PORT	15060

/* Since 6.5 a cache can ask for its own line in /proc/slabinfo; it works without. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	0
#endif

typedef int lcs_help_fn(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct,
			enum ip_conntrack_info ctinfo);
typedef int lcs_from_nlattr_fn(struct nlattr *attr, struct nf_conn *ct);

static inline void lcs_helper_init(struct nf_conntrack_helper *helper, u8 family,
				   const struct nf_conntrack_expect_policy *policy,
				   unsigned int class_max, lcs_help_fn *help,
				   lcs_from_nlattr_fn *from_nlattr)
{
#ifdef LCS_HAVE_HELPER_INIT_WITHOUT_PORTS
	nf_ct_helper_init(helper, family, IPPROTO_TCP, "lcs", policy, class_max, help, from_nlattr,
			  THIS_MODULE);
#else
	nf_ct_helper_init(helper, family, IPPROTO_TCP, "lcs", LCS_REGISTER_PORT, LCS_REGISTER_PORT,
			  0, policy, class_max, help, from_nlattr, THIS_MODULE);
#endif
}

/* @registered gets the pointers that connections will hold: the kernel copies helpers since 7.2. */
static inline int lcs_helpers_register(struct nf_conntrack_helper *helper, unsigned int n,
				       struct nf_conntrack_helper **registered)
{
#ifdef LCS_HAVE_REGISTER_RETURNS
	return nf_conntrack_helpers_register(helper, n, registered);
#else
	unsigned int i;

	for (i = 0; i < n; i++)
		registered[i] = &helper[i];
	return nf_conntrack_helpers_register(helper, n);
#endif
}

static inline void lcs_helpers_unregister(struct nf_conntrack_helper **registered, unsigned int n)
{
#ifdef LCS_HAVE_REGISTER_RETURNS
	nf_conntrack_helpers_unregister(registered, n);
#else
	nf_conntrack_helpers_unregister(registered[0], n);
#endif
}

/*
 * The helper that a connection which meets the expectation gets; NULL for none. The older field is
 * also what the kernel's listings name, so there an expectation without one has no name either.
 */
static inline void lcs_expect_assign_helper(struct nf_conntrack_expect *exp,
					    struct nf_conntrack_helper *helper)
{
#ifdef LCS_HAVE_ASSIGN_HELPER
	rcu_assign_pointer(exp->assign_helper, helper);
#else
	exp->helper = helper;
#endif
}

/*
 * Let an expectation that is in the table live for @seconds from now. Caller holds
 * nf_conntrack_expect_lock. Return: false where it has just expired.
 */
static inline bool lcs_expect_set_timeout(struct nf_conntrack_expect *exp, u32 seconds)
{
#ifdef LCS_HAVE_EXPECT_STAMP
	WRITE_ONCE(exp->timeout, nfct_time_stamp + seconds * HZ);
#else
	if (!del_timer(&exp->timeout))
		return false;
	exp->timeout.expires = jiffies + seconds * HZ;
	add_timer(&exp->timeout);
#endif
	return true;
}

/* Take an expectation that is in the table out of it. Caller holds nf_conntrack_expect_lock. */
static inline void lcs_expect_unlink(struct nf_conntrack_expect *exp)
{
#ifdef LCS_HAVE_EXPECT_STAMP
	nf_ct_unlink_expect(exp);
#else
	nf_ct_remove_expect(exp);
#endif
}

/* Let a confirmed connection live for @delay jiffies from now. */
static inline void lcs_ct_refresh(struct nf_conn *ct, const struct sk_buff *skb,
				  unsigned long delay)
{
#ifdef LCS_HAVE_REFRESH_WITH_SKB
	nf_ct_refresh(ct, skb, delay);
#else
	nf_ct_refresh(ct, delay);
#endif
}

#endif /* _LCS_COMPAT_H */
