#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Two thousand clients inside, all of which listen on 7100 and 5350: each has
outside ports of its own, and what comes there reaches that client and no other.

Each says the same in its own name: a REGISTER and an INVITE in one write, and
the server must get word for word the same text with the outside forms; it
answers with them, and the client gets its own back. That the text is right is
seen without natcheck.py here, which would need minutes: both sides are made
from one form. natports.py has the same with a few clients and every check.

    natcrowd.py [CLIENTS]
Profile: the module's defaults.
"""

import re
import select
import socket
import struct
import sys

from lcscall import audio, sdp
from lcspeer import (ADDRESS, SIP_PORT, TCP_SAVE_SYN, Tap, check, ct_state,
                     difference, is_ready, message, wait_fd)
from natports import NAT_PORTS, inside, many_addresses
from natrig import OUTSIDE, NatRig

CLIENTS = 2000
SAMPLE = 5              # of so many clients one is called back
CALLBACK, RTP = 7100, 5350
IP_PKTINFO = 8
SHOWN = re.compile(rb"Contact: <sip:[\d.]+:(\d+);.*\r\nm=audio (\d+) ",
                   re.DOTALL)


def contact(address, port):
    return f"Contact: <sip:{address}:{port};transport=tcp>;proxy=replace"


def both_requests(number, address, shown, callback, rtp):
    """What client number says, that lives at this address, when its own
    endpoints look so."""
    names = ["From: <sip:bob@example.com>;tag=0a1b;epid=62ccbeb808",
             "To: <sip:alice@example.com>",
             f"Via: SIP/2.0/TCP {address}:14423"]
    return message("REGISTER sip:example.com SIP/2.0", [
        *names, f"Call-ID: 91c6c88de3c04d51{number:08x}", "CSeq: 1 REGISTER",
        contact(shown, callback)]) + message(
            "INVITE sip:alice@example.com SIP/2.0", [
                *names, f"Call-ID: 6c345e9d2893c6fc{number:08x}",
                "CSeq: 1 INVITE", "Content-Type: application/sdp"],
            sdp(shown, *audio(rtp)))


def both_answers(number, address, shown, callback, peer):
    names = ["From: <sip:bob@example.com>;tag=0a1b;epid=62ccbeb808",
             "To: <sip:alice@example.com>;tag=5A8D5A8D",
             f"Via: SIP/2.0/TCP {address}:14423"]
    return message("SIP/2.0 200 OK", [
        *names, f"Call-ID: 91c6c88de3c04d51{number:08x}", "CSeq: 1 REGISTER",
        contact(shown, callback), "Expires: 3600"]) + message(
            "SIP/2.0 200 OK", [
                *names, f"Call-ID: 6c345e9d2893c6fc{number:08x}",
                "CSeq: 1 INVITE", "Content-Type: application/sdp"],
            sdp(peer, *audio(RTP)))


class Member:
    """One client of the crowd, and its server's end."""

    def __init__(self, rig, listener, number):
        self.rig, self.number = rig, number
        self.address = inside(number)
        self.sock = rig.dial("client", listener, address=self.address)
        wait_fd(listener, select.POLLIN, f"client {number}")
        self.peer, _ = listener.accept()
        self.peer.setblocking(False)
        self.callback = self.rtp = 0

    @staticmethod
    def receive(sock, text, end):
        got = b""
        while not got.endswith(end) or len(got) < len(text) - 50:
            wait_fd(sock, select.POLLIN, "the rest of both messages")
            more = sock.recv(1 << 16)
            check(more, "the connection was closed")
            got += more
        return got

    def speak(self):
        text = both_requests(self.number, self.address, self.address,
                             CALLBACK, RTP)
        self.sock.send(text)
        got = self.receive(self.peer, text, b"PCMU/8000\r\n")
        found = SHOWN.search(got)
        check(found, "no Contact and m= line")
        self.callback, self.rtp = int(found[1]), int(found[2])
        want = both_requests(self.number, self.address, OUTSIDE[4],
                             self.callback, self.rtp)
        check(got == want, got == want or difference(want, got))

    def hear(self, peer):
        self.peer.send(both_answers(self.number, self.address, OUTSIDE[4],
                                    self.callback, peer))
        want = both_answers(self.number, self.address, self.address, CALLBACK,
                            peer)
        got = self.receive(self.sock, want, b"PCMU/8000\r\n")
        check(got == want, got == want or difference(want, got))


