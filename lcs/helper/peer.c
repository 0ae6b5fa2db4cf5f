// SPDX-License-Identifier: GPL-2.0
/*
 * Peers. What the far side of a dialog says of itself narrows who may send to a pinhole, and tells
 * where a translated client will send to. It is said by a stranger: whom a client may be led out
 * to is decided here.
 */
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv6.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/route.h>

#include <lcs/compat.h>
#include <lcs/nat.h>
#include <lcs/need.h>
#include <lcs/peer.h>
#include <lcs/table.h>

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
 * lcs_peers_forget() - a dialog has ended
 * @client: its client; caller holds its lock
 * @call_id: the dialog
 */
void lcs_peers_forget(struct lcs_client *client, u64 call_id)
{
	struct lcs_dialog *dialog = find_dialog(client, call_id);

	lockdep_assert_held(&client->lock);
	if (dialog)
		forget_dialog(client, dialog);
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

static struct lcs_dialog *add_dialog(struct lcs_conn *conn, u64 call_id)
{
	struct lcs_client *client = conn->client;
	struct lcs_dialog *dialog;

	if (client->dialog_count == LCS_DIALOGS)
		forget_dialog(client, list_first_entry(&client->dialogs, struct lcs_dialog, list));
	dialog = kzalloc(sizeof(*dialog), GFP_ATOMIC | __GFP_NOWARN);
	if (!dialog) {
		lcs_pinhole_refuse(conn, LCS_CLASS_MEDIA, LCS_REFUSED_MEMORY);
		return NULL;
	}
	dialog->call_id = call_id;
	list_add_tail(&dialog->list, &client->dialogs);
	client->dialog_count++;
	return dialog;
}

static u32 line_bit(u8 index)
{
	return 1u << min_t(u8, index, 31);
}

static void forget_lines(struct lcs_dialog *dialog, u32 bits)
{
	unsigned int i, n = 0;

	for (i = 0; i < dialog->count; i++)
		if (!(line_bit(dialog->peer[i].index) & bits))
			dialog->peer[n++] = dialog->peer[i];
	dialog->count = n;
}

/* What a new description says of an m= line is in place of what the last one said. */
static void begin_line(struct lcs_conn *conn, struct lcs_dialog *dialog, u8 index)
{
	u32 bit = line_bit(index);

	if (conn->described & bit)
		return;
	if (!conn->described)
		dialog->overflow = false;
	conn->described |= bit;
	dialog->until = jiffies + lcs_dialog_lifetime(U32_MAX) * HZ;
	forget_lines(dialog, bit);
}

/**
 * lcs_peer_component() - RTP or RTCP: candidates say it in a number, others by what they are
 * @ep: an endpoint of a description
 */
u8 lcs_peer_component(const struct lcs_endpoint *ep)
{
	if (ep->kind == LCS_CANDIDATE)
		return min_t(u32, ep->extra, U8_MAX);
	return ep->kind == LCS_RTCP ? 2 : 1;
}

/* Of TCP only the address matters: it may send, but nobody is led out to it. */
static bool is_known(const struct lcs_dialog *dialog, const struct lcs_peer *new)
{
	const struct lcs_peer *peer;
	unsigned int i;

	for (i = 0; i < dialog->count; i++) {
		peer = &dialog->peer[i];
		if (peer->index != new->index || !nf_inet_addr_cmp(&peer->addr, &new->addr))
			continue;
		if (!new->udp || (peer->udp && peer->component == new->component &&
				  peer->port == new->port))
			return true;
	}
	return false;
}

/* Return: %NULL where it is known already, or there is no room. */
static struct lcs_peer *add_peer(struct lcs_conn *conn, struct lcs_dialog *dialog,
				 const struct lcs_endpoint *ep, const union nf_inet_addr *addr)
{
	struct lcs_peer new = {
		.addr = *addr,
		.port = ep->port,
		.index = min_t(u16, ep->index, U8_MAX),
		.component = lcs_peer_component(ep),
		.udp = ep->proto == IPPROTO_UDP,
	};

	if (is_known(dialog, &new))
		return NULL;
	/* What the last description said, and this one not yet, makes room. */
	if (dialog->count == LCS_PEERS_MAX)
		forget_lines(dialog, ~conn->described);
	if (dialog->count == LCS_PEERS_MAX) {
		if (!dialog->overflow)
			lcs_pinhole_refuse(conn, LCS_CLASS_MEDIA, LCS_REFUSED_LIMIT);
		dialog->overflow = true;
		return NULL;
	}
	dialog->peer[dialog->count] = new;
	return &dialog->peer[dialog->count++];
}

/*
 * An address of the firewall itself, or of no single host, as a table of routes has it: that of
 * @dev, which stands for a VRF, or the one that all others share.
 */
static bool is_taken(struct net *net, const struct net_device *dev, u8 family,
		     const union nf_inet_addr *addr)
{
	if (family != NFPROTO_IPV4)
		return nf_ipv6_chk_addr(net, &addr->in6, dev, 0);
	switch (inet_addr_type_dev_table(net, dev, addr->ip)) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return true;
	}
	return false;
}

