/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers: who the far side of a dialog is, and what a client may be led out to.
 */
#ifndef _LCS_PEER_H
#define _LCS_PEER_H

#include <lcs/pinhole.h>

/*
 * Peer endpoints of a dialog that are remembered: real ones have up to about twenty of UDP (ICE,
 * audio and video), and half as many addresses more. With these it is a kilobyte.
 */
#define LCS_PEERS_MAX	40
/* Dialogs of a client whose peers are remembered. */
#define LCS_DIALOGS	16

/**
 * struct lcs_peer - an endpoint of the peer
 * @addr: its address
 * @port: host byte order; of TCP, which nobody is led out to, that of the first one
 * @index: number of the m= line that it serves
 * @component: RTP 1, RTCP 2
 * @udp: it is of UDP, else of TCP
 * @lead: the inside may be led out to it
 */
struct lcs_peer {
	union nf_inet_addr addr;
	u16 port;
	u8 index;
	u8 component;
	bool udp;
	bool lead;
};

/**
 * struct lcs_dialog - who the peer of a dialog is
 * @list: in client->dialogs
 * @call_id: the dialog
 * @until: jiffies; forgotten after that
 * @count: how many endpoints are known
 * @overflow: there were more
 * @peer: what the last description said of each m= line
 */
struct lcs_dialog {
	struct list_head list;
	u64 call_id;
	unsigned long until;
	u8 count;
	bool overflow;
	struct lcs_peer peer[LCS_PEERS_MAX];
};

bool lcs_peer_allowed(const struct lcs_conn *conn, const union nf_inet_addr *addr);
u8 lcs_peer_component(const struct lcs_endpoint *ep);
void lcs_peers_note(struct lcs_conn *conn, u64 call_id, const struct lcs_endpoint *ep);
bool lcs_peer_only(const struct lcs_conn *conn, u64 call_id, u8 index, union nf_inet_addr *peer);
void lcs_peers_narrow(struct lcs_client *client, u64 call_id);
void lcs_peers_apply(struct lcs_pinhole *row);
void lcs_peers_lead_out(struct lcs_conn *conn, u64 call_id);
void lcs_peers_forget(struct lcs_client *client, u64 call_id);
void lcs_dialogs_reap(struct lcs_client *client, bool all);

#endif /* _LCS_PEER_H */
