#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Corners of reading: lines that decide and are too long, folded and multipart
headers cut anywhere, bytes missing in a body that nobody reads, a Contact in the
client's own answer, connections of which nothing will be read any more.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import select

from disorder import RawClient, pieces
from lcscall import SDP, Call, audio, video
from lcspeer import (LIMIT, Rig, Tap, check, client, contact, grown, message,
                     objects, wait_until)
from lcsraw import RawHost
from lcswire import Probe, wire
from policy import parameter

LONG = 9000             # more than a line may have that is kept (8 KiB)
PIECE = 1000
LONG_MEDIA = "m=audio 20004 RTP/AVP" + " 97" * (LONG // 3)
BOUNDARY = "----=_NextPart_000_001E"
SPENT = 200


def in_pieces(user, text):
    """Sent so that no segment has more of a line than a part."""
    user.main.forth(text, range(PIECE, len(text), PIECE))


def counts(rig, name, step):
    """A check that a counter goes on by so many from here on."""
    before = rig.counters()[name]

    def done():
        now = rig.counters()[name]
        check(now == before + step, f"{name}: {now - before}, not {step}")
    return done


# ---- lines that are too long ------------------------------------------------

def long_length(rig, tap):
    with tap.case("a Content-Length of 9000 digits: nothing is read any more, "
                  "every byte passes"), client(rig) as user:
        counted = counts(rig, "given_up_length", 1)
        in_pieces(user, user.register_text(
            7100, "Content-Length: " + "0" * LONG))
        user.sign_in(7101)
        counted()
        for port in (7100, 7101):
            user.must_not_be_called(port)
    with tap.case("the next connection is read"), client(rig) as user:
        user.sign_in(7101)
        user.must_be_called(7101)


def long_type(rig, tap, air):
    with tap.case("a Content-Type of 9000 bytes: its message opens nothing, "
                  "counted, the next one does"), client(rig) as user:
        counted = counts(rig, "refused_unreadable", 1)
        call = Call(user)
        in_pieces(user, call.request_text(
            "INVITE", call.own(*audio(20000)), SDP + ";x=" + "y" * LONG,
            extra=[f"Contact: {contact(user.address, 7200)}"]))
        call.answer(200, "INVITE", call.theirs(*audio(30000)))
        counted()
        user.must_not_be_called(7200)
        air.shut(Probe("udp", call.peer, user.address, 20000))
        call = Call(user)
        call.begin(call.own(*audio(20002)), call.theirs(*audio(30000)))
        air.related(Probe("udp", call.peer, user.address, 20002))
        air.shut(Probe("udp", call.peer, user.address, 20000))


def long_body_line(rig, tap, air):
    with tap.case("an m= line of 9000 bytes opens nothing, the next message is "
                  "read"), client(rig) as user:
        call = Call(user)
        in_pieces(user, call.request_text("INVITE", call.own(
            *audio(20000), *video(20002), LONG_MEDIA)))
        air.shut(*(Probe("udp", call.peer, user.address, port)
                   for port in (20004, 20005)))
        user.sign_in(7100)
        user.must_be_called(7100)
    with tap.case("in an offer of a call that goes on: what it may name stays "
                  "open, until the BYE"), client(rig) as user:
        call = Call(user)
        answer = call.theirs(*audio(30000), *video(30002))
        call.begin(call.own(*audio(20000), *video(20002)), answer)
        ports = [Probe("udp", call.peer, user.address, port)
                 for port in range(20000, 20004)]
        in_pieces(user, call.request_text("INVITE", call.own(
            *audio(20000), *video(20002), LONG_MEDIA)))
        call.answer(200, "INVITE", answer)
        call.request("ACK", cseq=call.cseq[True])
        air.related(*ports)
        call.bye()
        air.shut(*ports)


# ---- cut anywhere -----------------------------------------------------------

def folded(rig, tap):
    with tap.case("a folded Contact, cut at each byte about its fold"), \
            client(rig) as user:
        for port in range(7100, 7112):
            text = user.register_text(
                None, "Contact:\r\n " + contact(user.address, port))
            fold = text.index(b"Contact:\r\n") + len(b"Contact:\r\n")
            user.main.forth(text, (fold + port - 7106,))
            user.accept(port)
            user.must_be_called(port)
            user.must_not_be_called(port + 1)
    with tap.case("the end of a Contact and of its segment, and no fold after "
                  "it"), client(rig) as user:
        text = user.register_text(7100)
        end = text.index(b"\r\n", text.index(b"Contact:")) + 2
        user.main.forth(text, (end,))
        user.accept(7100)
        user.must_be_called(7100)


def multipart(*parts):
    """(kind, body): each part is (header lines, text)."""
    text = b"".join(
        f"--{BOUNDARY}\r\n".encode() + "\r\n".join(lines).encode()
        + b"\r\n\r\n" + part + b"\r\n" for lines, part in parts)
    return (f'multipart/alternative;boundary="{BOUNDARY}"',
            text + f"--{BOUNDARY}--\r\n".encode())


def parts_cut(rig, tap):
    with tap.case("the headers of a body part cut at each byte"), \
            client(rig) as user:
        call = Call(user)
        kind, body = multipart(
            ((f"Content-Type: {SDP}", "Content-Transfer-Encoding: 7bit",
              "Content-Disposition: session; handling=optional; "
              "ms-proxy-2007fallback"), call.own(*audio(20000))),
            (("Content-Type: text/plain",), b"m=audio 20010 RTP/AVP 0\r\n"))
        text = call.request_text("INVITE", body, kind)
        begin, end = text.index(b"--" + BOUNDARY.encode()), text.index(b"v=0")
        for cut in range(begin, end + 1):
            call = Call(user)
            user.main.forth(call.request_text("INVITE", body, kind), (cut,))
            found = {e.dport for e in rig.expectations()}
            check(found == {20000, 20001}, f"cut at {cut - begin}: {found}")
            call.cancel()
            check(not rig.expectations(), f"cut at {cut - begin}: left")


# ---- bytes that are missing -------------------------------------------------

def chat(user, size):
    return message("MESSAGE sip:alice@example.com SIP/2.0", [
        f"Via: SIP/2.0/TCP {user.address}:14423", "From: <sip:bob@example.com>"
        ";tag=0a1b;epid=62ccbeb808", "To: <sip:alice@example.com>",
        "Call-ID: 77", "CSeq: 1 MESSAGE", "Content-Type: text/plain"],
        b"Contact: <sip:10.0.0.77:7105>\r\n" * (size // 31))


def heard_all(sender, length):
    """Wait, sending nothing, until the server has acknowledged so much."""
    poll = select.poll()
    poll.register(sender.host.wire, select.POLLIN)
    while sender.tcp.acked < length:
        check(poll.poll(LIMIT * 1000), f"never acknowledged: {length} bytes")
        sender.tcp.listen()


def gap_in_body(rig, tap, host):
    for name, order in (("some of", (0, 2000, 3000, 1000, -1)),
                        ("the rest of", (0, -1, 1000, 2000, 3000))):
        with tap.case(f"{name} a body that nobody reads is late: what comes "
                      "before it passes at once, and is read"):
            sender = RawClient(rig, host)
            text = chat(sender.user, 3100)
            counted = counts(rig, "out_of_order", 0)
            for at in order:
                if at >= 0:
                    sender.tcp.data(at, text[at:at + 1000])
                    continue
                for begin, piece in pieces(sender.text, 500):
                    sender.tcp.data(len(text) + begin, piece)
            # Nothing is sent twice: so all of it got through.
            heard_all(sender, len(text + sender.text))
            check(sender.tcp.received() == text + sender.text, "other bytes")
            counted()
            check(not sender.opened(), "open before the 200")
            sender.accept()
            check(sender.opened(), "not open after the 200")
            check(not sender.opened(7105), "the body opened a port")
            sender.close()


def gap_beyond_body(rig, tap, host):
    with tap.case("bytes are late up to behind a body's end: what comes before "
                  "them is held off, and read when it comes in order"):
        sender = RawClient(rig, host)
        text, counted = chat(sender.user, 3100), counts(rig, "out_of_order", 1)
        sender.tcp.data(0, text[:1000])
        sender.tcp.data(len(text) + 20, sender.text[20:600])
        for at in (1000, 2000, 3000):
            sender.tcp.data(at, text[at:at + 1000])
        heard_all(sender, len(text))
        counted()
        check(sender.tcp.received() == text, "other bytes")
        sender.tcp.insist(sender.text, offset=len(text))
        check(sender.tcp.received() == sender.text, "other bytes")
        sender.accept()
        check(sender.opened(), "not open after the 200")
        check(not sender.opened(7105), "the body opened a port")
        sender.close()


# ---- in a dialog ------------------------------------------------------------

def own_answer(rig, tap, family):
    with tap.case(f"IPv{family}: a Contact in the client's answer to a call: "
                  "the server calls back there, until the BYE"), \
            client(rig, family) as user:
        user.sign_in(7100)
        call = Call(user, by_peer=True)
        call.begin(call.theirs(*audio(30000)))
        user.must_not_be_called(7200)
        call.answer(200, "INVITE", call.own(*audio(20000)), by_client=True,
                    extra=[f"Contact: {contact(user.address, 7200)}"])
        user.must_be_called(7200)
        user.must_not_be_called(7200, by="stranger")
        user.must_not_be_called(7201)
        call.bye()
        user.must_not_be_called(7200)
        user.must_be_called(7100)
    with tap.case(f"IPv{family}: one that names a port below 1024 opens "
                  "nothing, counted"), client(rig, family) as user:
        counted = counts(rig, "refused_port", 1)
        call = Call(user, by_peer=True)
        call.begin(call.theirs(*audio(30000)))
        call.answer(200, "INVITE", call.own(*audio(20000)), by_client=True,
                    extra=[f"Contact: {contact(user.address, 1000)}"])
        counted()
        user.must_not_be_called(1000)


# ---- nothing left to read ---------------------------------------------------

def spent(rig, tap):
    with tap.case(f"{SPENT} connections that speak no SIP go on, and hold "
                  "nothing after the next sweeps"), \
            contextlib.ExitStack() as stack:
        rig.run("fw", "conntrack", "-F")
        rig.barriers.clear()
        before = objects()
        users = [stack.enter_context(client(rig)) for _ in range(SPENT)]
        text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        for user in users:
            # Nobody knows yet what it will be: no sweep may take that.
            user.main.forth(text[:4])
        most = grown(before)["lcs_conn"]
        check(most > SPENT * 3 // 4, f"{most} of {SPENT} are known")
        for user in users:
            user.main.forth(text[4:])
            user.main.back(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        wait_until(lambda: grown(before)["lcs_conn"] < SPENT // 10,
                   "the end of what is kept for them")
        for user in users:
            user.main.forth(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n")
            user.main.back(b"HTTP/1.1 404 Not found\r\n\r\n")


def main():
    rig, tap = Rig("ipv6"), Tap()
    host = RawHost(rig)
    with parameter("media_ports", "1024-65535"), wire(rig) as air:
        long_length(rig, tap)
        long_type(rig, tap, air)
        long_body_line(rig, tap, air)
        folded(rig, tap)
        parts_cut(rig, tap)
        gap_in_body(rig, tap, host)
        gap_beyond_body(rig, tap, host)
        for family in (4, 6):
            own_answer(rig, tap, family)
        spent(rig, tap)
    host.close()
    tap.done()


if __name__ == "__main__":
    main()
