// SPDX-License-Identifier: GPL-2.0
/*
 * nf_lcs_proto: the protocol library as a kernel module.
 */
#include <linux/module.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Live Communications Server protocol library for netfilter");
