# SPDX-License-Identifier: GPL-2.0
"""Single packets between the hosts of lib.sh, and whether they got through.

A Probe is one SYN or one datagram, written raw by a host outside (or inside),
with a source port that no packet had before, so that conntrack has to decide
afresh. Wire.states() sends many of them, then a barrier, and looks on the wires
of the hosts at what arrived: with the ct state that the firewall gave it, or
not at all.
"""

import contextlib
import itertools
import select
import socket
import struct
from dataclasses import dataclass

from lcspeer import ADDRESS, CT_STATE, check, wait_fd
from lcsraw import ACK, ETH_P_ALL, ETH_P_IP, PSH, SYN, checksum

ETH_P_IPV6 = 0x86dd
PROTO = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_REPAIR = 20, 21, 19
SEND_QUEUE, RECEIVE_QUEUE = 2, 1
REPAIR_ON, REPAIR_OFF_SILENT = 1, -1
SO_RCVBUFFORCE = 33
IPV6_HDRINCL = 36

# Hosts have these too: a pool's other server, a peer's second address.
MORE = {"192.0.2.11": "server", "192.0.2.67": "stranger",
        "2001:db8:1::11": "server", "2001:db8:1::67": "stranger"}
HOSTS = {address: host for names in ADDRESS.values()
         for host, address in names.items()} | MORE

# What lcs_watch does for SYNs, done for datagrams.
WATCH = """
table inet lcs_wire {
	chain forward {
		type filter hook forward priority filter + 11; policy accept;
		meta l4proto udp goto stamp
	}
	chain input {
		type filter hook input priority filter + 11; policy accept;
		meta l4proto udp goto stamp
	}
	chain stamp {
		ct state new meta nfproto ipv4 ip dscp set af11
		ct state new meta nfproto ipv6 ip6 dscp set af11
		ct state related meta nfproto ipv4 ip dscp set af21
		ct state related meta nfproto ipv6 ip6 dscp set af21
	}
}
"""


def family_of(address):
    return 6 if ":" in address else 4


def is_inside(address):
    return HOSTS.get(address) in ("client", "second")


@dataclass(frozen=True)
class Probe:
    """A packet, by what decides about it; addresses are text."""
    proto: str
    source: str
    target: str
    dport: int

    def __str__(self):
        return f"{self.proto} {self.source} -> {self.target} port {self.dport}"


def packet(source, target, proto, payload):
    """An IP packet of either family."""
    if family_of(source) == 4:
        head = struct.pack("!BBHHHBB2s4s4s", 0x45, 0, 20 + len(payload), 0,
                           0x4000, 64, proto, b"\0\0",
                           socket.inet_aton(source), socket.inet_aton(target))
        return head[:10] + checksum(head) + head[12:] + payload
    return struct.pack("!IHBB16s16s", 0x60000000, len(payload), proto, 64,
                       socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, target)) + payload


def pseudo_header(source, target, proto, length):
    if family_of(source) == 4:
        return (socket.inet_aton(source) + socket.inet_aton(target)
                + struct.pack("!BBH", 0, proto, length))
    return (socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, target)
            + struct.pack("!II", length, proto))


def summed(source, target, proto, segment, at):
    """The segment with its checksum put in at this offset, as a packet."""
    value = checksum(pseudo_header(source, target, proto, len(segment))
                     + segment)
    segment = segment[:at] + value + segment[at + 2:]
    return packet(source, target, proto, segment)


def tcp_packet(source, target, ports, seq, ack, flags, payload=b""):
    segment = struct.pack("!HHIIBBHHH", *ports, seq & 0xffffffff,
                          ack & 0xffffffff, 5 << 4, flags, 65535, 0, 0)
    return summed(source, target, PROTO["tcp"], segment + payload, 16)


def udp_packet(source, target, ports, payload=b"probe"):
    segment = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    return summed(source, target, PROTO["udp"], segment, 6)


