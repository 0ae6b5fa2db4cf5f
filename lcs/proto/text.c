// SPDX-License-Identifier: GPL-2.0
/*
 * Text of a known length: finding, comparing, and reading numbers and addresses in it.
 */
#include <lcs/digits.h>

/**
 * lcs_find_byte() - first occurrence of a byte
 * @at: where to begin
 * @end: one behind the last byte to look at
 * @byte: what to look for, ASCII
 *
 * Return: where it is, or @end.
 */
const u8 *lcs_find_byte(const u8 *at, const u8 *end, u8 byte)
{
	return lcs_find(at, end, (struct lcs_sought){ byte, byte, byte, 0 });
}
EXPORT_SYMBOL_GPL(lcs_find_byte);

/**
 * lcs_find_delimiter() - first occurrence of one of three bytes
 * @at: where to begin
 * @end: one behind the last byte to look at
 * @one: what to look for, ASCII
 * @two: what else
 * @three: and what else
 *
 * Return: where it is, or @end.
 */
const u8 *lcs_find_delimiter(const u8 *at, const u8 *end, u8 one, u8 two, u8 three)
{
	return lcs_find(at, end, (struct lcs_sought){ one, two, three, 0 });
}
EXPORT_SYMBOL_GPL(lcs_find_delimiter);

/**
 * lcs_find_line_end() - first line feed
 * @at: where to begin
 * @end: one behind the last byte to look at
 *
 * Return: where it is, or @end.
 */
const u8 *lcs_find_line_end(const u8 *at, const u8 *end)
{
	return lcs_find_line_feed(at, end);
}
EXPORT_SYMBOL_GPL(lcs_find_line_end);

/**
 * lcs_split() - split a text into words
 * @text: the text; words are apart by white space or control bytes
 * @word: the words; those that are not there are empty
 * @max: how many at most
 *
 * Return: how many there are.
 */
u32 lcs_split(struct lcs_text text, struct lcs_text *word, u32 max)
{
	const u8 *at = text.at, *begin = at, *blank;
	unsigned long marks;
	u32 count = 0, i;

	for (; (size_t)(text.end - at) >= sizeof(marks); at += sizeof(marks)) {
		marks = lcs_mark_all_below(lcs_load_word(at), ' ' + 1);
		for (; marks; marks = lcs_drop_first(marks)) {
			blank = at + lcs_first_marked(marks);
			word[count] = (struct lcs_text){ begin, blank };
			count += blank > begin;
			if (count == max)
				return count;
			begin = blank + 1;
		}
	}
	for (; at < text.end; at++) {
		if (*at > ' ')
			continue;
		word[count] = (struct lcs_text){ begin, at };
		count += at > begin;
		if (count == max)
			return count;
		begin = at + 1;
	}
	word[count] = (struct lcs_text){ begin, text.end };
	count += text.end > begin;
	for (i = count; i < max; i++)
		word[i] = (struct lcs_text){ text.end, text.end };
	return count;
}
EXPORT_SYMBOL_GPL(lcs_split);

/* The closing quote of a string in which backslashes escape the byte behind them. */
static noinline const u8 *find_unescaped(const u8 *at, const u8 *end)
{
	const struct lcs_sought what = { '"', '\\', '\\', 0 };

	at = lcs_find(at, end, what);
	while (end - at >= 2 && *at == '\\')
		at = lcs_find(at + 2, end, what);
	return at < end && *at == '"' ? at + 1 : NULL;
}

/**
 * lcs_skip_quoted() - step over a quoted string (RFC 3261 25.1)
 * @at: its opening quote
 * @end: end of the text
 *
 * Return: one behind the closing quote, or %NULL where there is none.
 */
const u8 *lcs_skip_quoted(const u8 *at, const u8 *end)
{
	const u8 *quote = lcs_find_far(at + 1, end, '"');

	if (quote == end)
		return NULL;
	/* It may be escaped, or the backslash before it may. */
	return quote[-1] == '\\' ? find_unescaped(at + 1, end) : quote + 1;
}
EXPORT_SYMBOL_GPL(lcs_skip_quoted);

/**
 * lcs_read_number() - read a whole text as an unsigned decimal number
 * @text: digits, nothing else
 * @max: the largest number allowed
 * @number: the result, written only on success
 *
 * Return: false for an empty text, for anything but digits, and for a number above @max, however
 * many digits it has.
 */
bool lcs_read_number(struct lcs_text text, u32 max, u32 *number)
{
	u64 value = 0;
	u32 digit;

	if (text.at == text.end)
		return false;
	do {
		digit = (u32)*text.at++ - '0';
		value = value * 10 + digit;
		if (digit > 9 || value > max)
			return false;
	} while (text.at < text.end);
	*number = value;
	return true;
}
EXPORT_SYMBOL_GPL(lcs_read_number);

/**
 * lcs_port_end() - read the digits at the beginning of a text as a port number, 0 to 65535
 * @text: the text
 * @port: host byte order, written only on success
 *
 * Return: what follows them, or %NULL where there are none, or more than five, or the number is
 * too large.
 */
const u8 *lcs_port_end(struct lcs_text text, u16 *port)
{
	/* With one byte more than the longest there is no end to look for. */
	if (lcs_text_len(text) > strlen("65535"))
		return lcs_take_port(text.at, text.end, true, port);
	return lcs_take_port(text.at, text.end, false, port);
}
EXPORT_SYMBOL_GPL(lcs_port_end);

