// SPDX-License-Identifier: GPL-2.0
/*
 * Which addresses and ports in the text become what: what the client says of itself goes out in
 * its outside form; what comes in and equals one of our outside forms goes back to its inside one.
 * Everything else stays. The endpoints of a body move together or not at all: it is held until it
 * is whole, and where one of them cannot move the others are taken back.
 */
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include <lcs/hold.h>
#include <lcs/message.h>
#include <lcs/rewrite.h>
#include <lcs/table.h>

/* PortX = Port xor this (MSN_SECURE_FTP invitations). */
#define LCS_PORTX_MASK	0x3141

static u8 *resize_text(void *ctx, u8 *old, u32 old_size, u32 size)
{
	struct lcs_work *work = ctx;

	return lcs_held_resize(work->conn->net, old, old_size, size);
}

static void release_text(void *ctx, u8 *old, u32 old_size)
{
	struct lcs_work *work = ctx;

	lcs_held_release(work->conn->net, old, old_size);
}

/* The engine asks for nothing that is not there. */
static void copy_payload(void *ctx, u32 offset, u8 *to, u32 len)
{
	struct lcs_work *work = ctx;

	if (WARN_ON_ONCE(skb_copy_bits(work->seg->skb, work->seg->dataoff + offset, to, len)))
		memset(to, 0, len);
}

const struct lcs_edit_ops lcs_edit_ops = {
	.resize = resize_text,
	.release = release_text,
	.copy = copy_payload,
};

/**
 * lcs_count_unchanged() - count something that passes as it is
 * @conn: the connection
 * @why: the reason, other than %LCS_EDIT_DONE
 */
void lcs_count_unchanged(struct lcs_conn *conn, enum lcs_edit_result why)
{
	static const enum lcs_counter counter[] = {
		[LCS_EDIT_LATE] = LCS_COUNT_UNCHANGED_LATE,
		[LCS_EDIT_CLASH] = LCS_COUNT_UNCHANGED_CLASH,
		[LCS_EDIT_FULL] = LCS_COUNT_UNCHANGED_FULL,
		[LCS_EDIT_TOO_LONG] = LCS_COUNT_UNCHANGED_LENGTH,
		[LCS_EDIT_NO_MEMORY] = LCS_COUNT_UNCHANGED_MEMORY,
		[LCS_EDIT_FIXED] = LCS_COUNT_UNCHANGED_FIXED,
	};

	if (why != LCS_EDIT_DONE)
		lcs_count(&conn->net->counts, counter[why]);
}

/* Where a replacement belongs, and whether all of them worked out. */
struct target {
	struct lcs_conn *conn;
	u8 dir;
	enum lcs_edit_result result;
};

static void replace(struct target *target, struct lcs_range at, const char *text, u32 len)
{
	struct lcs_work work = { .conn = target->conn };

	if (target->result != LCS_EDIT_DONE || !at.len)
		return;
	target->result = lcs_edit_replace(&target->conn->nat->edit[target->dir], &lcs_edit_ops,
					  &work, at, (const u8 *)text, len);
	if (target->result == LCS_EDIT_DONE)
		lcs_count(&target->conn->net->counts, LCS_COUNT_REPLACEMENTS);
}

static u32 print_addr(char *text, size_t size, const struct lcs_conn *conn,
		      const union nf_inet_addr *addr)
{
	if (nf_ct_l3num(conn->ct) == NFPROTO_IPV4)
		return scnprintf(text, size, "%pI4", &addr->ip);
	return scnprintf(text, size, "%pI6c", &addr->in6);
}

static void replace_addr(struct target *target, struct lcs_range at, const union nf_inet_addr *addr)
{
	char text[INET6_ADDRSTRLEN];
	u32 len = print_addr(text, sizeof(text), target->conn, addr);

	replace(target, at, text, len);
}

