/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIP URIs (RFC 3261 19.1) and the list of them in a Contact header (RFC 3261 20.10).
 */
#ifndef _LCS_URI_H
#define _LCS_URI_H

#include <lcs/stream.h>

/**
 * struct lcs_param - one ";name=value"
 * @name: the name, white space taken off
 * @value: the value without its quotes; empty where there is none
 */
struct lcs_param {
	struct lcs_text name;
	struct lcs_text value;
};

bool lcs_take_param(struct lcs_text *text, u8 stop, struct lcs_param *param);
bool lcs_uri_read(struct lcs_text uri, const struct lcs_line *line, struct lcs_endpoint *ep);
void lcs_contact_read(struct lcs_reader *reader, const struct lcs_line *line,
		      struct lcs_text value);

#endif /* _LCS_URI_H */
