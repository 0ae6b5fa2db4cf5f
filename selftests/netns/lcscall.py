# SPDX-License-Identifier: GPL-2.0
"""What clients say inside a dialog: calls, file transfers, whiteboards.

Call is one dialog over the main connection of a Client; each of its methods
sends one message over real TCP. The forms are those of the corpus.
"""

from lcspeer import ADDRESS, host_text, message

REASON = {180: "Ringing", 183: "Session Progress", 200: "OK",
          407: "Proxy Authentication Required", 480: "Temporarily Unavailable",
          487: "Request Terminated", 488: "Not Acceptable Here",
          603: "Decline"}
SDP = "application/sdp"
INVITATION = "text/x-msmsgsinvite; charset=UTF-8"
FILE_TRANSFER = "{5D3E02AB-6190-11d3-BBBB-00C04F795683}"


def family_word(address):
    return "IP6" if ":" in address else "IP4"


def sdp(address, *lines):
    """A session description; lines begin with the first m= line."""
    where = f"IN {family_word(address)} {address}"
    return "\r\n".join(["v=0", f"o=- 0 0 {where}", "s=session", f"c={where}",
                        "b=CT:1000", "t=0 0", *lines, ""]).encode()


def audio(port, *more):
    return (f"m=audio {port} RTP/AVP 97 111 112 6 0 8 4 5 3 101",
            "a=rtpmap:0 PCMU/8000", *more)


def video(port, *more):
    return (f"m=video {port} RTP/AVP 34 31", "a=rtpmap:34 H263/90000", *more)


def whiteboard(port=1503):
    return (f"m=application {port} tcp msdata", "a=sendonly")


def invitation(command, cookie=1, **fields):
    """A body of text/x-msmsgsinvite; fields with _ for -."""
    lines = [f"Invitation-Command: {command}", f"Invitation-Cookie: {cookie}"]
    lines += [f"{name.replace('_', '-')}: {value}"
              for name, value in fields.items()]
    return "\r\n".join([*lines, ""]).encode()


def offer_file(cookie=1, **more):
    return invitation("INVITE", cookie, Application_Name="File Transfer",
                      Application_GUID=FILE_TRANSFER,
                      Application_File="a b.txt", Application_FileSize=4690,
                      **more)


def listen_for_file(address, port, cookie=1, **more):
    return invitation("ACCEPT", cookie, Request_Data="IP-Address:",
                      IP_Address=address, Port=port, PortX=port ^ 0x3141,
                      AuthCookie=12345, **more)


class Call:
    """A dialog of a Client, which called or was called (by_peer)."""

    serial = 0

    def __init__(self, user, by_peer=False):
        Call.serial += 1
        self.user, self.by_peer = user, by_peer
        self.call_id = f"6c345e9d2893c6fc7d5a3dd4{Call.serial:08x}"
        self.cseq = {True: 0, False: 0}     # of the client, of the peer
        self.peer = ADDRESS[user.family]["stranger"]

    def headers(self, by_client, cseq, answer):
        ends = ["<sip:bob@example.com>;tag=0a1b;epid=62ccbeb808",
                "<sip:alice@example.com>"]
        if not by_client:
            ends.reverse()
        via = host_text(self.user.address if by_client else self.peer)
        return [f"Via: SIP/2.0/TCP {via}:14423", "Max-Forwards: 70",
                f"From: {ends[0]}",
                f"To: {ends[1]}" + (";tag=2c66" if answer else ""),
                f"Call-ID: {self.call_id}", f"CSeq: {cseq}"]

    def send(self, by_client, data, link=None):
        link = link or self.user.main
        forth = by_client == (link.a is self.user.main.a)
        (link.forth if forth else link.back)(data)

    def request_text(self, method, body=b"", kind=SDP, by_client=True,
                     cseq=None, extra=()):
        if cseq is None:
            self.cseq[by_client] += 1
            cseq = self.cseq[by_client]
        lines = self.headers(by_client, f"{cseq} {method}", False)
        lines += [*extra, "User-Agent: RTC/1.3.5470 (Messenger 5.1.0680)"]
        if body:
            lines.append(f"Content-Type: {kind}")
        who = "alice" if by_client else "bob"
        return message(f"{method} sip:{who}@example.com SIP/2.0", lines, body)

    def request(self, method, *body, link=None, by_client=True, **how):
        self.send(by_client, self.request_text(method, *body,
                                               by_client=by_client, **how),
                  link)

    def answer_text(self, code, method, body=b"", kind=SDP, by_client=False,
                    cseq=None, extra=()):
        """An answer; by_client says who sends it."""
        cseq = cseq or self.cseq[not by_client]
        lines = self.headers(not by_client, f"{cseq} {method}", True)
        lines += extra
        if body:
            lines.append(f"Content-Type: {kind}")
        return message(f"SIP/2.0 {code} {REASON[code]}", lines, body)

    def answer(self, code, method, *body, link=None, by_client=False, **how):
        self.send(by_client, self.answer_text(code, method, *body,
                                              by_client=by_client, **how),
                  link)

    # ---- whole transactions

    def own(self, *lines):
        return sdp(self.user.address, *lines)

    def theirs(self, *lines):
        return sdp(self.peer, *lines)

    def begin(self, offer, answer=None):
        """INVITE, 200, ACK; without an answer, the INVITE only."""
        caller = not self.by_peer
        self.request("INVITE", offer, by_client=caller)
        if answer is not None:
            self.answer(180, "INVITE", by_client=not caller)
            self.answer(200, "INVITE", answer, by_client=not caller)
            self.request("ACK", by_client=caller, cseq=self.cseq[caller])

    def bye(self, by_client=True, link=None):
        self.request("BYE", by_client=by_client, link=link)
        self.answer(200, "BYE", by_client=not by_client, link=link)

    def cancel(self):
        caller = not self.by_peer
        self.request("CANCEL", by_client=caller, cseq=self.cseq[caller])
        self.answer(200, "CANCEL", by_client=not caller)
        self.answer(487, "INVITE", by_client=not caller)
        self.request("ACK", by_client=caller, cseq=self.cseq[caller])

    def say(self, body, by_client=True, kind=INVITATION):
        """A MESSAGE and its 200."""
        self.request("MESSAGE", body, kind, by_client=by_client)
        self.answer(200, "MESSAGE", by_client=not by_client)
