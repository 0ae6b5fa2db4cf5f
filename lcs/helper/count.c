// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a network namespace in /proc/net/stat/nf_conntrack_lcs.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include <lcs/count.h>

#define LCS_PROC_NAME	"nf_conntrack_lcs"

static const char *const lcs_count_names[LCS_COUNTS] = {
	[LCS_COUNT_MESSAGES] = "messages",
	[LCS_COUNT_CONNECTIONS] = "connections",
	[LCS_COUNT_CLIENTS] = "clients",
	[LCS_COUNT_OPENED_CALLBACK] = "opened_callback",
	[LCS_COUNT_OPENED_MEDIA] = "opened_media",
	[LCS_COUNT_OPENED_FILE_TRANSFER] = "opened_file_transfer",
	[LCS_COUNT_OPENED_APP_SHARING] = "opened_app_sharing",
	[LCS_COUNT_CLOSED_CALLBACK] = "closed_callback",
	[LCS_COUNT_CLOSED_MEDIA] = "closed_media",
	[LCS_COUNT_CLOSED_FILE_TRANSFER] = "closed_file_transfer",
	[LCS_COUNT_CLOSED_APP_SHARING] = "closed_app_sharing",
	[LCS_COUNT_TAKEN_OVER] = "taken_over",
	[LCS_COUNT_REFUSED_ADDRESS] = "refused_address",
	[LCS_COUNT_REFUSED_PORT] = "refused_port",
	[LCS_COUNT_REFUSED_LIMIT] = "refused_limit",
	[LCS_COUNT_REFUSED_BUSY] = "refused_busy",
	[LCS_COUNT_REFUSED_TABLE_FULL] = "refused_table_full",
	[LCS_COUNT_REFUSED_MEMORY] = "refused_memory",
	[LCS_COUNT_REFUSED_SHUTDOWN] = "refused_shutdown",
	[LCS_COUNT_REFUSED_UNREADABLE] = "refused_unreadable",
	[LCS_COUNT_REFUSED_RELAYED] = "refused_relayed",
	[LCS_COUNT_REFUSED_OUTSIDE] = "refused_outside",
	[LCS_COUNT_GIVEN_UP_NOT_SIP] = "given_up_not_sip",
	[LCS_COUNT_GIVEN_UP_START_LINE] = "given_up_start_line",
	[LCS_COUNT_GIVEN_UP_LENGTH] = "given_up_length",
	[LCS_COUNT_GIVEN_UP_LONG_LINE] = "given_up_long_line",
	[LCS_COUNT_GIVEN_UP_MEMORY] = "given_up_memory",
	[LCS_COUNT_GIVEN_UP_OPAQUE] = "given_up_opaque",
	[LCS_COUNT_GIVEN_UP_UNSEEN] = "given_up_unseen",
	[LCS_COUNT_UNPROVEN] = "unproven",
	[LCS_COUNT_OUT_OF_ORDER] = "out_of_order",
	[LCS_COUNT_HELD_BYTES] = "held_bytes",
	[LCS_COUNT_RELEASES] = "releases",
	[LCS_COUNT_REPLACEMENTS] = "replacements",
	[LCS_COUNT_UNCHANGED_LATE] = "unchanged_late",
	[LCS_COUNT_UNCHANGED_CLASH] = "unchanged_clash",
	[LCS_COUNT_UNCHANGED_FULL] = "unchanged_full",
	[LCS_COUNT_UNCHANGED_LENGTH] = "unchanged_length",
	[LCS_COUNT_UNCHANGED_MEMORY] = "unchanged_memory",
	[LCS_COUNT_UNCHANGED_FIXED] = "unchanged_fixed",
	[LCS_COUNT_UNCHANGED_REFUSED] = "unchanged_refused",
	[LCS_COUNT_UNTRANSLATABLE] = "untranslatable",
	[LCS_COUNT_PROBES] = "probes",
	[LCS_COUNT_DROPPED] = "dropped",
	[LCS_COUNT_KILLED] = "killed",
};

static int show_counts(struct seq_file *s, void *v)
{
	struct lcs_counts *counts = pde_data(file_inode(s->file));
	unsigned int i;

	for (i = 0; i < LCS_COUNTS; i++)
		seq_printf(s, "%s %ld\n", lcs_count_names[i],
			   atomic_long_read(&counts->value[i]));
	return 0;
}

/**
 * lcs_counts_show() - make the counters of a namespace readable
 * @net: the namespace
 * @counts: its counters; stay in use until lcs_counts_hide()
 *
 * Return: 0, or -ENOMEM. A kernel without procfs counts all the same.
 */
int lcs_counts_show(struct net *net, struct lcs_counts *counts)
{
	if (!IS_ENABLED(CONFIG_PROC_FS))
		return 0;
	if (!proc_create_single_data(LCS_PROC_NAME, 0444, net->proc_net_stat, show_counts, counts))
		return -ENOMEM;
	return 0;
}

/**
 * lcs_counts_hide() - take the counters of a namespace out of procfs
 * @net: the namespace
 */
void lcs_counts_hide(struct net *net)
{
	if (IS_ENABLED(CONFIG_PROC_FS))
		remove_proc_entry(LCS_PROC_NAME, net->proc_net_stat);
}
