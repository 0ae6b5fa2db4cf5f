// SPDX-License-Identifier: GPL-2.0
/*
 * File-transfer invitations: who listens where, and what only looks as if it said so.
 */
#include <kunit/test.h>
#include <lcs/stream.h>
#include "lcs_record.h"

#define ACCEPT	"Invitation-Command: ACCEPT\r\n"

static const struct lcs_row rows[] = {
	{ "the sender listens",
	  ACCEPT "Request-Data: IP-Address:\r\nInvitation-Cookie: 513756\r\n"
	  "IP-Address: {10.0.0.5}\r\n"
	  "Port: {6891}\r\nPortX: {11178}\r\nAuthCookie: 12345\r\n",
	  "file tcp 10.0.0.5 6891 extra 11178 instance 96fa8106" },
	{ "the receiver listens",
	  ACCEPT "Invitation-Cookie: 513756\r\nIP-Address: {10.0.0.9}\r\nPort: {6891}\r\n"
	  "PortX: {11178}\r\nAuthCookie: 991\r\nSender-Connect: TRUE\r\n",
	  "file tcp 10.0.0.9 6891 connects extra 11178 instance 96fa8106" },
	{ "older order, with internal fields",
	  "IP-Address: {10.0.0.5}\r\nIP-Address-Internal: 1.2.3.4\r\nPort: {6900}\r\n"
	  "PortX: {11189}\r\n"
	  "PortX-Internal: 99\r\nLaunch-Application: FALSE\r\n" ACCEPT,
	  "file tcp 10.0.0.5 6900 extra 11189" },
	{ "without PortX", ACCEPT "IP-Address: {10.0.0.5}\r\nPort: {6891}\r\n",
	  "file tcp 10.0.0.5 6891" },
	{ "last line without its end", ACCEPT "IP-Address: {10.0.0.5}\r\nPort: {6891}",
	  "file tcp 10.0.0.5 6891" },
	{ "bare line feeds", "Invitation-Command: ACCEPT\nIP-Address: {10.0.0.5}\nPort: {6891}\n",
	  "file tcp 10.0.0.5 6891" },
	{ "any case, any blanks",
	  "INVITATION-COMMAND :accept\r\nip-address:{10.0.0.5}  \r\nPORT:\t{6891} \r\n",
	  "file tcp 10.0.0.5 6891" },
	{ "folded", ACCEPT "IP-Address:\r\n {10.0.0.5}\r\nPort\r\n\t: {6891}\r\n",
	  "file tcp 10.0.0.5 6891" },
	{ "an empty line between", ACCEPT "\r\nIP-Address: {10.0.0.5}\r\n\r\n Port: 1\r\n"
	  "Port: {6891}\r\n",
	  "file tcp 10.0.0.5 6891" },
	{ "IPv6", ACCEPT "IP-Address: {2001:db8::5}\r\nPort: {6891}\r\n",
	  "file tcp 2001:db8:0:0:0:0:0:5 6891" },
	{ "invitation only", "Invitation-Command: INVITE\r\nIP-Address: 10.0.0.5\r\nPort: 6891\r\n",
	  "" },
	{ "accepted, listens nowhere", ACCEPT "Request-Data: IP-Address:\r\n"
	  "Invitation-Cookie: 1\r\n",
	  "" },
	{ "no command", "IP-Address: 10.0.0.5\r\nPort: 6891\r\n", "" },
	{ "fields as values",
	  ACCEPT "Request-Data: IP-Address: 10.0.0.5\r\nApplication-File: Port: 80.txt\r\n"
	  "X: Port: 6891\r\n", "" },
	{ "names that only begin alike",
	  ACCEPT "IP-Addres: 10.0.0.5\r\nIP-Address2: 10.0.0.5\r\nPor: 6891\r\nPorts: 6891\r\n"
	  "Invitation-Commander: x\r\nSender-Connects: TRUE\r\n", "" },
	{ "no colon", ACCEPT "IP-Address 10.0.0.5\r\nPort 6891\r\nIP-Address\r\n", "" },
	{ "port 0", ACCEPT "IP-Address: 10.0.0.5\r\nPort: 0\r\n", "" },
	{ "port too large", ACCEPT "IP-Address: 10.0.0.5\r\nPort: 65536\r\n", "" },
	{ "port is no number", ACCEPT "IP-Address: 10.0.0.5\r\nPort: 6891a\r\n", "" },
	{ "address is a name", ACCEPT "IP-Address: host.example\r\nPort: 6891\r\n", "" },
	{ "PortX too large", ACCEPT "IP-Address: {10.0.0.5}\r\nPort: {6891}\r\nPortX: 65536\r\n",
	  "file tcp 10.0.0.5 6891" },
	{ "two addresses", ACCEPT "IP-Address: 10.0.0.5\r\nIP-Address: 10.0.0.6\r\nPort: 6891\r\n",
	  "" },
	{ "two ports", ACCEPT "IP-Address: 10.0.0.5\r\nPort: 6891\r\nPort: 6892\r\n", "" },
	{ "two PortX", ACCEPT "IP-Address: 10.0.0.5\r\nPort: 6891\r\nPortX: 1\r\nPortX: 2\r\n",
	  "" },
	{ "two commands", ACCEPT "Invitation-Command: CANCEL\r\nIP-Address: 10.0.0.5\r\n"
	  "Port: 6891\r\n",
	  "" },
	{ "cancelled", "Invitation-Command: CANCEL\r\nInvitation-Cookie: 513756\r\n"
	  "Cancel-Code: REJECT\r\n",
	  "file tcp - 0 instance 96fa8106" },
	{ "Sender-Connect: FALSE",
	  ACCEPT "IP-Address: {10.0.0.5}\r\nPort: {6891}\r\nSender-Connect: FALSE\r\n",
	  "file tcp 10.0.0.5 6891" },
	{ "a line that is only a line end", "\r\n", "" },
	{ "a single carriage return", "\r", "" },
};

KUNIT_ARRAY_PARAM(row, rows, lcs_row_desc);

static char *with_head(struct kunit *test, const char *body)
{
	u32 size = strlen(body) + 200, len = 0;
	const char *at;
	char *text = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (at = body; *at; at++)
		len += *at != '{' && *at != '}';
	snprintf(text, size, "MESSAGE x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 MESSAGE\r\n"
		 "Content-Type: text/x-msmsgsinvite; charset=UTF-8\r\nContent-Length: %u\r\n\r\n%s",
		 len, body);
	return text;
}

static void invitations(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;

	lcs_record_check(test, with_head(test, row->text), row->want);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(invitations, row_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_invitation",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto/invitation.c");
