// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: what was asked for and is not opened, counted by its reason, and said to the
 * administrator who could change it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/net.h>

#include <lcs/conn.h>
#include <lcs/refusal.h>
#include <lcs/trace.h>

/* How a refusal is counted, and what the administrator can do about it. */
static const struct {
	enum lcs_counter counter;
	const char *text;
} lcs_refusals[LCS_REFUSALS] = {
	[LCS_REFUSED_ADDRESS] = { LCS_COUNT_REFUSED_ADDRESS,
				  "it names a host that it may not; nothing to change here" },
	[LCS_REFUSED_PORT] = { LCS_COUNT_REFUSED_PORT, "its port is outside parameter" },
	[LCS_REFUSED_LIMIT] = { LCS_COUNT_REFUSED_LIMIT,
				"its client has as many as one may have; nothing to change here" },
	[LCS_REFUSED_BUSY] = { LCS_COUNT_REFUSED_BUSY,
			       "another helper expects the same; do not attach two to one flow" },
	[LCS_REFUSED_TABLE_FULL] = { LCS_COUNT_REFUSED_TABLE_FULL,
				     "raise net.netfilter.nf_conntrack_expect_max" },
	[LCS_REFUSED_MEMORY] = { LCS_COUNT_REFUSED_MEMORY, "no memory" },
	[LCS_REFUSED_SHUTDOWN] = { LCS_COUNT_REFUSED_SHUTDOWN, "its connection lost its helper" },
	[LCS_REFUSED_UNREADABLE] = { LCS_COUNT_REFUSED_UNREADABLE,
				     "its message has a malformed header; nothing to change here" },
	[LCS_REFUSED_OUTSIDE] = { LCS_COUNT_REFUSED_OUTSIDE,
				  "no outside port is free; widen parameter nat_ports" },
	[LCS_REFUSED_RELAYED] = { LCS_COUNT_REFUSED_RELAYED,
				  "it leads out to a peer; parameter relayed=1 allows that" },
};

/**
 * lcs_refusal_name() - why a pinhole was not opened, in words
 * @why: the reason
 */
const char *lcs_refusal_name(enum lcs_refusal why)
{
	return lcs_refusals[why].text;
}

/**
 * lcs_pinhole_refuse() - count a pinhole that is not opened, and say why
 * @conn: the connection that asked for it
 * @class: what for
 * @why: the reason
 *
 * The line is rate-limited and holds nothing that a message said.
 */
void lcs_pinhole_refuse(struct lcs_conn *conn, enum lcs_class class, enum lcs_refusal why)
{
	lcs_count(&conn->net->counts, lcs_refusals[why].counter);
	trace_lcs_refuse(conn->ct, class, why);
	/* Every call has these, and as a rule it is meant to be so: once is enough. */
	if (why == LCS_REFUSED_RELAYED) {
		pr_info_once("%s pinhole refused: %s\n", lcs_class_name(class),
			     lcs_refusals[why].text);
		return;
	}
	if (!net_ratelimit())
		return;
	if (why == LCS_REFUSED_PORT)
		pr_info("%s pinhole refused: its port is outside parameter %s\n",
			lcs_class_name(class), lcs_port_parameter(class));
	else if (why == LCS_REFUSED_OUTSIDE && class == LCS_CLASS_FILE_TRANSFER)
		pr_info("%s pinhole refused: no outside port is free; widen parameter %s\n",
			lcs_class_name(class), lcs_port_parameter(class));
	else if (why == LCS_REFUSED_OUTSIDE && class == LCS_CLASS_APP_SHARING)
		pr_info("%s pinhole refused: another client has its outside port; parameter media_from=peer shares it among different peers\n",
			lcs_class_name(class));
	else
		pr_info("%s pinhole refused: %s\n", lcs_class_name(class), lcs_refusals[why].text);
}
