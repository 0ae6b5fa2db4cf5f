// SPDX-License-Identifier: GPL-2.0
/*
 * Session descriptions and multipart bodies: every kind of line that has an endpoint ([MS-SDP] 2.2,
 * [MS-SDPEXT] 3.1.5, RFC 4566, 3605, 5245), and what only looks like one.
 */
#include <kunit/test.h>
#include <lcs/stream.h>
#include "lcs_record.h"

static const struct lcs_row sdp_rows[] = {
	{ "audio", "v=0\r\no=- 0 0 IN IP4 {10.0.0.5}\r\ns=session\r\nc=IN IP4 {10.0.0.5}\r\n"
	  "b=CT:1000\r\nt=0 0\r\nm=audio {5350} RTP/AVP 97 111\r\nk=base64:AAAA\r\n"
	  "a=rtpmap:0 PCMU/8000\r\n",
	  "origin 10.0.0.5 0; media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "audio, video with a=rtcp, T.120",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 97\r\nm=video {5352} RTP/AVP 34\r\n"
	  "a=rtcp:{5359}\r\nm=application {1503} tcp msdata\r\na=sendonly\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied;"
	  " media udp 10.0.0.5 5352 line 1; rtcp udp 10.0.0.5 5359 line 1;"
	  " sharing tcp 10.0.0.5 1503 line 2" },
	{ "last line without its end", "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "bare line feeds", "c=IN IP4 {10.0.0.5}\nm=audio {5350} RTP/AVP 0\na=rtcp:{5400}\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5400" },
	{ "media c= overrides",
	  "c=IN IP4 1.1.1.1\r\nm=audio {5350} RTP/AVP 0\r\nc=IN IP4 {10.0.0.5}\r\n"
	  "m=video {5352} RTP/SAVP 0\r\nc=IN IP4 {10.0.0.6}\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied;"
	  " media udp 10.0.0.6 5352 line 1; rtcp udp 10.0.0.6 5353 implied line 1" },
	{ "media c= holds for its section only",
	  "c=IN IP4 {1.1.1.1}\r\nm=audio {5350} RTP/AVP 0\r\nc=IN IP4 {10.0.0.5}\r\n"
	  "m=video {5352} RTP/AVP 0\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied;"
	  " media udp 1.1.1.1 5352 line 1; rtcp udp 1.1.1.1 5353 implied line 1" },
	{ "media c= is a name", "c=IN IP4 1.1.1.1\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "c=IN IP4 h.example\r\n",
	  "media udp - 5350; rtcp udp - 5351 implied" },
	{ "no c= at all", "m=audio {5350} RTP/AVP 0\r\n", "media udp - 5350;"
	  " rtcp udp - 5351 implied" },
	{ "multicast", "c=IN IP4 224.2.1.1/127\r\nm=audio {5350} RTP/AVP 0\r\n",
	  "media udp - 5350; rtcp udp - 5351 implied" },
	{ "held in the old way", "c=IN IP4 {0.0.0.0}\r\nm=audio {5350} RTP/AVP 0\r\na=inactive\r\n",
	  "media udp 0.0.0.0 5350; rtcp udp 0.0.0.0 5351 implied" },
	{ "IPv6", "o=- 0 0 IN IP6 {2001:db8::5}\r\nc=IN IP6 {2001:db8::5}\r\n"
	  "m=audio {5350} RTP/AVP 0\r\n",
	  "origin 2001:db8:0:0:0:0:0:5 0; media udp 2001:db8:0:0:0:0:0:5 5350;"
	  " rtcp udp 2001:db8:0:0:0:0:0:5 5351 implied" },
	{ "marker does not fit the address",
	  "o=- 0 0 IN IP6 10.0.0.5\r\nc=IN IP4 2001:db8::5\r\nm=audio {5350} RTP/AVP 0\r\n",
	  "media udp - 5350; rtcp udp - 5351 implied" },
	{ "another network", "c=ATM IP4 10.0.0.5\r\nm=audio {5350} RTP/AVP 0\r\n",
	  "media udp - 5350; rtcp udp - 5351 implied" },
	{ "switched off", "c=IN IP4 {10.0.0.5}\r\nm=audio {0} RTP/AVP\r\na=rtcp:5351\r\n"
	  "a=candidate:1 1 UDP 1 10.0.0.5 5350 typ host\r\n", "media udp 10.0.0.5 0" },
	{ "T.120 switched off", "c=IN IP4 {10.0.0.5}\r\nm=application {0} tcp msdata\r\n",
	  "sharing tcp 10.0.0.5 0" },
	{ "port count", "c=IN IP4 {10.0.0.5}\r\nm=audio {5350}/2 RTP/AVP 0\r\n",
	  "media udp 10.0.0.5 5350 count 2; rtcp udp 10.0.0.5 5351 implied" },
	{ "port count 0", "c=IN IP4 10.0.0.5\r\nm=audio 5350/0 RTP/AVP 0\r\n", "" },
	{ "port count absurd", "c=IN IP4 10.0.0.5\r\nm=audio 5350/65536 RTP/AVP 0\r\n", "" },
	{ "port count absent", "c=IN IP4 10.0.0.5\r\nm=audio 5350/ RTP/AVP 0\r\n", "" },
	{ "port too large", "c=IN IP4 10.0.0.5\r\nm=audio 65536 RTP/AVP 0\r\n", "" },
	{ "port absent", "c=IN IP4 10.0.0.5\r\nm=audio\r\n", "" },
	{ "port 65535 has no RTCP beside it", "c=IN IP4 {10.0.0.5}\r\n"
	  "m=audio {65535} RTP/AVP 0\r\n",
	  "media udp 10.0.0.5 65535" },
	{ "RTCP elsewhere",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\na=rtcp:{53020} IN IP4 {10.0.0.6}\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.6 53020" },
	{ "RTCP at a name",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\na=rtcp:{53020} IN IP4 h.example\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp - 53020" },
	{ "RTCP twice: the last, with its own address",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\na=rtcp:53020 IN IP4 10.0.0.6\r\n"
	  "a=rtcp:{53021}\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 53021" },
	{ "RTCP without a number",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\na=rtcp:x\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "not a=rtcp", "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\na=rtcp-mux\r\n"
	  "a=rtcp\r\n"
	  "a=rtcp-fb:* nack\r\na=rtcpx:9\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "RTP over TCP",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {50004} TCP/RTP/AVP 8\r\n"
	  "m=video {50006} tcp/rtp/savp 8\r\n",
	  "media tcp 10.0.0.5 50004; media tcp 10.0.0.5 50006 line 1" },
	{ "desktop sharing and Lync's files",
	  "c=IN IP4 {10.0.0.5}\r\nm=applicationsharing {50040} TCP/RTP/SAVP 127\r\n"
	  "a=setup:passive\r\n"
	  "m=data {50050} TCP/RTP/SAVP\r\n",
	  "media tcp 10.0.0.5 50040; media tcp 10.0.0.5 50050 line 1" },
	{ "kinds that open nothing",
	  "c=IN IP4 10.0.0.5\r\nm=x-ms-message 5060 sip null\r\nm=message 5060 sip sip:peer@dom\r\n"
	  "m=application 1503 udp msdata\r\nm=application 1503 tcp other\r\n"
	  "m=application 1503 tcp\r\n"
	  "m=text 5350 RTP/AVP 0\r\nm=text 5350 TCP/RTP/AVP 0\r\nm=audio 5350 udp 0\r\n"
	  "m= 5 RTP/AVP 0\r\n"
	  "a=candidate:1 1 UDP 1 10.0.0.5 5350 typ host\r\na=remote-candidates:1 10.0.0.5 5350\r\n",
	  "" },
	{ "candidates, older",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {50004} RTP/AVP 0\r\n"
	  "a=candidate:Ab+/x 1 Cd/y UDP 0.830 {10.0.0.5} {50004} \r\n"
	  "a=candidate:Ab+/x 2 Cd/y UDP 0.830 {10.0.0.5} {50005} \r\n"
	  "a=candidate:Ab+/x 1 Cd/y TCP 0.190 {1.2.3.4} {443}\r\na=remote-candidate:Ab\r\n",
	  "candidate udp 10.0.0.5 50004 extra 1; candidate udp 10.0.0.5 50005 extra 2;"
	  " candidate tcp 1.2.3.4 443 extra 1; media udp 10.0.0.5 50004;"
	  " rtcp udp 10.0.0.5 50005 implied" },
	{ "candidates, newer",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\na=ice-ufrag:x\r\n"
	  "a=candidate:1 1 UDP 2130706431 {10.0.0.5} {5350} typ host \r\n"
	  "a=candidate:2 2 tcp-act 1 {10.0.0.6} {5360} TYP relay raddr 1.1.1.1 rport 9\r\n"
	  "a=Candidate:3 1 TCP-PASS 1 {10.0.0.7} {5370} typ srflx\r\n"
	  "a=x-candidate-ipv6:6 1 UDP 1 {fd00::6} {14530} typ host\r\n",
	  "candidate udp 10.0.0.5 5350 extra 1; candidate tcp 10.0.0.6 5360 active extra 2;"
	  " candidate tcp 10.0.0.7 5370 extra 1; candidate udp fd00:0:0:0:0:0:0:6 14530 extra 1;"
	  " media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "candidates of the second section",
	  "c=IN IP4 {10.0.0.5}\r\nm=message 5060 sip null\r\nm=data {50050} TCP/RTP/SAVP\r\n"
	  "a=candidate:1 1 TCP-PASS 1 {10.0.0.5} {50050} typ host\r\n",
	  "candidate tcp 10.0.0.5 50050 line 1 extra 1; media tcp 10.0.0.5 50050 line 1" },
	{ "candidates that cannot be read",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio 0/0 RTP/AVP 0\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "a=candidate:1 1 UDP 1 10.0.0.5 0 typ host\r\n"
	  "a=candidate:1 1 UDP 1 10.0.0.5 65536 typ host\r\n"
	  "a=candidate:1 1 UDP 1 host.example 5350 typ host\r\n"
	  "a=candidate:1 x UDP 1 10.0.0.5 5350 typ host\r\n"
	  "a=candidate:1 257 UDP 1 10.0.0.5 5350 typ host\r\n"
	  "a=candidate:1 1 SCTP 1 10.0.0.5 5350 typ host\r\n"
	  "a=candidate:1 1 UDP 1 10.0.0.5 5350\r\n"
	  "a=candidate:1 1 UDP 1 10.0.0.5\r\na=candidate:\r\na=candidate\r\na=candidates:1\r\n",
	  "media udp 10.0.0.5 5350 line 1; rtcp udp 10.0.0.5 5351 implied line 1" },
	{ "candidates with more blanks, other blanks, and no line end",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "a=candidate: 1  1   UDP  1  {10.0.0.5}  {5350}  typ  host\r\n"
	  "a=candidate:\t2 1 UDP 1 10.0.0.5 5351 typ host\r\n"
	  "a=candidate:2 1 UDP\t1 10.0.0.5 5351 typ host\r\n"
	  "a=candidate:2 1 UDP 1 10.0.0.5 5351 typ\r\n"
	  "a=candidate:2 1 UDP 1 10.0.0.5:5351 typ host\r\n"
	  "a=candidate:2 1 UDP 1 10.0.0.5 5351x typ host\r\n"
	  "a=candidate:Ab 2  Cd  UDP  0.8  {10.0.0.6}  {5352}",
	  "candidate udp 10.0.0.5 5350 extra 1; candidate udp 10.0.0.6 5352 extra 2;"
	  " media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "candidates before any m=", "a=candidate:1 1 UDP 1 10.0.0.5 5350 typ host\r\n"
	  "a=rtcp:99\r\n",
	  "" },
	{ "attributes that are none",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "a$rtcp:3\r\na$candidate:1 1 UDP 1 10.0.0.5 5350 typ host\r\n"
	  "A=candidate:1 1 UDP 1 10.0.0.5 5350 typ host\r\n"
	  "a$x-candidate-ipv6:1 1 UDP 1 10.0.0.5 5350 typ host\r\n"
	  "a$remote-candidates:1 1.2.3.4 5\r\na=rtcp;3\r\na=rtcps:3\r\nc$IN IP4 1.1.1.1\r\n"
	  "m$audio 5352 RTP/AVP 0\r\no$- 0 0 IN IP4 10.0.0.5\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "remote candidates",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "a=remote-candidates:1 {203.0.113.9} {50000} 2 {203.0.113.9} {50001} \r\n",
	  "remote 203.0.113.9 50000 extra 1; remote 203.0.113.9 50001 extra 2;"
	  " media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "remote candidates with more blanks and no line end",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "a=remote-candidates:  1  {203.0.113.9}  {50000}  2 {fd00::1} {50001}",
	  "remote 203.0.113.9 50000 extra 1; remote fd00:0:0:0:0:0:0:1 50001 extra 2;"
	  " media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "remote candidates cut short or wrong",
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "a=remote-candidates:1 {1.2.3.4} {5} 2 1.2.3.5\r\n"
	  "a=remote-candidates:x 1.2.3.4 5\r\na=remote-candidates:1 h 5 2 1.2.3.6 7\r\n"
	  "a=remote-candidates:\r\n",
	  "remote 1.2.3.4 5 extra 1;"
	  " media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied" },
	{ "lines that are none",
	  "c\r\nc=\r\nm=\r\no=\r\n=\r\n\r\nmm=audio 5350 RTP/AVP 0\r\nC=IN IP4 1.1.1.1\r\na\r\n"
	  "a=\r\na:\r\n"
	  " c=IN IP4 1.1.1.1\r\nm audio 5350 RTP/AVP 0\r\no=- 0 0 IN IP4\r\no=-\r\n", "" },
	{ "two origins", "o=- 0 0 IN IP4 {10.0.0.5}\r\no=a b c IN IP4 {10.0.0.6}\r\n",
	  "origin 10.0.0.5 0; origin 10.0.0.6 0" },
	{ "white space in lines", "c=IN  IP4\t {10.0.0.5} \r\nm=audio  {5350}\tRTP/AVP 0 \r\n"
	  "a=rtcp: {9}\r\n",
	  "media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 9" },
};

KUNIT_ARRAY_PARAM(sdp, sdp_rows, lcs_row_desc);

/* A request around a body of any type, with the right length. */
static char *with_body(struct kunit *test, const char *type, const char *body)
{
	u32 size = strlen(type) + strlen(body) + 200, len = 0;
	const char *at;
	char *text = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (at = body; *at; at++)
		len += *at != '{' && *at != '}';
	snprintf(text, size, "INVITE x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n"
		 "Content-Type: %s\r\nContent-Length: %u\r\n\r\n%s", type, len, body);
	return text;
}

static void descriptions(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;

	lcs_record_check(test, with_body(test, "application/sdp", row->text), row->want);
}

#define SDP_AUDIO	"c=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\n"
#define SDP_AUDIO_SAID	"media udp 10.0.0.5 5350; rtcp udp 10.0.0.5 5351 implied"

static const struct lcs_row multipart_rows[] = {
	{ "one part", "--B\r\nContent-Type: application/sdp\r\n\r\n" SDP_AUDIO "--B--\r\n",
	  SDP_AUDIO_SAID },
	{ "preamble and epilogue",
	  "m=audio 1 RTP/AVP 0\r\n--B\r\nContent-Type: application/sdp\r\n\r\n" SDP_AUDIO
	  "--B--\r\n"
	  "c=IN IP4 1.1.1.1\r\nm=audio 1 RTP/AVP 0\r\n", SDP_AUDIO_SAID },
	{ "a stub for OCS 2007 closes nothing",
	  "--B\r\nContent-Type: application/sdp\r\n"
	  "Content-Disposition: session; handling=optional; ms-proxy-2007fallback\r\n\r\n"
	  "o=- 0 0 IN IP4 {10.0.0.5}\r\ns=session\r\nc=IN IP4 10.0.0.5\r\nm=audio 0 RTP/AVP\r\n"
	  "--B\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n" SDP_AUDIO "--B--",
	  "origin 10.0.0.5 0; " SDP_AUDIO_SAID },
	{ "a quote behind which the mark would be is not closed",
	  "--B\r\nContent-Type: application/sdp\r\n"
	  "Content-Disposition: session;x=\"a;ms-proxy-2007fallback\r\n\r\n"
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {0} RTP/AVP\r\n--B--", "media udp 10.0.0.5 0" },
	{ "a full part for OCS 2007",
	  "--B\r\nContent-Disposition: session; handling=optional;\r\n ms-proxy-2007fallback\r\n"
	  "Content-Type: application/sdp\r\n\r\nc=IN IP4 {10.0.0.5}\r\nm=audio {5350} RTP/AVP 0\r\n"
	  "a=candidate:Ab+/x 1 Cd/y UDP 0.830 {10.0.0.5} {5350}\r\n"
	  "--B\r\nContent-Type: application/sdp\r\n\r\n" SDP_AUDIO
	  "a=candidate:1 1 UDP 1 {10.0.0.5} {5350} typ host\r\n--B--\r\n",
	  "candidate udp 10.0.0.5 5350 extra 1; " SDP_AUDIO_SAID
	  "; candidate udp 10.0.0.5 5350 extra 1; " SDP_AUDIO_SAID },
	{ "port 0 in the full part counts",
	  "--B\r\nContent-Disposition: session; handling=optional\r\n"
	  "Content-Type: application/sdp\r\n\r\n"
	  "c=IN IP4 {10.0.0.5}\r\nm=audio {0} RTP/AVP\r\n--B--", "media udp 10.0.0.5 0" },
	{ "a part of another type",
	  "--B\r\nContent-Type: text/plain\r\n\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 1.1.1.1\r\n"
	  "--B\r\nContent-Type: APPLICATION/SDP ; charset=x\r\n\r\n" SDP_AUDIO "--B--\r\n",
	  SDP_AUDIO_SAID },
	{ "a part without a type", "--B\r\n\r\nm=audio 1 RTP/AVP 0\r\n--B--\r\n", "" },
	{ "the type of one part is not that of the next",
	  "--B\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--B\r\n\r\nm=audio 1 RTP/AVP 0\r\n"
	  "--B--",
	  "" },
	{ "folded part header", "--B\r\nContent-Type:\r\n application/sdp\r\n\r\n" SDP_AUDIO
	  "--B--",
	  SDP_AUDIO_SAID },
	{ "part headers that are none",
	  "--B\r\nContent-Type application/sdp\r\nContent-Typ: application/sdp\r\n"
	  "X-Content-Type-Or-Not: application/sdp\r\n: application/sdp\r\nContent-Type\r\n\r\n"
	  "m=audio 1 RTP/AVP 0\r\n--B--", "" },
	{ "white space behind the delimiter",
	  "--B \t\r\nContent-Type: application/sdp\r\n\r\n" SDP_AUDIO "--B-- \r\n"
	  "m=audio 1 RTP/AVP 0\r\n",
	  SDP_AUDIO_SAID },
	{ "white space before it makes it none",
	  " --B\r\nContent-Type: application/sdp\r\n\r\nm=audio 1 RTP/AVP 0\r\n", "" },
	{ "what only begins like the delimiter",
	  "--B\r\nContent-Type: application/sdp\r\n\r\nc=IN IP4 {10.0.0.5}\r\n--Bx\r\n--C\r\n--\r\n"
	  "-\r\n"
	  "--b\r\n--B-\r\n--B---\r\nm=audio {5350} RTP/AVP 0\r\n--B--", SDP_AUDIO_SAID },
	{ "no last delimiter", "--B\r\nContent-Type: application/sdp\r\n\r\n" SDP_AUDIO,
	  SDP_AUDIO_SAID },
	{ "ends inside the part headers", "--B\r\nContent-Type: application/sdp\r\n", "" },
	{ "ends behind the empty line", "--B\r\nContent-Type: application/sdp\r\n\r\n", "" },
	{ "two parts in a row, the second empty",
	  "--B\r\nContent-Type: application/sdp\r\n\r\n" SDP_AUDIO "--B\r\n--B--\r\n",
	  SDP_AUDIO_SAID },
	{ "part with a length", "--B\r\nContent-Length: 5\r\nContent-Type: application/sdp\r\n\r\n"
	  SDP_AUDIO "--B--", SDP_AUDIO_SAID },
	{ "bare line feeds", "--B\nContent-Type: application/sdp\n\n" SDP_AUDIO "--B--\n",
	  SDP_AUDIO_SAID },
};

KUNIT_ARRAY_PARAM(multipart, multipart_rows, lcs_row_desc);

static void multiparts(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;

	lcs_record_check(test, with_body(test, "multipart/alternative;boundary=\"B\"", row->text),
			 row->want);
}

/* Text: a body is an SDP only where its type says so. The body is always the same. */
static const struct lcs_row type_rows[] = {
	{ "in capitals, with parameters", "APPLICATION/SDP ; charset=utf-8", "sdp" },
	{ "plain text", "text/plain; charset=UTF-8; msgr=x", "" },
	{ "only begins alike", "application/sdpx", "" },
	{ "as a parameter", "text/plain;x=application/sdp", "" },
	{ "empty", "", "" },
	{ "boundary unquoted", "multipart/mixed; boundary=e7904a-91", "multipart" },
	{ "boundary with dashes, quoted",
	  "multipart/alternative;boundary=\"----=_NextPart_000_001E_01C6.A1B2C3D4\"", "multipart" },
	{ "boundary among other parameters",
	  "multipart/related;type=\"a;boundary=no\"; start=x ; BOUNDARY = \"y z\" ;q",
	  "multipart" },
	{ "boundary as long as allowed", "multipart/mixed;"
	  "boundary=1234567890123456789012345678901234567890123456789012345678901234567890",
	  "multipart" },
	{ "boundary too long", "multipart/mixed;"
	  "boundary=12345678901234567890123456789012345678901234567890123456789012345678901", "" },
	{ "boundary empty", "multipart/mixed;boundary=\"\"", "" },
	{ "boundary absent", "multipart/mixed;x=y", "" },
	{ "boundary quote not closed", "multipart/mixed;boundary=\"abc", "" },
	{ "quote before it not closed", "multipart/mixed;x=\"abc;boundary=B", "" },
};

KUNIT_ARRAY_PARAM(type, type_rows, lcs_row_desc);

static void types(struct kunit *test)
{
	const struct lcs_row *row = test->param_value;
	struct lcs_record *record = lcs_record_new(test);
	u8 body = !strcmp(row->want, "sdp") ? LCS_BODY_SDP :
		  !strcmp(row->want, "multipart") ? LCS_BODY_MULTIPART : LCS_BODY_OTHER;

	lcs_record_text(record, with_body(test, row->text,
					  "c=IN IP4 10.0.0.5\r\nm=audio 5350 RTP/AVP 0\r\n"));
	KUNIT_EXPECT_EQ(test, record->messages, 1u);
	KUNIT_EXPECT_EQ(test, record->stream.msg.body, body);
	KUNIT_EXPECT_EQ(test, record->endpoints, body == LCS_BODY_SDP ? 2u : 0u);
}

static void part_length_is_told(struct kunit *test)
{
	struct lcs_record *record = lcs_record_new(test);

	lcs_record_text(record, with_body(test, "multipart/mixed;boundary=B",
					  "--B\r\nCONTENT-LENGTH: 5\r\n\r\nv=0\r\n--B--"));
	KUNIT_EXPECT_TRUE(test, (record->stream.msg.flags & LCS_MSG_PART_LENGTH) != 0);
	lcs_record_text(record, with_body(test, "multipart/mixed;boundary=B",
					  "--B\r\n\r\nContent-Length: 5\r\n--B--"));
	KUNIT_EXPECT_FALSE(test, (record->stream.msg.flags & LCS_MSG_PART_LENGTH) != 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(descriptions, sdp_gen_params),
	KUNIT_CASE_PARAM(multiparts, multipart_gen_params),
	KUNIT_CASE_PARAM(types, type_gen_params),
	KUNIT_CASE(part_length_is_told),
	{}
};

static struct kunit_suite suite = {
	.name = "lcs_sdp",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of lcs/proto/sdp.c and body.c");
