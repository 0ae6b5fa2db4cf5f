// SPDX-License-Identifier: GPL-2.0
/*
 * Dialogs. What a client offers opens at once, for early media may come before any answer; the
 * answer makes it last, a failure takes it back. Each description says all that its sender wants
 * (RFC 3264 8): what it does not name any more closes when it takes effect. A dialog is known by
 * its Call-ID: forks share it, and it is the same on the main and on the callback connection.
 */
#include <lcs/compat.h>
#include <lcs/dialog.h>
#include <lcs/nat.h>
#include <lcs/need.h>
#include <lcs/peer.h>

/* Ports of one m= line that are opened; these clients never send a count (RFC 4566 5.14). */
#define LCS_PORT_COUNT_MAX	8

static bool is_success(const struct lcs_message *msg)
{
	return msg->status >= 200 && msg->status < 300;
}

/* Of an answer that has to be given to somebody else: the request comes again with credentials. */
static bool is_challenge(const struct lcs_message *msg)
{
	return msg->status == 401 || msg->status == 407;
}

/* Does an endpoint name the client itself? */
static bool is_own(const struct lcs_conn *conn, const struct lcs_endpoint *ep)
{
	bool ipv4 = nf_ct_l3num(conn->ct) == NFPROTO_IPV4;

	return ep->addr.family == (ipv4 ? 4 : 6) &&
	       !memcmp(ep->addr.ip, lcs_client_addr(conn), ipv4 ? 4 : 16);
}

/* What an endpoint asks for; with an address of its own where it leads out, or for one peer. */
struct asked {
	struct lcs_want want;
	union nf_inet_addr addr;
	union nf_inet_addr peer;
};

/*
 * Whose address is it? The client may open only to itself, the server only from the client to
 * another. Return: false, and counted where that is worth it, for anything else.
 */
static bool check_address(struct lcs_conn *conn, const struct lcs_endpoint *ep, bool from_client,
			  struct asked *asked)
{
	bool own = is_own(conn, ep);

	if (ep->addr.family != (nf_ct_l3num(conn->ct) == NFPROTO_IPV4 ? 4 : 6)) {
		if (from_client && ep->addr.family)
			lcs_pinhole_refuse(conn, asked->want.class, LCS_REFUSED_ADDRESS);
		return false;
	}
	memcpy(&asked->addr, ep->addr.ip, ep->addr.family == 4 ? 4 : 16);
	if (from_client) {
		if (!own)
			lcs_pinhole_refuse(conn, asked->want.class, LCS_REFUSED_ADDRESS);
		return own;
	}
	if (!lcs_relayed()) {
		lcs_pinhole_refuse(conn, asked->want.class, LCS_REFUSED_RELAYED);
		return false;
	}
	if (own || !lcs_peer_allowed(conn, &asked->addr)) {
		lcs_pinhole_refuse(conn, asked->want.class, LCS_REFUSED_ADDRESS);
		return false;
	}
	asked->want.addr = &asked->addr;
	return true;
}

/* A row that is narrowed to the peers of other dialogs must let the new one's in, too. */
static struct lcs_pinhole *open_asked(struct lcs_conn *conn, struct asked *asked)
{
	struct lcs_pinhole *row = lcs_pinhole_open(conn, &asked->want);

	if (row && row->narrowed)
		lcs_peers_apply(row);
	return row;
}

/* A dialog does without a pinhole. */
static void give_up(struct lcs_pinhole *row, struct lcs_need *need)
{
	if (lcs_need_end(row, need))
		lcs_pinhole_close(row);
	else
		lcs_peers_apply(row);
}

/* On hold the address is 0.0.0.0 (RFC 3264 8.4): what is open on that port stays. */
static void keep_on_hold(struct lcs_conn *conn, const struct asked *asked, bool from_client)
{
	struct lcs_pinhole *row;
	struct lcs_need *need;

	list_for_each_entry(row, &conn->client->pinholes, list) {
		need = lcs_need_of(row, asked->want.cause.call_id);
		if (need && row->key.port == htons(asked->want.port) &&
		    row->key.proto == asked->want.proto && row->outbound != from_client)
			lcs_need_ask(row, &asked->want.cause)->index = asked->want.index;
	}
}