class Wire:
    """Raw access to the wires of the hosts of a rig."""

    def __init__(self, rig):
        self.rig = rig
        self.serial = itertools.cycle(range(20000, 61000))
        self.senders, self.taps = {}, {}
        self.watch()
        for address, host in MORE.items():
            prefix = 24 if family_of(address) == 4 else 64
            rig.run(host, "ip", "addr", "replace", f"{address}/{prefix}",
                    "dev", "eth0", *(["nodad"] if prefix == 64 else []))
        for host in ADDRESS[4]:
            tap = rig.socket(host, socket.AF_PACKET, socket.SOCK_DGRAM,
                             socket.htons(ETH_P_ALL))
            tap.bind(("eth0", ETH_P_ALL))
            tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            tap.setblocking(False)
            self.taps[host] = tap

    def watch(self):
        """To be called again when the rules were loaded anew."""
        self.rig.run("fw", "nft", "-f", "-", text=WATCH)

    def send(self, host, data):
        """A raw packet from a host; the address in it may be any."""
        family = data[0] >> 4
        key = host, family
        if key not in self.senders:
            self.senders[key] = self.rig.socket(
                host, family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        target = (socket.inet_ntop(socket.AF_INET, data[16:20])
                  if family == 4 else
                  socket.inet_ntop(socket.AF_INET6, data[24:40]))
        self.senders[key].sendto(data, (target, 0))

    def heard(self, host):
        """(ct state, proto, source, target, ports) of what has come to a host
        since the last time."""
        while True:
            try:
                data, source = self.taps[host].recvfrom(128)
            except BlockingIOError:
                return
            if (source[2] == socket.PACKET_OUTGOING
                    or source[1] not in (ETH_P_IP, ETH_P_IPV6)):
                continue
            if source[1] == ETH_P_IP:
                offset, proto, dscp = (data[0] & 15) * 4, data[9], data[1] >> 2
                family, ends = socket.AF_INET, (data[12:16], data[16:20])
            else:
                offset, proto = 40, data[6]
                dscp = (struct.unpack_from("!H", data)[0] >> 6) & 0x3f
                family, ends = socket.AF_INET6, (data[8:24], data[24:40])
            if proto in PROTO.values():
                yield (CT_STATE.get(dscp, "let through"), proto,
                       *(socket.inet_ntop(family, end) for end in ends),
                       struct.unpack_from("!HH", data, offset))

    def states(self, probes):
        """For each Probe the ct state with which it arrived, or None."""
        if not probes:
            return {}
        sent, pairs = {}, set()
        for tap in self.taps.values():
            with contextlib.suppress(BlockingIOError):
                while tap.recv(1):
                    pass
        for probe in probes:
            sport = next(self.serial)
            make = udp_packet if probe.proto == "udp" else self._syn
            self.send(HOSTS[probe.source], make(
                probe.source, probe.target, (sport, probe.dport)))
            sent[PROTO[probe.proto], probe.source, probe.target,
                 (sport, probe.dport)] = probe
            ends = [HOSTS[probe.source], HOSTS[probe.target]]
            if not is_inside(probe.source):
                ends.reverse()
            pairs.add((*ends, family_of(probe.source)))
        for pair in sorted(pairs):
            self.rig.barrier(*pair)
        found = dict.fromkeys(probes)
        for host in {HOSTS[p.target] for p in probes}:
            for state, *key in self.heard(host):
                if tuple(key) in sent:
                    found[sent[tuple(key)]] = state
        return found

    @staticmethod
    def _syn(source, target, ports):
        return tcp_packet(source, target, ports, ports[0] << 16, 0, SYN)

    def at_firewall(self, source, address, port):
        """The ct state of a datagram to an address of the firewall itself,
        which it takes as any host does."""
        sock = self.rig.socket("fw", 4, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        sock.bind((address, port))
        self.send(HOSTS[source], udp_packet(source, address,
                                            (next(self.serial), port)))
        wait_fd(sock, select.POLLIN, f"a datagram to {address}")
        _, ((_, _, tos),), _, _ = sock.recvmsg(100, 100)
        sock.close()
        return CT_STATE.get(tos[0] >> 2)

    def expect(self, wanted):
        """wanted: Probe -> "RELATED" or None; all of them must be so."""
        found = self.states(list(wanted))
        wrong = [f"{probe}: {found[probe] or 'shut'}, not {state or 'shut'}"
                 for probe, state in wanted.items() if found[probe] != state]
        check(not wrong, "\n".join(wrong))

    def related(self, *probes):
        self.expect(dict.fromkeys(probes, "RELATED"))

    def shut(self, *probes):
        self.expect(dict.fromkeys(probes))

    def inject(self, sock, offset, data):
        """A segment of a live connection that its kernel does not send: data
        at this offset from the end of what it has sent so far."""
        source, target = sock.getsockname()[:2], sock.getpeername()[:2]
        after, ack = sequence(sock)
        self.send(HOSTS[source[0]], tcp_packet(
            source[0], target[0], (source[1], target[1]), after + offset, ack,
            ACK | PSH, data))

    def close(self):
        for sock in (*self.senders.values(), *self.taps.values()):
            sock.close()


def sequence(sock):
    """Sequence numbers after all sent and after all received."""
    found = []
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    for queue in (SEND_QUEUE, RECEIVE_QUEUE):
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        value = sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)
        found.append(value & 0xffffffff)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_SILENT)
    return found


@contextlib.contextmanager
def wire(rig):
    it = Wire(rig)
    try:
        yield it
    finally:
        it.close()
