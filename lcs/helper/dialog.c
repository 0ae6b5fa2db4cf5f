// SPDX-License-Identifier: GPL-2.0
/*
 * Dialogs. What a client offers opens at once, for early media may come before any answer; the
 * answer makes it last, a failure takes it back. Each description says all that its sender wants
 * (RFC 3264 8): what it does not name any more closes when it takes effect. A dialog is known by
 * its Call-ID: forks share it, and it is the same on the main and on the callback connection.
 */
#include <linux/inetdevice.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/route.h>

#include <lcs/compat.h>
#include <lcs/dialog.h>
#include <lcs/nat.h>

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

static struct lcs_dialog *find_dialog(struct lcs_client *client, u64 call_id)
{
	struct lcs_dialog *dialog;

	list_for_each_entry(dialog, &client->dialogs, list)
		if (dialog->call_id == call_id)
			return dialog;
	return NULL;
}

static void forget_dialog(struct lcs_client *client, struct lcs_dialog *dialog)
{
	list_del(&dialog->list);
	client->dialog_count--;
	kfree(dialog);
}

/**
 * lcs_dialogs_reap() - forget dialogs that have ended
 * @client: their client; caller holds its lock
 * @all: also those that have not
 */
void lcs_dialogs_reap(struct lcs_client *client, bool all)
{
	struct lcs_dialog *dialog, *next;

	list_for_each_entry_safe(dialog, next, &client->dialogs, list)
		if (all || time_after_eq(jiffies, dialog->until))
			forget_dialog(client, dialog);
}

/* Begin to note the peers that a new description of the peer's names. */
static void begin_peers(struct lcs_conn *conn, u64 call_id)
{
	struct lcs_client *client = conn->client;
	struct lcs_dialog *dialog = find_dialog(client, call_id);

	if (!lcs_media_from_peer() && !conn->nat)
		return;
	if (!dialog) {
		if (client->dialog_count == LCS_DIALOGS)
			forget_dialog(client, list_first_entry(&client->dialogs, struct lcs_dialog,
							       list));
		dialog = kzalloc(sizeof(*dialog), GFP_ATOMIC | __GFP_NOWARN);
		if (!dialog) {
			lcs_pinhole_refuse(conn, LCS_CLASS_MEDIA, LCS_REFUSED_MEMORY);
			return;
		}
		dialog->call_id = call_id;
		list_add_tail(&dialog->list, &client->dialogs);
		client->dialog_count++;
	}
	dialog->count = 0;
	dialog->overflow = false;
	dialog->until = jiffies + lcs_dialog_lifetime(U32_MAX) * HZ;
}

/* RTP or RTCP: candidates say it in a number, m= lines and a=rtcp by what they are. */
static u8 component_of(const struct lcs_endpoint *ep)
{
	if (ep->kind == LCS_CANDIDATE)
		return min_t(u32, ep->extra, U8_MAX);
	return ep->kind == LCS_RTCP ? 2 : 1;
}

static void add_peer(struct lcs_dialog *dialog, const struct lcs_endpoint *ep,
		     const union nf_inet_addr *addr)
{
	u8 component = component_of(ep);
	unsigned int i;

	for (i = 0; i < dialog->count; i++)
		if (dialog->index[i] == ep->index && dialog->component[i] == component &&
		    dialog->port[i] == ep->port && nf_inet_addr_cmp(&dialog->peer[i], addr))
			return;
	if (dialog->count == LCS_PEERS_MAX) {
		dialog->overflow = true;
		return;
	}
	dialog->peer[i] = *addr;
	dialog->port[i] = ep->port;
	dialog->index[i] = min_t(u16, ep->index, U8_MAX);
	dialog->component[i] = component;
	dialog->proto[i] = ep->proto;
	dialog->count++;
}

