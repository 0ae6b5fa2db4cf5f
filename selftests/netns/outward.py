#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a client behind masquerade is led out to: the peers of its calls.

Whatever it sends there from a port that it has advertised leaves from where that
was advertised, and is let through; with relayed=1 from any
other port as well, which masquerade then translates. Never to the firewall, to
what is no host, or to a port below 1024, whatever the server says.
Profile: media_ports=1024-65535, all else the module's defaults. The firewall has
a VRF besides, where the kernel can, in which none of these hosts is.
"""

import contextlib
import select
import socket

from lcscall import Call, audio, sdp
from lcspeer import ADDRESS, Tap, check, is_ready, wait_fd
from natrig import OUTSIDE, Flow, NatRig, nat_user
from policy import parameter

PEERS = 24      # more than the expectations that one pinhole may have

# Where no answer of a server may have the firewall open to.
NEVER = {
    4: ("10.0.0.1", "192.0.2.1", "127.0.0.1", "224.0.0.1", "255.255.255.255",
        "192.0.2.255", "10.0.0.255"),
    6: ("2001:db8::1", "2001:db8:1::1", "::1", "ff02::1", "ff0e::1",
        "::ffff:10.0.0.6"),
}
# The same, in the VRF.
VRF = {4: ("198.51.100.1", "198.51.100.255"), 6: ("2001:db8:9::1",)}


def led_out(rig, user):
    """The expectations that lead from the client to somebody."""
    return [e for e in rig.expectations() if e.src == user.address]


def refuses(rig, tap, family, address, port):
    with tap.case(f"IPv{family}: the server names {address} port {port}: "
                  "nothing leads there, and it is counted"), \
            nat_user(rig, family) as user:
        before = rig.counters()["refused_address"]
        call = Call(user)
        call.begin(call.own(*audio(20000)), sdp(address, *audio(port)))
        found = led_out(rig, user)
        check(not found, "\n".join(e.line for e in found))
        check(rig.counters()["refused_address"] > before, "not counted")


def never(rig, tap, family):
    peer = ADDRESS[family]["stranger"]
    for address in NEVER[family]:
        refuses(rig, tap, family, address, 30000)
    for port in (53, 161, 1022):
        refuses(rig, tap, family, peer, port)
    with tap.case(f"IPv{family}: the same words with the peer's address and "
                  "port do lead there"), nat_user(rig, family) as user:
        before = rig.counters()["refused_address"]
        call = Call(user)
        call.begin(call.own(*audio(20000)), sdp(peer, *audio(1024)))
        found = {(e.dst, e.dport) for e in led_out(rig, user)}
        check(found == {(peer, 1024), (peer, 1025)}, str(found))
        check(rig.counters()["refused_address"] == before, "it was counted")


def vrf(rig, tap):
    """The firewall has addresses in a routing table of their own, too."""
    if not rig.run("fw", "sh", "-c", "ip link add vrf9 type vrf table 900 && "
                   "echo made", fail=False):
        tap.skip("addresses in a VRF", "this kernel has none")
        return
    for words in (("link", "add", "vlan9", "type", "bridge"),
                  ("link", "set", "vlan9", "master", "vrf9"),
                  ("link", "set", "vrf9", "up"), ("link", "set", "vlan9", "up"),
                  ("addr", "add", "198.51.100.1/24", "dev", "vlan9"),
                  ("addr", "add", "2001:db8:9::1/64", "dev", "vlan9", "nodad")):
        rig.run("fw", "ip", *words)
    for family in (4, 6):
        rig.run("fw", "ip", f"-{family}", "route", "add", "table", "900",
                "unreachable", "default", "metric", "4278198272")
        for address in VRF[family]:
            refuses(rig, tap, family, address, 30000)


def hairpin(rig, tap, family):
    with tap.case(f"IPv{family}: another client behind the same address is no "
                  "refusal"), nat_user(rig, family) as user, \
            nat_user(rig, family, host="second") as other:
        call = Call(other)
        call.begin(call.own(*audio(20000)))
        before = rig.counters()["refused_address"]
        call = Call(user)
        call.begin(call.own(*audio(20000)), sdp(other.address, *audio(20000)))
        check(rig.counters()["refused_address"] == before, "it was counted")
        check(not led_out(rig, user), "it leads out")


def many_peers(rig, tap, family):
    with tap.case(f"IPv{family}: one call with {PEERS} peers, one after the "
                  "other: each gets the first packet from the advertised port"
                  ), nat_user(rig, family) as user:
        before = rig.counters()
        call = Call(user)
        for number in range(PEERS):
            port = 30000 + 2 * number
            call.begin(call.own(*audio(20000)), call.theirs(*audio(port)))
            flow = Flow(rig, user, 20000, port)
            flow.outward()
            flow.inward()
            flow.close()
        check(user.form(20000, "udp") != 20000, "the profile is another")
        for name in ("refused_limit", "refused_busy"):
            check(rig.counters()[name] == before[name], f"{name} has risen")
        call.bye()
        check(not rig.expectations(), "expectations are left")


class Sender:
    """Datagrams of a client's port that no message has named."""

    def __init__(self, rig, user, port, peer_port):
        self.rig, self.user = rig, user
        self.peer = ADDRESS[user.family]["stranger"], peer_port
        self.inner = rig.socket(user.host, user.family, socket.SOCK_DGRAM)
        self.outer = rig.socket("stranger", user.family, socket.SOCK_DGRAM)
        for sock, end in ((self.inner, (user.address, port)),
                          (self.outer, self.peer)):
            sock.bind(end)

    def is_heard(self):
        """Does one come out? Then from the outside address."""
        self.inner.sendto(b"datagram", self.peer)
        self.rig.barrier(self.user.host, "stranger", self.user.family)
        if not is_ready(self.outer):
            return False
        got, source = self.outer.recvfrom(100)
        check(got == b"datagram", f"another datagram: {got!r}")
        check(source[0] == OUTSIDE[self.user.family],
              f"it comes from {source[0]}")
        self.outer.sendto(b"answer", source)
        wait_fd(self.inner, select.POLLIN, "the answer")
        check(self.inner.recv(100) == b"answer", "another answer")
        return True

    def close(self):
        self.inner.close()
        self.outer.close()


