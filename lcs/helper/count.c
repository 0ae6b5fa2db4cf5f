// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a network namespace in /proc/net/stat/nf_conntrack_lcs.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include <lcs/count.h>

#define LCS_PROC_NAME	"nf_conntrack_lcs"

#define LCS_COUNT(name)	#name,
static const char *const lcs_count_names[] = {
	LCS_COUNTERS
};
#undef LCS_COUNT

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
