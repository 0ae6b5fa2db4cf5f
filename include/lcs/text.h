/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text of a known length: finding, comparing, and reading numbers and addresses in it. Nothing here
 * trusts a terminating NUL, and nothing reads at or behind the end it was given.
 */
#ifndef _LCS_TEXT_H
#define _LCS_TEXT_H

#include <lcs/search.h>

/**
 * struct lcs_text - a piece of text where it lies
 * @at: its first byte
 * @end: one behind its last byte
 */
struct lcs_text {
	const u8 *at;
	const u8 *end;
};

/**
 * struct lcs_addr - an IP address read from text
 * @family: 4, 6, or 0 where there is none
 * @ip: network byte order; 4 bytes of it for family 4, the rest is zero
 */
struct lcs_addr {
	u8 family;
	u8 ip[16];
};

static inline u32 lcs_text_len(struct lcs_text text)
{
	return text.end - text.at;
}

static inline u8 lcs_lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static inline bool lcs_is_digit(u8 c)
{
	return (u8)(c - '0') < 10;
}

/* A set of letters in either case: told by their lower five bits, as some other bytes are. */
#define LCS_LETTER(c)	(1u << ((c) & 31))

/* Linear white space of RFC 3261 25.1: a folded line keeps its CR and LF inside. */
static inline bool lcs_is_lws(u8 c)
{
	const u32 others = 1 << '\t' | 1 << '\r' | 1 << '\n';

	return c <= ' ' && (c == ' ' || others >> c & 1);
}

/* What follows is inline for the sake of its constant second argument: a few loads and compares. */

/* Are eight bytes those of a word, case aside? Bit 5 counts where the word has no letter. */
static __always_inline bool lcs_same_8(const u8 *at, const char *lower)
{
	u64 bytes, word;

	memcpy(&bytes, at, sizeof(bytes));
	memcpy(&word, lower, sizeof(word));
	return (bytes | (word & 0x4040404040404040ull) >> 1) == word;
}

static __always_inline bool lcs_same_4(const u8 *at, const char *lower)
{
	u32 bytes, word;

	memcpy(&bytes, at, sizeof(bytes));
	memcpy(&word, lower, sizeof(word));
	return (bytes | (word & 0x40404040u) >> 1) == word;
}

static __always_inline bool lcs_same_2(const u8 *at, const char *lower)
{
	u16 bytes, word;

	memcpy(&bytes, at, sizeof(bytes));
	memcpy(&word, lower, sizeof(word));
	return (bytes | (word & 0x4040u) >> 1) == word;
}

static __always_inline bool lcs_same(const u8 *at, const char *lower, u32 len)
{
	u32 i;

	if (len >= 8) {
		for (i = 0; i + 8 < len; i += 8)
			if (!lcs_same_8(at + i, lower + i))
				return false;
		return lcs_same_8(at + len - 8, lower + len - 8);
	}
	if (len >= 4)
		return lcs_same_4(at, lower) && lcs_same_4(at + len - 4, lower + len - 4);
	if (len >= 2)
		return lcs_same_2(at, lower) && lcs_same_2(at + len - 2, lower + len - 2);
	return !len || lcs_lower(*at) == (u8)*lower;
}

/**
 * lcs_text_is() - does the text equal a word, case aside
 * @text: the text
 * @lower: the word, a literal of small letters, digits, blanks and "-./:=+"
 *
 * Return: true where it does.
 */
static __always_inline bool lcs_text_is(struct lcs_text text, const char *lower)
{
	u32 len = __builtin_strlen(lower);

	return lcs_text_len(text) == len && lcs_same(text.at, lower, len);
}

/**
 * lcs_text_begins() - does the text begin with a word, case aside
 * @text: the text
 * @lower: the word, as for lcs_text_is()
 *
 * Return: true where it does.
 */
static __always_inline bool lcs_text_begins(struct lcs_text text, const char *lower)
{
	u32 len = __builtin_strlen(lower);

	return lcs_text_len(text) >= len && lcs_same(text.at, lower, len);
}

/**
 * lcs_skip_lws() - step over leading white space
 * @text: the text, shortened from the front
 */
static inline void lcs_skip_lws(struct lcs_text *text)
{
	while (text->at < text->end && lcs_is_lws(*text->at))
		text->at++;
}

/**
 * lcs_trim_end() - take white space off the end
 * @text: the text, shortened
 */
static inline void lcs_trim_end(struct lcs_text *text)
{
	while (text->end > text->at && lcs_is_lws(text->end[-1]))
		text->end--;
}

/**
 * lcs_trim() - take white space off both ends
 * @text: the text, shortened
 */
static inline void lcs_trim(struct lcs_text *text)
{
	lcs_skip_lws(text);
	lcs_trim_end(text);
}

/**
 * lcs_skip_blanks() - step over white space and control bytes
 * @text: the text, shortened from the front
 */
static inline void lcs_skip_blanks(struct lcs_text *text)
{
	while (text->at < text->end && *text->at <= ' ')
		text->at++;
}

/**
 * lcs_take_word() - take the next word, up to white space or a control byte
 * @text: the text, shortened by the word, what is before it, and one byte behind it
 *
 * Return: the word, empty where there is none.
 */
static inline struct lcs_text lcs_take_word(struct lcs_text *text)
{
	const struct lcs_sought blank = { .below = ' ' + 1 };
	struct lcs_text word;

	lcs_skip_blanks(text);
	word.at = text->at;
	word.end = lcs_find(text->at, text->end, blank);
	text->at = word.end < text->end ? word.end + 1 : word.end;
	return word;
}

u32 lcs_split(struct lcs_text text, struct lcs_text *word, u32 max);
const u8 *lcs_find_line_end(const u8 *at, const u8 *end);
const u8 *lcs_find_delimiter(const u8 *at, const u8 *end, u8 one, u8 two, u8 three);
const u8 *lcs_skip_quoted(const u8 *at, const u8 *end);
bool lcs_read_number(struct lcs_text text, u32 max, u32 *number);
const u8 *lcs_port_end(struct lcs_text text, u16 *port);
bool lcs_read_port(struct lcs_text text, u16 *port);
const u8 *lcs_ipv4_end(struct lcs_text text, u8 *ip);
bool lcs_read_addr(struct lcs_text text, struct lcs_addr *addr);
u32 lcs_hash_lower(struct lcs_text text);

#endif /* _LCS_TEXT_H */
