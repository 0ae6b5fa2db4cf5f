/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registrations: which callback a REGISTER asks for, and what the server's answer makes of it.
 */
#ifndef _LCS_REGISTRATION_H
#define _LCS_REGISTRATION_H

#include <lcs/pinhole.h>

void lcs_register_request(struct lcs_conn *conn, const struct lcs_message *msg);
void lcs_register_binding(struct lcs_conn *conn, const struct lcs_endpoint *ep);
void lcs_register_answer(struct lcs_conn *conn, const struct lcs_message *msg);

#endif /* _LCS_REGISTRATION_H */