/* The different addresses of the peers that serve an m= line. Return: how many, or one too many. */
static unsigned int sources_of(const struct lcs_dialog *dialog, u8 index, union nf_inet_addr *from)
{
	unsigned int i, k, n = 0;

	for (i = 0; i < dialog->count; i++) {
		if (dialog->index[i] != index)
			continue;
		for (k = 0; k < n; k++)
			if (nf_inet_addr_cmp(&from[k], &dialog->peer[i]))
				break;
		if (k < n)
			continue;
		if (n == LCS_SOURCES_MAX)
			return n + 1;
		from[n++] = dialog->peer[i];
	}
	return n;
}

/*
 * Whoever sends first, one outside form serves both directions: the peer's endpoints are known
 * now, and what the inside sends to them leaves from where it was advertised.
 */
static void lead_out(struct lcs_conn *conn, u64 call_id)
{
	struct lcs_dialog *dialog = find_dialog(conn->client, call_id);
	struct lcs_pinhole *row;
	unsigned int i;

	if (!dialog || !conn->nat)
		return;
	list_for_each_entry(row, &conn->client->pinholes, list) {
		if (!row->translated || row->key.proto != IPPROTO_UDP ||
		    !lcs_pinhole_serves(row, call_id))
			continue;
		for (i = 0; i < dialog->count; i++)
			if (dialog->index[i] == row->index && dialog->proto[i] == IPPROTO_UDP &&
			    dialog->component[i] == row->component)
				lcs_pinhole_lead_out(row, &dialog->peer[i], dialog->port[i]);
	}
}

/* The answer has named the peer: from now on only its addresses may send. */
static void narrow_to_peers(struct lcs_client *client, u64 call_id)
{
	struct lcs_dialog *dialog = find_dialog(client, call_id);
	union nf_inet_addr from[LCS_SOURCES_MAX];
	struct lcs_pinhole *row;

	if (!dialog || dialog->overflow || !lcs_media_from_peer())
		return;
	list_for_each_entry(row, &client->pinholes, list) {
		if (row->class != LCS_CLASS_MEDIA && row->class != LCS_CLASS_APP_SHARING)
			continue;
		if (row->outbound || !lcs_pinhole_serves(row, call_id))
			continue;
		lcs_pinhole_narrow(row, from, sources_of(dialog, row->index, from));
	}
}

/* Never to the firewall itself, nor to what is no host: an outside account could name those. */
static bool may_lead_to(const struct lcs_conn *conn, const union nf_inet_addr *addr)
{
	struct net *net = conn->net->net;

	if (nf_ct_l3num(conn->ct) == NFPROTO_IPV4)
		return !ipv4_is_zeronet(addr->ip) && !ipv4_is_loopback(addr->ip) &&
		       !ipv4_is_multicast(addr->ip) && !ipv4_is_lbcast(addr->ip) &&
		       inet_addr_type_dev_table(net, NULL, addr->ip) == RTN_UNICAST;
	return (ipv6_addr_type(&addr->in6) & IPV6_ADDR_UNICAST) &&
	       !(ipv6_addr_type(&addr->in6) & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_MAPPED)) &&
	       !ipv6_chk_addr(net, &addr->in6, NULL, 0);
}

static bool is_unspecified(const struct lcs_addr *addr)
{
	unsigned int i;

	for (i = 0; i < sizeof(addr->ip); i++)
		if (addr->ip[i])
			return false;
	return true;
}

/* Does an endpoint name the client itself? */
static bool is_own(const struct lcs_conn *conn, const struct lcs_endpoint *ep)
{
	bool ipv4 = nf_ct_l3num(conn->ct) == NFPROTO_IPV4;

	return ep->addr.family == (ipv4 ? 4 : 6) &&
	       !memcmp(ep->addr.ip, lcs_client_addr(conn), ipv4 ? 4 : 16);
}

/* What an endpoint asks for; with an address of its own where it leads out. */
struct asked {
	struct lcs_want want;
	union nf_inet_addr addr;
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
	if (own || !may_lead_to(conn, &asked->addr)) {
		lcs_pinhole_refuse(conn, asked->want.class, LCS_REFUSED_ADDRESS);
		return false;
	}
	asked->want.addr = &asked->addr;
	return true;
}

static struct lcs_pinhole *open_asked(struct lcs_conn *conn, struct asked *asked)
{
	struct lcs_pinhole *row = lcs_pinhole_open(conn, &asked->want);

