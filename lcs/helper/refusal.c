// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: what was asked for and is not opened, and streams that are read no further; counted by
 * their reason, and said to the administrator who could change it.
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

/* Why streams are given up, in the order of their counters. */
static const char *const lcs_give_ups[] = {
	"it is not SIP; give the helper to SIP over TCP only",
	"what comes after a message is none",
	"a Content-Length is missing, malformed or contradicting",
	"a line that decides is too long",
	"there was no room for its unfinished text; raise parameter mem_max",
	"what follows is compressed",
	"its receiver has what was not seen; drop what conntrack calls invalid",
};

/**
 * lcs_give_up_name() - why a stream was given up, in words
 * @why: LCS_COUNT_GIVEN_UP_*
 */
const char *lcs_give_up_name(enum lcs_counter why)
{
	BUILD_BUG_ON(ARRAY_SIZE(lcs_give_ups) !=
		     LCS_COUNT_GIVEN_UP_UNSEEN - LCS_COUNT_GIVEN_UP_NOT_SIP + 1);
	return lcs_give_ups[why - LCS_COUNT_GIVEN_UP_NOT_SIP];
}

/**
 * lcs_note_give_up() - count a stream that is read no further, and say why
 * @lnet: its namespace
 * @ct: its connection
 * @dir: its direction, or that which was read
 * @why: LCS_COUNT_GIVEN_UP_*
 *
 * The line is rate-limited and holds nothing that a message said.
 */
void lcs_note_give_up(struct lcs_net *lnet, const struct nf_conn *ct, u8 dir, enum lcs_counter why)
{
	lcs_count(&lnet->counts, why);
	trace_lcs_give_up(ct, dir, why);
	if (net_ratelimit())
		pr_info("a connection is read no further: %s\n", lcs_give_up_name(why));
}

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
