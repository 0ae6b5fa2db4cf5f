/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text of a known length: finding, comparing, and reading numbers and addresses in it. Nothing here
 * trusts a terminating NUL, and nothing reads at or behind the end it was given.
 */
#ifndef _LCS_TEXT_H
#define _LCS_TEXT_H

#include <lcs/shim.h>

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

/* Linear white space of RFC 3261 25.1: a folded line keeps its CR and LF inside. */
static inline bool lcs_is_lws(u8 c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const u8 *lcs_find_byte(const u8 *at, const u8 *end, u8 byte);
bool lcs_text_is(struct lcs_text text, const char *lower);
bool lcs_text_same(struct lcs_text a, struct lcs_text b);
bool lcs_text_begins(struct lcs_text text, const char *lower);
void lcs_skip_lws(struct lcs_text *text);
void lcs_trim(struct lcs_text *text);
struct lcs_text lcs_take_word(struct lcs_text *text);
const u8 *lcs_skip_quoted(const u8 *at, const u8 *end);
bool lcs_read_number(struct lcs_text text, u32 max, u32 *number);
bool lcs_read_port(struct lcs_text text, u16 *port);
bool lcs_read_addr(struct lcs_text text, struct lcs_addr *addr);
u32 lcs_hash_lower(struct lcs_text text);

#endif /* _LCS_TEXT_H */
