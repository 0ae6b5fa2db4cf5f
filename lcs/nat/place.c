// SPDX-License-Identifier: GPL-2.0
/*
 * Outside ports. The pinhole table decides what is free. A pinhole keeps its number where it may;
 * else it gets one of nat_ports, tried at random, so that the cost does not grow with the number
 * of clients that all use the same inside port. RTP and RTCP share an aligned pair, whoever of
 * them is named first.
 */
#include <linux/random.h>

#include <lcs/compat.h>
#include <lcs/place.h>

/* With half of the range in use, one in 2^64 searches finds nothing. */
#define LCS_PLACE_TRIES	64

static bool is_rtp(const struct lcs_pinhole *row)
{
	return row->class == LCS_CLASS_MEDIA && row->key.proto == IPPROTO_UDP;
}

/* The row of the same host whose inside port is so many above, if it has an outside one. */
static struct lcs_pinhole *neighbour(const struct lcs_pinhole *row, int step)
{
	struct lcs_key key = row->key;
	struct lcs_pinhole *other;

	key.port = htons(ntohs(key.port) + step);
	other = lcs_pinhole_inside(row->net, &key);
	return other && other->translated ? other : NULL;
}

/* Is an outside port free, or that of this host's inside port @inside? */
static bool is_free(const struct lcs_pinhole *row, u16 port, u16 inside)
{
	struct lcs_key key = row->outside;
	const struct lcs_pinhole *other;

	key.port = htons(port);
	other = lcs_pinhole_outside(row->net, &key);
	return !other || (nf_inet_addr_cmp(&other->key.addr, &row->key.addr) &&
			  other->key.port == htons(inside));
}

static bool take(struct lcs_pinhole *row, u16 port)
{
	u16 inside = ntohs(row->key.port);

	row->outside.port = htons(port);
	if (lcs_pinhole_outside(row->net, &row->outside))
		return false;
	if (!is_rtp(row))
		return true;
	if (!is_free(row, port ^ 1, inside ^ 1))
		return false;
	/* An odd RTP port has its RTCP in the next pair. */
	return !row->pair || !(inside & 1) ||
	       (is_free(row, port + 1, inside + 1) &&
		is_free(row, (port + 1) ^ 1, (inside + 1) ^ 1));
}

/* RTP or RTCP whose other half has its place already. Return: 0, or where it must be. */
static u16 beside(const struct lcs_pinhole *row)
{
	u16 inside = ntohs(row->key.port);
	const struct lcs_pinhole *other;

	if (!is_rtp(row))
		return 0;
	other = neighbour(row, -1);
	if (other && other->pair)
		return ntohs(other->outside.port) + 1;
	other = neighbour(row, inside & 1 ? -1 : 1);
	return other ? ntohs(other->outside.port) ^ 1 : 0;
}

static int search(struct lcs_pinhole *row, u16 low, u16 high)
{
	u32 range = high - low + 1;
	unsigned int i;
	u32 port;

	for (i = 0; i < LCS_PLACE_TRIES; i++) {
		port = low + (((u64)get_random_u32() * range) >> 32);
		/* even where it was even, odd where it was odd */
		if (is_rtp(row))
			port = (port & ~1u) | (ntohs(row->key.port) & 1);
		if (port >= low && port <= high && take(row, port))
			return 0;
	}
	return -ENOSPC;
}

static int step_through(struct lcs_pinhole *row, u16 low, u16 high)
{
	u32 port;

	for (port = low; port <= high; port++)
		if (take(row, port))
			return 0;
	return -ENOSPC;
}

/**
 * lcs_place() - give a new row its outside address and port
 * @conn: the connection on which it was named
 * @row: the row; row->outside.port is the one to be preferred
 *
 * Caller holds nf_conntrack_expect_lock.
 *
 * Return: 0, or -ENOSPC where no port is free.
 */
int lcs_place(const struct lcs_conn *conn, struct lcs_pinhole *row)
{
	u16 wish = ntohs(row->outside.port), port, low, high;

	row->outside.addr = *lcs_outside_addr(conn);
	port = beside(row);
	if (port)
		return take(row, port) ? 0 : -ENOSPC;
	if (lcs_port_keeps(row->class, wish) && take(row, wish))
		return 0;
	lcs_outside_ports(row->class, &low, &high);
	if (row->class == LCS_CLASS_FILE_TRANSFER || row->class == LCS_CLASS_APP_SHARING)
		return step_through(row, low, high);
	return search(row, low, high);
}