static void replace_number(struct target *target, struct lcs_range at, u32 number)
{
	char text[11];

	replace(target, at, text, scnprintf(text, sizeof(text), "%u", number));
}

/* A URI without a port means 5060: where that has moved, the port goes in behind the host. */
static void add_port(struct target *target, const struct lcs_endpoint *ep,
		     const union nf_inet_addr *addr, u16 port)
{
	char text[INET6_ADDRSTRLEN + 8];
	u32 len;

	/* Behind maddr there is no place for it, nor behind the bracket that closes an IPv6 one. */
	if (ep->flags & LCS_EP_MADDR || ep->addr.family == 6) {
		target->result = LCS_EDIT_FIXED;
		return;
	}
	len = print_addr(text, sizeof(text), target->conn, addr);
	len += scnprintf(text + len, sizeof(text) - len, ":%u", port);
	replace(target, ep->addr_at, text, len);
}

static void move(struct target *target, const struct lcs_endpoint *ep,
		 const union nf_inet_addr *addr, u16 port)
{
	if (ep->port != port && ep->kind == LCS_CONTACT && !ep->port_at.len) {
		add_port(target, ep, addr, port);
		return;
	}
	/* The RTCP side of a pair has no text of its own, and a count no more than one port. */
	if (ep->port != port && ((!ep->port_at.len && ep->kind != LCS_RTCP) || ep->count > 1)) {
		target->result = LCS_EDIT_FIXED;
		return;
	}
	replace_addr(target, ep->addr_at, addr);
	if (ep->port == port)
		return;
	replace_number(target, ep->port_at, port);
	if (ep->kind == LCS_FILE_TRANSFER && ep->extra == (ep->port ^ LCS_PORTX_MASK))
		replace_number(target, ep->extra_at, port ^ LCS_PORTX_MASK);
}

static bool same_addr(const struct lcs_conn *conn, const struct lcs_endpoint *ep,
		      const union nf_inet_addr *addr)
{
	bool ipv4 = nf_ct_l3num(conn->ct) == NFPROTO_IPV4;

	return ep->addr.family == (ipv4 ? 4 : 6) && !memcmp(ep->addr.ip, addr, ipv4 ? 4 : 16);
}

/* The port of the connection itself, as each side has it; host byte order. */
static u16 own_inside_port(const struct lcs_conn *conn)
{
	return ntohs(conn->ct->tuplehash[conn->client_dir].tuple.src.u.tcp.port);
}

static u16 own_outside_port(const struct lcs_conn *conn)
{
	return ntohs(conn->ct->tuplehash[!conn->client_dir].tuple.dst.u.tcp.port);
}

/*
 * Whose outside form is this? Only of clients that are translated to that same address. Of those
 * that share one it is the one that awaits a peer there. An echoed candidate does not say which
 * protocol it is of.
 */
static struct lcs_pinhole *find_outside(const struct lcs_conn *conn, const struct lcs_endpoint *ep)
{
	struct lcs_pinhole *row;
	struct lcs_key key = {};

	if (!same_addr(conn, ep, lcs_outside_addr(conn)))
		return NULL;
	key.addr = *lcs_outside_addr(conn);
	key.from = key.addr;
	key.port = htons(ep->port);
	key.zone = nf_ct_zone(conn->ct)->id;
	key.family = nf_ct_l3num(conn->ct);
	key.proto = ep->proto ? ep->proto : IPPROTO_UDP;
	row = lcs_table_outside(conn->net, &key);
	if (row || ep->proto)
		return row;
	key.proto = IPPROTO_TCP;
	return lcs_table_outside(conn->net, &key);
}

/* An outside address with an inside port would be somebody else's: both, or neither. */
static void move_whole(struct target *target, const struct lcs_endpoint *ep,
		       const union nf_inet_addr *addr, u16 port)
{
	struct lcs_work work = { .conn = target->conn };

	move(target, ep, addr, port);
	if (target->result == LCS_EDIT_NO_MEMORY || target->result == LCS_EDIT_FULL)
		lcs_edit_forget(&target->conn->nat->edit[target->dir], &lcs_edit_ops, &work,
				ep->addr_at.seq);
}

