// SPDX-License-Identifier: GPL-2.0
/*
 * Text of a known length: finding, comparing, and reading numbers and addresses in it.
 */
#include <lcs/text.h>

/* A machine word of 0x01 bytes, one of 0x80 bytes, and how many words are looked at in one step. */
#define LCS_ONES	(~0UL / 0xff)
#define LCS_HIGHS	(LCS_ONES << 7)
#define LCS_STEP	4

static unsigned long load_word(const u8 *at)
{
	unsigned long word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The high bit of each byte that is zero. Exact for every byte, so right for either byte order. */
static unsigned long zero_bytes(unsigned long word)
{
	return ~(((word & ~LCS_HIGHS) + ~LCS_HIGHS) | word | ~LCS_HIGHS);
}

/* How far into the word in memory the first marked byte is. */
static u32 first_marked(unsigned long marks)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_ctzl(marks) / 8;
#else
	return __builtin_clzl(marks) / 8;
#endif
}

/*
 * Can one of the next LCS_STEP words hold the byte? Never no where one does; wrongly yes only for
 * bytes above 0x80, which are rare in these protocols.
 */
static bool step_may_hold(const u8 *at, unsigned long pattern)
{
	unsigned long any = (load_word(at) ^ pattern) - LCS_ONES;

	any |= (load_word(at + sizeof(any)) ^ pattern) - LCS_ONES;
	any |= (load_word(at + 2 * sizeof(any)) ^ pattern) - LCS_ONES;
	any |= (load_word(at + 3 * sizeof(any)) ^ pattern) - LCS_ONES;
	return any & LCS_HIGHS;
}

/**
 * lcs_find_byte() - first occurrence of a byte, some machine words at a time
 * @at: where to begin
 * @end: one behind the last byte to look at
 * @byte: what to look for
 *
 * Return: where it is, or @end.
 */
const u8 *lcs_find_byte(const u8 *at, const u8 *end, u8 byte)
{
	unsigned long pattern = LCS_ONES * byte, marks;
	const size_t size = sizeof(pattern);
	int i;

	while ((size_t)(end - at) >= size) {
		while ((size_t)(end - at) >= LCS_STEP * size && !step_may_hold(at, pattern))
			at += LCS_STEP * size;
		for (i = 0; i < LCS_STEP && (size_t)(end - at) >= size; i++) {
			marks = zero_bytes(load_word(at) ^ pattern);
			if (marks)
				return at + first_marked(marks);
			at += size;
		}
	}
	while (at < end && *at != byte)
		at++;
	return at;
}
EXPORT_SYMBOL_GPL(lcs_find_byte);

/**
 * lcs_text_is() - does the text equal a word, case aside
 * @text: the text
 * @lower: the word in lower case
 *
 * Return: true where it does.
 */
bool lcs_text_is(struct lcs_text text, const char *lower)
{
	while (text.at < text.end && *lower) {
		if (lcs_lower(*text.at) != (u8)*lower)
			return false;
		text.at++;
		lower++;
	}
	return text.at == text.end && !*lower;
}
EXPORT_SYMBOL_GPL(lcs_text_is);

/**
 * lcs_text_same() - are two texts the same, case aside
 * @a: one
 * @b: the other
 *
 * Return: true where they are.
 */
