/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the protocol rooms need from their surroundings: the kernel's own types and words, or the
 * few lines that stand in for them in user space, so that the same files run in the module, in unit
 * tests, fuzzers, simulator and benchmarks.
 */
#ifndef _LCS_SHIM_H
#define _LCS_SHIM_H

#ifdef __KERNEL__
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <linux/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;

#define lcs_export(symbol)	struct lcs_shim_##symbol
#define EXPORT_SYMBOL_GPL	lcs_export
/* scripts/coverage counts what was written once, not once for each place it is inlined at. */
#ifdef LCS_ONE_COPY
#undef __always_inline
#define __always_inline	inline
#endif
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define noinline	__attribute((noinline))
#define fallthrough	__attribute__((__fallthrough__))
#define min(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b)	({ typeof(a) a_ = (a); typeof(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#endif /* _LCS_SHIM_H */