	if (row)
		lcs_pinhole_join(row, asked->want.cause.call_id);
	return row;
}

/* On hold the address is 0.0.0.0 (RFC 3264 8.4): what is open on that port stays. */
static void keep_on_hold(struct lcs_conn *conn, const struct asked *asked)
{
	struct lcs_pinhole *row;

	list_for_each_entry(row, &conn->client->pinholes, list)
		if (lcs_pinhole_serves(row, asked->want.cause.call_id) &&
		    row->key.port == htons(asked->want.port) &&
		    row->key.proto == asked->want.proto &&
		    row->outbound != asked->want.cause.by_client)
			row->pending = asked->want.cause;
}

static void note_peer(struct lcs_conn *conn, const struct lcs_message *msg,
		      const struct lcs_endpoint *ep)
{
	struct lcs_dialog *dialog = find_dialog(conn->client, msg->call_id);
	u8 len = nf_ct_l3num(conn->ct) == NFPROTO_IPV4 ? 4 : 16;
	union nf_inet_addr addr = {};

	if (!dialog || ep->addr.family != (len == 4 ? 4 : 6) || is_unspecified(&ep->addr))
		return;
	memcpy(&addr, ep->addr.ip, len);
	add_peer(dialog, ep, &addr);
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

/* An endpoint of a session description: one port, or as many as its count says. */
static void media_endpoint(struct lcs_conn *conn, const struct lcs_message *msg, bool from_client,
			   const struct lcs_endpoint *ep)
{
	unsigned int i, n = min_t(unsigned int, ep->count ? ep->count : 1, LCS_PORT_COUNT_MAX);
	unsigned int step = ep->proto == IPPROTO_UDP ? 2 : 1;
	struct lcs_pinhole *row;
	struct asked asked = {
		.want = {
			.class = ep->kind == LCS_APP_SHARING ? LCS_CLASS_APP_SHARING :
							       LCS_CLASS_MEDIA,
			.proto = ep->proto,
			.index = min_t(u16, ep->index, U8_MAX),
			.component = component_of(ep),
			.pair = needs_pair(conn, from_client, ep),
			.inactive = conn->loose,
			.cause = lcs_transaction_of(msg, from_client),
		},
	};

	if (!from_client)
		note_peer(conn, msg, ep);
	if (ep->flags & LCS_EP_ACTIVE) {
		if (from_client && is_own(conn, ep))
			advertise(conn, ep, NULL);
		return;
	}
	asked.want.port = ep->port;
	if (ep->addr.family && is_unspecified(&ep->addr)) {
		keep_on_hold(conn, &asked);
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
		    lcs_pinhole_serves(row, msg->call_id))
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

/* A transaction has succeeded: what it asked for lasts, what it did without goes. */
static void succeed(struct lcs_client *client, const struct lcs_transaction *tr, u32 lifetime)
{
	struct lcs_pinhole *row, *next;

	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		if (lcs_same_transaction(&row->drop, tr)) {
			if (lcs_pinhole_leave(row, tr->call_id))
				lcs_pinhole_close(row);
		} else if (lcs_same_transaction(&row->pending, tr)) {
			if (row->class == LCS_CLASS_FILE_TRANSFER)
				lcs_pinhole_confirm(row, lcs_pending_lifetime(row->class));
			else
				lcs_pinhole_confirm(row, lifetime);
		}
	}
}

/* A transaction has failed: what only it asked for goes, the rest stays as it was before. */
static void fail(struct lcs_client *client, const struct lcs_transaction *tr)
{
	struct lcs_pinhole *row, *next;

	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		if (lcs_same_transaction(&row->drop, tr))
			row->drop.set = false;
		if (!lcs_same_transaction(&row->pending, tr))
			continue;
		row->pending.set = false;
		if (!row->confirmed)
			lcs_pinhole_close(row);
	}
}

