// SPDX-License-Identifier: GPL-2.0
/*
 * From what the streams say to what the pinhole table does: the sink of both streams of a
 * connection. Only what the client itself sends opens, and only to its own address.
 */
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include <lcs/compat.h>
#include <lcs/dialog.h>
#include <lcs/message.h>
#include <lcs/nat.h>
#include <lcs/registration.h>
#include <lcs/trace.h>

/**
 * struct lcs_reading - one call of lcs_message_read()
 * @conn: the connection
 * @dir: the direction read
 */
struct lcs_reading {
	struct lcs_conn *conn;
	u8 dir;
};

/* Bytes of what is small: a replacement of an address or a port, and what is kept with it. */
#define LCS_SMALL	128

static siphash_key_t lcs_call_id_key __read_mostly;

static bool from_client(const struct lcs_reading *reading)
{
	return reading->dir == reading->conn->client_dir;
}

/* The NAT companion, where the connection is one whose text is rewritten. */
static const struct lcs_nat_hooks *nat_of(const struct lcs_conn *conn)
{
	return conn->nat ? lcs_nat() : NULL;
}

/* An own Contact goes out in its outside form, whatever its message turns out to be. */
static void advertise_contact(struct lcs_conn *conn, const struct lcs_endpoint *ep)
{
	const struct lcs_nat_hooks *nat = nat_of(conn);
	struct lcs_want want = {
		.class = LCS_CLASS_CALLBACK,
		.proto = IPPROTO_TCP,
		.inactive = true,
		.port = ep->port,
	};
	struct lcs_pinhole *row = NULL;

	if (!nat)
		return;
	if (!lcs_is_own_port(conn, ep->port))
		row = lcs_pinhole_reserve(conn, &want);
	nat->endpoint(conn, conn->client_dir, ep, row);
}

/* A Contact of the client waits for the end of its header block, where its meaning is known. */
static void note_contact(struct lcs_conn *conn, const struct lcs_endpoint *ep)
{
	struct lcs_contact *contact;

	if (!ep->addr.family || (ep->flags & LCS_EP_NOT_TCP))
		return;
	if (ep->addr.family != (nf_ct_l3num(conn->ct) == NFPROTO_IPV4 ? 4 : 6) ||
	    memcmp(ep->addr.ip, lcs_client_addr(conn), ep->addr.family == 4 ? 4 : 16)) {
		lcs_pinhole_refuse(conn, LCS_CLASS_CALLBACK, LCS_REFUSED_ADDRESS);
		return;
	}
	if (conn->contact_count == LCS_CONTACTS_MAX) {
		lcs_pinhole_refuse(conn, LCS_CLASS_CALLBACK, LCS_REFUSED_LIMIT);
		return;
	}
	BUILD_BUG_ON(LCS_CONTACTS_MAX * sizeof(*contact) > LCS_OWNER_WORDS * sizeof(u32));
	contact = &lcs_contacts(conn)[conn->contact_count++];
	contact->port = ep->port;
	contact->expires = ep->expires;
	contact->instance = ep->instance;
	contact->opaque = ep->opaque;
	advertise_contact(conn, ep);
}

/* What the server says may be our own outside form of something: it goes back. */
static void server_endpoint(struct lcs_reading *reading, struct lcs_stream *stream,
			    const struct lcs_endpoint *ep)
{
	const struct lcs_nat_hooks *nat = nat_of(reading->conn);

	if (ep->kind == LCS_CONTACT && lcs_is_response(&stream->msg))
		lcs_register_binding(reading->conn, ep);
	if (nat)
		nat->endpoint(reading->conn, reading->dir, ep, NULL);
}

static void on_endpoint(void *ctx, struct lcs_stream *stream, const struct lcs_endpoint *ep)
{
	struct lcs_reading *reading = ctx;

	if (ep->kind != LCS_CONTACT && ep->kind != LCS_REQUEST_URI)
		lcs_dialog_endpoint(reading->conn, &stream->msg, from_client(reading), ep);
	if (!from_client(reading))
		server_endpoint(reading, stream, ep);
	else if (ep->kind == LCS_CONTACT)
		note_contact(reading->conn, ep);
}

