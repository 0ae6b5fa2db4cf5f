// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations. A client that signs in names in its Contact the port on which it listens for the
 * server's own connection; the callback is open from the server's 2xx on, for as long as that says.
 */
#include <lcs/need.h>
#include <lcs/registration.h>

/* How surely a binding in the server's list is the one a pinhole was opened for. */
enum {
	LCS_RANK_NONE,
	/* the list has no other */
	LCS_RANK_ONLY,
	LCS_RANK_OPAQUE,
	LCS_RANK_INSTANCE,
	LCS_RANK_ADDRESS,
};

/* Contact: * asks for the end of all bindings (RFC 3261 10.2.2). */
static void close_all(struct lcs_client *client)
{
	struct lcs_pinhole *row, *next;

	list_for_each_entry_safe(row, next, &client->pinholes, list)
		if (row->class == LCS_CLASS_CALLBACK)
			lcs_pinhole_close(row);
}

static void request_contact(struct lcs_conn *conn, const struct lcs_message *msg,
			    const struct lcs_contact *contact)
{
	u32 expires = contact->expires == LCS_ABSENT ? msg->expires : contact->expires;
	struct lcs_want want = {
		.class = LCS_CLASS_CALLBACK,
		.proto = IPPROTO_TCP,
		.inactive = true,
		.port = contact->port,
		.cause = lcs_transaction_of(msg, true),
	};
	struct lcs_pinhole *row;

	if (lcs_is_own_port(conn, contact->port))
		return;
	if (!expires) {
		row = lcs_pinhole_find(conn, &want);
		if (row && row->class == LCS_CLASS_CALLBACK)
			lcs_pinhole_close(row);
		return;
	}
	row = lcs_pinhole_open(conn, &want);
	if (!row)
		return;
	row->expires = expires;
	row->instance = contact->instance;
	row->opaque = contact->opaque;
}

/**
 * lcs_register_request() - the client has sent the header block of a REGISTER
 * @conn: its connection; lcs_contacts() are those that name the client itself
 * @msg: the message
 *
 * Caller holds client->lock and rcu_read_lock().
 */
void lcs_register_request(struct lcs_conn *conn, const struct lcs_message *msg)
{
	unsigned int i;

	lockdep_assert_held(&conn->client->lock);
	if (msg->flags & LCS_MSG_STAR) {
		close_all(conn->client);
		return;
	}
	for (i = 0; i < conn->contact_count; i++)
		request_contact(conn, msg, &lcs_contacts(conn)[i]);
}

/* The server knows a pinhole by its outside form. */
static bool is_named(const struct lcs_pinhole *row, const struct lcs_endpoint *ep)
{
	bool ipv4 = row->outside.family == NFPROTO_IPV4;

	return ep->addr.family == (ipv4 ? 4 : 6) && htons(ep->port) == row->outside.port &&
	       !memcmp(ep->addr.ip, &row->outside.addr, ipv4 ? 4 : 16);
}

static u8 rank_of(const struct lcs_conn *conn, const struct lcs_pinhole *row,
		  const struct lcs_endpoint *ep)
{
	if (is_named(row, ep))
		return LCS_RANK_ADDRESS;
	if (ep->instance && ep->instance == row->instance)
		return LCS_RANK_INSTANCE;
	if (ep->opaque && ep->opaque == row->opaque)
		return LCS_RANK_OPAQUE;
	return conn->bindings ? LCS_RANK_NONE : LCS_RANK_ONLY;
}

/**
 * lcs_register_binding() - the server has sent a Contact in an answer
 * @conn: the connection
 * @ep: the Contact
 *
 * A 200 to REGISTER lists all bindings of the user, of other computers too, each with its own
 * lifetime (RFC 3261 10.3). Which answer this is may not be known yet; lcs_register_answer()
 * uses what is noted here or forgets it.
 *
 * Caller holds client->lock.
 */
void lcs_register_binding(struct lcs_conn *conn, const struct lcs_endpoint *ep)
{
	struct lcs_pinhole *row;
	u8 rank;

	lockdep_assert_held(&conn->client->lock);
	list_for_each_entry(row, &conn->client->pinholes, list) {
		if (row->class != LCS_CLASS_CALLBACK || !lcs_need_registration(row)->pending.set)
			continue;
		/* A second binding: the first was not the only one. */
		if (row->answer_rank == LCS_RANK_ONLY)
			row->answer_rank = LCS_RANK_NONE;
		rank = rank_of(conn, row, ep);
		if (rank > row->answer_rank) {
			row->answer_rank = rank;
			row->answer_expires = ep->expires;
		}
	}
	conn->bindings = true;
}

/* The order of preference is that Contact's expires, Expires of the answer, then the request's. */
static u32 lifetime_of(const struct lcs_pinhole *row, const struct lcs_message *msg)
{
	u32 expires = LCS_ABSENT;

	if (row->answer_rank != LCS_RANK_NONE)
		expires = row->answer_expires;
	if (expires == LCS_ABSENT)
		expires = msg->expires;
	if (expires == LCS_ABSENT)
		expires = row->expires;
	return expires ? lcs_registered_lifetime(expires) : 0;
}

static void answer_row(struct lcs_pinhole *row, const struct lcs_message *msg)
{
	struct lcs_need *need = lcs_need_registration(row);
	u32 lifetime;

	if (msg->status < 200 || msg->status == 401 || msg->status == 407)
		return;
	if (msg->status < 300) {
		lifetime = lifetime_of(row, msg);
		if (lifetime)
			lcs_need_confirm(row, need, &need->pending, lifetime);
		else
			lcs_pinhole_close(row);
	} else if (need->confirmed) {
		/* A failed refresh does not cut a live binding. */
		need->pending.set = false;
	} else if (lcs_need_end(row, need)) {
		lcs_pinhole_close(row);
	}
}

/**
 * lcs_register_answer() - the server has sent the header block of an answer
 * @conn: the connection
 * @msg: the message, an answer to whatever method
 *
 * Caller holds client->lock.
 */
void lcs_register_answer(struct lcs_conn *conn, const struct lcs_message *msg)
{
	bool readable = !(msg->flags & LCS_MSG_UNREADABLE) && msg->method == LCS_METHOD_REGISTER;
	struct lcs_transaction tr = lcs_transaction_of(msg, false);
	struct lcs_pinhole *row, *next;

	lockdep_assert_held(&conn->client->lock);
	list_for_each_entry_safe(row, next, &conn->client->pinholes, list)
		if (readable && row->class == LCS_CLASS_CALLBACK &&
		    lcs_same_transaction(&lcs_need_registration(row)->pending, &tr))
			answer_row(row, msg);
	list_for_each_entry(row, &conn->client->pinholes, list)
		row->answer_rank = LCS_RANK_NONE;
	conn->bindings = false;
}
