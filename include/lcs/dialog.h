/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dialogs: which pinholes an offer, an answer, an invitation or a Contact asks for, and when they
 * close.
 */
#ifndef _LCS_DIALOG_H
#define _LCS_DIALOG_H

#include <lcs/pinhole.h>

/* Peer endpoints of a dialog that are remembered; real ones have up to about twenty (ICE). */
#define LCS_PEERS_MAX	24
/* Dialogs of a client whose peers are remembered. */
#define LCS_DIALOGS	16

/**
 * struct lcs_dialog - who the peer of a dialog is
 * @list: in client->dialogs
 * @call_id: the dialog
 * @until: jiffies; forgotten after that
 * @count: how many peers
 * @overflow: there were more
 * @peer: their addresses
 * @port: their ports, host byte order
 * @index: the m= line that each serves
 * @component: RTP 1, RTCP 2
 * @proto: IPPROTO_UDP or IPPROTO_TCP
 */
struct lcs_dialog {
	struct list_head list;
	u64 call_id;
	unsigned long until;
	u8 count;
	bool overflow;
	union nf_inet_addr peer[LCS_PEERS_MAX];
	u16 port[LCS_PEERS_MAX];
	u8 index[LCS_PEERS_MAX];
	u8 component[LCS_PEERS_MAX];
	u8 proto[LCS_PEERS_MAX];
};

void lcs_dialog_headers(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client);
bool lcs_dialog_reads(const struct lcs_message *msg);
void lcs_dialog_endpoint(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
			 const struct lcs_endpoint *ep);
void lcs_dialog_end(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client);
void lcs_dialogs_reap(struct lcs_client *client, bool all);

#endif /* _LCS_DIALOG_H */
