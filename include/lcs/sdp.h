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

/*
 * Can an SDP line that begins so be one that is read? Those are m=, c=, o=, and of the attributes
 * candidate, remote-candidates, rtcp and x-candidate-ipv6. @text has at least a byte.
 */
static inline bool lcs_sdp_may_begin(struct lcs_text text)
{
	u8 third;

	if (*text.at != 'a')
		return *text.at == 'm' || *text.at == 'c' || *text.at == 'o';
	if (lcs_text_len(text) < 4)
		return true;
	third = text.at[2] | 0x20;
	return third == 'c' ? (text.at[3] | 0x20) == 'a' : third == 'r' || third == 'x';
}

enum lcs_interest lcs_sdp_interest(struct lcs_text text);
void lcs_sdp_line(struct lcs_reader *reader, const struct lcs_line *line);
void lcs_sdp_end(struct lcs_reader *reader);

#endif /* _LCS_SDP_H */
