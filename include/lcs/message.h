/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From what the streams say to what the pinhole table does.
 */
#ifndef _LCS_MESSAGE_H
#define _LCS_MESSAGE_H

#include <lcs/conn.h>

u8 *lcs_held_resize(struct lcs_net *lnet, u8 *old, u32 old_size, u32 size);
void lcs_held_release(struct lcs_net *lnet, u8 *old, u32 old_size);
void lcs_message_read(struct lcs_conn *conn, u8 dir, const u8 *data, u32 len);
void lcs_message_release(struct lcs_conn *conn);
void lcs_message_init(void);

#endif /* _LCS_MESSAGE_H */
