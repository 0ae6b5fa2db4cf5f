/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finding bytes some machine words at a time, with general registers only. Inline, because what is
 * sought is a constant and the loops around are hot; text.h has the same as functions.
 */
#ifndef _LCS_SEARCH_H
#define _LCS_SEARCH_H

#include <lcs/shim.h>

/* A machine word of 0x01 bytes, and one of 0x80 bytes. */
#define LCS_ONES	(~0UL / 0xff)
#define LCS_HIGHS	(LCS_ONES << 7)

static __always_inline unsigned long lcs_load_word(const u8 *at)
{
	unsigned long word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/*
 * lcs_mark_below() gives the high bit of the first byte in memory that is below a limit of at most
 * 0x80. On a little-endian machine bytes behind it may be marked wrongly: a borrow goes there.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static __always_inline unsigned long lcs_mark_below(unsigned long word, u8 limit)
{
	return (word - LCS_ONES * limit) & ~word & LCS_HIGHS;
}

static __always_inline u32 lcs_first_marked(unsigned long marks)
{
	return (u32)__builtin_ctzl(marks) / 8;
}
#else
static __always_inline unsigned long lcs_mark_below(unsigned long word, u8 limit)
{
	return ~(((word & ~LCS_HIGHS) + LCS_ONES * (0x80 - limit)) | word) & LCS_HIGHS;
}

static __always_inline u32 lcs_first_marked(unsigned long marks)
{
	return (u32)__builtin_clzl(marks) / 8;
}
#endif

/* The high bit of every byte that is below a limit, exactly. */
static __always_inline unsigned long lcs_mark_all_below(unsigned long word, u8 limit)
{
	return ~(((word & ~LCS_HIGHS) + LCS_ONES * (0x80 - limit)) | word) & LCS_HIGHS;
}

static __always_inline unsigned long lcs_drop_first(unsigned long marks)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return marks & (marks - 1);
#else
	return marks & (~0UL >> 1 >> __builtin_clzl(marks));
#endif
}

/* Marks the first byte that is zero. */
static __always_inline unsigned long lcs_mark_zero(unsigned long word)
{
	return lcs_mark_below(word, 1);
}

/**
 * struct lcs_sought - what a search looks for; those bytes that are the same cost once
 * @one: a byte
 * @two: another
 * @three: another
 * @below: and, where it is not 0, any byte below this
 */
struct lcs_sought {
	u8 one;
	u8 two;
	u8 three;
	u8 below;
};

static __always_inline unsigned long lcs_mark(const u8 *at, const struct lcs_sought what)
{
	unsigned long word = lcs_load_word(at), marks;

	if (what.below)
		return lcs_mark_below(word, what.below);
	marks = lcs_mark_zero(word ^ LCS_ONES * what.one);
	if (what.two != what.one)
		marks |= lcs_mark_zero(word ^ LCS_ONES * what.two);
	if (what.three != what.two)
		marks |= lcs_mark_zero(word ^ LCS_ONES * what.three);
	return marks;
}

static __always_inline bool lcs_is_sought(u8 byte, const struct lcs_sought what)
{
	if (what.below)
		return byte < what.below;
	return byte == what.one || byte == what.two || byte == what.three;
}

/*
 * The first of them in a text of which the last machine word may be read. That word may begin
 * before @at, with bytes that were looked at before.
 */
static __always_inline const u8 *lcs_find_by_words(const u8 *at, const u8 *end,
						   const struct lcs_sought what)
{
	const u8 *last = end - sizeof(unsigned long);
	unsigned long marks;

	for (; at < last; at += sizeof(unsigned long)) {
		marks = lcs_mark(at, what);
		if (marks)
			return at + lcs_first_marked(marks);
	}
	marks = lcs_mark(last, what);
	return marks ? last + lcs_first_marked(marks) : end;
}

/* The first of them, or @end. */
static __always_inline const u8 *lcs_find(const u8 *at, const u8 *end,
					  const struct lcs_sought what)
{
	if ((size_t)(end - at) >= sizeof(unsigned long))
		return lcs_find_by_words(at, end, what);
	while (at < end && !lcs_is_sought(*at, what))
		at++;
	return at;
}

/*
 * Can one of two words hold a byte below @limit of those that @pattern makes of it? Never no where
 * it does; wrongly yes only for bytes above 0x80, which are rare in these protocols.
 */
static __always_inline unsigned long lcs_may_hold(const u8 *at, unsigned long pattern, u8 limit)
{
	const unsigned long limits = LCS_ONES * limit;
	unsigned long one = lcs_load_word(at) ^ pattern;
	unsigned long two = lcs_load_word(at + sizeof(one)) ^ pattern;

	return (one - limits) | (two - limits);
}

/* A byte in the two words at @at, or %NULL. */
static __always_inline const u8 *lcs_find_near(const u8 *at, u8 byte)
{
	const size_t size = sizeof(unsigned long);
	unsigned long marks = lcs_mark_zero(lcs_load_word(at) ^ LCS_ONES * byte);

	if (marks)
		return at + lcs_first_marked(marks);
	marks = lcs_mark_zero(lcs_load_word(at + size) ^ LCS_ONES * byte);
	return marks ? at + size + lcs_first_marked(marks) : NULL;
}

/*
 * The first of one byte that may be far away, or @end. Four words that show no byte of at most
 * @near more than the one sought are worth no exact look.
 */
static __always_inline const u8 *lcs_find_far(const u8 *at, const u8 *end, u8 byte, u8 near)
{
	const struct lcs_sought what = { byte, byte, byte, 0 };
	const unsigned long pattern = near ? 0 : LCS_ONES * byte;
	const size_t half = 2 * sizeof(unsigned long);
	unsigned long first, second;
	const u8 *last, *found;

	if ((size_t)(end - at) < 2 * half)
		return lcs_find(at, end, what);
	for (last = end - 2 * half; at <= last; at += 2 * half) {
		first = lcs_may_hold(at, pattern, near + 1);
		second = lcs_may_hold(at + half, pattern, near + 1);
		if (!((first | second) & LCS_HIGHS))
			continue;
		found = first & LCS_HIGHS ? lcs_find_near(at, byte) : NULL;
		if (!found)
			found = lcs_find_near(at + half, byte);
		if (found)
			return found;
	}
	return lcs_find_by_words(at, end, what);
}

/* The first line feed, or @end: lines hold no other byte below a blank but at their end. */
static __always_inline const u8 *lcs_find_line_feed(const u8 *at, const u8 *end)
{
	return lcs_find_far(at, end, '\n', ' ' - 1);
}

#endif /* _LCS_SEARCH_H */
