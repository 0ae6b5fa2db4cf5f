// SPDX-License-Identifier: GPL-2.0
/*
 * Connections whose beginning was not seen: after a restart with loose=1, or taken over from
 * another firewall. Such a stream is read from the next segment that begins with a start line.
 */
#include <linux/kernel.h>

#include <lcs/loose.h>
#include <lcs/text.h>

/* Longer start lines exist, but a stream has many messages to be picked up at. */
#define LCS_LOOSE_MAX	256

/**
 * lcs_begins_message() - does a segment begin with a whole start line of SIP 2.0
 * @skb: the packet
 * @dataoff: where its payload begins
 */
bool lcs_begins_message(const struct sk_buff *skb, unsigned int dataoff)
{
	static const char version[] = " sip/2.0";
	unsigned int len = min_t(unsigned int, skb->len - dataoff, LCS_LOOSE_MAX);
	u8 buffer[LCS_LOOSE_MAX];
	struct lcs_text line;

	line.at = skb_header_pointer(skb, dataoff, len, buffer);
	if (!line.at)
		return false;
	line.end = lcs_find_byte(line.at, line.at + len, '\n');
	if (line.end == line.at + len)
		return false;
	if (lcs_text_begins(line, "sip/2.0 "))
		return true;
	lcs_trim(&line);
	if (lcs_text_len(line) < sizeof(version))
		return false;
	line.at = line.end - (sizeof(version) - 1);
	return lcs_text_is(line, version);
}
