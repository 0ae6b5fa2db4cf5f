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
 * 0x80; lcs_mark_like() that of the first one that differs from an ASCII byte by less than it, or
 * of one beyond ASCII before that, for saving a test. On a little-endian machine bytes behind the
 * first may be marked wrongly: a byte that the limit is taken from borrows from the one behind it
 * just where it is less than the limit, which is where it is marked. So up to the first that is
 * marked nobody borrowed.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static __always_inline unsigned long lcs_mark_below(unsigned long word, u8 limit)
{
	return (word - LCS_ONES * limit) & ~word & LCS_HIGHS;
}

static __always_inline unsigned long lcs_mark_like(unsigned long word, u8 byte, u8 limit)
{
	return ((word ^ LCS_ONES * byte) - LCS_ONES * limit) & LCS_HIGHS;
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

static __always_inline unsigned long lcs_mark_like(unsigned long word, u8 byte, u8 limit)
{
	return lcs_mark_below(word ^ LCS_ONES * byte, limit) | (word & LCS_HIGHS);
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

/**
 * struct lcs_sought - what a search looks for, ASCII; those bytes that are the same cost once
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
	marks = lcs_mark_like(word, what.one, 1);
	if (what.two != what.one)
		marks |= lcs_mark_like(word, what.two, 1);
	if (what.three != what.two)
		marks |= lcs_mark_like(word, what.three, 1);
	/* Whether a byte is beyond ASCII is the same question for all of them. */
	return marks & ~word;
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

/* Bytes that lcs_find_like() looks at in a row. */
#define LCS_BLOCK	(4 * sizeof(unsigned long))

/*
 * The first byte that differs from an ASCII one by less than @limit, or perhaps one beyond ASCII
 * before it; or @end. @last is where the last block before @end begins; @at is not behind it. The
 * last machine word is looked at once more where the rest is no multiple of one.
 */
static __always_inline const u8 *lcs_find_like(const u8 *at, const u8 *last, const u8 *end,
					       u8 byte, u8 limit)
{
	const size_t size = sizeof(unsigned long);
	unsigned long marks;

	do {
		marks = lcs_mark_like(lcs_load_word(at), byte, limit);
		if (marks)
			return at + lcs_first_marked(marks);
		marks = lcs_mark_like(lcs_load_word(at + size), byte, limit);
		if (marks)
			return at + size + lcs_first_marked(marks);
		marks = lcs_mark_like(lcs_load_word(at + 2 * size), byte, limit);
		if (marks)
			return at + 2 * size + lcs_first_marked(marks);
		marks = lcs_mark_like(lcs_load_word(at + 3 * size), byte, limit);
		if (marks)
			return at + 3 * size + lcs_first_marked(marks);
		at += LCS_BLOCK;
	} while (at <= last);
	for (last = end - size;; at += size) {
		at = min(at, last);
		marks = lcs_mark_like(lcs_load_word(at), byte, limit);
		if (marks)
			return at + lcs_first_marked(marks);
		if (at == last)
			return end;
	}
}

const u8 *lcs_find_byte(const u8 *at, const u8 *end, u8 byte);

/* The first of one ASCII byte, which may be far away, or @end. */
static __always_inline const u8 *lcs_find_far(const u8 *at, const u8 *end, u8 byte)
{
	if ((size_t)(end - at) >= LCS_BLOCK) {
		at = lcs_find_like(at, end - LCS_BLOCK, end, byte, 1);
		if (at == end || *at == byte)
			return at;
	}
	return lcs_find_byte(at, end, byte);
}

/* The first line feed, or @end: lines hold hardly another control byte but the one before it. */
static __always_inline const u8 *lcs_find_line_feed(const u8 *at, const u8 *end)
{
	if ((size_t)(end - at) >= LCS_BLOCK) {
		at = lcs_find_like(at, end - LCS_BLOCK, end, 0, ' ');
		if (at < end && *at == '\r')
			at++;
		if (at == end || *at == '\n')
			return at;
	}
	return lcs_find_byte(at, end, '\n');
}

#endif /* _LCS_SEARCH_H */
