#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Translated text, whatever TCP does on the way.

Messages cut at every byte, several in one write, segments of every size that
grow, an end behind half a message, a sender with Nagle's algorithm; with and
without offloads. What both wires carried is captured: no byte ever changes when
it is repeated, no packet is too large, nobody sends ICMP, conntrack calls
nothing invalid, and nobody repeats anything. (natnoise.py has bad lines.)
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import select
import socket
import sys

from lcscall import Call, audio, sdp, video
from lcspeer import (SIP_PORT, Tap, check, ct_state, difference, ntlm,
                     wait_fd)
from nat import contact_of
from natcheck import body_at, moved, places
from natrig import NatLink, NatRig, NatUser, nat_user
from natwire import MERGED, PLAIN, Capture, calmly, captured, offloads
from policy import parameter

SIZES = (88, 89, 131, 256, 536, 1000, 1220, 1459, 1460)


class Sized(NatUser):
    """A client whose connection has segments of at most so many bytes."""

    def __init__(self, rig, family, mss):
        super().__init__(rig, family, connect=False)
        listener = rig.listen(self.server, SIP_PORT, family)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        sock = rig.socket("client", family)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        sock.setblocking(False)
        sock.bind((self.address, 0))
        sock.connect_ex(listener.getsockname()[:2])
        wait_fd(listener, select.POLLIN, "the connection")
        peer, name = listener.accept()
        listener.close()
        self.main = NatLink(self, sock, peer, ct_state(peer))
        self.links.append(self.main)
        self.ports.append(sock.getsockname()[1])
        self.table.forms["tcp", self.address, self.ports[0]] = name[:2]


def offer(user, call, more=0):
    """An INVITE with both kinds of places, more bytes long."""
    extra = ["Contact: " + contact_of("d", user, 7100)]
    if more:
        extra.append("Subject: " + "x" * more)
    return call.request_text("INVITE", call.own(
        *audio(20000), *video(20002, "a=rtcp:20009")), extra=extra)