/* Without an a=rtcp line the RTCP side is the port above (RFC 3550 11). */
static bool needs_pair(const struct lcs_conn *conn, bool from_client, const struct lcs_endpoint *ep)
{
	u8 dir = from_client ? conn->client_dir : !conn->client_dir;

	return ep->kind == LCS_MEDIA && ep->proto == IPPROTO_UDP &&
	       !conn->stream[dir].body.sdp.rtcp_port;
}

/* Own endpoints of a body go out in their outside form. */
static void advertise(struct lcs_conn *conn, const struct lcs_endpoint *ep,
		      const struct lcs_pinhole *row)
{
	const struct lcs_nat_hooks *nat = conn->nat ? lcs_nat() : NULL;

	if (nat)
		nat->endpoint(conn, conn->client_dir, ep, row);
}

/* The peer has described itself before (RFC 3264 3). */
static bool is_answer(const struct lcs_message *msg)
{
	return lcs_is_response(msg) || msg->method == LCS_METHOD_ACK;
}

/* An endpoint of a session description: one port, or as many as its count says. */
static void media_endpoint(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
			   const struct lcs_endpoint *ep)
{
	unsigned int i, n = min_t(unsigned int, ep->count ? ep->count : 1, LCS_PORT_COUNT_MAX);
	unsigned int step = ep->proto == IPPROTO_UDP ? 2 : 1;
	bool on_hold = lcs_is_unspecified(&ep->addr);
	struct lcs_pinhole *row;
	struct asked asked = {
		.want = {
			.class = ep->kind == LCS_APP_SHARING ? LCS_CLASS_APP_SHARING :
							       LCS_CLASS_MEDIA,
			.proto = ep->proto,
			.index = min_t(u16, ep->index, U8_MAX),
			.component = lcs_peer_component(ep),
			.pair = needs_pair(conn, from_client, ep),
			.inactive = conn->loose,
			.cause = lcs_transaction_of(msg, from_client),
		},
	};

	if (!from_client && !on_hold)
		lcs_peers_note(conn, msg->call_id, ep);
	if (ep->flags & LCS_EP_ACTIVE) {
		if (from_client && is_own(conn, ep))
			advertise(conn, ep, NULL);
		return;
	}
	asked.want.port = ep->port;
	if (from_client && ep->kind == LCS_APP_SHARING && is_answer(msg) &&
	    lcs_peer_only(conn, msg->call_id, asked.want.index, &asked.peer))
		asked.want.peer = &asked.peer;
	if (on_hold) {
		keep_on_hold(conn, &asked, from_client);
		if (from_client)
			advertise(conn, ep, NULL);
		return;
	}
	if (!check_address(conn, ep, from_client, &asked))
		return;
	row = open_asked(conn, &asked);
	if (from_client)
		advertise(conn, ep, row);
	for (i = 1; i < n && ep->port + i * step <= U16_MAX; i++) {
		asked.want.port = ep->port + i * step;
		open_asked(conn, &asked);
	}
}

/* Whoever accepts with an address listens; port 0 calls the transfer of that cookie off. */
static void file_endpoint(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
			  const struct lcs_endpoint *ep)
{
	struct asked asked = {
		.want = {
			.class = LCS_CLASS_FILE_TRANSFER,
			.proto = IPPROTO_TCP,
			.inactive = conn->loose,
			.port = ep->port,
			.cause = lcs_transaction_of(msg, from_client),
		},
	};
	struct lcs_pinhole *row, *next;

	if (ep->port) {
		if (!check_address(conn, ep, from_client, &asked))
			return;
		row = open_asked(conn, &asked);
		if (row)
			row->instance = ep->instance;
		if (from_client)
			advertise(conn, ep, row);
		return;
	}
	list_for_each_entry_safe(row, next, &conn->client->pinholes, list)
		if (row->class == LCS_CLASS_FILE_TRANSFER && row->instance == ep->instance &&
		    lcs_need_of(row, msg->call_id))
			lcs_pinhole_close(row);
}

/**
 * lcs_dialog_endpoint() - an endpoint in a body
 * @conn: the connection
 * @msg: the message, its header block complete
 * @from_client: who sent it
 * @ep: the endpoint
 *
 * Caller holds client->lock and rcu_read_lock().
 */
