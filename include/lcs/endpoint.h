/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the protocol library finds in a stream: endpoints, and the few facts of a message that
 * decide what they mean.
 */
#ifndef _LCS_ENDPOINT_H
#define _LCS_ENDPOINT_H

#include <lcs/text.h>

/**
 * struct lcs_range - where a piece of text stands in the stream
 * @seq: sequence number of its first byte, in the sender's space, host byte order
 * @len: bytes; 0 where the text is absent
 */
struct lcs_range {
	u32 seq;
	u16 len;
};

/**
 * enum lcs_kind - what an endpoint is for
 * @LCS_REQUEST_URI: address of a Request-URI
 * @LCS_CONTACT: a Contact; its address is maddr where there is one, else the host of the URI (RFC
 * 3261 19.1.1)
 * @LCS_ORIGIN: address of an SDP o= line, no port
 * @LCS_MEDIA: an m= line with the c= line in force for it; port 0 closes the stream, and is not
 *	reported of a fallback part for OCS 2007, which may be a stub (ms-proxy-2007fallback)
 * @LCS_RTCP: the RTCP side of the LCS_MEDIA just before it
 * @LCS_CANDIDATE: an ICE candidate of the sender
 * @LCS_REMOTE_CANDIDATE: an ICE candidate of the receiver, echoed by the sender
 * @LCS_FILE_TRANSFER: listener of a file transfer; port 0 calls the transfer off
 * @LCS_APP_SHARING: listener for T.120 (m=application 1503 tcp msdata); port 0 closes it
 */
enum lcs_kind {
	LCS_REQUEST_URI,
	LCS_CONTACT,
	LCS_ORIGIN,
	LCS_MEDIA,
	LCS_RTCP,
	LCS_CANDIDATE,
	LCS_REMOTE_CANDIDATE,
	LCS_FILE_TRANSFER,
	LCS_APP_SHARING,
};

/* Flags of an endpoint */
enum {
	/*
	 * RTCP: the port was not written, it is RTP's plus one (RFC 3550 11); Contact: the port was
	 * not written, it is 5060
	 */
	LCS_EP_PORT_IMPLIED = 1 << 0,
	/* Contact: transport= names something else than tcp, or the scheme is sips */
	LCS_EP_NOT_TCP = 1 << 1,
	/*
	 * Contact: ms-received-cid= is there, the server will use the existing connection
	 * ([MS-SIP] 4.4, 4.5)
	 */
	LCS_EP_CONNECTION_ID = 1 << 2,
	/* Contact: the address stands in maddr=, the host of the URI is something else */
	LCS_EP_MADDR = 1 << 3,
	/* Contact: proxy=replace is there ([MS-SIPRE] 2.2.5) */
	LCS_EP_PROXY_REPLACE = 1 << 4,
	/*
	 * File transfer: the sender of the file will connect, so that its receiver, who sends this
	 * message, listens (Sender-Connect: TRUE)
	 */
	LCS_EP_SENDER_CONNECTS = 1 << 5,
	/* Candidate: TCP-ACT, it only connects and listens nowhere ([MS-SDPEXT] 3.1.5.22.2) */
	LCS_EP_ACTIVE = 1 << 6,
};

#define LCS_ABSENT	0xffffffffu

/**
 * struct lcs_endpoint - an address and port named in the text
 * @kind: what it is for
 * @proto: IPPROTO_UDP, IPPROTO_TCP, or 0 where the text does not say
 * @flags: LCS_EP_*
 * @addr: the address; family 0 where the text has a name or nothing
 * @port: host byte order
 * @index: of the m= line it belongs to within its description, from 0; otherwise 0
 * @count: LCS_MEDIA: number of ports, or of RTP and RTCP pairs (RFC 4566 5.14), at least 1
 * @addr_at: where the address stands, without brackets
 * @port_at: where the port stands
 * @extra_at: LCS_FILE_TRANSFER: where the value of PortX stands
 * @extra: LCS_FILE_TRANSFER: the value of PortX; LCS_CANDIDATE, LCS_REMOTE_CANDIDATE: the
 * component, 1 RTP, 2 RTCP
 * @expires: LCS_CONTACT: its expires= in seconds, or LCS_ABSENT
 * @instance: LCS_CONTACT: lcs_hash_lower() of +sip.instance, 0 where absent; LCS_FILE_TRANSFER: of
 * Invitation-Cookie
 * @opaque: LCS_CONTACT: lcs_hash_lower() of ms-opaque, 0 where absent
 */
