#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Segments that come twice, too late, too early, or overlap.

A raw sender makes each case exactly (a host made of frames, lcsraw.py); netem
makes all of them at once for the kernel's own TCP. The expectation comes from
the bytes that the server's application gets, and from no others.
"""

import select
import socket

from lcspeer import (ADDRESS, LIMIT, SIP_PORT, Client, Failed, Rig, Tap,
                     check, client, contact, ntlm)
from lcsraw import ACK, PSH, URG, RawHost, RawTcp

PORT = 7100


class RawClient:
    """A Client's words, a raw connection's segments."""

    def __init__(self, rig, host, **how):
        self.rig, self.host = rig, host
        listener = rig.listen("server", SIP_PORT)
        # Urgent bytes stay in the stream, as every modern receiver wants it.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        self.tcp = RawTcp(host, listener, **how)
        listener.close()
        self.user = Client(rig, connect=False)
        self.user.address = host.address
        self.text = self.user.register_text(PORT, ntlm(600))

    def server_must_have(self, data):
        """The application at the server got exactly this."""
        self.tcp.insist(data)
        got = self.tcp.received()
        check(got == data, f"the server got {len(got)} bytes, "
              f"{len(data)} were sent:\n{got[:80]!r}")

    def accept(self, port=PORT):
        """The server's 200, as its kernel sends it, heard by the raw host."""
        answer = self.user.answer_text(
            200, "Contact: " + contact(self.host.address, port),
            "Expires: 900")
        before = len(self.tcp.got)
        self.tcp.peer.send(answer)
        poll = select.poll()
        poll.register(self.host.wire, select.POLLIN)
        while len(self.tcp.got) < before + len(answer):
            check(poll.poll(LIMIT * 1000), "never came: the 200")
            self.tcp.listen()
        check(self.tcp.got[before:] == answer, "the 200 differs")

    def opened(self, port=PORT):
        """A SYN from the server to this port of the raw host gets there.

        The data after it on the main connection is the barrier."""
        target = self.host.address
        caller = self.rig.socket("server")
        caller.setblocking(False)
        caller.bind((ADDRESS[4]["server"], 0))
        caller.connect_ex((target, port))
        self.tcp.peer.send(b"\r\n\r\n")
        poll = select.poll()
        poll.register(self.host.wire, select.POLLIN)
        before, called = len(self.tcp.got), False
        while len(self.tcp.got) == before:
            check(poll.poll(LIMIT * 1000), "never came: the barrier")
            called |= self.hear(port)
        caller.close()
        return called

    def hear(self, port):
        """Was there a SYN to this port? All else goes to the connection."""
        heard = self.host.packets()
        called = any(p[9] == 6 and int.from_bytes(p[22:24], "big") == port
                     and p[33] == 2 for p in heard)
        packets, self.host.packets = self.host.packets, lambda: heard
        self.tcp.listen()
        self.host.packets = packets
        return called

    def close(self):
        self.tcp.close()
        self.rig.run("fw", "conntrack", "-D", "-p", "tcp", "--orig-port-src",
                     str(self.tcp.ports[0]), fail=False)


def pieces(text, size=300):
    return [(at, text[at:at + size]) for at in range(0, len(text), size)]


def exactly(sender):
    """Send by the plan, then be called, and only there."""
    sender.server_must_have(sender.text)
    check(not sender.opened(), "open before the 200")
    sender.accept()
    check(sender.opened(), "not open after the 200")
    check(not sender.opened(PORT + 1), "the next port is open")


def reversed_order(sender):
    for at, piece in reversed(pieces(sender.text)):
        sender.tcp.data(at, piece)


def second_last(sender):
    first, second, *rest = pieces(sender.text)
    for at, piece in (first, *rest, second):
        sender.tcp.data(at, piece)


def each_twice(sender):
    for at, piece in pieces(sender.text):
        sender.tcp.data(at, piece)
        sender.tcp.data(at, piece)


def all_again_in_other_cuts(sender):
    for size in (300, 211, 1000):
        for at, piece in pieces(sender.text, size):
            sender.tcp.data(at, piece)


def overlapping(sender):
    text = sender.text
    for at in range(0, len(text), 200):
        start = max(0, at - 150)
        sender.tcp.data(start, text[start:at + 200])


def empty_and_probes(sender):
    """Bare ACKs and window probes (one old byte) between the pieces."""
    for at, piece in pieces(sender.text):
        sender.tcp.raw(at - 1, ACK)
        sender.tcp.data(at, piece)
        sender.tcp.raw(at + len(piece) - 1, ACK, piece[-1:])


def urgent(sender):
    for at, piece in pieces(sender.text):
        sender.tcp.raw(at, ACK | PSH | URG, piece)


