/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dialogs: which pinholes an offer, an answer, an invitation or a Contact asks for, and when they
 * close.
 */
#ifndef _LCS_DIALOG_H
#define _LCS_DIALOG_H

#include <lcs/peer.h>

void lcs_dialog_headers(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client);
bool lcs_dialog_reads(const struct lcs_message *msg);
void lcs_dialog_endpoint(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
			 const struct lcs_endpoint *ep);
void lcs_dialog_told(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
		     bool translated);
void lcs_dialog_end(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client);

#endif /* _LCS_DIALOG_H */
