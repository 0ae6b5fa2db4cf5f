#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What hostile hosts send costs no memory of ours, and good clients go on.

100,000 SYNs; 2,000 ICMP errors about a connection with a REGISTER inside them.
Memory is counted in the slab caches lcs_*; that the count can move is shown
first. (Allocations that fail: selftests/sanitized/failing.py.)
"""

import contextlib
import re
import select
import socket
import struct

from lcspeer import (SIP_PORT, Rig, Tap, check, client, contact, grown,
                     next_seq, objects, wait_fd)
from lcsraw import ACK, PSH, SYN, RawHost, icmp_as_tcp, icmp_error, tcp

FLOOD = 100000
CONTROL = 200
CONNTRACK_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"
# Decides nothing. Helpers are called right behind it, or later.
ERRORS = """
table inet lcs_errors {
	counter forth { }
	counter back { }
	chain postrouting {
		type filter hook postrouting priority 299; policy accept;
		ip protocol != icmp return
		ct state related ct direction original counter name forth
		ct state related ct direction reply counter name back
	}
}
"""


def read_number(path):
    with open(path, encoding="ascii") as value:
        return int(value.read())


def entries(rig):
    with rig.inside("fw"):
        return read_number("/proc/sys/net/netfilter/nf_conntrack_count")


def control(rig, tap):
    """The measure of the cases below must be able to move."""
    with tap.case(f"{CONTROL} connections with a message in them show in the "
                  "slab caches"):
        before = objects()
        listener = rig.listen("server", SIP_PORT)
        links = [rig.connect("client", listener) for _ in range(CONTROL)]
        for link in links:
            link.forth(b"OPTIONS sip:example.com SIP/2.0\r\n")
        most = max(grown(before).values())
        check(most > CONTROL * 3 // 4, str(grown(before)))
        for link in links:
            link.close()
        listener.close()


def syns(source, target, count):
    """SYNs that differ in source port, and in the low half of the sequence
    number so that the checksum is the same for all."""
    low = 2000
    template = tcp(source, target, (low, SIP_PORT), 0xffff - low, 0, SYN)
    head, tail = template[:20], template[28:]
    return [head + struct.pack("!HHI", port, SIP_PORT, 0xffff - port) + tail
            for port in range(low, low + count)]


def syn_flood(rig, tap, user):
    limit = read_number(CONNTRACK_MAX)
    with open(CONNTRACK_MAX, "w", encoding="ascii") as value:
        value.write("400000")
    # A slow machine takes minutes: none of them may end meanwhile.
    rig.run("fw", "sysctl", "-qw",
            "net.netfilter.nf_conntrack_tcp_timeout_syn_sent=3600")
    # Nobody answers there.
    rig.run("fw", "ip", "neigh", "replace", "192.0.2.99", "lladdr",
            "02:00:c0:00:02:63", "dev", "wan0", "nud", "permanent")
    with tap.case(f"a flood of {FLOOD} SYNs costs no memory of ours"):
        before, old = objects(), entries(rig)
        for address in ("10.0.0.77", "10.0.0.78"):
            host = RawHost(rig, address=address)
            host.flood(syns(address, "192.0.2.99", FLOOD // 2))
            host.close()
        rig.barrier("client", "server")
        new = entries(rig) - old
        check(new >= FLOOD * 99 // 100, f"only {new} entries were made")
        more = grown(before)
        check(max(more.values()) < FLOOD // 500, str(more))
        check(len(rig.expectations()) == 1, "an expectation")
    with tap.case("during it the old client is called, a new one signs in"), \
            client(rig, host="second") as other:
        user.must_be_called(7100)
        other.sign_in(7200)
        other.must_be_called(7200)
    rig.run("fw", "conntrack", "-F")
    rig.run("fw", "sysctl", "-qw",
            "net.netfilter.nf_conntrack_tcp_timeout_syn_sent=120")
    with open(CONNTRACK_MAX, "w", encoding="ascii") as value:
        value.write(str(limit))


def error_packets(user, payload):
    """ICMP errors about the user's connection, both directions of it."""
    source, port = user.main.a.getsockname()
    target = user.main.b.getsockname()[0]
    for flags in (ACK | PSH, SYN):
        about = tcp(source, target, (port, SIP_PORT), 1, 1, flags, payload)
        for code, mtu in ((1, 0), (4, 1300), (13, 0)):
            yield icmp_error("192.0.2.77", source, code, about[:548], mtu)
            yield icmp_error("192.0.2.77", source, code, about[:28], mtu)