class Crowd:
    """All of them, and what they share: a host that has all the addresses."""

    def __init__(self, rig, count):
        self.rig, self.members = rig, []
        self.listener = rig.listen("server", SIP_PORT)
        self.count = count
        # A listener that says for which address each caller came.
        self.inner = rig.socket("client")
        self.inner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.inner.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        self.inner.bind(("0.0.0.0", CALLBACK))
        self.inner.listen(64)
        self.media, self.peers = ({
            RTP + n: self.datagrams(host, (address, RTP + n)) for n in (0, 1)}
            for host, address in (("client", "0.0.0.0"),
                                  ("stranger", ADDRESS[4]["stranger"])))

    def datagrams(self, host, end):
        sock = self.rig.socket(host, kind=socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.setblocking(False)
        sock.bind(end)
        return sock

    def gather(self):
        for number in range(10, 10 + self.count):
            self.members.append(Member(self.rig, self.listener, number))
            self.members[-1].speak()
            self.members[-1].hear(ADDRESS[4]["stranger"])
        self.listener.close()

    def ports_are_right(self):
        callbacks = {m.callback for m in self.members}
        check(len(callbacks) == self.count, f"{self.count} clients, "
              f"{len(callbacks)} ports for the callback")
        check(callbacks <= {CALLBACK, *NAT_PORTS}, "a port out of range")
        rtps = {m.rtp for m in self.members}
        check(len(rtps) == self.count, f"{len(rtps)} RTP ports")
        check(rtps <= {RTP, *NAT_PORTS}, "a port out of range")
        check(not any(port % 2 for port in rtps), "an odd RTP port")

    def call(self, member):
        """The server calls the member's outside port."""
        sock = self.rig.dial("server", self.inner, to=(OUTSIDE[4],
                                                       member.callback))
        wait_fd(self.inner, select.POLLIN, f"the callback of {member.number}")
        peer, source = self.inner.accept()
        check(peer.getsockname() == (member.address, CALLBACK),
              f"{member.address} was called, {peer.getsockname()} answers")
        check(source[0] == ADDRESS[4]["server"], f"{source[0]} has called")
        check(ct_state(peer) == "RELATED", f"it is {ct_state(peer)}")
        sock.close()
        peer.close()

    def inward(self, member, port):
        text = b"\x80\x00%d" % member.number
        peer = self.peers[port]
        peer.sendto(text, (OUTSIDE[4], member.rtp + port - RTP))
        sock = self.media[port]
        wait_fd(sock, select.POLLIN, f"media of {member.number}")
        got, control, _, source = sock.recvmsg(100, 100)
        to = socket.inet_ntoa(control[0][2][8:12])
        check((got, to, source) == (text, member.address,
                                    peer.getsockname()),
              f"{got!r} has come to {to} from {source}")

    def outward(self, member, port):
        text, peer = b"\x80\x01%d" % member.number, self.peers[port]
        own = struct.pack("I4s4s", 0, socket.inet_aton(member.address),
                          bytes(4))
        self.media[port].sendmsg(
            [text], [(socket.IPPROTO_IP, IP_PKTINFO, own)], 0,
            peer.getsockname())
        wait_fd(peer, select.POLLIN, f"media of {member.number}")
        got, source = peer.recvfrom(100)
        check((got, source) == (text, (OUTSIDE[4], member.rtp + port - RTP)),
              f"{got!r} has come from {source}")

    def talk(self):
        """RTP and RTCP of all of them; every other one sends first."""
        for member in self.members:
            ways = [self.inward, self.outward]
            for port in (RTP, RTP + 1):
                for way in ways if member.number & 1 else ways[::-1]:
                    way(member, port)

    def others_are_shut(self):
        """Outside ports that nobody has."""
        used = {m.callback for m in self.members}
        used |= {m.rtp + n for m in self.members for n in (0, 1)}
        free = [p for p in NAT_PORTS if p not in used][::500]
        socks = []
        for port in free:
            socks.append(self.rig.dial("server", self.inner,
                                       to=(OUTSIDE[4], port)))
            self.peers[RTP].sendto(b"nobody", (OUTSIDE[4], port))
        for outer in ("server", "stranger"):
            self.rig.barrier("second", outer)
        for sock in (self.inner, *self.media.values()):
            check(not is_ready(sock), "something came to a port of nobody's")
        for sock in socks:
            sock.close()


def main(words):
    count = int(words[0]) if words else CLIENTS
    rig, tap = NatRig(), Tap()
    many_addresses(rig)
    crowd = Crowd(rig, count)
    with tap.case(f"{count} clients on {CALLBACK} and {RTP}: what the server "
                  "gets and what they get is right"):
        crowd.gather()
    with tap.case("no outside port twice; RTP even, RTCP beside it"):
        crowd.ports_are_right()
    with tap.case("the callback reaches its client"):
        for member in crowd.members[::SAMPLE]:
            crowd.call(member)
    with tap.case("RTP and RTCP of each reach it, and come from its port"):
        crowd.talk()
    with tap.case("ports between theirs are shut; no packet was invalid"):
        crowd.others_are_shut()
        check(not rig.invalid(), f"{rig.invalid()} packets were invalid")
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
