/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the administrator allows: the module's parameters, and the questions asked of them. All of
 * them can be changed while the module runs; a question sees the value of its moment.
 */
#ifndef _LCS_POLICY_H
#define _LCS_POLICY_H

#include <linux/types.h>

/* Nothing below is ever opened, nor led out to: those are the services of hosts. */
#define LCS_PORT_MIN	1024

/**
 * enum lcs_class - expectation classes, one per kind of pinhole
 * @LCS_CLASS_CALLBACK: the server's connection to the client's listening SIP port
 * @LCS_CLASS_MEDIA: RTP, RTCP and TCP media
 * @LCS_CLASS_FILE_TRANSFER: file transfer
 * @LCS_CLASS_APP_SHARING: T.120 whiteboard and application sharing
 * @LCS_CLASSES: how many there are
 */
enum lcs_class {
	LCS_CLASS_CALLBACK,
	LCS_CLASS_MEDIA,
	LCS_CLASS_FILE_TRANSFER,
	LCS_CLASS_APP_SHARING,
	LCS_CLASSES,
};

const char *lcs_class_name(enum lcs_class class);
bool lcs_port_allowed(enum lcs_class class, u16 port);
const char *lcs_port_parameter(enum lcs_class class);
bool lcs_port_keeps(enum lcs_class class, u16 port);
void lcs_outside_ports(enum lcs_class class, u16 *low, u16 *high);
bool lcs_callback_from_any(void);
bool lcs_media_from_peer(void);
bool lcs_relayed(void);
bool lcs_loose(void);
u32 lcs_registered_lifetime(u32 seconds);
u32 lcs_dialog_lifetime(u32 seconds);
u32 lcs_pending_lifetime(enum lcs_class class);
long lcs_held_limit(void);

#endif /* _LCS_POLICY_H */
