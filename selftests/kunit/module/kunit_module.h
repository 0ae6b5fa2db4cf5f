/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Force-included when KUnit and its suites are built out of tree for a stock kernel, whose own
 * configuration has KUnit off (scripts/kunit).  Structures keep the stock kernel's layout because
 * their headers come first; then KUnit is told that it is a module.
 */
#ifndef _LCS_KUNIT_MODULE_H
#define _LCS_KUNIT_MODULE_H

#include <linux/module.h>
#include <linux/sched.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#define CONFIG_KUNIT_MODULE		1
#define CONFIG_KUNIT_DEBUGFS		1
#define CONFIG_KUNIT_DEFAULT_ENABLED	1

/* In place of current->kunit_test, which the stock task_struct lacks: one test runs at a time. */
struct kunit;
extern struct kunit *lcs_kunit_current;

/* The copy that says so; its include guard keeps the original out. */
#include LCS_KUNIT_TEST_BUG_H

#ifdef LCS_KUNIT_SUITE
#include <kunit/test.h>

/* The stock module loader does not know suites: each module runs its own. */
#undef kunit_test_suites
#define kunit_test_suites(...)							\
	static struct kunit_suite *lcs_kunit_suites[] = { __VA_ARGS__ };	\
	static int __init lcs_kunit_init(void)					\
	{									\
		return __kunit_test_suites_init(lcs_kunit_suites,		\
						ARRAY_SIZE(lcs_kunit_suites));	\
	}									\
	static void __exit lcs_kunit_exit(void)					\
	{									\
		__kunit_test_suites_exit(lcs_kunit_suites,			\
					 ARRAY_SIZE(lcs_kunit_suites));		\
	}									\
	module_init(lcs_kunit_init);						\
	module_exit(lcs_kunit_exit)
#undef kunit_test_suite
#define kunit_test_suite(suite)	kunit_test_suites(&suite)

/* 6.1 has no words for memory. */
#ifndef KUNIT_EXPECT_MEMEQ
#define KUNIT_EXPECT_MEMEQ(test, l, r, size)					\
	KUNIT_EXPECT_EQ(test, memcmp(l, r, size), 0)
#define KUNIT_EXPECT_MEMEQ_MSG(test, l, r, size, ...)				\
	KUNIT_EXPECT_EQ_MSG(test, memcmp(l, r, size), 0, __VA_ARGS__)
#define KUNIT_EXPECT_MEMNEQ(test, l, r, size)					\
	KUNIT_EXPECT_NE(test, memcmp(l, r, size), 0)
#endif
#ifndef KUNIT_ASSERT_MEMEQ
#define KUNIT_ASSERT_MEMEQ(test, l, r, size)					\
	KUNIT_ASSERT_EQ(test, memcmp(l, r, size), 0)
#define KUNIT_ASSERT_MEMEQ_MSG(test, l, r, size, ...)				\
	KUNIT_ASSERT_EQ_MSG(test, memcmp(l, r, size), 0, __VA_ARGS__)
#endif
#endif

#endif /* _LCS_KUNIT_MODULE_H */
