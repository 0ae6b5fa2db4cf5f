/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Session descriptions (RFC 4566): lines to endpoints.
 */
#ifndef _LCS_SDP_H
#define _LCS_SDP_H

#include <lcs/endpoint.h>

struct lcs_line;
struct lcs_reader;

/**
 * struct lcs_where - an address or number that a line gave, kept until the lines that use it have
 * come
 * @seq: where it stands in the stream
 * @len: its length, 0 where absent
 * @addr: the address
 */
struct lcs_where {
	u32 seq;
	u8 len;
	struct lcs_addr addr;
};

/**
 * struct lcs_sdp - what a session description said so far
 * @session: its session-level c= line
 * @media: the c= line of the media section being read
 * @rtcp: a=rtcp of the media section: the address, where given
 * @port_seq: where the port of the m= line stands
 * @rtcp_seq: where the port of a=rtcp stands
 * @port: the port of the m= line
 * @sections: how many m= lines were read
 * @count: its port count
 * @rtcp_port: the port of a=rtcp, 0 where absent
 * @port_len: digits of the port
 * @rtcp_len: digits of the RTCP port
 * @kind: enum lcs_kind of the section
 * @proto: IPPROTO_UDP or IPPROTO_TCP
 * @wanted: the section is of a kind we know
 * @has_rtcp: a stream of that kind has an RTCP side
 */
struct lcs_sdp {
	struct lcs_where session;
	struct lcs_where media;
	struct lcs_where rtcp;
	u32 port_seq;
	u32 rtcp_seq;
	u16 port;
	u16 sections;
	u16 count;
	u16 rtcp_port;
	u8 port_len;
	u8 rtcp_len;
	u8 kind;
	u8 proto;
	u8 wanted:1;
	u8 has_rtcp:1;
};

/**
 * enum lcs_sdp_name - the lines of a session description that are read
 * @LCS_SDP_NONE: any other
 * @LCS_SDP_CANDIDATE: a=candidate:
 * @LCS_SDP_CANDIDATE_IPV6: a=x-candidate-ipv6:
 * @LCS_SDP_CONNECTION: c=
 * @LCS_SDP_MEDIA: m=
 * @LCS_SDP_ORIGIN: o=
 * @LCS_SDP_REMOTE: a=remote-candidates:
 * @LCS_SDP_RTCP: a=rtcp:
 */
enum lcs_sdp_name {
	LCS_SDP_NONE,
	LCS_SDP_CANDIDATE,
	LCS_SDP_CANDIDATE_IPV6,
	LCS_SDP_CONNECTION,
	LCS_SDP_MEDIA,
	LCS_SDP_ORIGIN,
	LCS_SDP_REMOTE,
	LCS_SDP_RTCP,
};

/* lcs_sdp_name_at() looks at so many bytes. */
#define LCS_SDP_LOOK	20u

/* Most lines that are read are this one; lcs_sdp_candidate() reads it. */
static __always_inline bool lcs_is_candidate(const u8 *at)
{
	return at[0] == 'a' && lcs_same_4(at + 1, "=can") && lcs_same_8(at + 4, "ndidate:");
}

static __always_inline enum lcs_sdp_name lcs_sdp_name_at(const u8 *at)
{
	const u32 letters = LCS_LETTER('c') | LCS_LETTER('r') | LCS_LETTER('x');

	switch (at[0]) {
	case 'a':
		if (!(letters >> (at[2] & 31) & 1))
			return LCS_SDP_NONE;
		if (lcs_same(at + 1, "=rtcp:", 6))
			return LCS_SDP_RTCP;
		if (at[3] == '-' && lcs_same(at + 1, "=x-candidate-ipv6:", 18))
			return LCS_SDP_CANDIDATE_IPV6;
		if (at[8] == '-' && lcs_same(at + 1, "=remote-candidates:", 19))
			return LCS_SDP_REMOTE;
		return lcs_is_candidate(at) ? LCS_SDP_CANDIDATE : LCS_SDP_NONE;
	case 'c':
		return at[1] == '=' ? LCS_SDP_CONNECTION : LCS_SDP_NONE;
	case 'm':
		return at[1] == '=' ? LCS_SDP_MEDIA : LCS_SDP_NONE;
	case 'o':
		return at[1] == '=' ? LCS_SDP_ORIGIN : LCS_SDP_NONE;
	}
	return LCS_SDP_NONE;
}

enum lcs_interest lcs_sdp_interest(struct lcs_text text);
void lcs_sdp_line(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sdp_named(struct lcs_reader *reader, const struct lcs_line *line,
		   enum lcs_sdp_name name);
const u8 *lcs_sdp_candidate(struct lcs_reader *reader, struct lcs_line line, const u8 *at);
void lcs_sdp_end(struct lcs_reader *reader);

#endif /* _LCS_SDP_H */
