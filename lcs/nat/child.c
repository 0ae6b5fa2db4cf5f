// SPDX-License-Identifier: GPL-2.0
/*
 * Child connections. One that comes to an outside form goes to the inside one and keeps its peer's
 * source: media comes from the peer, not from the server. One that the inside begins leaves from
 * the outside form that was advertised, whoever sends first.
 */
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netfilter/nf_nat.h>

#include <lcs/compat.h>
#include <lcs/place.h>
#include <lcs/table.h>

static void map(struct nf_conn *ct, enum nf_nat_manip_type type, const union nf_inet_addr *addr,
		const union nf_conntrack_man_proto *proto)
{
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS,
		.min_addr = *addr,
		.max_addr = *addr,
	};

	if (proto) {
		range.flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
		range.min_proto = *proto;
		range.max_proto = *proto;
	}
	nf_nat_setup_info(ct, &range, type);
}

static void come_in(struct nf_conn *ct, struct nf_conntrack_expect *exp)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	const struct nf_conn *master = ct->master;
	const union nf_inet_addr *from = &tuple->src.u3;

	if (ct->status & IPS_NAT_DONE_MASK)
		return;
	/* A published server calls back from the address that the client knows. */
	if (nf_inet_addr_cmp(from, &master->tuplehash[!exp->dir].tuple.src.u3))
		from = &master->tuplehash[exp->dir].tuple.dst.u3;
	map(ct, NF_NAT_MANIP_DST, &exp->saved_addr, &exp->saved_proto);
	map(ct, NF_NAT_MANIP_SRC, from, NULL);
}

/* Which of the client's pinholes has a packet's source as its inside form? */
static const struct lcs_pinhole *find_source(const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	const struct lcs_conn *conn;
	struct lcs_key key = {
		.addr = tuple->src.u3,
		.port = tuple->src.u.all,
		.zone = nf_ct_zone(ct)->id,
		.family = nf_ct_l3num(ct),
		.proto = nf_ct_protonum(ct),
	};

	/* By netlink anybody's master can have such an expectation. */
	if (!lcs_is_helped(ct->master))
		return NULL;
	conn = rcu_dereference(lcs_start(ct->master)->conn);
	return conn ? lcs_table_inside(conn->net, &key) : NULL;
}

static void go_out(struct nf_conn *ct, struct nf_conntrack_expect *exp)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	union nf_conntrack_man_proto port = { .all = tuple->dst.u.all };
	union nf_conntrack_man_proto own = exp->saved_proto;
	union nf_inet_addr addr = exp->saved_addr;
	const struct lcs_pinhole *row;

	if (ct->status & IPS_NAT_DONE_MASK)
		return;
	if (!own.all) {
		row = find_source(ct);
		/* It was not advertised: the administrator's rules say where it leaves from. */
		if (!row || !row->translated)
			return;
		own.all = row->outside.port;
		addr = row->outside.addr;
	}
	map(ct, NF_NAT_MANIP_DST, &tuple->dst.u3, &port);
	map(ct, NF_NAT_MANIP_SRC, &addr, &own);
}

static struct nf_ct_helper_expectfn lcs_come_in = {
	.name = "lcs-in",
	.expectfn = come_in,
};

static struct nf_ct_helper_expectfn lcs_go_out = {
	.name = "lcs-out",
	.expectfn = go_out,
};

/**
 * lcs_lead_in() - make an expectation one for packets to a row's outside form
 * @row: the row
 * @exp: the expectation, for that destination; not inserted yet
 */
void lcs_lead_in(const struct lcs_pinhole *row, struct nf_conntrack_expect *exp)
{
	exp->saved_addr = row->key.addr;
	exp->saved_proto.all = row->key.port;
	exp->dir = row->conn->client_dir;
	exp->expectfn = come_in;
}

/**
 * lcs_lead_out() - make an expectation one for packets from the inside to a peer
 * @row: the row; its inside form is where they come from. Of one that leads out itself they may
 *	come from any port of the client, and leave from the outside form of that.
 * @exp: the expectation, for that source and destination; not inserted yet
 */
void lcs_lead_out(const struct lcs_pinhole *row, struct nf_conntrack_expect *exp)
{
	if (!row->outbound) {
		exp->saved_addr = row->outside.addr;
		exp->saved_proto.all = row->outside.port;
	}
	exp->dir = row->conn->client_dir;
	exp->expectfn = go_out;
}

/**
 * lcs_children_init() - make the functions above known, for expectations that come by netlink
 */
void lcs_children_init(void)
{
	nf_ct_helper_expectfn_register(&lcs_come_in);
	nf_ct_helper_expectfn_register(&lcs_go_out);
}

static bool is_ours(struct nf_conntrack_expect *exp, void *data)
{
	return exp->expectfn == come_in || exp->expectfn == go_out;
}

/**
 * lcs_children_exit() - no expectation leads here any more
 */
void lcs_children_exit(void)
{
	nf_ct_helper_expectfn_unregister(&lcs_come_in);
	nf_ct_helper_expectfn_unregister(&lcs_go_out);
	/* ctnetlink may have found one of them by name, and be about to expect something with it */
	synchronize_rcu();
	nf_ct_expect_iterate_destroy(is_ours, NULL);
	/* init_conntrack() may be in one of them still */
	synchronize_rcu();
}
