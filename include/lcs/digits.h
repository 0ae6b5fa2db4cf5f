/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ports and dotted quads, read digit by digit. Inline, because that is much of what a session
 * description costs; text.h has the same as functions. @inside says that a byte which is no digit
 * stands before the text can end, so that there is no end to look for.
 */
#ifndef _LCS_DIGITS_H
#define _LCS_DIGITS_H

#include <lcs/text.h>

/* The digit at a place in a text; more than 9 where there is none. */
static __always_inline u32 lcs_digit_at(const u8 *at, const u8 *end, bool inside)
{
	return inside || at < end ? (u32)*at - '0' : 10;
}

/* Return: false where there is no digit. */
static __always_inline bool lcs_take_digit(const u8 **at, const u8 *end, bool inside, u32 *number)
{
	u32 digit = lcs_digit_at(*at, end, inside);

	if (digit > 9)
		return false;
	*number = *number * 10 + digit;
	(*at)++;
	return true;
}

/* A port of one to five digits. Return: what follows it, or %NULL. */
static __always_inline const u8 *lcs_take_port(const u8 *at, const u8 *end, bool inside, u16 *port)
{
	u32 number = 0;

	if (!lcs_take_digit(&at, end, inside, &number))
		return NULL;
	if (lcs_take_digit(&at, end, inside, &number) &&
	    lcs_take_digit(&at, end, inside, &number) &&
	    lcs_take_digit(&at, end, inside, &number) &&
	    lcs_take_digit(&at, end, inside, &number) &&
	    (number > 65535 || lcs_digit_at(at, end, inside) <= 9))
		return NULL;
	*port = number;
	return at;
}

/* One of the four numbers of a dotted quad. Return: what follows it, or %NULL. */
static __always_inline const u8 *lcs_take_octet(const u8 *at, const u8 *end, bool inside, u8 *octet)
{
	u32 value = lcs_digit_at(at++, end, inside), digit;

	if (value > 9)
		return NULL;
	digit = lcs_digit_at(at, end, inside);
	if (digit <= 9 && value) {
		value = value * 10 + digit;
		digit = lcs_digit_at(++at, end, inside);
		if (digit <= 9) {
			value = value * 10 + digit;
			at++;
		}
	}
	*octet = value;
	return value <= 255 ? at : NULL;
}

static __always_inline const u8 *lcs_take_dot(const u8 *at, const u8 *end, bool inside)
{
	return at && (inside || at < end) && *at == '.' ? at + 1 : NULL;
}

/* A dotted quad. Return: what follows it, or %NULL; @ip is undefined then. */
static __always_inline const u8 *lcs_take_ipv4(const u8 *at, const u8 *end, bool inside, u8 *ip)
{
	at = lcs_take_dot(lcs_take_octet(at, end, inside, ip), end, inside);
	if (at)
		at = lcs_take_dot(lcs_take_octet(at, end, inside, ip + 1), end, inside);
	if (at)
		at = lcs_take_dot(lcs_take_octet(at, end, inside, ip + 2), end, inside);
	return at ? lcs_take_octet(at, end, inside, ip + 3) : NULL;
}

#endif /* _LCS_DIGITS_H */
