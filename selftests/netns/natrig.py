# SPDX-License-Identifier: GPL-2.0
"""The network of lib.sh with translation, and clients behind it.

A message goes in at one end and comes out at the other; natcheck.py says if it
is right. Client and Call of lcspeer.py and lcscall.py speak as they always do,
in the client's own addresses: what the server sends is put into the outside
forms that it has been told, and the client must get exactly what they wrote.
"""

import contextlib
import fcntl
import select
import socket
import struct
import time

from lcspeer import (ADDRESS, LIMIT, SIP_PORT, TCP_SAVE_SYN, Client, Link, Rig,
                     check, ct_state, difference, is_ready, wait_fd)
from natcheck import Table, places, split_messages

SIOCOUTQ = 0x5411

# The address that the firewall has outside.
OUTSIDE = {4: "192.0.2.1", 6: "2001:db8:1::1"}
MASQUERADE = """
table inet lcs_nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan0" masquerade
	}
}
"""
# Decides nothing: counts what conntrack calls invalid. Not resets: a case ends
# its connections with one from either side, and forgets their entries.
WATCH = """
table inet lcs_sound {
	counter invalid { }
	chain prerouting {
		type filter hook prerouting priority mangle + 5; policy accept;
		tcp flags & rst == rst return
		ct state invalid counter name invalid
	}
}
"""


class NatRig(Rig):
    """A rig that translates; nat: a ruleset to load beside the README's."""

    def __init__(self, *options, nat=MASQUERADE, **how):
        super().__init__(*options, **how)
        if nat:
            self.run("fw", "nft", "-f", "-", text=nat + WATCH)
        self.ipv6 = "ipv6" in options
        self.near()
        self.tables = {}

    def near(self):
        """Who is outside sees the firewall's own address, on its own link: that
        route too has what lib.sh gives the others, no delayed ACK above all."""
        for host in ("server", "stranger"):
            for family in (4, 6) if self.ipv6 else (4,):
                self.acknowledges(host, family)

    def acknowledges(self, host, family, at_once=True):
        """When a host outside acknowledges what comes from the firewall."""
        self.run(host, "ip", f"-{family}", "route", "replace", OUTSIDE[family],
                 "dev", "eth0", "quickack", "01"[at_once], "initcwnd", "100")

    def table(self, family):
        """The forms of the clients behind the outside address."""
        if family not in self.tables:
            self.tables[family] = Table(
                [ADDRESS[family][h] for h in ("client", "second")],
                OUTSIDE[family])
        return self.tables[family]

    def invalid(self):
        """Packets that conntrack called invalid so far."""
        text = self.run("fw", "nft", "list", "counter", "inet", "lcs_sound",
                        "invalid")
        return int(text.split("packets")[1].split()[0])

    def open_link(self, host, listener, sport=0, address=None, to=None):
        """A connection whose end is translated: whose name it has is not
        compared."""
        sock = self.dial(host, listener, to=to, sport=sport, address=address)
        wait_fd(listener, select.POLLIN, f"connection from {host}")
        peer, _ = listener.accept()
        return sock, peer

    def outside_dial(self, host, address, port, listener, sport=0):
        """Somebody outside connects to an outside form: (socket, accepted) or
        None when nothing came through to the listener inside."""
        family = 6 if ":" in address else 4
        sock = self.dial(host, listener, to=(address, port), sport=sport)
        self.barrier("client", host, family)
        if not is_ready(listener):
            sock.close()
            return None
        peer, _ = listener.accept()
        return sock, peer

    @staticmethod
    def _accept(sock, listener):
        wait_fd(listener, select.POLLIN, "the end of the handshake")
        peer, _ = listener.accept()
        return Link(sock, peer, ct_state(peer))


class NatLink(Link):
    """A connection of a client, translated. a opened it, b accepted."""

    def __init__(self, user, a, b, state=None, forth=True):
        super().__init__(a, b, state)
        self.user, self.client_is_a = user, forth
        self.changed = 0
        self.stays = False      # may a body pass as it is?
        self.waits = True       # is a piece acknowledged before the next?

    def _deliver(self, sender, receiver, data, cuts):
        by_client = (sender is self.a) == self.client_is_a
        found = places(data)
        if not by_client:
            want = self.user.table.as_client(data, self.user.address, found)
            data = self.user.table.as_server(data, found)
            cuts = [c for c in cuts if c < len(data)]
        got = self.carry(sender, receiver, data, cuts,
                         None if by_client else len(want))
        if not by_client:
            check(got == want, "to the client: " + difference(want, got))
            return
        sent, came = split_messages(data), split_messages(got)
        check(len(sent[0]) == len(came[0]), f"{len(sent[0])} messages became "
              f"{len(came[0])}")
        check(sent[1] == came[1], difference(sent[1], came[1]))
        for one, other in zip(sent[0], came[0]):
            self.changed += self.user.table.learn(
                one, other, stays=self.stays)

    def both_ends(self, data):
        """The client sends one message; what the server got, which is right."""
        got = self.carry(self.a, self.b, data)
        self.changed += self.user.table.learn(data, got)
        return got

    def carry(self, sender, receiver, data, cuts=(), length=None):
        """Send it in pieces, return what comes out: so many bytes, or as many
        whole messages as went in."""
        edges = [0, *sorted(cuts), len(data)]
        got = bytearray()
        for start, end in zip(edges, edges[1:]):
            piece = data[start:end]
            while piece:
                piece = piece[self._send(sender, receiver, piece, got):]
            if cuts and self.waits:
                self.settle(sender)
                self.take(receiver, got)
        whole, rest = split_messages(data)
        while not self.complete(got, len(whole), len(rest), length):
            wait_fd(receiver, select.POLLIN,
                    f"the rest of a message of {len(data)} bytes, "
                    f"{len(got)} came")
            self._receive(receiver, got)
        return bytes(got)

    @staticmethod
    def complete(got, count, rest, length):
        if length is not None:
            return len(got) >= length
        found, left = split_messages(bytes(got))
        return len(found) >= count and len(left) >= rest

    @staticmethod
    def settle(sender):
        """Wait until all that was sent is acknowledged: SIOCOUTQ is 0."""
        end = time.monotonic() + LIMIT
        while struct.unpack("i", fcntl.ioctl(sender, SIOCOUTQ, bytes(4)))[0]:
            check(time.monotonic() < end, "it is never acknowledged")
            time.sleep(0.001)

    @staticmethod
    def take(receiver, got):
        with contextlib.suppress(BlockingIOError):
            got += receiver.recv(1 << 20)