bool lcs_text_same(struct lcs_text a, struct lcs_text b)
{
	if (lcs_text_len(a) != lcs_text_len(b))
		return false;
	for (; a.at < a.end; a.at++, b.at++)
		if (lcs_lower(*a.at) != lcs_lower(*b.at))
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(lcs_text_same);

/**
 * lcs_text_begins() - does the text begin with a word, case aside
 * @text: the text
 * @lower: the word in lower case
 *
 * Return: true where it does.
 */
bool lcs_text_begins(struct lcs_text text, const char *lower)
{
	while (*lower) {
		if (text.at == text.end || lcs_lower(*text.at) != (u8)*lower)
			return false;
		text.at++;
		lower++;
	}
	return true;
}
EXPORT_SYMBOL_GPL(lcs_text_begins);

/**
 * lcs_skip_lws() - step over leading white space
 * @text: the text, shortened from the front
 */
void lcs_skip_lws(struct lcs_text *text)
{
	while (text->at < text->end && lcs_is_lws(*text->at))
		text->at++;
}
EXPORT_SYMBOL_GPL(lcs_skip_lws);

/**
 * lcs_trim() - take white space off both ends
 * @text: the text, shortened
 */
void lcs_trim(struct lcs_text *text)
{
	lcs_skip_lws(text);
	while (text->end > text->at && lcs_is_lws(text->end[-1]))
		text->end--;
}
EXPORT_SYMBOL_GPL(lcs_trim);

/**
 * lcs_take_word() - take the next word, up to white space
 * @text: the text, shortened by the word and the white space before it
 *
 * Return: the word, empty where there is none.
 */
struct lcs_text lcs_take_word(struct lcs_text *text)
{
	struct lcs_text word;

	lcs_skip_lws(text);
	word.at = text->at;
	while (text->at < text->end && !lcs_is_lws(*text->at))
		text->at++;
	word.end = text->at;
	return word;
}
EXPORT_SYMBOL_GPL(lcs_take_word);

/* The next quote or backslash, or @end. */
static const u8 *find_quote(const u8 *at, const u8 *end)
{
	unsigned long word, marks;

	for (; (size_t)(end - at) >= sizeof(word); at += sizeof(word)) {
		word = load_word(at);
		marks = zero_bytes(word ^ LCS_ONES * '"') | zero_bytes(word ^ LCS_ONES * '\\');
		if (marks)
			return at + first_marked(marks);
	}
	while (at < end && *at != '"' && *at != '\\')
		at++;
	return at;
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
	at = find_quote(at + 1, end);
	while (end - at >= 2 && *at == '\\')
		at = find_quote(at + 2, end);
	return at < end && *at == '"' ? at + 1 : NULL;
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

	if (text.at == text.end)
		return false;
	for (; text.at < text.end; text.at++) {
		if (!lcs_is_digit(*text.at))
			return false;
		value = value * 10 + (*text.at - '0');
		if (value > max)
			return false;
	}
	*number = value;
	return true;
}
EXPORT_SYMBOL_GPL(lcs_read_number);

/**
 * lcs_read_port() - read a whole text as a port number, 0 to 65535
 * @text: one to five digits
 * @port: host byte order, written only on success
 *
 * Return: false for anything else.
 */
bool lcs_read_port(struct lcs_text text, u16 *port)
{
	u32 number;

	if (lcs_text_len(text) > 5 || !lcs_read_number(text, 65535, &number))
		return false;
	*port = number;
	return true;
}
EXPORT_SYMBOL_GPL(lcs_read_port);

/*
 * A dotted quad as RFC 3261 25.1 has it; a leading zero may mean octal to others, so that is no
 * address here.
 */
static bool read_ipv4(struct lcs_text text, u8 *ip)
{
	const u8 *at = text.at;
	u32 value;
	int i, n;

	for (i = 0; i < 4; i++) {
		if (i && (at == text.end || *at++ != '.'))
			return false;
		for (n = 0, value = 0; at < text.end && lcs_is_digit(*at); n++) {
			if (n && !value)
				return false;
			value = value * 10 + (*at++ - '0');
			if (value > 255)
				return false;
		}
		if (!n)
			return false;
		ip[i] = value;
	}
	return at == text.end;
}

static int hex_digit(u8 c)
{
	if (lcs_is_digit(c))
		return c - '0';
	c = lcs_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One group of up to four hex digits; how many there were. */
static int read_hex_group(struct lcs_text *text, u32 *value)
{
	int n = 0;

	for (*value = 0; text->at < text->end && hex_digit(*text->at) >= 0; text->at++, n++)
		*value = (*value << 4 | hex_digit(*text->at)) & 0xfffff;
	return n;
}

/*
 * The text form of RFC 4291 2.2: eight groups, one run of them as "::", the last two perhaps as
 * IPv4.
 */
static bool read_ipv6(struct lcs_text text, u8 *ip)
{
	int filled = 0, gap = -1, n;
	struct lcs_text group;
	u32 value;

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
	if (lcs_is_digit(*text.at) && len <= 15 && read_ipv4(text, addr->ip)) {
		addr->family = 4;
		return true;
	}
	memset(addr->ip, 0, sizeof(addr->ip));
	if ((*text.at == ':' || hex_digit(*text.at) >= 0) && read_ipv6(text, addr->ip)) {
		addr->family = 6;
		return true;
	}
	memset(addr->ip, 0, sizeof(addr->ip));
	return false;
}
EXPORT_SYMBOL_GPL(lcs_read_addr);

/**
 * lcs_hash_lower() - a small hash of a text, case aside
 * @text: the text
 *
 * For telling one user agent's bindings apart in a list that the server sends, never for anything
 * that decides what opens (FNV-1a, no key). Never 0, which stands for "absent".
 *
 * Return: the hash.
 */
u32 lcs_hash_lower(struct lcs_text text)
{
	u32 hash = 2166136261u;

	for (; text.at < text.end; text.at++)
		hash = (hash ^ lcs_lower(*text.at)) * 16777619u;
	return hash ? hash : 1;
}
EXPORT_SYMBOL_GPL(lcs_hash_lower);
