#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Translated connections and packets that are not what they were on the wire.

Segments that the firewall received as one list (rx-gro-list, off by default) and
has to send one by one again, each with its own numbers; a bare FIN, which has no
byte, where a byte is needed to tell the sender what is missing.
Profile: the module's defaults.
"""

import contextlib
import select
import socket
import struct
import time

from lcscall import Call
from lcspeer import ADDRESS, LIMIT, SIP_PORT, Tap, check, difference
from lcsraw import ACK, ETH_P_IP, FIN
from lcswire import sequence, tcp_packet, wire
from natrig import OUTSIDE, NatRig, nat_user

SIZE = 60000
LARGE = """
table inet lcs_large {
	counter large { }
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		tcp dport 5060 meta length > 2000 counter name large
	}
}
"""


def offload(rig, *changes):
    """Each is (host, device, feature, on)."""
    for host, device, feature, on in changes:
        rig.run(host, "ethtool", "-K", device, feature, "on" if on else "off")


@contextlib.contextmanager
def lists(rig):
    """The client's segments come one by one, are aggregated on the firewall as
    a list, and leave one by one."""
    changes = [("client", "eth0", "tso", False), ("client", "eth0", "gso", False),
               ("fw", "client", "gro", True),
               ("fw", "client", "rx-gro-list", True),
               ("fw", "server", "tso", False), ("fw", "server", "gso", False),
               ("fw", "server", "tx-gso-list", False)]
    offload(rig, *changes)
    wait_for_more(rig, 20000000)
    try:
        yield
    finally:
        wait_for_more(rig, 0)
        offload(rig, *((*which, not on) for *which, on in changes))


def wait_for_more(rig, nanoseconds):
    """How long the firewall waits for more to aggregate; by itself it does only
    as long as it is busy."""
    rig.shell("lcs_in", "fw", "sh", "-c",
              f"echo {nanoseconds} >/sys/class/net/client/gro_flush_timeout")


def large(rig):
    """Aggregates that the firewall has seen."""
    text = rig.run("fw", "nft", "list", "counter", "inet", "lcs_large", "large")
    return int(text.split("packets")[1].split()[0])


def listed(rig, tap, family):
    with tap.case(f"IPv{family}: {SIZE} bytes behind a replacement, aggregated "
                  "as a list: they arrive, byte for byte"), \
            nat_user(rig, family) as user:
        user.sign_in(7100)
        check(user.main.changed, "nothing was changed")
        text = bytes(n % 251 for n in range(SIZE))
        before, rounds = large(rig), 0
        # A slow machine may have each of them wait alone: until some did not.
        while rounds < 3 or (large(rig) == before and rounds < 12):
            with lists(rig):
                got = user.main.carry(user.main.a, user.main.b, Call(
                    user).request_text("MESSAGE", text, "text/plain"))
            check(got.endswith(text), difference(text, got[-SIZE:]))
            rounds += 1
        check(large(rig) > before, "nothing was aggregated")


def segments(air, host, target, port):
    """(flags, payload length) of the TCP segments that came to a host."""
    while True:
        try:
            data, source = air.taps[host].recvfrom(2048)
        except BlockingIOError:
            return
        if source[2] == socket.PACKET_OUTGOING:
            continue
        v4 = source[1] == ETH_P_IP
        head = (data[0] & 15) * 4 if v4 else 40
        size = (struct.unpack_from("!H", data, 2)[0] if v4 else
                40 + struct.unpack_from("!H", data, 4)[0])
        name = socket.inet_ntop(*((socket.AF_INET, data[12:16]) if v4 else
                                  (socket.AF_INET6, data[8:24])))
        if data[9 if v4 else 6] == socket.IPPROTO_TCP and name == target and \
                struct.unpack_from("!H", data, head)[0] == port:
            yield (data[head + 13],
                   size - head - (data[head + 12] >> 4) * 4)


def bare_fin(rig, tap, family):
    with tap.case(f"IPv{family}: a FIN that overtook data goes on as one byte "
                  "that the receiver has; the connection goes on"), \
            wire(rig) as air, nat_user(rig, family) as user:
        user.sign_in(7100)
        sock, before = user.main.a, rig.counters()
        names, own = ADDRESS[family], sock.getsockname()[1]
        outside = user.form(own)
        seq, ack = sequence(sock)
        list(segments(air, "server", OUTSIDE[family], outside))
        air.send("client", tcp_packet(names["client"], names["server"],
                                      (own, SIP_PORT), seq + 100, ack,
                                      ACK | FIN))
        found, end = [], time.monotonic() + LIMIT
        while not found:
            poll = select.poll()
            poll.register(air.taps["server"], select.POLLIN)
            check(poll.poll(1000) or time.monotonic() < end,
                  f"it never came: {rig.counters()['dropped']} dropped, "
                  f"{before['dropped']} before")
            found += segments(air, "server", OUTSIDE[family], outside)
        check(found == [(ACK, 1)], f"flags and length: {found}")
        check(rig.counters()["dropped"] == before["dropped"], "dropped")
        check(rig.counters()["probes"] == before["probes"] + 1, "no probe")
        user.register(7100)
        user.accept(7100)
        user.must_be_called(7100)


def main():
    rig, tap = NatRig("ipv6"), Tap()
    rig.run("fw", "nft", "-f", "-", text=LARGE)
    for family in (4, 6):
        bare_fin(rig, tap, family)
        listed(rig, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