class NatUser(Client):
    """A Client whose messages are translated on their way."""

    def __init__(self, rig, family=4, host="client", server="server",
                 address=None, connect=True):
        super().__init__(rig, family, host, server, connect=False)
        self.table = rig.table(family)
        if address:
            self.address = address
        self.table.inside.add(self.address)
        if connect:
            self.connect()

    def connect(self, sport=0):
        listener = self.rig.listen(self.server, SIP_PORT, self.family)
        sock, peer = self.rig.open_link(self.host, listener, sport,
                                        self.address)
        listener.close()
        self.main = NatLink(self, sock, peer, ct_state(peer))
        self.links.append(self.main)
        own, outside = sock.getsockname()[1], peer.getpeername()
        self.ports.append(own)
        check(outside[0] == self.table.outside, f"it came from {outside[0]}")
        self.table.forms["tcp", self.address, own] = outside[0], outside[1]

    def listener(self, port):
        if port not in self.listeners:
            sock = self.rig.socket(self.host, self.family)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
            sock.setblocking(False)
            sock.bind((self.address, port))
            sock.listen(64)
            self.listeners[port] = sock
        return self.listeners[port]

    def form(self, port, proto="tcp"):
        return self.table.form(proto, self.address, port)

    def called(self, port, by=None, sport=0):
        """Somebody outside calls the outside form of a port."""
        by = by or self.server
        ends = self.rig.outside_dial(by, self.table.outside, self.form(port),
                                     self.listener(port), sport)
        if not ends:
            return None
        sock, peer = ends
        source = ADDRESS[self.family][by]
        check(peer.getpeername()[0] == source,
              f"it comes from {peer.getpeername()[0]}, not {source}")
        link = NatLink(self, sock, peer, ct_state(peer), forth=False)
        self.links.append(link)
        return link

    def close(self):
        super().close()
        for key in [k for k in self.table.forms if k[1] == self.address]:
            del self.table.forms[key]


@contextlib.contextmanager
def nat_user(rig, *args, **how):
    """A client for one case; afterwards nothing of it is left."""
    user = NatUser(rig, *args, **how)
    try:
        yield user
    finally:
        user.close()


def end_all(rig, users):
    """close() of each of many, and one command that forgets all their entries:
    a command for each takes longer than most tests."""
    lines = []
    for user in users:
        lines += [f"-D -f ipv{user.family} -p tcp --orig-port-src {port} "
                  f"--orig-port-dst {SIP_PORT}\n" for port in user.ports]
        user.ports = []
        user.close()
    if lines:
        rig.run("fw", "conntrack", "-R", "-", text="".join(lines), fail=False)


class Flow:
    """Datagrams between a client's port and a peer outside."""

    def __init__(self, rig, user, port, peer_port, host="stranger"):
        self.user, self.port = user, port
        self.peer = ADDRESS[user.family][host], peer_port
        self.outside = user.table.outside, user.form(port, "udp")
        self.inner = rig.socket(user.host, user.family, socket.SOCK_DGRAM)
        self.outer = rig.socket(host, user.family, socket.SOCK_DGRAM)
        for sock, end in ((self.inner, (user.address, port)),
                          (self.outer, self.peer)):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind(end)

    def outward(self):
        self._pass(self.inner, self.peer, self.outer, self.outside)

    def inward(self):
        self._pass(self.outer, self.outside, self.inner, self.peer)

    def _pass(self, sender, to, receiver, comes_from):
        text = b"\x80\x00%d" % self.port
        sender.sendto(text, to)
        wait_fd(receiver, select.POLLIN, f"a datagram of port {self.port}")
        got, source = receiver.recvfrom(1000)
        check(got == text, f"another datagram: {got!r}")
        check(source[:2] == comes_from, f"it comes from {source[:2]}, not "
              f"{comes_from}")

    def close(self):
        self.inner.close()
        self.outer.close()