/* A dialog goes on ringing: what it asked for lives on, and its Contact is in force now. */
static void proceed(struct lcs_conn *conn, const struct lcs_transaction *tr)
{
	struct lcs_pinhole *row;

	list_for_each_entry(row, &conn->client->pinholes, list) {
		if (!lcs_same_transaction(&row->pending, tr) || row->confirmed)
			continue;
		row->active = true;
		lcs_pinhole_extend(row, lcs_pending_lifetime(row->class));
	}
}

/* A dialog has ended: what nobody else needs closes. */
static void end_dialog(struct lcs_client *client, u64 call_id)
{
	struct lcs_dialog *dialog = find_dialog(client, call_id);
	struct lcs_pinhole *row, *next;

	if (dialog)
		forget_dialog(client, dialog);
	list_for_each_entry_safe(row, next, &client->pinholes, list)
		if (lcs_pinhole_serves(row, call_id) && lcs_pinhole_leave(row, call_id))
			lcs_pinhole_close(row);
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
	unsigned int i;

	for (i = 0; i < conn->contact_count; i++) {
		want.port = lcs_contacts(conn)[i].port;
		if (lcs_is_own_port(conn, want.port))
			continue;
		row = lcs_pinhole_find(conn, &want);
		if (row && row->registered)
			continue;
		row = lcs_pinhole_open(conn, &want);
		if (!row)
			continue;
		lcs_pinhole_join(row, msg->call_id);
		/* The client's own answer needs nobody to confirm it. */
		if (lcs_is_response(msg) && !conn->loose)
			lcs_pinhole_confirm(row, lcs_dialog_lifetime(U32_MAX));
	}
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
		if (from_client && !msg->expires)
			end_dialog(conn->client, msg->call_id);
		break;
	case LCS_METHOD_ACK:
		/* Picked up in mid-stream, the peer has answered now what the client said. */
		if (conn->loose && !from_client)
			succeed(conn->client, &tr, lcs_dialog_lifetime(U32_MAX));
		break;
	}
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
		succeed(conn->client, &tr, lcs_dialog_lifetime(msg->expires));
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
	if (from_client && forms_dialog(msg) && (lcs_is_response(msg) || msg->expires))
		dialog_contacts(conn, msg);
	conn->named[!from_client] = 0;
	conn->closed[!from_client] = 0;
	if (!from_client && lcs_dialog_reads(msg) && msg->body != LCS_BODY_INVITATION)
		begin_peers(conn, msg->call_id);
}

static bool is_media(const struct lcs_pinhole *row, u64 call_id)
{
	return (row->class == LCS_CLASS_MEDIA || row->class == LCS_CLASS_APP_SHARING) &&
	       lcs_pinhole_serves(row, call_id);
}

/* An offer: what it does not name goes when it is accepted. */
static void mark_unnamed(struct lcs_client *client, const struct lcs_transaction *tr, bool outbound)
{
	struct lcs_pinhole *row;

	list_for_each_entry(row, &client->pinholes, list)
		if (is_media(row, tr->call_id) && row->outbound == outbound &&
		    !lcs_same_transaction(&row->pending, tr))
			row->drop = *tr;
}

/* An answer in force: what it names lasts, what it does not, or what it refuses, closes. */
static void settle(struct lcs_conn *conn, const struct lcs_transaction *tr, bool outbound)
{
	u32 refused = conn->closed[outbound] & ~conn->named[outbound];
	struct lcs_client *client = conn->client;
	struct lcs_pinhole *row, *next;
	bool close;

	list_for_each_entry_safe(row, next, &client->pinholes, list) {
		if (!is_media(row, tr->call_id))
			continue;
		if (row->outbound == outbound)
			close = !lcs_same_transaction(&row->pending, tr);
		else
			close = row->index < 32 && refused & 1u << row->index;
		if (close) {
			if (lcs_pinhole_leave(row, tr->call_id))
				lcs_pinhole_close(row);
		} else if (row->outbound == outbound && !conn->loose) {
			lcs_pinhole_confirm(row, lcs_dialog_lifetime(U32_MAX));
		}
	}
	narrow_to_peers(client, tr->call_id);
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
	lead_out(conn, msg->call_id);
}
