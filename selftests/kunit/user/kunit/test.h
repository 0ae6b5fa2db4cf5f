/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit's words in user space, so that the sources of ../lcs_*_test.c run unchanged under the
 * sanitizers.  It offers what those sources use and means what <kunit/test.h> means by it: an
 * expectation that fails marks the case and goes on, an assertion leaves the case.
 */
#ifndef _LCS_KUNIT_USER_TEST_H
#define _LCS_KUNIT_USER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <lcs/shim.h>

#define KUNIT_PARAM_DESC_SIZE	128

typedef unsigned int gfp_t;

#ifndef GFP_KERNEL
#define GFP_KERNEL	0u
#endif
#ifndef GFP_ATOMIC
#define GFP_ATOMIC	1u
#endif
#ifndef MODULE_LICENSE
#define MODULE_LICENSE(text)		struct lcs_shim_module
#endif
#ifndef MODULE_DESCRIPTION
#define MODULE_DESCRIPTION(text)	struct lcs_shim_module
#endif
#ifndef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(name)		struct lcs_shim_module
#endif

struct kunit_block;

struct kunit {
	void *priv;
	const char *name;
	const void *param_value;
	/* of the runner */
	jmp_buf leave;
	bool failed;
	bool skipped;
	char why_skipped[256];
	struct kunit_block *blocks;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

/* The runner (runner.c). */
void kunit_user_register(struct kunit_suite **suites, size_t count);
void kunit_user_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void kunit_user_fail(struct kunit *test, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void kunit_user_bytes(const char *name, const void *bytes, size_t length);
void kunit_user_leave(struct kunit *test) __attribute__((noreturn));

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp);
void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);
void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp);
void *kunit_kmalloc_array(struct kunit *test, size_t n, size_t size, gfp_t gfp);
void kunit_kfree(struct kunit *test, const void *block);

