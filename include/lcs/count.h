/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a network namespace, shown in /proc/net/stat/nf_conntrack_lcs as "name value" lines.
 */
#ifndef _LCS_COUNT_H
#define _LCS_COUNT_H

#include <linux/atomic.h>
#include <net/net_namespace.h>

/* What is counted; lcs_count_names[] has how it is shown. */
enum lcs_counter {
	LCS_COUNT_MESSAGES,
	LCS_COUNT_CONNECTIONS,
	LCS_COUNT_CLIENTS,
	LCS_COUNT_OPENED_CALLBACK,
	LCS_COUNT_OPENED_MEDIA,
	LCS_COUNT_OPENED_FILE_TRANSFER,
	LCS_COUNT_OPENED_APP_SHARING,
	LCS_COUNT_CLOSED_CALLBACK,
	LCS_COUNT_CLOSED_MEDIA,
	LCS_COUNT_CLOSED_FILE_TRANSFER,
	LCS_COUNT_CLOSED_APP_SHARING,
	LCS_COUNT_TAKEN_OVER,
	LCS_COUNT_REFUSED_ADDRESS,
	LCS_COUNT_REFUSED_PORT,
	LCS_COUNT_REFUSED_LIMIT,
	LCS_COUNT_REFUSED_BUSY,
	LCS_COUNT_REFUSED_TABLE_FULL,
	LCS_COUNT_REFUSED_MEMORY,
	LCS_COUNT_REFUSED_SHUTDOWN,
	LCS_COUNT_REFUSED_UNREADABLE,
	LCS_COUNT_REFUSED_RELAYED,
	LCS_COUNT_REFUSED_OUTSIDE,
	LCS_COUNT_GIVEN_UP_NOT_SIP,
	LCS_COUNT_GIVEN_UP_START_LINE,
	LCS_COUNT_GIVEN_UP_LENGTH,
	LCS_COUNT_GIVEN_UP_LONG_LINE,
	LCS_COUNT_GIVEN_UP_MEMORY,
	LCS_COUNT_GIVEN_UP_OPAQUE,
	LCS_COUNT_GIVEN_UP_UNSEEN,
	LCS_COUNT_UNPROVEN,
	LCS_COUNT_OUT_OF_ORDER,
	LCS_COUNT_HELD_BYTES,
	LCS_COUNT_RELEASES,
	LCS_COUNT_REPLACEMENTS,
	LCS_COUNT_UNCHANGED_LATE,
	LCS_COUNT_UNCHANGED_CLASH,
	LCS_COUNT_UNCHANGED_FULL,
	LCS_COUNT_UNCHANGED_LENGTH,
	LCS_COUNT_UNCHANGED_MEMORY,
	LCS_COUNT_UNCHANGED_FIXED,
	LCS_COUNT_UNCHANGED_REFUSED,
	LCS_COUNT_UNTRANSLATABLE,
	LCS_COUNT_PROBES,
	LCS_COUNT_DROPPED,
	LCS_COUNT_KILLED,
	LCS_COUNTS,
};

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