@contextlib.contextmanager
def errors_let_through(rig):
    """How many ICMP errors conntrack has taken for the originator's (those the
    core hands to help() too) and how many for the responder's, behind all that
    could drop them: one with a wrong checksum is in neither."""
    rig.run("fw", "nft", "-f", "-", text=ERRORS)

    def counted():
        said = rig.run("fw", "nft", "list", "counters", "table", "inet",
                       "lcs_errors")
        return dict((name, int(count)) for name, count in re.findall(
            r"counter (\w+) {\s*packets (\d+)", said))
    try:
        yield counted
    finally:
        rig.run("fw", "nft", "delete", "table", "inet", "lcs_errors")


def disguised_errors(rig, tap, user):
    """help() gets ICMP errors too, and they are not TCP: each of these would be
    the next segment of a direction if somebody read it as one."""
    with tap.case("an ICMP error that looks like the next segment, from "
                  "either side: let through, not read"), \
            errors_let_through(rig) as counted:
        source, port = user.main.a.getsockname()
        target = user.main.b.getsockname()[0]
        evil = user.register_text(7105)
        user.cseq -= 1
        inner, outer = RawHost(rig), RawHost(rig, "server", "192.0.2.77")
        to_client = tcp(target, source, (SIP_PORT, port), 1, 1, ACK)
        inner.send(icmp_as_tcp("10.0.0.77", target, to_client,
                               next_seq(user.main.a), evil))
        rig.barrier("client", "server")
        check(counted() == {"forth": 1, "back": 0}, str(counted()))
        check(not rig.expectations(dport=7105), "it was read as a REGISTER")
        user.register(7101)
        to_server = tcp(source, target, (port, SIP_PORT), 1, 1, ACK)
        outer.send(icmp_as_tcp("192.0.2.77", source, to_server,
                               next_seq(user.main.b), user.answer_text(
                                   200, "Contact: " + contact(source, 7101))))
        rig.barrier("client", "server")
        check(counted() == {"forth": 1, "back": 1}, str(counted()))
        user.must_not_be_called(7101)
        user.accept(7101)
        user.must_be_called(7101)
        inner.close()
        outer.close()


def icmp_errors(rig, tap, user):
    with tap.case("2,000 ICMP errors with a REGISTER in them: nothing opens, "
                  "no memory, the stream goes on"):
        heard = rig.socket("client", 4, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        heard.setblocking(False)
        user.main.forth(user.register_text(7103))
        evil = user.register_text(7105)
        user.cseq -= 1
        before = objects()
        router = RawHost(rig, "server", "192.0.2.77")
        packets = list(error_packets(user, evil))
        router.send(packets[0])
        wait_fd(heard, select.POLLIN, "an ICMP error at the client")
        for _ in range(2000 // len(packets)):
            for packet in packets:
                router.send(packet)
        router.close()
        rig.barrier("client", "server")
        user.accept(7103)
        user.must_be_called(7103)
        user.must_not_be_called(7105)
        user.main.forth(user.register_text(7102))
        user.main.back(user.answer_text(
            200, "Contact: " + contact(user.address, 7105)))
        user.must_be_called(7102)
        user.must_not_be_called(7105)
        more = grown(before)
        check(max(more.values()) < 100, str(more))
        heard.close()


def main():
    rig, tap = Rig(), Tap()
    control(rig, tap)
    with client(rig) as user:
        user.sign_in(7100)
        disguised_errors(rig, tap, user)
        icmp_errors(rig, tap, user)
    with client(rig) as user:
        user.sign_in(7100)
        syn_flood(rig, tap, user)
    tap.done()


if __name__ == "__main__":
    main()