#define KUNIT_CASE(run)			{ .run_case = run, .name = #run }
#define KUNIT_CASE_SLOW(run)		KUNIT_CASE(run)
#define KUNIT_CASE_PARAM(run, generate)					\
	{ .run_case = run, .name = #run, .generate_params = generate }

#define KUNIT_ARRAY_PARAM(name, array, get_desc)				\
	static const void *name##_gen_params(const void *prev, char *desc)	\
	{									\
		typeof(&(array)[0]) next = prev ?				\
			((typeof(next))prev) + 1 : (array);			\
		void (*describe)(typeof(next), char *) = get_desc;		\
										\
		if (next - (array) >= (ptrdiff_t)ARRAY_SIZE(array))		\
			return NULL;						\
		if (describe)							\
			describe(next, desc);					\
		return next;							\
	}

#define kunit_test_suites(...)						\
	static struct kunit_suite *kunit_user_suites[] = { __VA_ARGS__ };	\
	__attribute__((constructor)) static void kunit_user_enlist(void)	\
	{									\
		kunit_user_register(kunit_user_suites,				\
				    ARRAY_SIZE(kunit_user_suites));		\
	}									\
	struct lcs_shim_module
#define kunit_test_suite(suite)		kunit_test_suites(&suite)

#define kunit_info(test, ...)		((void)(test), kunit_user_say(__VA_ARGS__))
#define kunit_warn(test, ...)		kunit_info(test, __VA_ARGS__)
#define kunit_err(test, ...)		kunit_info(test, __VA_ARGS__)

#define kunit_mark_skipped(test, ...)						\
	do {									\
		(test)->skipped = true;						\
		snprintf((test)->why_skipped, sizeof((test)->why_skipped), __VA_ARGS__); \
	} while (0)
#define kunit_skip(test, ...)							\
	do {									\
		kunit_mark_skipped(test, __VA_ARGS__);				\
		kunit_user_leave(test);						\
	} while (0)

/* One claim each: where it failed, what the sides were, what the author says to it. */
#define LCS_COMPARE(test, left, op, right, stop, ...)				\
	do {									\
		const typeof(left) left_ = (left);				\
		const typeof(right) right_ = (right);				\
										\
		if (left_ op right_)						\
			break;							\
		kunit_user_fail(test, __FILE__, __LINE__,			\
				"%s " #op " %s: %lld (0x%llx) and %lld (0x%llx)",	\
				#left, #right, (long long)left_, (long long)left_,	\
				(long long)right_, (long long)right_);		\
		kunit_user_say("" __VA_ARGS__);					\
		if (stop)							\
			kunit_user_leave(test);					\
	} while (0)

#define LCS_COMPARE_PTR(test, left, op, right, stop, ...)			\
	do {									\
		const void *left_ = (left);					\
		const void *right_ = (right);					\
										\
		if (left_ op right_)						\
			break;							\
		kunit_user_fail(test, __FILE__, __LINE__, "%s " #op " %s: %p and %p",	\
				#left, #right, left_, right_);			\
		kunit_user_say("" __VA_ARGS__);					\
		if (stop)							\
			kunit_user_leave(test);					\
	} while (0)

#define LCS_TRUTH(test, condition, wanted, stop, ...)				\
	do {									\
		const bool holds_ = (condition);				\
										\
		if (holds_ == (wanted))						\
			break;							\
		kunit_user_fail(test, __FILE__, __LINE__, "%s is %s",		\
				#condition, (wanted) ? "false" : "true");	\
		kunit_user_say("" __VA_ARGS__);					\
		if (stop)							\
			kunit_user_leave(test);					\
	} while (0)

#define LCS_STRINGS(test, left, op, right, stop, ...)				\
	do {									\
		const char *left_ = (left);					\
		const char *right_ = (right);					\
										\
		if (left_ && right_ && strcmp(left_, right_) op 0)		\
			break;							\
		kunit_user_fail(test, __FILE__, __LINE__,			\
				"%s " #op " %s: \"%s\" and \"%s\"", #left, #right,	\
				left_ ? left_ : "(null)", right_ ? right_ : "(null)");	\
		kunit_user_say("" __VA_ARGS__);					\
		if (stop)							\
			kunit_user_leave(test);					\
	} while (0)

#define LCS_BYTES(test, left, op, right, size, stop, ...)			\
	do {									\
		const void *left_ = (left);					\
		const void *right_ = (right);					\
		const size_t size_ = (size);					\
										\
		if (left_ && right_ && memcmp(left_, right_, size_) op 0)	\
			break;							\
		kunit_user_fail(test, __FILE__, __LINE__, "%s " #op " %s over %zu bytes",	\
				#left, #right, size_);				\
		kunit_user_bytes(#left, left_, size_);				\
		kunit_user_bytes(#right, right_, size_);			\
		kunit_user_say("" __VA_ARGS__);					\
		if (stop)							\
			kunit_user_leave(test);					\
	} while (0)

#define KUNIT_FAIL(test, ...)							\
	do {									\
		kunit_user_fail(test, __FILE__, __LINE__, "failed");		\
		kunit_user_say("" __VA_ARGS__);					\
	} while (0)
#define KUNIT_FAIL_AND_ABORT(test, ...)						\
	do {									\
		KUNIT_FAIL(test, __VA_ARGS__);					\
		kunit_user_leave(test);						\
	} while (0)
#define KUNIT_SUCCEED(test)	((void)(test))

/* Expectations: mark the case, go on. */
#define KUNIT_EXPECT_TRUE(test, c)	\
	LCS_TRUTH(test, c, true, 0)
#define KUNIT_EXPECT_TRUE_MSG(test, c, ...)	\
	LCS_TRUTH(test, c, true, 0, __VA_ARGS__)
#define KUNIT_EXPECT_FALSE(test, c)	\
	LCS_TRUTH(test, c, false, 0)
#define KUNIT_EXPECT_FALSE_MSG(test, c, ...)	\
	LCS_TRUTH(test, c, false, 0, __VA_ARGS__)
#define KUNIT_EXPECT_EQ(test, l, r)	\
	LCS_COMPARE(test, l, ==, r, 0)
#define KUNIT_EXPECT_EQ_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, ==, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_NE(test, l, r)	\
	LCS_COMPARE(test, l, !=, r, 0)
#define KUNIT_EXPECT_NE_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, !=, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_LT(test, l, r)	\
	LCS_COMPARE(test, l, <, r, 0)
#define KUNIT_EXPECT_LT_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, <, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_LE(test, l, r)	\
	LCS_COMPARE(test, l, <=, r, 0)
#define KUNIT_EXPECT_LE_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, <=, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_GT(test, l, r)	\
	LCS_COMPARE(test, l, >, r, 0)
#define KUNIT_EXPECT_GT_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, >, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_GE(test, l, r)	\
	LCS_COMPARE(test, l, >=, r, 0)
#define KUNIT_EXPECT_GE_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, >=, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ(test, l, r)	\
	LCS_COMPARE_PTR(test, l, ==, r, 0)
#define KUNIT_EXPECT_PTR_EQ_MSG(test, l, r, ...)	\
	LCS_COMPARE_PTR(test, l, ==, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_PTR_NE(test, l, r)	\
	LCS_COMPARE_PTR(test, l, !=, r, 0)
#define KUNIT_EXPECT_PTR_NE_MSG(test, l, r, ...)	\
	LCS_COMPARE_PTR(test, l, !=, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_NULL(test, p)	\
	LCS_COMPARE_PTR(test, p, ==, NULL, 0)
#define KUNIT_EXPECT_NULL_MSG(test, p, ...)	\
	LCS_COMPARE_PTR(test, p, ==, NULL, 0, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_NULL(test, p)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 0)
#define KUNIT_EXPECT_NOT_NULL_MSG(test, p, ...)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 0, __VA_ARGS__)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(test, p)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 0)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL_MSG(test, p, ...)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 0, __VA_ARGS__)
#define KUNIT_EXPECT_STREQ(test, l, r)	\
	LCS_STRINGS(test, l, ==, r, 0)
#define KUNIT_EXPECT_STREQ_MSG(test, l, r, ...)	\
	LCS_STRINGS(test, l, ==, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_MEMEQ(test, l, r, size)	\
	LCS_BYTES(test, l, ==, r, size, 0)
#define KUNIT_EXPECT_MEMEQ_MSG(test, l, r, size, ...)	\
	LCS_BYTES(test, l, ==, r, size, 0, __VA_ARGS__)
#define KUNIT_EXPECT_STRNEQ(test, l, r)	\
	LCS_STRINGS(test, l, !=, r, 0)
#define KUNIT_EXPECT_STRNEQ_MSG(test, l, r, ...)	\
	LCS_STRINGS(test, l, !=, r, 0, __VA_ARGS__)
#define KUNIT_EXPECT_MEMNEQ(test, l, r, size)	\
	LCS_BYTES(test, l, !=, r, size, 0)
#define KUNIT_EXPECT_MEMNEQ_MSG(test, l, r, size, ...)	\
	LCS_BYTES(test, l, !=, r, size, 0, __VA_ARGS__)

/* Assertions: mark the case, leave it. */
#define KUNIT_ASSERT_TRUE(test, c)	\
	LCS_TRUTH(test, c, true, 1)
#define KUNIT_ASSERT_TRUE_MSG(test, c, ...)	\
	LCS_TRUTH(test, c, true, 1, __VA_ARGS__)
#define KUNIT_ASSERT_FALSE(test, c)	\
	LCS_TRUTH(test, c, false, 1)
#define KUNIT_ASSERT_FALSE_MSG(test, c, ...)	\
	LCS_TRUTH(test, c, false, 1, __VA_ARGS__)
#define KUNIT_ASSERT_EQ(test, l, r)	\
	LCS_COMPARE(test, l, ==, r, 1)
#define KUNIT_ASSERT_EQ_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, ==, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_NE(test, l, r)	\
	LCS_COMPARE(test, l, !=, r, 1)
#define KUNIT_ASSERT_NE_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, !=, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_LT(test, l, r)	\
	LCS_COMPARE(test, l, <, r, 1)
#define KUNIT_ASSERT_LT_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, <, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_LE(test, l, r)	\
	LCS_COMPARE(test, l, <=, r, 1)
#define KUNIT_ASSERT_LE_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, <=, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_GT(test, l, r)	\
	LCS_COMPARE(test, l, >, r, 1)
#define KUNIT_ASSERT_GT_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, >, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_GE(test, l, r)	\
	LCS_COMPARE(test, l, >=, r, 1)
#define KUNIT_ASSERT_GE_MSG(test, l, r, ...)	\
	LCS_COMPARE(test, l, >=, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_EQ(test, l, r)	\
	LCS_COMPARE_PTR(test, l, ==, r, 1)
#define KUNIT_ASSERT_PTR_EQ_MSG(test, l, r, ...)	\
	LCS_COMPARE_PTR(test, l, ==, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_PTR_NE(test, l, r)	\
	LCS_COMPARE_PTR(test, l, !=, r, 1)
#define KUNIT_ASSERT_PTR_NE_MSG(test, l, r, ...)	\
	LCS_COMPARE_PTR(test, l, !=, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_NULL(test, p)	\
	LCS_COMPARE_PTR(test, p, ==, NULL, 1)
#define KUNIT_ASSERT_NULL_MSG(test, p, ...)	\
	LCS_COMPARE_PTR(test, p, ==, NULL, 1, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_NULL(test, p)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 1)
#define KUNIT_ASSERT_NOT_NULL_MSG(test, p, ...)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 1, __VA_ARGS__)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 1)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, p, ...)	\
	LCS_COMPARE_PTR(test, p, !=, NULL, 1, __VA_ARGS__)
#define KUNIT_ASSERT_STREQ(test, l, r)	\
	LCS_STRINGS(test, l, ==, r, 1)
#define KUNIT_ASSERT_STREQ_MSG(test, l, r, ...)	\
	LCS_STRINGS(test, l, ==, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_MEMEQ(test, l, r, size)	\
	LCS_BYTES(test, l, ==, r, size, 1)
#define KUNIT_ASSERT_MEMEQ_MSG(test, l, r, size, ...)	\
	LCS_BYTES(test, l, ==, r, size, 1, __VA_ARGS__)
#define KUNIT_ASSERT_STRNEQ(test, l, r)	\
	LCS_STRINGS(test, l, !=, r, 1)
#define KUNIT_ASSERT_STRNEQ_MSG(test, l, r, ...)	\
	LCS_STRINGS(test, l, !=, r, 1, __VA_ARGS__)
#define KUNIT_ASSERT_MEMNEQ(test, l, r, size)	\
	LCS_BYTES(test, l, !=, r, size, 1)
#define KUNIT_ASSERT_MEMNEQ_MSG(test, l, r, size, ...)	\
	LCS_BYTES(test, l, !=, r, size, 1, __VA_ARGS__)

#endif /* _LCS_KUNIT_USER_TEST_H */
