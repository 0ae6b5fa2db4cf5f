// SPDX-License-Identifier: GPL-2.0
/*
 * NAT companion of the Live Communications Server connection tracking helper: it registers itself
 * as the helper's NAT half, so that both are loaded and counted together.
 */
#include <linux/module.h>

#include <lcs/compat.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Live Communications Server NAT helper");
MODULE_ALIAS_NF_NAT_HELPER("lcs");

static struct nf_conntrack_nat_helper lcs_nat_helper = NF_CT_NAT_HELPER_INIT("lcs");

static int __init lcs_nat_init(void)
{
	nf_nat_helper_register(&lcs_nat_helper);
	return 0;
}

static void __exit lcs_nat_exit(void)
{
	nf_nat_helper_unregister(&lcs_nat_helper);
}

module_init(lcs_nat_init);
module_exit(lcs_nat_exit);