/* Compression may follow, agreed on with this method ([MS-SIPCOMP]): nothing to read any more. */
static bool goes_opaque(const struct lcs_message *msg)
{
	return msg->method == LCS_METHOD_NEGOTIATE && msg->status >= 200 && msg->status < 300;
}

static void give_up_both(struct lcs_conn *conn)
{
	lcs_stream_give_up(&conn->stream[IP_CT_DIR_ORIGINAL], LCS_OPAQUE);
	lcs_stream_give_up(&conn->stream[IP_CT_DIR_REPLY], LCS_OPAQUE);
}

static void act_on_headers(struct lcs_conn *conn, const struct lcs_message *msg, bool by_client)
{
	if (by_client && msg->method == LCS_METHOD_REGISTER && !lcs_is_response(msg))
		lcs_register_request(conn, msg);
	else
		lcs_dialog_headers(conn, msg, by_client);
}

static bool on_headers(void *ctx, struct lcs_stream *stream)
{
	struct lcs_reading *reading = ctx;
	struct lcs_message *msg = &stream->msg;
	struct lcs_conn *conn = reading->conn;
	bool by_client = from_client(reading);
	bool readable = !(msg->flags & LCS_MSG_UNREADABLE);
	bool wanted = readable && lcs_dialog_reads(msg);
	const struct lcs_nat_hooks *nat = nat_of(conn);

	if (readable)
		act_on_headers(conn, msg, by_client);
	else if (by_client && conn->contact_count)
		lcs_pinhole_refuse(conn, LCS_CLASS_CALLBACK, LCS_REFUSED_UNREADABLE);
	if (by_client)
		conn->contact_count = 0;
	else if (lcs_is_response(msg))
		lcs_register_answer(conn, msg);
	if (goes_opaque(msg))
		give_up_both(conn);
	if (nat)
		nat->headers(conn, reading->dir, wanted);
	return wanted;
}

static void on_message(void *ctx, struct lcs_stream *stream)
{
	struct lcs_reading *reading = ctx;
	const struct lcs_nat_hooks *nat = nat_of(reading->conn);

	reading->conn->waited &= ~(1 << reading->dir);
	lcs_count(&reading->conn->net->counts, LCS_COUNT_MESSAGES);
	if (nat)
		lcs_dialog_told(reading->conn, &stream->msg, from_client(reading),
				nat->message(reading->conn, reading->dir));
	lcs_dialog_end(reading->conn, &stream->msg, from_client(reading));
}

static u64 hash_call_id(void *ctx, struct lcs_text text)
{
	return siphash(text.at, lcs_text_len(text), &lcs_call_id_key);
}

/**
 * lcs_held_resize() - make room for text that must be kept, within the namespace's bound
 * @lnet: the namespace
 * @old: what there is, or %NULL
 * @old_size: its size
 * @size: the size wanted, not smaller
 *
 * A quarter more is there for what is small, such as replacements: lines that nobody completes
 * shall not keep others from signing in.
 *
 * Return: the new room with the contents of the old; %NULL where refused, the old one stays.
 */
u8 *lcs_held_resize(struct lcs_net *lnet, u8 *old, u32 old_size, u32 size)
{
	atomic_long_t *held = &lnet->counts.value[LCS_COUNT_HELD_BYTES];
	long limit = lcs_held_limit();
	u8 *text;

	if (size <= LCS_SMALL)
		limit += limit / 4;
	if (atomic_long_add_return(size - old_size, held) > limit) {
		atomic_long_sub(size - old_size, held);
		return NULL;
	}
	text = krealloc(old, size, GFP_ATOMIC | __GFP_NOWARN);
	if (!text)
		atomic_long_sub(size - old_size, held);
	return text;
}
EXPORT_SYMBOL_GPL(lcs_held_resize);

