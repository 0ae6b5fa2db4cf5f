/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dialogs: which pinholes an offer, an answer, an invitation or a Contact asks for, and when they
 * close.
 */
#ifndef _LCS_DIALOG_H
#define _LCS_DIALOG_H

#include <lcs/pinhole.h>

/* Peer addresses of a dialog that are remembered; real ones have up to about ten (ICE). */
#define LCS_PEERS_MAX	12
/* Dialogs of a client whose peers are remembered. */
#define LCS_DIALOGS	16

/**
 * struct lcs_dialog - who the peer of a dialog is
 * @list: in client->dialogs
 * @call_id: the dialog
 * @until: jiffies; forgotten after that
 * @count: how many peers
 * @overflow: there were more
 * @index: the m= line that each peer serves
 * @peer: their addresses
 */
struct lcs_dialog {
	struct list_head list;
	u64 call_id;
	unsigned long until;
	u8 count;
	bool overflow;
	u8 index[LCS_PEERS_MAX];
	union nf_inet_addr peer[LCS_PEERS_MAX];
};

void lcs_dialog_headers(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client);
bool lcs_dialog_reads(const struct lcs_message *msg);
void lcs_dialog_endpoint(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
			 const struct lcs_endpoint *ep);
void lcs_dialog_end(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client);
void lcs_dialogs_reap(struct lcs_client *client, bool all);

#endif /* _LCS_DIALOG_H */