struct lcs_endpoint {
	enum lcs_kind kind;
	u8 proto;
	u8 flags;
	struct lcs_addr addr;
	u16 port;
	u16 index;
	u16 count;
	struct lcs_range addr_at;
	struct lcs_range port_at;
	struct lcs_range extra_at;
	u32 extra;
	u32 expires;
	u32 instance;
	u32 opaque;
};

enum lcs_method {
	LCS_METHOD_OTHER,
	LCS_METHOD_ACK,
	LCS_METHOD_BENOTIFY,
	LCS_METHOD_BYE,
	LCS_METHOD_CANCEL,
	LCS_METHOD_INFO,
	LCS_METHOD_INVITE,
	LCS_METHOD_MESSAGE,
	LCS_METHOD_NEGOTIATE,
	LCS_METHOD_NOTIFY,
	LCS_METHOD_OPTIONS,
	LCS_METHOD_PRACK,
	LCS_METHOD_REFER,
	LCS_METHOD_REGISTER,
	LCS_METHOD_SERVICE,
	LCS_METHOD_SUBSCRIBE,
	LCS_METHOD_UPDATE,
};

enum lcs_body {
	LCS_BODY_OTHER,
	LCS_BODY_SDP,
	LCS_BODY_INVITATION,
	LCS_BODY_MULTIPART,
};

/* Flags of a message */
enum {
	LCS_MSG_RESPONSE = 1 << 0,
	LCS_MSG_HAS_CSEQ = 1 << 1,
	LCS_MSG_HAS_CALL_ID = 1 << 2,
	LCS_MSG_HAS_LENGTH = 1 << 3,
	LCS_MSG_HAS_TYPE = 1 << 4,
	/* Contact: * (RFC 3261 10.2.2) */
	LCS_MSG_STAR = 1 << 5,
	/* To carries a tag: the message belongs to a dialog */
	LCS_MSG_TO_TAG = 1 << 6,
	/* Content-Encoding names something: the body cannot be read */
	LCS_MSG_ENCODED = 1 << 7,
	/*
	 * A header that decides could not be read (malformed, twice and different, longer than
	 * LCS_LINE_MAX): nothing may be opened
	 */
	LCS_MSG_UNREADABLE = 1 << 8,
	/* More endpoints than LCS_ENDPOINTS_MAX: the rest was not reported */
	LCS_MSG_TOO_MANY = 1 << 9,
	/* A body part carries its own Content-Length: the body must not change its size */
	LCS_MSG_PART_LENGTH = 1 << 10,
};

/**
 * struct lcs_message - the facts of the message being read that decide
 * @seq: sequence number of its first byte
 * @body_seq: sequence number of the first byte behind the header block, set before headers()
 * @flags: LCS_MSG_*
 * @method: enum lcs_method of the request, or of the request that a response answers (from CSeq)
 * @body: enum lcs_body
 * @status: status code of a response, 0 for a request
 * @endpoints: how many endpoints were reported so far
 * @cseq: CSeq number
 * @expires: value of Expires in seconds, or LCS_ABSENT
 * @length: Content-Length; 0 where absent
 * @length_at: where its digits stand
 * @call_id: the sink's hash of the Call-ID, case-sensitive
 */
struct lcs_message {
	u32 seq;
	u32 body_seq;
	u16 flags;
	u8 method;
	u8 body;
	u16 status;
	u16 endpoints;
	u32 cseq;
	u32 expires;
	u32 length;
	struct lcs_range length_at;
	u64 call_id;
};

/**
 * enum lcs_interest - is a line, of which perhaps only the beginning is there, worth keeping
 * @LCS_UNWANTED: no
 * @LCS_UNSURE: its name is not complete
 * @LCS_WANTED: yes
 */
enum lcs_interest {
	LCS_UNWANTED,
	LCS_UNSURE,
	LCS_WANTED,
};

/* 0.0.0.0 or ::, which is no place: on hold (RFC 3264 8.4). */
static inline bool lcs_is_unspecified(const struct lcs_addr *addr)
{
	unsigned int i;

	for (i = 0; i < sizeof(addr->ip); i++)
		if (addr->ip[i])
			return false;
	return addr->family;
}

static inline bool lcs_is_response(const struct lcs_message *msg)
{
	return msg->flags & LCS_MSG_RESPONSE;
}

#endif /* _LCS_ENDPOINT_H */
