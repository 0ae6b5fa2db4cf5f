// SPDX-License-Identifier: GPL-2.0
/*
 * File-transfer invitations (text/x-msmsgsinvite): lines "Name: value" in any order. Whoever sends
 * ACCEPT with IP-Address and Port listens. "Request-Data: IP-Address:" is not the field of that
 * name, and a file may be called "Port: 80.txt": only whole names at the start of a line count.
 */
#include <lcs/sip.h>

enum lcs_field {
	LCS_FIELD_NONE,
	LCS_FIELD_COMMAND,
	LCS_FIELD_COOKIE,
	LCS_FIELD_ADDRESS,
	LCS_FIELD_PORT,
	LCS_FIELD_PORTX,
	LCS_FIELD_SENDER_CONNECT,
};

static enum lcs_field find_field(struct lcs_text name)
{
	if (lcs_text_is(name, "invitation-command"))
		return LCS_FIELD_COMMAND;
	if (lcs_text_is(name, "invitation-cookie"))
		return LCS_FIELD_COOKIE;
	if (lcs_text_is(name, "ip-address"))
		return LCS_FIELD_ADDRESS;
	if (lcs_text_is(name, "port"))
		return LCS_FIELD_PORT;
	if (lcs_text_is(name, "portx"))
		return LCS_FIELD_PORTX;
	return lcs_text_is(name, "sender-connect") ? LCS_FIELD_SENDER_CONNECT : LCS_FIELD_NONE;
}

/**
 * lcs_invitation_interest() - is a line of an invitation one of those that are read
 * @text: what is there of the line, at least a byte
 *
 * Return: whether the line is wanted, as far as can be told yet.
 */
enum lcs_interest lcs_invitation_interest(struct lcs_text text)
{
	struct lcs_text name = lcs_header_name(&text);

	if (lcs_text_len(name) > strlen("invitation-command"))
		return LCS_UNWANTED;
	if (text.at == text.end)
		return LCS_UNSURE;
	return find_field(name) == LCS_FIELD_NONE ? LCS_UNWANTED : LCS_WANTED;
}

static void read_command(struct lcs_invitation *inv, struct lcs_text value)
{
	inv->twice |= inv->command;
	inv->command = 1;
	inv->accept = lcs_text_is(value, "accept");
	inv->cancel = lcs_text_is(value, "cancel");
}

static void read_address(struct lcs_invitation *inv, const struct lcs_line *line,
			 struct lcs_text value)
{
	/* Two addresses: nobody can say which one the peer will take. */
	inv->twice |= inv->address.len != 0;
	inv->address.seq = lcs_range_of(line, value).seq;
	inv->address.len = min(lcs_text_len(value), 255u);
	lcs_read_addr(value, &inv->address.addr);
}

static void read_port(struct lcs_invitation *inv, const struct lcs_line *line,
		      struct lcs_text value)
{
	inv->twice |= inv->port_len != 0;
	if (!lcs_read_port(value, &inv->port))
		return;
	inv->port_seq = lcs_range_of(line, value).seq;
	inv->port_len = lcs_text_len(value);
}

static void read_portx(struct lcs_invitation *inv, const struct lcs_line *line,
		       struct lcs_text value)
{
	inv->twice |= inv->portx_len != 0;
	if (!lcs_read_number(value, 65535, &inv->portx))
		return;
	inv->portx_seq = lcs_range_of(line, value).seq;
	inv->portx_len = min(lcs_text_len(value), 255u);
}

/**
 * lcs_invitation_line() - read a line of an invitation
 * @reader: the reader
 * @line: the line
 */
void lcs_invitation_line(struct lcs_reader *reader, const struct lcs_line *line)
{
	struct lcs_invitation *inv = &reader->stream->body.invitation;
	struct lcs_text text = line->text;
	enum lcs_field field = find_field(lcs_header_name(&text));

	lcs_skip_lws(&text);
	if (text.at == text.end || *text.at++ != ':')
		return;
	lcs_trim(&text);
	switch (field) {
	case LCS_FIELD_COMMAND:
		read_command(inv, text);
		break;
	case LCS_FIELD_COOKIE:
		inv->cookie = lcs_hash_lower(text);
		break;
	case LCS_FIELD_ADDRESS:
		read_address(inv, line, text);
		break;
	case LCS_FIELD_PORT:
		read_port(inv, line, text);
		break;
	case LCS_FIELD_PORTX:
		read_portx(inv, line, text);
		break;
	case LCS_FIELD_SENDER_CONNECT:
		inv->sender_connects = lcs_text_is(text, "true");
		break;
	case LCS_FIELD_NONE:
		break;
	}
}

/**
 * lcs_invitation_end() - the invitation is complete
 * @reader: reports an LCS_FILE_TRANSFER for a listener, or one with port 0 for a cancellation
 */
void lcs_invitation_end(struct lcs_reader *reader)
{
	struct lcs_invitation *inv = &reader->stream->body.invitation;
	struct lcs_endpoint ep = {
		.kind = LCS_FILE_TRANSFER,
		.proto = IPPROTO_TCP,
		.count = 1,
		.instance = inv->cookie,
		.expires = LCS_ABSENT,
	};

	if (inv->twice)
		return;
	if (inv->cancel) {
		lcs_report(reader, &ep);
		return;
	}
	if (!inv->accept || !inv->address.addr.family || !inv->port)
		return;
	ep.addr = inv->address.addr;
	ep.addr_at = (struct lcs_range){ inv->address.seq, inv->address.len };
	ep.port = inv->port;
	ep.port_at = (struct lcs_range){ inv->port_seq, inv->port_len };
	ep.extra = inv->portx;
	ep.extra_at = (struct lcs_range){ inv->portx_seq, inv->portx_len };
	if (inv->sender_connects)
		ep.flags |= LCS_EP_SENDER_CONNECTS;
	lcs_report(reader, &ep);
}