/* A Contact of the client goes out; a Request-URI, or a Contact of its own, comes back. */
static void header_endpoint(struct target *target, const struct lcs_endpoint *ep,
			    const struct lcs_pinhole *row)
{
	struct lcs_conn *conn = target->conn;

	if (target->dir == conn->client_dir) {
		if (row)
			move_whole(target, ep, &row->outside.addr, ntohs(row->outside.port));
		else if (ep->port == own_inside_port(conn))
			move_whole(target, ep, lcs_outside_addr(conn), own_outside_port(conn));
		return;
	}
	row = find_outside(conn, ep);
	if (row && row->client == conn->client)
		move_whole(target, ep, &row->key.addr, ntohs(row->key.port));
	else if (same_addr(conn, ep, lcs_outside_addr(conn)) && ep->port == own_outside_port(conn))
		move_whole(target, ep, lcs_client_addr(conn), own_inside_port(conn));
}

/* The endpoints of a description have moved: its o= line follows. */
static void move_origin(struct target *target)
{
	struct lcs_moving *body = &target->conn->nat->body[target->dir];
	struct lcs_range origin = { body->origin_seq, body->origin_len };

	if (body->mapped && !body->failed)
		replace_addr(target, origin, &body->moved);
	if (target->result != LCS_EDIT_DONE)
		body->failed = true;
	body->origin_len = 0;
}

/* The o= line has no port to tell whose it is: it follows the endpoints of its description. */
static void note_origin(struct target *target, const struct lcs_endpoint *ep)
{
	struct lcs_moving *body = &target->conn->nat->body[target->dir];
	struct lcs_conn *conn = target->conn;
	const union nf_inet_addr *addr;

	/* Of a part before this one: that has ended. */
	move_origin(target);
	addr = target->dir == conn->client_dir ? lcs_client_addr(conn) : lcs_outside_addr(conn);
	if (same_addr(conn, ep, addr)) {
		body->origin_seq = ep->addr_at.seq;
		body->origin_len = ep->addr_at.len;
	}
}

/*
 * RTCP without text of its own is at the port above its RTP, whatever became of that. Where it is
 * another, which was placed when they were no pair yet, the text cannot say so.
 */
static bool is_beside(const struct lcs_pinhole *row)
{
	struct lcs_key key = row->key;
	const struct lcs_pinhole *rtp;

	key.port = htons(ntohs(key.port) - 1);
	rtp = lcs_table_inside(row->net, &key);
	return rtp && ntohs(rtp->outside.port) + 1 == ntohs(row->outside.port);
}

static void body_endpoint(struct target *target, const struct lcs_endpoint *ep,
			  const struct lcs_pinhole *row)
{
	struct lcs_moving *body = &target->conn->nat->body[target->dir];
	struct lcs_conn *conn = target->conn;

	if (target->dir == conn->client_dir && lcs_is_unspecified(&ep->addr)) {
		/* On hold it names no address (RFC 3264 8.4), yet its o= line is the one it was. */
		body->moved = *lcs_outside_addr(conn);
	} else if (target->dir == conn->client_dir && ep->flags & LCS_EP_ACTIVE) {
		/* It listens nowhere: its port is the client's own affair. */
		body->moved = *lcs_outside_addr(conn);
		replace_addr(target, ep->addr_at, lcs_outside_addr(conn));
	} else if (target->dir == conn->client_dir) {
		/* An own endpoint that we did not map: the whole body stays as it is. */
		if (!row || !row->translated) {
			body->failed = true;
			lcs_count(&conn->net->counts, LCS_COUNT_UNCHANGED_REFUSED);
			return;
		}
		body->moved = row->outside.addr;
		if (ep->kind == LCS_RTCP && ep->flags & LCS_EP_PORT_IMPLIED && !is_beside(row))
			target->result = LCS_EDIT_FIXED;
		move(target, ep, &row->outside.addr, ntohs(row->outside.port));
	} else {
		row = find_outside(conn, ep);
		if (!row)
			return;
		body->moved = row->key.addr;
		if (ep->kind == LCS_RTCP && ep->flags & LCS_EP_PORT_IMPLIED && !is_beside(row))
			target->result = LCS_EDIT_FIXED;
		move(target, ep, &row->key.addr, ntohs(row->key.port));
	}
	body->mapped = true;
	if (target->result != LCS_EDIT_DONE)
		body->failed = true;
}

