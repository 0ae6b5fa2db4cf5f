/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a network namespace, shown in /proc/net/stat/nf_conntrack_lcs as "name value" lines.
 */
#ifndef _LCS_COUNT_H
#define _LCS_COUNT_H

#include <linux/atomic.h>
#include <net/net_namespace.h>

/* LCS_COUNT(name) for every counter, in the order they are shown. */
#define LCS_COUNTERS			\
	LCS_COUNT(messages)		\
	LCS_COUNT(connections)		\
	LCS_COUNT(clients)		\
	LCS_COUNT(opened_callback)	\
	LCS_COUNT(opened_media)		\
	LCS_COUNT(opened_file_transfer)	\
	LCS_COUNT(opened_app_sharing)	\
	LCS_COUNT(closed_callback)	\
	LCS_COUNT(closed_media)		\
	LCS_COUNT(closed_file_transfer)	\
	LCS_COUNT(closed_app_sharing)	\
	LCS_COUNT(taken_over)		\
	LCS_COUNT(refused_address)	\
	LCS_COUNT(refused_port)		\
	LCS_COUNT(refused_limit)	\
	LCS_COUNT(refused_busy)		\
	LCS_COUNT(refused_table_full)	\
	LCS_COUNT(refused_memory)	\
	LCS_COUNT(refused_shutdown)	\
	LCS_COUNT(refused_unreadable)	\
	LCS_COUNT(given_up_not_sip)	\
	LCS_COUNT(given_up_start_line)	\
	LCS_COUNT(given_up_length)	\
	LCS_COUNT(given_up_long_line)	\
	LCS_COUNT(given_up_memory)	\
	LCS_COUNT(given_up_opaque)	\
	LCS_COUNT(unproven)		\
	LCS_COUNT(out_of_order)		\
	LCS_COUNT(held_bytes)		\
	LCS_COUNT(releases)

#define LCS_COUNT(name)	LCS_COUNT_##name,
enum lcs_counter {
	LCS_COUNTERS
	LCS_COUNTS,
};
#undef LCS_COUNT

struct lcs_counts {
	atomic_long_t value[LCS_COUNTS];
};

static inline void lcs_count(struct lcs_counts *counts, enum lcs_counter counter)
{
	atomic_long_inc(&counts->value[counter]);
}

static inline void lcs_uncount(struct lcs_counts *counts, enum lcs_counter counter)
{
	atomic_long_dec(&counts->value[counter]);
}

int lcs_counts_show(struct net *net, struct lcs_counts *counts);
void lcs_counts_hide(struct net *net);

#endif /* _LCS_COUNT_H */
