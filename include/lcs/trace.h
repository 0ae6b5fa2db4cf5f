/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints lcs:*: pinholes that open, close or are refused, and streams that are given up. They
 * show addresses, ports and reasons, never the text of a message.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM lcs

#if !defined(_LCS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _LCS_TRACE_H

#include <linux/tracepoint.h>
#include <net/netfilter/nf_conntrack.h>

#include <lcs/pinhole.h>

DECLARE_EVENT_CLASS(lcs_pinhole,
	TP_PROTO(const struct lcs_key *key, u8 class),
	TP_ARGS(key, class),
	TP_STRUCT__entry(
		__field(u8, class)
		__field(u8, proto)
		__field(u16, port)
		__array(u8, addr, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		struct sockaddr_in *sin = (struct sockaddr_in *)__entry->addr;
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)__entry->addr;

		__entry->class = class;
		__entry->proto = key->proto;
		__entry->port = ntohs(key->port);
		memset(__entry->addr, 0, sizeof(__entry->addr));
		if (key->family == NFPROTO_IPV4) {
			sin->sin_family = AF_INET;
			sin->sin_addr = key->addr.in;
		} else {
			sin6->sin6_family = AF_INET6;
			sin6->sin6_addr = key->addr.in6;
		}
	),
	TP_printk("%s proto %u to %pISc port %u", lcs_class_name(__entry->class), __entry->proto,
		  __entry->addr, __entry->port)
);

DEFINE_EVENT(lcs_pinhole, lcs_open,
	TP_PROTO(const struct lcs_key *key, u8 class),
	TP_ARGS(key, class)
);

DEFINE_EVENT(lcs_pinhole, lcs_close,
	TP_PROTO(const struct lcs_key *key, u8 class),
	TP_ARGS(key, class)
);

TRACE_EVENT(lcs_refuse,
	TP_PROTO(const struct nf_conn *ct, u8 class, u8 why),
	TP_ARGS(ct, class, why),
	TP_STRUCT__entry(
		__field(const void *, ct)
		__field(u8, class)
		__field(u8, why)
	),
	TP_fast_assign(
		__entry->ct = ct;
		__entry->class = class;
		__entry->why = why;
	),
	TP_printk("ct %p %s: %s", __entry->ct, lcs_class_name(__entry->class),
		  lcs_refusal_name(__entry->why))
);

TRACE_EVENT(lcs_give_up,
	TP_PROTO(const struct nf_conn *ct, u8 dir, u8 why),
	TP_ARGS(ct, dir, why),
	TP_STRUCT__entry(
		__field(const void *, ct)
		__field(u8, dir)
		__field(u8, why)
	),
	TP_fast_assign(
		__entry->ct = ct;
		__entry->dir = dir;
		__entry->why = why;
	),
	TP_printk("ct %p %s direction: %s", __entry->ct, __entry->dir ? "reply" : "original",
		  lcs_give_up_name(__entry->why))
);

#endif /* _LCS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH lcs
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
