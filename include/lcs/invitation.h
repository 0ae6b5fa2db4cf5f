/* SPDX-License-Identifier: GPL-2.0 */
/*
 * File-transfer invitations (text/x-msmsgsinvite): lines to endpoints.
 */
#ifndef _LCS_INVITATION_H
#define _LCS_INVITATION_H

#include <lcs/sdp.h>

/**
 * struct lcs_invitation - what an invitation said so far
 * @address: IP-Address
 * @port_seq: where the value of Port stands
 * @portx_seq: where the value of PortX stands
 * @cookie: lcs_hash_lower() of Invitation-Cookie
 * @portx: the value of PortX
 * @port: the value of Port
 * @port_len: digits of Port
 * @portx_len: digits of PortX
 * @command: Invitation-Command came
 * @accept: Invitation-Command: ACCEPT
 * @cancel: Invitation-Command: CANCEL
 * @sender_connects: Sender-Connect: TRUE
 * @twice: a field that may come once came again
 */
struct lcs_invitation {
	struct lcs_where address;
	u32 port_seq;
	u32 portx_seq;
	u32 cookie;
	u32 portx;
	u16 port;
	u8 port_len;
	u8 portx_len;
	u8 command:1;
	u8 accept:1;
	u8 cancel:1;
	u8 sender_connects:1;
	u8 twice:1;
};

enum lcs_interest lcs_invitation_interest(struct lcs_text text);
void lcs_invitation_line(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_invitation_end(struct lcs_reader *reader);

#endif /* _LCS_INVITATION_H */