/**
 * lcs_rewrite_endpoint() - an endpoint was read
 * @conn: the connection; caller holds client->lock and rcu_read_lock()
 * @dir: who sent it
 * @ep: the endpoint
 * @row: the client's own pinhole for it, if there is one
 */
void lcs_rewrite_endpoint(struct lcs_conn *conn, u8 dir, const struct lcs_endpoint *ep,
			  const struct lcs_pinhole *row)
{
	struct target target = { .conn = conn, .dir = dir, .result = LCS_EDIT_DONE };

	lockdep_assert_held(&conn->client->lock);
	if (!ep->addr.family || (!ep->port && ep->kind != LCS_ORIGIN))
		return;
	if (ep->kind == LCS_CONTACT || ep->kind == LCS_REQUEST_URI)
		header_endpoint(&target, ep, row);
	else if (ep->kind == LCS_ORIGIN)
		note_origin(&target, ep);
	else if (!conn->nat->body[dir].failed)
		body_endpoint(&target, ep, row);
	lcs_count_unchanged(conn, target.result);
}

/**
 * lcs_rewrite_headers() - a header block was read
 * @conn: the connection; caller holds client->lock
 * @dir: who sent it
 * @wanted: its body will be read
 */
void lcs_rewrite_headers(struct lcs_conn *conn, u8 dir, bool wanted)
{
	struct lcs_moving *body = &conn->nat->body[dir];
	enum lcs_edit_result result;

	lockdep_assert_held(&conn->client->lock);
	body->failed = false;
	body->mapped = false;
	body->origin_len = 0;
	if (!wanted)
		return;
	result = lcs_hold_body(&conn->nat->edit[dir], &conn->stream[dir]);
	if (result == LCS_EDIT_DONE)
		return;
	body->failed = true;
	lcs_count_unchanged(conn, result);
}

/**
 * lcs_rewrite_message() - a message was read: what was found in its body is settled
 * @conn: the connection; caller holds client->lock
 * @dir: who sent it
 *
 * Return: false where its body passes as it was.
 */
bool lcs_rewrite_message(struct lcs_conn *conn, u8 dir)
{
	struct target target = { .conn = conn, .dir = dir, .result = LCS_EDIT_DONE };
	const struct lcs_message *msg = &conn->stream[dir].msg;
	struct lcs_edit *edit = &conn->nat->edit[dir];
	struct lcs_moving *body = &conn->nat->body[dir];
	struct lcs_work work = { .conn = conn };
	enum lcs_edit_result result;

	lockdep_assert_held(&conn->client->lock);
	/* Whatever of the body was not read, or could not be held, may name what was. */
	if (edit->frozen || msg->flags & (LCS_MSG_UNREADABLE | LCS_MSG_TOO_MANY))
		body->failed = true;
	move_origin(&target);
	if (edit->body && body->failed)
		lcs_edit_forget(edit, &lcs_edit_ops, &work, msg->body_seq);
	lcs_count_unchanged(conn, target.result);
	result = lcs_hold_message(edit, &lcs_edit_ops, &work, &conn->stream[dir]);
	lcs_count_unchanged(conn, result);
	return !body->failed && result == LCS_EDIT_DONE;
}