void lcs_dialog_endpoint(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
			 const struct lcs_endpoint *ep)
{
	u32 bit = ep->index < 32 ? 1u << ep->index : 0;

	lockdep_assert_held(&conn->client->lock);
	switch (ep->kind) {
	case LCS_MEDIA:
	case LCS_APP_SHARING:
		if (!ep->port) {
			conn->closed[!from_client] |= bit;
			return;
		}
		conn->named[!from_client] |= bit;
		fallthrough;
	case LCS_RTCP:
	case LCS_CANDIDATE:
		media_endpoint(conn, msg, from_client, ep);
		break;
	case LCS_FILE_TRANSFER:
		file_endpoint(conn, msg, from_client, ep);
		break;
	case LCS_ORIGIN:
		if (from_client)
			advertise(conn, ep, NULL);
		break;
	default:
		break;
	}
}

/**
 * lcs_dialog_reads() - must the body of a message be read
 * @msg: the message, its header block complete
 *
 * An SDP in the answer to OPTIONS lists what the sender can do, not where it listens.
 */
bool lcs_dialog_reads(const struct lcs_message *msg)
{
	switch (msg->body) {
	case LCS_BODY_INVITATION:
		return msg->method == LCS_METHOD_MESSAGE && !lcs_is_response(msg);
	case LCS_BODY_SDP:
	case LCS_BODY_MULTIPART:
		return msg->status < 300 &&
		       (msg->method == LCS_METHOD_INVITE || msg->method == LCS_METHOD_ACK ||
			msg->method == LCS_METHOD_PRACK || msg->method == LCS_METHOD_UPDATE);
	}
	return false;
}

/* Is this the INVITE beside which a PRACK or UPDATE asked? */
static bool is_invite_of(const struct lcs_need *need, const struct lcs_transaction *tr)
{
	return tr->method == LCS_METHOD_INVITE && tr->cseq == need->invite &&
	       tr->by_client == need->by_client;
}

static bool waits_for(const struct lcs_need *need, const struct lcs_transaction *tr)
{
	return lcs_same_transaction(&need->pending, tr) ||
	       (need->invited && is_invite_of(need, tr));
}

/* A transaction has succeeded: what it asked for lasts, what it did without goes. */
static void succeed(struct lcs_client *client, const struct lcs_transaction *tr, u32 lifetime)
{
	struct lcs_pinhole *row, *next;
	struct lcs_need *need;
	bool asked;

	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		need = lcs_need_of(row, tr->call_id);
		if (!need)
			continue;
		asked = waits_for(need, tr);
		if (tr->method == LCS_METHOD_INVITE) {
			need->early = false;
			need->invited = false;
		}
		if (lcs_same_transaction(&need->drop, tr))
			give_up(row, need);
		else if (!asked)
			continue;
		else if (row->class == LCS_CLASS_FILE_TRANSFER)
			lcs_need_confirm(row, need, tr, lcs_pending_lifetime(row->class));
		else
			lcs_need_confirm(row, need, tr, lifetime);
	}
}

/* A transaction has failed: what only it asked for goes, the rest stays as it was before. */
static void fail(struct lcs_client *client, const struct lcs_transaction *tr)
{
	struct lcs_pinhole *row, *next;
	struct lcs_need *need;
	bool asked;

	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		need = lcs_need_of(row, tr->call_id);
		if (!need)
			continue;
		if (lcs_same_transaction(&need->drop, tr))
			need->drop.set = false;
		asked = waits_for(need, tr);
		if (lcs_same_transaction(&need->pending, tr))
			need->pending.set = false;
		if (is_invite_of(need, tr))
			need->invited = false;
		/* Without a dialog what was agreed on meanwhile goes, too. */
		if (need->early && is_invite_of(need, tr))
			give_up(row, need);
		else if (asked && !need->confirmed && !need->invited && !need->pending.set)
			give_up(row, need);
	}
}

/* While it rings, what was asked for lives on, and is in force. */
static void ring(struct lcs_pinhole *row, struct lcs_need *need)
{
	row->active = true;
	lcs_need_wait(row, need, true);
}

/* A dialog goes on ringing: what it asked for lives on, and its Contact is in force now. */
static void proceed(struct lcs_conn *conn, const struct lcs_transaction *tr)
{
	struct lcs_pinhole *row;
	struct lcs_need *need;

	list_for_each_entry(row, &conn->client->pinholes, list) {
		need = lcs_need_of(row, tr->call_id);
		if (need && !need->confirmed && waits_for(need, tr))
			ring(row, need);
	}
}