/**
 * lcs_peer_allowed() - may a client be led out to this address
 * @conn: a connection of the client
 * @addr: what somebody else said
 *
 * Never to the firewall itself, nor to what is no host: an outside account could name those.
 * Caller holds rcu_read_lock().
 */
bool lcs_peer_allowed(const struct lcs_conn *conn, const union nf_inet_addr *addr)
{
	u8 family = nf_ct_l3num(conn->ct);
	struct net *net = conn->net->net;
	struct net_device *dev;

	if (family == NFPROTO_IPV4) {
		if (ipv4_is_zeronet(addr->ip) || ipv4_is_loopback(addr->ip) ||
		    ipv4_is_multicast(addr->ip) || ipv4_is_lbcast(addr->ip))
			return false;
	} else if (!(ipv6_addr_type(&addr->in6) & IPV6_ADDR_UNICAST) ||
		   (ipv6_addr_type(&addr->in6) & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_MAPPED))) {
		return false;
	}
	if (is_taken(net, NULL, family, addr))
		return false;
	if (!IS_ENABLED(CONFIG_NET_L3_MASTER_DEV))
		return true;
	for_each_netdev_rcu(net, dev)
		if (netif_is_l3_master(dev) && is_taken(net, dev, family, addr))
			return false;
	return true;
}

/* Another client behind the same address: what its peer is told is where that one really is. */
static bool is_hairpin(const struct lcs_conn *conn, const struct lcs_endpoint *ep,
		       const union nf_inet_addr *addr)
{
	struct lcs_key key = {
		.addr = *addr,
		.port = htons(ep->port),
		.zone = nf_ct_zone(conn->ct)->id,
		.family = nf_ct_l3num(conn->ct),
		.proto = ep->proto,
	};

	return lcs_table_outside(conn->net, &key);
}

/*
 * The policy's ranges are not asked: the port is the peer's, which listens where it likes. With
 * relayed=1 the same address was refused, and counted, as a pinhole already.
 */
static bool may_lead_out(struct lcs_conn *conn, const struct lcs_endpoint *ep,
			 const union nf_inet_addr *addr)
{
	if (!conn->nat || ep->proto != IPPROTO_UDP || !ep->port)
		return false;
	if (ep->port >= LCS_PORT_MIN && lcs_peer_allowed(conn, addr))
		return true;
	if (!lcs_relayed() && !is_hairpin(conn, ep, addr))
		lcs_pinhole_refuse(conn, LCS_CLASS_MEDIA, LCS_REFUSED_ADDRESS);
	return false;
}

/**
 * lcs_peers_note() - the peer's description names an endpoint
 * @conn: the connection; conn->described says for which m= lines that was noted already
 * @call_id: the dialog
 * @ep: the endpoint
 *
 * Caller holds client->lock and rcu_read_lock().
 */
void lcs_peers_note(struct lcs_conn *conn, u64 call_id, const struct lcs_endpoint *ep)
{
	struct lcs_dialog *dialog = find_dialog(conn->client, call_id);
	u8 len = nf_ct_l3num(conn->ct) == NFPROTO_IPV4 ? 4 : 16;
	union nf_inet_addr addr = {};
	struct lcs_peer *peer;

	lockdep_assert_held(&conn->client->lock);
	if (ep->addr.family != (len == 4 ? 4 : 6) || (!lcs_media_from_peer() && !conn->nat))
		return;
	if (!dialog)
		dialog = add_dialog(conn, call_id);
	if (!dialog)
		return;
	begin_line(conn, dialog, min_t(u16, ep->index, U8_MAX));
	memcpy(&addr, ep->addr.ip, len);
	peer = add_peer(conn, dialog, ep, &addr);
	if (peer)
		peer->lead = may_lead_out(conn, ep, &addr);
}

/*
 * Add the addresses of the peer's endpoints that serve an m= line, where they are new.
 * Return: false where there are none, or there is no room for one of them.
 */
static bool add_sources(const struct lcs_dialog *dialog, u8 index, union nf_inet_addr *from,
			unsigned int *n)
{
	unsigned int i, k;
	bool any = false;

	for (i = 0; i < dialog->count; i++) {
		if (dialog->peer[i].index != index)
			continue;
		any = true;
		for (k = 0; k < *n; k++)
			if (nf_inet_addr_cmp(&from[k], &dialog->peer[i].addr))
				break;
		if (k < *n)
			continue;
		if (*n == LCS_SOURCES_MAX)
			return false;
		from[(*n)++] = dialog->peer[i].addr;
	}
	return any && !dialog->overflow;
}

/**
 * lcs_peer_only() - who alone may come to an m= line
 * @conn: the connection; caller holds its client's lock
 * @call_id: the dialog
 * @index: number of the m= line
 * @peer: the one address that the peer's last description has for it
 *
 * Return: false where there are several, or none, or others may come as well.
 */