def everywhere(rig, tap, family, step=1):
    with tap.case(f"IPv{family}: an INVITE cut in two at every "
                  f"{'byte' if step == 1 else f'{step}th byte'}: what is held "
                  "is acknowledged, nobody waits or repeats"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        call = Call(user)
        text = offer(user, call)
        for at in range(1, len(text), step):
            calmly(user, lambda at=at: user.main.forth(text, (at,)))
    with tap.case(f"IPv{family}: and the answer, whose remote-candidates come "
                  "back, the Content-Length first"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        call = Call(user)
        user.main.forth(offer(user, call))
        text = answer(user, call)
        for at in range(1, len(text), step * 7):
            calmly(user, lambda at=at: user.main.back(text, (at,)))


def answer(user, call):
    body = sdp(call.peer, *audio(
        30000, f"a=remote-candidates:1 {user.address} 20000 2 {user.address} "
        "20001 "))
    text = call.answer_text(200, "INVITE", body)
    start, length = text.split(b"\r\n", 1), b"Content-Length: %d" % len(body)
    rest = start[1].replace(b"\r\n" + length, b"", 1)
    return b"\r\n".join([start[0], length, rest])


def bytewise(rig, tap, family):
    with tap.case(f"IPv{family}: a sign-in and an INVITE byte by byte"), \
            nat_user(rig, family) as user, captured(rig):
        text = user.register_text(7100)
        user.main.forth(text, range(1, len(text)))
        user.accept(7100)
        text = offer(user, Call(user))
        calmly(user, lambda: user.main.forth(text, range(1, len(text))))


@contextlib.contextmanager
def wires(rig, mode):
    """Both of them, and that they carry packets of the size they should."""
    with captured(rig, 1500 if mode == PLAIN else None) as taps:
        yield
    merged = max(tap.largest for tap in taps) > 1500
    check(merged or mode != MERGED, "nothing was merged")


def several(rig, tap, family, mode=""):
    with tap.case(f"IPv{family}: three and a half messages in one write, and "
                  f"the rest{mode and ': '}{mode}"), \
            nat_user(rig, family) as user, wires(rig, mode):
        user.sign_in(7100)
        for length in (60, 600, 3000):
            text = b"".join((user.register_text(7100, ntlm(length)),
                             offer(user, Call(user)),
                             user.register_text(7101), offer(user, Call(user))))
            for cut in (len(text) - 30, len(text) - 330, len(text) - 700):
                calmly(user, lambda t=text, c=cut: user.main.forth(t, (c,)))
                text = b"\r\n\r\n" + text + text
                calmly(user, lambda t=text, c=cut: user.main.forth(
                    t, (c, 2 * c)))
                text = text[4:len(text) // 2 + 2]


def sizes(rig, tap, family, mode=""):
    step = 4 if mode else 1
    with tap.case(f"IPv{family}: segments of {SIZES[0]} to {SIZES[-1]} bytes "
                  "that are full and grow: no ICMP, no fragment, nothing "
                  f"repeated{mode and ': '}{mode}"), \
            contextlib.ExitStack() as stack:
        for mss in SIZES[::-step]:
            mss = min(mss, 1480 - (20 if family == 4 else 40))
            with captured(rig, 1500 if mode == PLAIN else None):
                user = Sized(rig, family, mss)
                stack.callback(user.close)
                user.sign_in(7100)
                for more in (0, mss // 3, mss - 12 - len(
                        offer(user, Call(user))) % (mss - 12)):
                    calmly(user, lambda more=more: user.main.forth(
                        offer(user, Call(user), max(more, 0))))
                calmly(user, lambda: user.main.forth(
                    offer(user, Call(user), 4 * mss)))
                user.close()


def ends(rig, tap, family):
    with tap.case(f"IPv{family}: an end right behind a part that is held: the "
                  "part arrives, and then the end"), captured(rig):
        for cut in (-1, -30, -300, -340, -400):
            with nat_user(rig, family) as user:
                user.sign_in(7100)
                text = offer(user, Call(user))
                user.main.a.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                part = text[:cut]
                user.main.a.send(part)
                user.main.a.shutdown(socket.SHUT_WR)
                got = until_the_end(user.main.b)
                head = body_at(text)
                want = {part, moved(part, user.table.outbound, [
                    p for p in places(text) if p.kind == "contact"
                    and p.addr_at[1] < min(len(part), head)])}
                check(got in want, difference(max(want), got))


def until_the_end(sock):
    got = b""
    while True:
        wait_fd(sock, select.POLLIN, f"the end, behind {len(got)} bytes")
        data = sock.recv(1 << 20)
        if not data:
            return got
        got += data


def nagle(rig, tap, family):
    with tap.case(f"IPv{family}: a sender with Nagle's algorithm writes each "
                  "message in three, the server delays its acknowledgements"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        main = user.main
        for sock in (main.a, main.b):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        main.waits = False
        rig.acknowledges("server", family, at_once=False)
        text = offer(user, Call(user))
        for at in range(10, len(text) - 20, 40):
            calmly(user, lambda at=at: main.forth(text, (at, at + 15)))
        rig.acknowledges("server", family)


def outside_mtu(rig, size):
    for device in ("wan0", "server"):
        rig.run("fw", "ip", "link", "set", device, "mtu", str(size))


def narrower(rig, tap, family):
    with tap.case(f"IPv{family}: the line outside carries less than before: "
                  "the sender is told once, then its full segments grow and "
                  "arrive"), nat_user(rig, family) as user:
        user.sign_in(7100)
        call = Call(user)
        text = b"".join(offer(user, call) for _ in range(12))
        calmly(user, lambda: user.main.forth(text))
        outside_mtu(rig, 1300)
        try:
            told = Capture(rig, "client")
            user.main.forth(text)
            check(told.read().icmp, "it was not told")
            with captured(rig):
                calmly(user, lambda: user.main.forth(text))
            told.close()
        finally:
            outside_mtu(rig, 1500)
            rig.run("client", "ip", f"-{family}", "route", "flush", "cache")


def other_offloads(rig, tap):
    """Packets as a network card sees them that segments nothing itself, and as
    one gives them that merges."""
    with offloads(rig, PLAIN):
        for family in (4, 6):
            several(rig, tap, family, PLAIN)
            sizes(rig, tap, family, PLAIN)
    with offloads(rig, MERGED):
        for family in (4, 6):
            several(rig, tap, family, MERGED)
            sizes(rig, tap, family, MERGED)


def main(names):
    rig, tap = NatRig("ipv6"), Tap()
    tests = {"everywhere": lambda: (everywhere(rig, tap, 4),
                                    everywhere(rig, tap, 6, 23)),
             "bytewise": lambda: [bytewise(rig, tap, f) for f in (4, 6)],
             "nagle": lambda: [nagle(rig, tap, f) for f in (4, 6)],
             "several": lambda: [several(rig, tap, f) for f in (4, 6)],
             "sizes": lambda: [sizes(rig, tap, f) for f in (4, 6)],
             "narrower": lambda: [narrower(rig, tap, f) for f in (4, 6)],
             "ends": lambda: [ends(rig, tap, f) for f in (4, 6)],
             "offloads": lambda: other_offloads(rig, tap)}
    with parameter("media_ports", "1024-65535"):
        for name, test in tests.items():
            if not names or name in names:
                test()
    with tap.case("nothing is held, no packet was dropped for want of memory"):
        rig.must_hold_nothing()
        counters = rig.counters()
        for name in ("unchanged_late", "unchanged_memory",
                     "unchanged_clash"):
            check(not counters[name], f"{name} {counters[name]}")
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