/* A dialog has ended: what nobody else needs closes. */
static void end_dialog(struct lcs_client *client, u64 call_id)
{
	struct lcs_pinhole *row, *next;
	struct lcs_need *need;

	lcs_peers_forget(client, call_id);
	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		need = lcs_need_of(row, call_id);
		if (need)
			give_up(row, need);
	}
}

/* Requests whose Contact becomes the target of a dialog (RFC 3261 12.1, 12.2.1.2, RFC 3265). */
static bool forms_dialog(const struct lcs_message *msg)
{
	switch (msg->method) {
	case LCS_METHOD_INVITE:
	case LCS_METHOD_NOTIFY:
	case LCS_METHOD_REFER:
	case LCS_METHOD_SUBSCRIBE:
	case LCS_METHOD_UPDATE:
		return !lcs_is_response(msg) || is_success(msg) ||
		       (msg->status > 100 && msg->status < 200 && (msg->flags & LCS_MSG_TO_TAG));
	}
	return false;
}

static bool is_registered(struct lcs_pinhole *row)
{
	const struct lcs_need *need = lcs_need_registration(row);

	return need->confirmed && lcs_need_lives(need);
}

/* The Contacts of the client in a message that makes a dialog: callbacks as long as it lives. */
static void dialog_contacts(struct lcs_conn *conn, const struct lcs_message *msg)
{
	struct lcs_want want = {
		.class = LCS_CLASS_CALLBACK,
		.proto = IPPROTO_TCP,
		.inactive = true,
		.cause = lcs_transaction_of(msg, true),
	};
	struct lcs_pinhole *row;
	struct lcs_need *need;
	unsigned int i;

	for (i = 0; i < conn->contact_count; i++) {
		want.port = lcs_contacts(conn)[i].port;
		if (lcs_is_own_port(conn, want.port))
			continue;
		row = lcs_pinhole_find(conn, &want);
		if (row && is_registered(row))
			continue;
		row = lcs_pinhole_open(conn, &want);
		need = row ? lcs_need_of(row, msg->call_id) : NULL;
		if (!need || !lcs_is_response(msg) || conn->loose)
			continue;
		/*
		 * The client's own answer needs nobody to confirm it; a subscription, which says
		 * how long it lives, is not prolonged by a NOTIFY's.
		 */
		if (need->confirmed && msg->method == LCS_METHOD_NOTIFY)
			continue;
		if (is_success(msg))
			lcs_need_confirm(row, need, &want.cause, lcs_dialog_lifetime(U32_MAX));
		else
			ring(row, need);
	}
}

/* Expires of any other request says how long that may take (RFC 3261 20.19). */
static bool ends_subscription(const struct lcs_message *msg)
{
	return msg->method == LCS_METHOD_SUBSCRIBE && !lcs_is_response(msg) && !msg->expires;
}

static void request_headers(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client)
{
	struct lcs_transaction tr = lcs_transaction_of(msg, from_client);

	switch (msg->method) {
	case LCS_METHOD_BYE:
		end_dialog(conn->client, msg->call_id);
		break;
	case LCS_METHOD_CANCEL:
		fail(conn->client, &tr);
		break;
	case LCS_METHOD_SUBSCRIBE:
		if (from_client && ends_subscription(msg))
			end_dialog(conn->client, msg->call_id);
		break;
	case LCS_METHOD_ACK:
		/* Picked up in mid-stream, the peer has answered now what the client said. */
		if (conn->loose && !from_client)
			succeed(conn->client, &tr, lcs_dialog_lifetime(U32_MAX));
		break;
	}
}

/* Only of a subscription does Expires say how long the dialog lives (RFC 3261 20.19, RFC 6665). */
static u32 lifetime_of(const struct lcs_message *msg)
{
	return lcs_dialog_lifetime(msg->method == LCS_METHOD_SUBSCRIBE ? msg->expires : U32_MAX);
}

static void response_headers(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client)
{
	struct lcs_transaction tr = lcs_transaction_of(msg, from_client);

	if (msg->method == LCS_METHOD_REGISTER || is_challenge(msg))
		return;
	if (msg->status >= 300)
		fail(conn->client, &tr);
	else if (conn->loose && from_client)
		return;
	else if (is_success(msg))
		succeed(conn->client, &tr, lifetime_of(msg));
	else if (msg->status > 100 && (msg->flags & LCS_MSG_TO_TAG))
		proceed(conn, &tr);
}