def stale_acks(sender):
    for at, piece in pieces(sender.text):
        sender.tcp.data(at, piece)
        sender.tcp.ack -= 1
        sender.tcp.raw(at + len(piece), ACK)
        sender.tcp.ack += 1


PLANS = (
    ("in reversed order", reversed_order),
    ("the second segment last", second_last),
    ("each segment twice", each_twice),
    ("all again, cut differently", all_again_in_other_cuts),
    ("each segment overlaps the one before", overlapping),
    ("bare ACKs and probes between them", empty_and_probes),
    ("the urgent flag on each", urgent),
    ("old ACKs between them", stale_acks),
)


def by_plan(rig, tap, host):
    for name, plan in PLANS:
        for isn in (1000, 0xffffff00):
            with tap.case(f"{name}, ISN {isn:#x}"):
                sender = RawClient(rig, host, isn=isn)
                plan(sender)
                exactly(sender)
                sender.close()


def other_content(rig, tap, host):
    """Slipstreaming by retransmission: the firewall and the server must not
    believe two different streams."""
    with tap.case("a retransmission with another port opens nothing more"):
        sender = RawClient(rig, host)
        evil = sender.text.replace(b":7100;", b":7200;")
        for at, piece in pieces(sender.text):
            sender.tcp.data(at, piece)
        for at, piece in pieces(evil):
            sender.tcp.data(at, piece)
        sender.server_must_have(sender.text)
        sender.accept()
        check(sender.opened(7100), "not open")
        check(not sender.opened(7200), "the retransmission's port is open")
        sender.close()
    with tap.case("a segment from the future that is then sent otherwise"):
        sender = RawClient(rig, host)
        evil = sender.text.replace(b":7100;", b":7200;")
        first, *rest = pieces(sender.text)
        for at, piece in pieces(evil)[1:]:
            sender.tcp.data(at, piece)
        for at, piece in (first, *rest):
            sender.tcp.data(at, piece)
        sender.tcp.insist(sender.text)
        got = sender.tcp.received()
        sender.accept(7100)
        for port in (7100, 7200):
            believed = b":%d;" % port in got
            check(sender.opened(port) <= believed,
                  f"{port} is open, and the server never read of it")
        sender.close()


def syn_payload(rig, tap, host):
    with tap.case("a payload in the SYN: passes as TCP has it, opens nothing"):
        user = Client(rig, connect=False)
        user.address = host.address
        text = user.register_text(PORT)
        sender = RawClient(rig, host, syn_payload=text)
        sender.user = user
        sender.text = text
        sender.server_must_have(text)
        sender.accept()
        check(not sender.opened(), "open")
        sender.close()


def picked_up(rig, tap):
    with tap.case("picked up in the middle (conntrack -F): opens nothing"), \
            client(rig) as user:
        user.main.forth(b"\r\n\r\n")
        rig.run("fw", "conntrack", "-F")
        rig.barriers.clear()
        user.sign_in(PORT)
        check(not rig.expectations(dport=PORT), "an expectation")
        user.must_not_be_called(PORT)
        user.connect()
        user.sign_in(PORT)
        user.must_be_called(PORT)
    with tap.case("picked up in the middle after a sign-in: the new entry "
                  "opens nothing"), client(rig) as user:
        user.sign_in(PORT)
        user.must_be_called(PORT)
        rig.run("fw", "conntrack", "-F")
        rig.barriers.clear()
        user.sign_in(PORT)
        user.must_not_be_called(PORT)


NETEM = "delay 4ms 2ms reorder 20% 50% loss 3% duplicate 3%".split()


def netem(rig, tap):
    text = "40 sign-ins through loss, duplication and reordering"
    hosts = ("client", "server")
    try:
        for host in hosts:
            rig.run(host, "tc", "qdisc", "add", "dev", "eth0", "root",
                    "netem", *NETEM)
    except (Failed, OSError) as error:
        tap.skip(text, f"no netem here: {error}")
        return
    opened = []
    with tap.case(text), client(rig) as user:
        user.main.lossy = True
        for port in range(7200, 7240):
            request = user.register_text(port, ntlm(3000))
            # Every other one in one write: large segments come too early too.
            user.main.forth(request, range(500, len(request), 500)
                            if port % 2 else ())
            user.accept(port)
            opened.append(port)
        for host in hosts:
            rig.run(host, "tc", "qdisc", "del", "dev", "eth0", "root")
        for port in opened:
            user.must_be_called(port)
        user.must_not_be_called(7240)


def main():
    rig, tap = Rig(), Tap()
    host = RawHost(rig)
    by_plan(rig, tap, host)
    other_content(rig, tap, host)
    syn_payload(rig, tap, host)
    host.close()
    picked_up(rig, tap)
    netem(rig, tap)
    tap.done()


if __name__ == "__main__":
    main()