@contextlib.contextmanager
def sender(*where):
    it = Sender(*where)
    try:
        yield it
    finally:
        it.close()


def relayed(rig, tap, family):
    with tap.case(f"IPv{family}: relayed=0: from the advertised port only"), \
            nat_user(rig, family) as user:
        call = Call(user)
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        with sender(rig, user, 40000, 30000) as other:
            check(not other.is_heard(), "it leads out from another port")
        flow = Flow(rig, user, 20000, 30000)
        flow.outward()
        flow.inward()
        flow.close()
    with tap.case(f"IPv{family}: relayed=1: from the advertised port as "
                  "advertised, from another one with the outside address"), \
            parameter("relayed", "1"), nat_user(rig, family) as user:
        before = rig.counters()
        with sender(rig, user, 40001, 30000) as other:
            check(not other.is_heard(), "open before the call")
        call = Call(user)
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        for port, first in ((20000, "outward"), (20001, "inward")):
            flow = Flow(rig, user, port, port + 10000)
            getattr(flow, first)()
            flow.outward()
            flow.inward()
            flow.close()
        with sender(rig, user, 40002, 30000) as other:
            check(other.is_heard(), "shut for another port")
        for name in ("refused_busy", "refused_limit", "refused_address"):
            check(rig.counters()[name] == before[name], f"{name} has risen")
        call.bye()
        check(not rig.expectations(), "expectations are left")
        with sender(rig, user, 40003, 30000) as other:
            check(not other.is_heard(), "open after the call")


def main():
    rig, tap = NatRig("ipv6"), Tap()
    with parameter("media_ports", "1024-65535"):
        vrf(rig, tap)
        for family in (4, 6):
            for test in (never, hairpin, many_peers, relayed):
                test(rig, tap, family)
    with tap.case("no packet was invalid"):
        check(not rig.invalid(), f"{rig.invalid()} packets were invalid")
    tap.done()


if __name__ == "__main__":
    main()