/**
 * lcs_dialog_headers() - the header block of a message is complete
 * @conn: the connection
 * @msg: the message
 * @from_client: who sent it
 *
 * Caller holds client->lock and rcu_read_lock().
 */
void lcs_dialog_headers(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client)
{
	lockdep_assert_held(&conn->client->lock);
	if (lcs_is_response(msg))
		response_headers(conn, msg, from_client);
	else
		request_headers(conn, msg, from_client);
	if (from_client && forms_dialog(msg) && !ends_subscription(msg))
		dialog_contacts(conn, msg);
	conn->named[!from_client] = 0;
	conn->closed[!from_client] = 0;
	if (!from_client && lcs_dialog_reads(msg) && msg->body != LCS_BODY_INVITATION)
		conn->described = 0;
}

/* What a dialog needs a pinhole for, if that is for what a session description names. */
static struct lcs_need *media_need(struct lcs_pinhole *row, u64 call_id)
{
	return lcs_pinhole_is_media(row) ? lcs_need_of(row, call_id) : NULL;
}

/* An offer: what it does not name goes when it is accepted. */
static void mark_unnamed(struct lcs_client *client, const struct lcs_transaction *tr, bool outbound)
{
	struct lcs_pinhole *row;
	struct lcs_need *need;

	list_for_each_entry(row, &client->pinholes, list) {
		need = media_need(row, tr->call_id);
		if (need && row->outbound == outbound && !lcs_same_transaction(&need->pending, tr))
			need->drop = *tr;
	}
}

/* An answer in force: what it names lasts, what it does not, or what it refuses, closes. */
static void settle(struct lcs_conn *conn, const struct lcs_transaction *tr, bool outbound)
{
	u32 refused = conn->closed[outbound] & ~conn->named[outbound];
	struct lcs_client *client = conn->client;
	struct lcs_pinhole *row, *next;
	struct lcs_need *need;
	bool close;

	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		need = media_need(row, tr->call_id);
		if (!need)
			continue;
		if (row->outbound == outbound)
			close = !lcs_same_transaction(&need->pending, tr);
		else
			close = need->index < 32 && refused & 1u << need->index;
		if (close)
			give_up(row, need);
		else if (row->outbound == outbound && (outbound || !conn->loose))
			lcs_need_confirm(row, need, tr, lcs_dialog_lifetime(U32_MAX));
	}
	lcs_peers_narrow(client, tr->call_id);
}

/**
 * lcs_dialog_told() - a body of a translated client goes out
 * @conn: the connection
 * @msg: the message
 * @from_client: who sent it
 * @translated: with outside forms in it, not as it was
 *
 * Nobody sends to an outside form that no message has named: what only a body asked for that passes
 * as it was closes. Caller holds client->lock and rcu_read_lock().
 */
void lcs_dialog_told(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
		     bool translated)
{
	struct lcs_transaction tr = lcs_transaction_of(msg, from_client);
	struct lcs_pinhole *row, *next;

	lockdep_assert_held(&conn->client->lock);
	if (!from_client || !lcs_dialog_reads(msg))
		return;
	list_for_each_entry_safe(row, next, &conn->client->pinholes, list) {
		if (row->class == LCS_CLASS_CALLBACK || !row->translated ||
		    !lcs_need_pending(row, &tr))
			continue;
		if (translated)
			row->told = true;
		else if (!row->told)
			lcs_pinhole_close(row);
	}
}

/**
 * lcs_dialog_end() - a body that was read has ended
 * @conn: the connection
 * @msg: the message
 * @from_client: who sent it
 *
 * Caller holds client->lock and rcu_read_lock().
 */
void lcs_dialog_end(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client)
{
	struct lcs_transaction tr = lcs_transaction_of(msg, from_client);

	lockdep_assert_held(&conn->client->lock);
	if (!lcs_dialog_reads(msg) || msg->body == LCS_BODY_INVITATION ||
	    (msg->flags & (LCS_MSG_UNREADABLE | LCS_MSG_TOO_MANY | LCS_MSG_ENCODED)))
		return;
	/* A description that names nothing we know and closes nothing says nothing to us. */
	if (!conn->named[!from_client] && !conn->closed[!from_client])
		return;
	if (is_success(msg) || msg->method == LCS_METHOD_ACK)
		settle(conn, &tr, !from_client);
	else if (!lcs_is_response(msg))
		mark_unnamed(conn->client, &tr, !from_client);
	lcs_peers_lead_out(conn, msg->call_id);
}
