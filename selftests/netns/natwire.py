# SPDX-License-Identifier: GPL-2.0
"""What a selftest of translation sees on the wires: every byte of each TCP
stream on both sides of the firewall, and whether anybody repeated one.
"""

import contextlib
import socket
import struct

from lcspeer import ADDRESS, check
from lcsraw import ETH_P_ALL, ETH_P_IP, SYN
from lcswire import ETH_P_IPV6, SO_RCVBUFFORCE

TOTAL_RETRANS = 100     # offset of tcpi_total_retrans in struct tcp_info
TRIES = 5


class Capture:
    """What passed a host's wire: every byte of each TCP stream."""

    def __init__(self, rig, host):
        self.tap = rig.socket(host, socket.AF_PACKET, socket.SOCK_DGRAM,
                              socket.htons(ETH_P_ALL))
        self.tap.bind(("eth0", ETH_P_ALL))
        self.tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.tap.setblocking(False)
        self.streams, self.largest, self.icmp, self.parts = {}, 0, 0, 0
        self.wrong = []

    def read(self):
        while True:
            try:
                data, source = self.tap.recvfrom(1 << 17)
            except BlockingIOError:
                return self
            if source[1] == ETH_P_IP:
                self.ipv4(data)
            elif source[1] == ETH_P_IPV6:
                self.ipv6(data)

    def ipv4(self, data):
        offset = struct.unpack_from("!H", data, 6)[0]
        self.parts += bool(offset & 0x3fff)
        head, size = (data[0] & 15) * 4, struct.unpack_from("!H", data, 2)[0]
        self.icmp += data[9] == socket.IPPROTO_ICMP
        if data[9] == socket.IPPROTO_TCP:
            self.tcp(data[12:20], data[head:size], size)

    def ipv6(self, data):
        size = 40 + struct.unpack_from("!H", data, 4)[0]
        self.parts += data[6] == socket.IPPROTO_FRAGMENT
        # Errors only: neighbours are found by ICMPv6, too.
        self.icmp += data[6] == socket.IPPROTO_ICMPV6 and data[40] < 128
        if data[6] == socket.IPPROTO_TCP:
            self.tcp(data[8:40], data[40:size], size)

    def tcp(self, names, segment, size):
        self.largest = max(self.largest, size)
        ports, seq = segment[:4], struct.unpack_from("!I", segment, 4)[0]
        payload = segment[(segment[12] >> 4) * 4:]
        if segment[13] & SYN:
            self.streams[names, ports] = seq + 1, bytearray(), bytearray()
        elif payload and (names, ports) in self.streams:
            first, stream, known = self.streams[names, ports]
            at = (seq - first) & 0xffffffff
            if at > 1 << 24:        # a keep-alive before the first byte
                return
            end = at + len(payload)
            stream += bytes(max(end - len(stream), 0))
            known += bytes(max(end - len(known), 0))
            if any(known[at:end]) and stream[at:end] != payload:
                self.wrong += [
                    f"byte {n} of the stream was {stream[n]:#x}, is {byte:#x}"
                    for n, byte in enumerate(payload, at)
                    if known[n] and stream[n] != byte]
            stream[at:end] = payload
            known[at:end] = b"\1" * len(payload)

    def sound(self, largest=None):
        self.read()
        check(not self.wrong, "\n".join(self.wrong[:5]))
        check(not self.icmp, f"{self.icmp} ICMP errors")
        check(not self.parts, f"{self.parts} fragments")
        check(not largest or self.largest <= largest,
              f"a packet of {self.largest} bytes")

    def close(self):
        self.tap.close()


@contextlib.contextmanager
def captured(rig, largest=None, host="client"):
    """Both wires, and what conntrack thinks of it."""
    taps = [Capture(rig, end) for end in (host, "server")]
    before = rig.invalid()
    try:
        yield taps
        for tap in taps:
            tap.sound(largest)
        check(rig.invalid() == before, f"{rig.invalid() - before} packets "
              "were invalid")
    finally:
        for tap in taps:
            tap.close()


def repeated(sock):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return struct.unpack_from("I", info, TOTAL_RETRANS)[0]


def tcp_count(rig, host, name):
    """A counter of a host's TCP, of all its connections."""
    with rig.inside(host):
        with open("/proc/thread-self/net/netstat", encoding="ascii") as lines:
            names, values = [line.split() for line in lines
                             if line.startswith("TcpExt:")]
    return int(values[names.index(name)])


def calmly(user, act):
    """Something that needs no segment to be repeated, and no timeout. A busy
    machine may repeat one all the same, but not time after time."""
    def trouble():
        return [*map(repeated, (user.main.a, user.main.b)),
                *(tcp_count(user.rig, h, "TCPTimeouts")
                  for h in (user.host, user.server))]
    for _ in range(TRIES):
        before = trouble()
        act()
        after = trouble()
        if after == before:
            return
    check(False, f"{TRIES} times in a row segments were repeated: of the "
          "client, of the server, timeouts of each, at last "
          f"{[b - a for a, b in zip(before, after)]}")


# What the interfaces of the rig do for TCP, beside what a veth does by itself.
PLAIN = "nobody segments or merges for TCP"
MERGED = "the firewall merges segments"


@contextlib.contextmanager
def offloads(rig, mode):
    """PLAIN: what passes is as large as the wire. MERGED: hosts send so, the
    firewall gets aggregated packets (GRO, which waits a little for more)."""
    hosts = [(h, "eth0") for h in ADDRESS[4]]
    ports = [("fw", d) for d in (*ADDRESS[4], "lan0", "wan0")]

    def switch(where, *words):
        for host, device in where:
            rig.run(host, "ethtool", "-K", device, *words)

    def wait(nanoseconds):
        rig.shell("lcs_in", "fw", "sh", "-c", "for d in %s; do echo %d "
                  ">/sys/class/net/$d/gro_flush_timeout || exit 1; done" % (
                      " ".join(ADDRESS[4]), nanoseconds))
    switch(hosts, "tso", "off", "gso", "off", "gro", "off")
    if mode == MERGED:
        switch(ports[:len(hosts)], "gro", "on")
        wait(500000)
    else:
        switch(ports, "tso", "off", "gso", "off", "gro", "off")
    try:
        yield
    finally:
        wait(0)
        switch(hosts, "tso", "on", "gso", "on")
        switch(ports, "tso", "on", "gso", "on")
        switch(ports[:len(hosts)], "gro", "off")
