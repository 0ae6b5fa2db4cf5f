// SPDX-License-Identifier: GPL-2.0
/*
 * Outside ports. The pinhole table decides what is free. A pinhole keeps its number where it may;
 * else it gets one of nat_ports: the one that its inside form hashes to, so that the next call on
 * the same port continues the flows of the last one instead of clashing with them; where that is
 * taken, one at random. So the cost does not grow with the number of clients that all use the same
 * inside port. RTP and RTCP share an aligned pair, whoever of them is named first.
 */
#include <linux/jhash.h>
#include <linux/once.h>
#include <linux/random.h>

#include <lcs/compat.h>
#include <lcs/place.h>
#include <lcs/table.h>

/* With half of the range in use, one in 2^64 searches finds nothing. */
#define LCS_PLACE_TRIES	64
/* Ports of a range that files are tried on one after the other; a wider one is searched. */
#define LCS_PLACE_STEPS	64
/* Ports beside an RTP port that must be its own, too. */
#define LCS_PLACE_BESIDE	3

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
	other = lcs_table_inside(row->net, &key);
	return other && other->translated ? other : NULL;
}

/*
 * The ports beside a row's that its other half may have, as steps from its own; outside they are
 * the same. Return: how many.
 */
static unsigned int steps_of(const struct lcs_pinhole *row, int *step)
{
	u16 inside = ntohs(row->key.port);

	if (!is_rtp(row))
		return 0;
	step[0] = inside & 1 ? -1 : 1;
	if (!row->pair || !(inside & 1) || inside > U16_MAX - 2)
		return 1;
	/* An odd RTP port has its RTCP in the next pair. */
	step[1] = 1;
	step[2] = 2;
	return LCS_PLACE_BESIDE;
}

/* Is an outside port free, or that of this host's inside port @inside? */
static bool is_free(const struct lcs_pinhole *row, u16 port, u16 inside)
{
	struct lcs_key key = row->outside;
	const struct lcs_pinhole *other;

	key.port = htons(port);
	other = lcs_table_outside(row->net, &key);
	return !other || (nf_inet_addr_cmp(&other->key.addr, &row->key.addr) &&
			  other->key.port == htons(inside));
}

static bool take(struct lcs_pinhole *row, u16 port)
{
	u16 inside = ntohs(row->key.port);
	int step[LCS_PLACE_BESIDE];
	unsigned int i, n = steps_of(row, step);

	row->outside.port = htons(port);
	if (!lcs_table_has_place(row, &row->outside))
		return false;
	for (i = 0; i < n; i++)
		if (port + step[i] > U16_MAX || !is_free(row, port + step[i], inside + step[i]))
			return false;
	return true;
}

/* Are a port and those beside it within a range? */
static bool fits(const struct lcs_pinhole *row, u32 port, u16 low, u16 high)
{
	int step[LCS_PLACE_BESIDE];
	unsigned int i, n = steps_of(row, step);

	for (i = 0; i < n; i++)
		if (port + step[i] < low || port + step[i] > high)
			return false;
	return port >= low && port <= high;
}

/* May a row have this number outside? Its other half comes beside it, if that is allowed inside. */
static bool keeps(const struct lcs_pinhole *row, u16 port)
{
	u16 inside = ntohs(row->key.port);
	int step[LCS_PLACE_BESIDE];
	unsigned int i, n = steps_of(row, step);

	for (i = 0; i < n; i++)
		if (lcs_port_allowed(row->class, inside + step[i]) &&
		    !lcs_port_keeps(row->class, port + step[i]))
			return false;
	return lcs_port_keeps(row->class, port);
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

/* A port within a range, by a number; even where the inside one is even, odd where it is odd. */
static u32 pick(const struct lcs_pinhole *row, u16 low, u16 high, u32 number)
{
	u32 port = low + (((u64)number * (high - low + 1)) >> 32);

	if (is_rtp(row))
		port = (port & ~1u) | (ntohs(row->key.port) & 1);
	return port;
}

/* The same for RTP and its RTCP, and for ever the same. */
static u32 number_of(const struct lcs_pinhole *row)
{
	struct lcs_key key = row->key;
	static u32 seed __read_mostly;

	get_random_once(&seed, sizeof(seed));
	if (is_rtp(row))
		key.port &= htons(~1);
	return jhash(&key, sizeof(key), seed);
}

static int search(struct lcs_pinhole *row, u16 low, u16 high)
{
	u32 port = pick(row, low, high, number_of(row));
	unsigned int i;

	for (i = 0; i < LCS_PLACE_TRIES; i++) {
		if (fits(row, port, low, high) && take(row, port))
			return 0;
		port = pick(row, low, high, get_random_u32());
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

	lockdep_assert_held(&nf_conntrack_expect_lock);
	row->outside.addr = *lcs_outside_addr(conn);
	port = beside(row);
	if (port)
		return lcs_port_keeps(row->class, port) && take(row, port) ? 0 : -ENOSPC;
	if (keeps(row, wish) && take(row, wish))
		return 0;
	lcs_outside_ports(row->class, &low, &high);
	if (high - low < LCS_PLACE_STEPS &&
	    (row->class == LCS_CLASS_FILE_TRANSFER || row->class == LCS_CLASS_APP_SHARING))
		return step_through(row, low, high);
	return search(row, low, high);
}
