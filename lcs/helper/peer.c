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
#include <lcs/peer.h>
#include <lcs/table.h>

/* Of a dialog's peers those of each m= line. */
#define ANY_LINE	(-1)

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

/**
 * lcs_peers_begin() - note from now on the peers that a new description of the peer's names
 * @conn: the connection; caller holds its client's lock
 * @call_id: the dialog
 */
void lcs_peers_begin(struct lcs_conn *conn, u64 call_id)
{
	struct lcs_client *client = conn->client;
	struct lcs_dialog *dialog = find_dialog(client, call_id);

	lockdep_assert_held(&client->lock);
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
	dialog->leads = 0;
	dialog->overflow = false;
	dialog->until = jiffies + lcs_dialog_lifetime(U32_MAX) * HZ;
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

/* Return: its number, or a negative one where it is known already, or there is no room. */
static int add_peer(struct lcs_dialog *dialog, const struct lcs_endpoint *ep,
		    const union nf_inet_addr *addr)
{
	u8 component = lcs_peer_component(ep);
	unsigned int i;

	for (i = 0; i < dialog->count; i++)
		if (dialog->index[i] == ep->index && dialog->component[i] == component &&
		    dialog->port[i] == ep->port && nf_inet_addr_cmp(&dialog->peer[i], addr))
			return -EEXIST;
	if (dialog->count == LCS_PEERS_MAX) {
		dialog->overflow = true;
		return -ENOSPC;
	}
	dialog->peer[i] = *addr;
	dialog->port[i] = ep->port;
	dialog->index[i] = min_t(u16, ep->index, U8_MAX);
	dialog->component[i] = component;
	dialog->proto[i] = ep->proto;
	dialog->count++;
	return i;
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
 * @conn: the connection
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
	int i;

	lockdep_assert_held(&conn->client->lock);
	if (!dialog || ep->addr.family != (len == 4 ? 4 : 6))
		return;
	memcpy(&addr, ep->addr.ip, len);
	i = add_peer(dialog, ep, &addr);
	if (i >= 0 && may_lead_out(conn, ep, &addr))
		dialog->leads |= 1u << i;
}

/*
 * Add the addresses of the peers that serve an m= line, or any, where they are new.
 * Return: how many there are then, or one too many.
 */
static unsigned int add_sources(const struct lcs_dialog *dialog, int index,
				union nf_inet_addr *from, unsigned int n)
{
	unsigned int i, k;

	for (i = 0; i < dialog->count; i++) {
		if (index != ANY_LINE && dialog->index[i] != index)
			continue;
		for (k = 0; k < n; k++)
			if (nf_inet_addr_cmp(&from[k], &dialog->peer[i]))
				break;
		if (k < n)
			continue;
		if (n >= LCS_SOURCES_MAX)
			return LCS_SOURCES_MAX + 1;
		from[n++] = dialog->peer[i];
	}
	return n;
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

	lockdep_assert_held(&conn->client->lock);
	if (!dialog || dialog->overflow || !lcs_media_from_peer() ||
	    add_sources(dialog, index, from, 0) != 1)
		return false;
	*peer = from[0];
	return true;
}

/*
 * Who may send to a row: the peers of each dialog that it serves. A row knows the m= line of the
 * last one only.
 * Return: how many, or one too many; none where a dialog has not said who its peer is.
 */
static unsigned int sources_of(struct lcs_client *client, const struct lcs_dialog *dialog,
			       const struct lcs_pinhole *row, union nf_inet_addr *from)
{
	unsigned int i, n = add_sources(dialog, row->index, from, 0);
	const struct lcs_dialog *other;

	if (lcs_pinhole_shares(row))
		return n;
	for (i = 0; i < LCS_DIALOGS_MAX && n; i++) {
		if (!row->dialog[i] || row->dialog[i] == dialog->call_id)
			continue;
		other = find_dialog(client, row->dialog[i]);
		if (!other || !other->count || other->overflow)
			return 0;
		n = add_sources(other, ANY_LINE, from, n);
	}
	return n;
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
	struct lcs_dialog *dialog = find_dialog(client, call_id);
	union nf_inet_addr from[LCS_SOURCES_MAX];
	struct lcs_pinhole *row;

	lockdep_assert_held(&client->lock);
	if (!dialog || dialog->overflow || !lcs_media_from_peer())
		return;
	list_for_each_entry(row, &client->pinholes, list) {
		if (row->class != LCS_CLASS_MEDIA && row->class != LCS_CLASS_APP_SHARING)
			continue;
		if (row->outbound || !lcs_pinhole_serves(row, call_id))
			continue;
		lcs_pinhole_narrow(row, from, sources_of(client, dialog, row, from));
	}
}

static void lead_row_out(const struct lcs_dialog *dialog, struct lcs_pinhole *row)
{
	unsigned int i;

	for (i = 0; i < dialog->count; i++)
		if (dialog->leads & 1u << i && dialog->index[i] == row->index &&
		    dialog->component[i] == row->component)
			lcs_pinhole_lead_out(row, &dialog->peer[i], dialog->port[i]);
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
	struct lcs_dialog *dialog = find_dialog(conn->client, call_id);
	struct lcs_pinhole *row;

	lockdep_assert_held(&conn->client->lock);
	if (!dialog || !conn->nat)
		return;
	list_for_each_entry(row, &conn->client->pinholes, list)
		if (row->translated && row->key.proto == IPPROTO_UDP &&
		    lcs_pinhole_serves(row, call_id))
			lead_row_out(dialog, row);
}
