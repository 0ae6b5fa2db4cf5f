#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Two hundred dialogs at once behind masquerade, both directions, over lines
that lose, repeat and reorder packets: each byte stream arrives as it must, both
wires carry the same byte whenever it is repeated, no packet is invalid.

Half of them IPv4, half IPv6; a quarter each of connections as they are today,
without SACK, without timestamps, and with receivers that take little at a time.

    natnoise.py [DIALOGS]
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import select
import socket
import sys

from lcscall import Call, audio
from lcspeer import LIMIT, Failed, Tap, check, difference, ntlm
from nat import contact_of
from natcheck import split_messages
from natrig import NatRig, NatUser, end_all
from natwire import captured, repeated
from policy import parameter

DIALOGS = 200
TURNS = 2
# 20 % of the packets take a detour of 4 ms.
NETEM = ("delay", "4ms", "reorder", "80%", "duplicate", "2%", "loss", "3%")
# A sysctl of the client that a connection begins with.
KINDS = ("", "tcp_sack", "tcp_timestamps", "small")
SMALL = 2304            # bytes of memory: a window of a message or less


class Stream:
    """One direction of a dialog: what goes in, and what has come out."""

    def __init__(self, user, by_client, texts):
        self.user, self.by_client = user, by_client
        main = user.main
        self.sender, self.receiver = ((main.a, main.b) if by_client
                                      else (main.b, main.a))
        if by_client:
            self.data, self.want = b"".join(texts), None
        else:
            self.data = b"".join(user.table.as_server(t) for t in texts)
            self.want = b"".join(texts)
        self.count, self.sent, self.got = len(texts), 0, bytearray()

    def done(self):
        if self.want:
            return len(self.got) >= len(self.want)
        return len(split_messages(bytes(self.got))[0]) >= self.count

    def step(self):
        """Some more goes in, what is there comes out."""
        with contextlib.suppress(BlockingIOError):
            self.sent += self.sender.send(self.data[self.sent:
                                                    self.sent + 700])
        with contextlib.suppress(BlockingIOError):
            data = self.receiver.recv(1 << 16)
            check(data, "the connection was closed")
            self.got += data

    def all_sent(self):
        return self.sent == len(self.data)

    def verify(self):
        if self.want:
            if self.got != self.want:
                raise Failed(difference(self.want, self.got))
            return
        came, rest = split_messages(bytes(self.got))
        check(len(came) == self.count and not rest,
              f"{len(came)} messages, and {rest[:80]!r}")
        for one, other in zip(split_messages(self.data)[0], came):
            self.user.table.learn(one, other)


def line(rig, what):
    """Between the client and the firewall, and between it and the server."""
    for host in ("client", "server"):
        rig.run(host, "tc", "qdisc", what, "dev", "eth0", "root",
                *(("netem", *NETEM) if what == "add" else ()))


def why_not(rig):
    """The reason when this kernel has no netem."""
    try:
        line(rig, "add")
    except Failed as error:
        return f"no netem here: {error}"
    line(rig, "del")
    return None


def connected(rig, kind, numbers):
    """number -> a client with this kind of connection, signed in."""
    if kind.startswith("tcp"):
        rig.run("client", "sysctl", "-qw", f"net.ipv4.{kind}=0")
    found = {n: NatUser(rig, 6 if n & 4 else 4) for n in numbers}
    if kind.startswith("tcp"):
        rig.run("client", "sysctl", "-qw", f"net.ipv4.{kind}=1")
    for number, user in found.items():
        for end in (user.main.a, user.main.b):
            if kind == "small":
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP,
                               SMALL // 2)
        user.register(7100 + number)
        user.accept(7100 + number)
    return found


def both_ways(user, number):
    """What a client says from now on, and what its server does."""
    port, forth, back = 7100 + number, [], []
    for turn in range(TURNS):
        call = Call(user)
        forth += [user.register_text(port, ntlm(700 * turn)),
                  call.request_text("INVITE", call.own(
                      *audio(20000 + 40 * number + 4 * turn)), extra=[
                          "Contact: " + contact_of("d", user, port)])]
        back += [user.notify_text(port), user.answer_text(
            200, "Contact: " + contact_of("b", user, port))]
    return Stream(user, True, forth), Stream(user, False, back)


def carry(streams):
    """All of them at once, until each has arrived."""
    left = streams
    while left:
        for stream in left:
            stream.step()
        left = [s for s in left if not s.done()]
        if left and all(s.all_sent() for s in left):
            ready = select.select([s.receiver for s in left], [], [], LIMIT)
            check(ready[0], f"{len(left)} of {len(streams)} streams stand "
                  "still")


def dialogs(rig, tap, count):
    text = (f"{count} dialogs, both directions at once: loss 3 %, duplication "
            "2 %, reordering 20 %")
    reason = why_not(rig)
    if reason:
        tap.skip(text, reason)
        return
    users = {}
    with tap.case(text), captured(rig):
        for first, kind in enumerate(KINDS):
            users |= connected(rig, kind, range(first, count, len(KINDS)))
        streams = [s for n, user in users.items() for s in both_ways(user, n)]
        line(rig, "add")
        try:
            carry(streams)
        finally:
            line(rig, "del")
        for stream in streams:
            stream.verify()
        check(sum(repeated(s.sender) for s in streams) > count // 10,
              "next to nothing was repeated: the line is a good one")
    end_all(rig, users.values())


def main(words):
    rig, tap = NatRig("ipv6"), Tap()
    with parameter("media_ports", "1024-65535"):
        dialogs(rig, tap, int(words[0]) if words else DIALOGS)
    with tap.case("nothing is held, no packet was dropped for want of memory"):
        rig.must_hold_nothing()
        counters = rig.counters()
        for name in ("unchanged_late", "unchanged_memory", "unchanged_clash"):
            check(not counters[name], f"{name} {counters[name]}")
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