bool lcs_peer_only(const struct lcs_conn *conn, u64 call_id, u8 index, union nf_inet_addr *peer)
{
	const struct lcs_dialog *dialog = find_dialog(conn->client, call_id);
	union nf_inet_addr from[LCS_SOURCES_MAX];
	unsigned int n = 0;

	lockdep_assert_held(&conn->client->lock);
	if (!dialog || !lcs_media_from_peer() || !add_sources(dialog, index, from, &n) || n != 1)
		return false;
	*peer = from[0];
	return true;
}

/*
 * Who may send to a row: the peers of all dialogs that need it.
 * Return: how many; none where that is anybody, for one is not known, or there are too many.
 */
static unsigned int sources_of(const struct lcs_pinhole *row, union nf_inet_addr *from)
{
	const struct lcs_dialog *dialog;
	const struct lcs_need *need;
	unsigned int i, n = 0;

	if (row->lasting || !lcs_media_from_peer())
		return 0;
	for (i = 0; i < LCS_NEEDS; i++) {
		need = &row->need[i];
		if (!lcs_need_lives(need))
			continue;
		dialog = find_dialog(row->client, need->pending.call_id);
		if (!dialog || !add_sources(dialog, need->index, from, &n))
			return 0;
	}
	return n;
}

static void lead_row_out(struct lcs_pinhole *row, const struct lcs_dialog *dialog,
			 const struct lcs_need *need)
{
	const struct lcs_peer *peer;
	unsigned int i;

	for (i = 0; i < dialog->count; i++) {
		peer = &dialog->peer[i];
		if (peer->lead && peer->index == need->index && peer->component == need->component)
			lcs_pinhole_lead_out(row, &peer->addr, peer->port);
	}
}

/* The ways out of all its dialogs, which a row loses with its other expectations. */
static void lead_out_again(struct lcs_pinhole *row)
{
	const struct lcs_dialog *dialog;
	unsigned int i;

	if (!row->translated || row->key.proto != IPPROTO_UDP || !lcs_nat())
		return;
	for (i = 0; i < LCS_NEEDS; i++) {
		if (!lcs_need_lives(&row->need[i]))
			continue;
		dialog = find_dialog(row->client, row->need[i].pending.call_id);
		if (dialog)
			lead_row_out(row, dialog, &row->need[i]);
	}
}

/* Does the peer of a dialog come to it? */
static bool is_peers(const struct lcs_pinhole *row)
{
	return !row->outbound && lcs_pinhole_is_media(row);
}

/**
 * lcs_peers_apply() - let packets come from the peers of all dialogs that need a pinhole
 * @row: the row; caller holds client->lock and rcu_read_lock()
 *
 * Of media only: answers name their peers. Clients that share one outside place cannot have it for
 * more than one peer each.
 */
void lcs_peers_apply(struct lcs_pinhole *row)
{
	union nf_inet_addr from[LCS_SOURCES_MAX];
	unsigned int n;

	if (!is_peers(row))
		return;
	n = sources_of(row, from);
	if (n != 1 && lcs_pinhole_shares(row))
		return;
	if (lcs_pinhole_narrow(row, from, n))
		lead_out_again(row);
}

/**
 * lcs_peers_narrow() - the answer has named the peer: from now on only its addresses may send
 * @client: the client
 * @call_id: the dialog
 *
 * Caller holds client->lock and rcu_read_lock().
 */
void lcs_peers_narrow(struct lcs_client *client, u64 call_id)
{
	const struct lcs_dialog *dialog = find_dialog(client, call_id);
	union nf_inet_addr from[LCS_SOURCES_MAX];
	const struct lcs_need *need;
	struct lcs_pinhole *row;
	unsigned int n;

	lockdep_assert_held(&client->lock);
	if (!dialog || !lcs_media_from_peer())
		return;
	list_for_each_entry(row, &client->pinholes, list) {
		need = lcs_need_of(row, call_id);
		if (!need || !is_peers(row))
			continue;
		n = 0;
		if (!lcs_pinhole_shares(row))
			lcs_peers_apply(row);
		else if (add_sources(dialog, need->index, from, &n))
			lcs_pinhole_narrow(row, from, n);
	}
}

/**
 * lcs_peers_lead_out() - let the inside send first
 * @conn: the connection
 * @call_id: the dialog
 *
 * Whoever sends first, one outside form serves both directions: the peer's endpoints are known
 * now, and what the inside sends to them leaves from where it was advertised. Caller holds
 * client->lock and rcu_read_lock().
 */
void lcs_peers_lead_out(struct lcs_conn *conn, u64 call_id)
{
	const struct lcs_dialog *dialog = find_dialog(conn->client, call_id);
	const struct lcs_need *need;
	struct lcs_pinhole *row;

	lockdep_assert_held(&conn->client->lock);
	if (!dialog || !conn->nat)
		return;
	list_for_each_entry(row, &conn->client->pinholes, list) {
		need = lcs_need_of(row, call_id);
		if (need && row->translated && row->key.proto == IPPROTO_UDP)
			lead_row_out(row, dialog, need);
	}
}