/**
 * lcs_read_port() - read a whole text as a port number, 0 to 65535
 * @text: one to five digits
 * @port: host byte order, written only on success
 *
 * Return: false for anything else.
 */
bool lcs_read_port(struct lcs_text text, u16 *port)
{
	u16 value;

	if (lcs_port_end(text, &value) != text.end)
		return false;
	*port = value;
	return true;
}
EXPORT_SYMBOL_GPL(lcs_read_port);

/**
 * lcs_ipv4_end() - read the dotted quad at the beginning of a text
 * @text: the text
 * @ip: four bytes, undefined without success
 *
 * As RFC 3261 25.1 has it; a leading zero may mean octal to others, so that is no address here.
 *
 * Return: what follows it, or %NULL where there is none.
 */
const u8 *lcs_ipv4_end(struct lcs_text text, u8 *ip)
{
	/* With one byte more than the longest there is no end to look for. */
	if (lcs_text_len(text) > strlen("255.255.255.255"))
		return lcs_take_ipv4(text.at, text.end, true, ip);
	return lcs_take_ipv4(text.at, text.end, false, ip);
}
EXPORT_SYMBOL_GPL(lcs_ipv4_end);

static bool read_ipv4(struct lcs_text text, u8 *ip)
{
	return lcs_ipv4_end(text, ip) == text.end;
}

/* The value of a hexadecimal digit; more than 15 for any other byte. */
static u32 hex_digit(u8 c)
{
	u8 letter = (c | 0x20) - 'a';

	return lcs_is_digit(c) ? c - '0' : letter < 6 ? letter + 10 : 16;
}

/* One group of up to four hex digits; how many there were. */
static u32 read_hex_group(struct lcs_text *text, u32 *value)
{
	const u8 *at = text->at;
	u32 digit;

	for (*value = 0; at < text->end; at++) {
		digit = hex_digit(*at);
		if (digit > 15)
			break;
		*value = (*value << 4 | digit) & 0xfffff;
	}
	digit = at - text->at;
	text->at = at;
	return digit;
}

/*
 * The text form of RFC 4291 2.2: eight groups, one run of them as "::", the last two perhaps as
 * IPv4.
 */
static bool read_ipv6(struct lcs_text text, u8 *ip)
{
	int filled = 0, gap = -1;
	struct lcs_text group;
	u32 value, n;

	memset(ip, 0, 16);
	if (lcs_text_begins(text, "::")) {
		gap = 0;
		text.at += 2;
	}
	while (text.at < text.end) {
		group = text;
		n = read_hex_group(&text, &value);
		if (text.at < text.end && *text.at == '.') {
			if (filled > 12 || !read_ipv4(group, ip + filled))
				return false;
			filled += 4;
			break;
		}
		if (n < 1 || n > 4 || filled > 14)
			return false;
		ip[filled++] = value >> 8;
		ip[filled++] = value;
		if (text.at == text.end)
			break;
		if (*text.at++ != ':' || text.at == text.end)
			return false;
		if (*text.at == ':') {
			if (gap >= 0)
				return false;
			gap = filled;
			text.at++;
		}
	}
	if (gap < 0)
		return filled == 16;
	if (filled > 14)
		return false;
	memmove(ip + 16 - (filled - gap), ip + gap, filled - gap);
	memset(ip + gap, 0, 16 - filled);
	return true;
}

/**
 * lcs_read_addr() - read a whole text as an IP address
 * @text: dotted quad or RFC 4291 form, without brackets or zone
 * @addr: the result; its family is 0 where the text is a name
 *
 * Return: false where it is none.
 */
bool lcs_read_addr(struct lcs_text text, struct lcs_addr *addr)
{
	u32 len = lcs_text_len(text);

	memset(addr, 0, sizeof(*addr));
	if (len < 2 || len > 45)
		return false;
	if (lcs_is_digit(*text.at) && read_ipv4(text, addr->ip))
		addr->family = 4;
	else if ((*text.at == ':' || hex_digit(*text.at) <= 15) && read_ipv6(text, addr->ip))
		addr->family = 6;
	else
		memset(addr->ip, 0, sizeof(addr->ip));
	return addr->family;
}
EXPORT_SYMBOL_GPL(lcs_read_addr);

/* The next eight bytes, the first one lowest, as a number in which letters have no case. */
static u64 load_lower(const u8 *at)
{
	u64 word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word | 0x2020202020202020ull;
}

static u64 mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

/**
 * lcs_hash_lower() - a small hash of a text, case aside
 * @text: the text
 *
 * For telling one user agent's bindings apart in a list that the server sends, never for anything
 * that decides what opens (it has no key). Never 0, which stands for "absent".
 *
 * Return: the hash.
 */
u32 lcs_hash_lower(struct lcs_text text)
{
	u32 len = lcs_text_len(text), i;
	u64 hash = len, rest = 0;
	const u8 *at, *last;

	if (len >= 8) {
		last = text.end - 8;
		for (at = text.at; at <= last; at += 8)
			hash = mix(hash, load_lower(at));
		rest = load_lower(last);
	} else {
		for (i = 0; i < len; i++)
			rest |= (u64)(text.at[i] | 0x20) << 8 * i;
	}
	hash = mix(hash, rest);
	return (u32)hash ? (u32)hash : 1;
}
EXPORT_SYMBOL_GPL(lcs_hash_lower);