/**
 * lcs_held_release() - give back what lcs_held_resize() gave
 * @lnet: the namespace
 * @old: the room
 * @old_size: its size
 */
void lcs_held_release(struct lcs_net *lnet, u8 *old, u32 old_size)
{
	atomic_long_sub(old_size, &lnet->counts.value[LCS_COUNT_HELD_BYTES]);
	kfree(old);
}
EXPORT_SYMBOL_GPL(lcs_held_release);

static u8 *resize_line(void *ctx, u8 *old, u32 old_size, u32 size)
{
	struct lcs_reading *reading = ctx;

	return lcs_held_resize(reading->conn->net, old, old_size, size);
}

static void release_line(void *ctx, u8 *old, u32 old_size)
{
	struct lcs_reading *reading = ctx;

	lcs_held_release(reading->conn->net, old, old_size);
}

static const struct lcs_sink lcs_message_sink = {
	.endpoint = on_endpoint,
	.headers = on_headers,
	.message = on_message,
	.hash = hash_call_id,
	.resize = resize_line,
	.release = release_line,
};

static const enum lcs_counter lcs_why_given_up[LCS_GIVE_UPS] = {
	[LCS_NOT_SIP] = LCS_COUNT_GIVEN_UP_NOT_SIP,
	[LCS_BAD_START] = LCS_COUNT_GIVEN_UP_START_LINE,
	[LCS_BAD_LENGTH] = LCS_COUNT_GIVEN_UP_LENGTH,
	[LCS_LONG_START] = LCS_COUNT_GIVEN_UP_LONG_LINE,
	[LCS_NO_MEMORY] = LCS_COUNT_GIVEN_UP_MEMORY,
	[LCS_OPAQUE] = LCS_COUNT_GIVEN_UP_OPAQUE,
};

/* A connection whose client does not speak SIP is none of ours, whatever its server says. */
static void after_giving_up(struct lcs_conn *conn, u8 dir)
{
	struct lcs_stream *other = &conn->stream[!dir];

	lcs_note_give_up(conn->net, conn->ct, dir, lcs_why_given_up[conn->stream[dir].given_up]);
	if (conn->stream[dir].given_up == LCS_NOT_SIP)
		lcs_stream_give_up(other, LCS_NOT_SIP);
	if (other->state == LCS_GIVEN_UP)
		lcs_message_release(conn);
}

/**
 * lcs_message_read() - read the next bytes of one direction and act on them
 * @conn: the connection
 * @dir: the direction, enum ip_conntrack_dir
 * @data: the bytes, the first has sequence number conn->stream[dir].next
 * @len: how many, at least one
 *
 * Caller holds client->lock and rcu_read_lock().
 */
void lcs_message_read(struct lcs_conn *conn, u8 dir, const u8 *data, u32 len)
{
	struct lcs_reading reading = { .conn = conn, .dir = dir };
	struct lcs_stream *stream = &conn->stream[dir];
	bool was_given_up = stream->state == LCS_GIVEN_UP;

	lockdep_assert_held(&conn->client->lock);
	lcs_stream_read(stream, &lcs_message_sink, &reading, data, len);
	conn->last[dir] = data[len - 1];
	if (stream->state == LCS_GIVEN_UP && !was_given_up)
		after_giving_up(conn, dir);
}

/**
 * lcs_message_release() - free what both streams hold
 * @conn: the connection; caller holds client->lock
 */
void lcs_message_release(struct lcs_conn *conn)
{
	struct lcs_reading reading = { .conn = conn };

	lockdep_assert_held(&conn->client->lock);
	lcs_stream_release(&conn->stream[IP_CT_DIR_ORIGINAL], &lcs_message_sink, &reading);
	lcs_stream_release(&conn->stream[IP_CT_DIR_REPLY], &lcs_message_sink, &reading);
}

/**
 * lcs_message_init() - get ready to read
 */
void lcs_message_init(void)
{
	get_random_bytes(&lcs_call_id_key, sizeof(lcs_call_id_key));
}
