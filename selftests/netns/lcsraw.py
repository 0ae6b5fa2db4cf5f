# SPDX-License-Identifier: GPL-2.0
"""A host that exists only as frames: TCP and ICMP as no kernel would send them.

RawHost answers for an address that no namespace has, on the wire of one of the
hosts of lib.sh. RawTcp is one connection of it: the test chooses the flags, the
sequence numbers and the payload of each segment.
"""

import array
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct

from lcspeer import LIBC, LIMIT, SIP_PORT, check, wait_fd

ETH_P_ALL = 3
ETH_P_IP = 0x0800
SIOCGIFHWADDR = 0x8927
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(array.array("H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("=H", ~total & 0xffff)


def ipv4(source, target, proto, payload):
    head = struct.pack("!BBHHHBB2s4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000,
                       64, proto, b"\0\0", socket.inet_aton(source),
                       socket.inet_aton(target))
    return head[:10] + checksum(head) + head[12:] + payload


def tcp(source, target, ports, seq, ack, flags, payload=b"", options=b""):
    words = 5 + len(options) // 4
    segment = struct.pack("!HHIIBBH2sH", *ports, seq & 0xffffffff,
                          ack & 0xffffffff, words << 4, flags, 65535,
                          b"\0\0", 0) + options + payload
    pseudo = struct.pack("!4s4sBBH", socket.inet_aton(source),
                         socket.inet_aton(target), 0, 6, len(segment))
    segment = segment[:16] + checksum(pseudo + segment) + segment[18:]
    return ipv4(source, target, 6, segment)


def icmp_error(source, target, code, about, rest=0):
    """Destination unreachable, with the packet that it complains about; rest:
    the second word of its header."""
    body = struct.pack("!BB2sI", 3, code, b"\0\0", rest) + about
    body = body[:2] + checksum(body) + body[4:]
    return ipv4(source, target, 1, body)


def icmp_as_tcp(source, target, about, seq, payload):
    """An ICMP error that, if its header is read as a TCP header, is a segment
    with this sequence number and payload. The data offset and the flags lie on
    the identification of the packet that it is about: 60 bytes, PSH and ACK;
    the payload begins 12 bytes behind that packet's TCP header."""
    about = about[:4] + b"\xf0\x18" + about[6:40] + bytes(12) + payload
    return icmp_error(source, target, 1, about, seq)


class RawHost:
    """An address on the wire of `host`, known to the firewall, to no kernel."""

    def __init__(self, rig, host="second", address="10.0.0.77"):
        self.rig, self.address = rig, address
        side = "lan0" if host in ("client", "second") else "wan0"
        mac = bytes((2, 0)) + socket.inet_aton(address)
        rig.run("fw", "ip", "neigh", "replace", address, "lladdr",
                mac.hex(":"), "dev", side, "nud", "permanent")
        self.wire = rig.socket(host, socket.AF_PACKET, socket.SOCK_RAW,
                               socket.htons(ETH_P_ALL))
        self.wire.bind(("eth0", ETH_P_ALL))
        self.wire.setblocking(False)
        probe = rig.socket("fw", 4, socket.SOCK_DGRAM)
        gateway = fcntl.ioctl(probe, SIOCGIFHWADDR,
                              struct.pack("16s16x", side.encode()))[18:24]
        probe.close()
        self.head = gateway + mac + struct.pack("!H", ETH_P_IP)

    def send(self, packet):
        self.wire.send(self.head + packet)

    def packets(self):
        """What has come for this address since the last time."""
        found = []
        while True:
            try:
                frame, source = self.wire.recvfrom(1 << 17)
            except BlockingIOError:
                return found
            packet = frame[14:]
            if (source[2] != socket.PACKET_OUTGOING and source[1] == ETH_P_IP
                    and packet[16:20] == socket.inet_aton(self.address)):
                found.append(packet)

    def flood(self, packets, batch=1000):
        """Send many packets of one length, `batch` in each system call."""
        size = len(self.head) + len(packets[0])
        store = ctypes.create_string_buffer(batch * size)
        base = ctypes.addressof(store)
        pieces = (IoVec * batch)()
        headers = (MmsgHdr * batch)()
        for i in range(batch):
            pieces[i].base, pieces[i].len = base + i * size, size
            headers[i].iov = ctypes.addressof(pieces[i])
            headers[i].iovlen = 1
        for at in range(0, len(packets), batch):
            part = packets[at:at + batch]
            frames = b"".join(self.head + p for p in part)
            check(len(frames) == size * len(part), "one length for all")
            ctypes.memmove(base, frames, len(frames))
            done = 0
            while done < len(part):
                sent = LIBC.sendmmsg(self.wire.fileno(),
                                     ctypes.byref(headers[done]),
                                     len(part) - done, 0)
                check(sent > 0 or ctypes.get_errno() == errno.EAGAIN,
                      os.strerror(ctypes.get_errno()))
                if sent > 0:
                    done += sent
                else:
                    wait_fd(self.wire, select.POLLOUT, "room to send")

    def close(self):
        self.wire.close()


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class MmsgHdr(ctypes.Structure):
    """struct mmsghdr with the struct msghdr in it."""
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("sent", ctypes.c_uint)]


class RawTcp:
    """One connection of a RawHost to a listener: self.peer is accepted."""

    serial = 40000

    def __init__(self, host, listener, isn=0x7fffff00, syn_payload=b""):
        RawTcp.serial += 1
        self.host, self.isn = host, isn
        self.target = listener.getsockname()[0]
        self.ports = RawTcp.serial, SIP_PORT
        self.ack = 0
        self.acked = 0          # how much of our stream the peer has
        self.got = bytearray()  # the peer's stream
        self.raw(-1, SYN, syn_payload)
        answer = self.wait(lambda flags: flags & (SYN | ACK) == SYN | ACK)
        self.ack = (answer + 1) & 0xffffffff
        self.raw(0, ACK)
        self.peer, _ = listener.accept() if self._ready(listener) else 2 * [0]
        self.peer.setblocking(False)

    @staticmethod
    def _ready(sock):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        check(poll.poll(LIMIT * 1000), "never came: the end of the handshake")
        return True

    def raw(self, offset, flags, payload=b"", options=b""):
        """A segment at this offset of our stream; the SYN is at -1."""
        self.host.send(tcp(self.host.address, self.target, self.ports,
                           self.isn + 1 + offset, self.ack, flags, payload,
                           options))

    def data(self, offset, payload):
        self.raw(offset, ACK | PSH, payload)

    def listen(self):
        """Take in what the peer sent: its flags, its stream, its acks."""
        heard = []
        for packet in self.host.packets():
            offset = (packet[0] & 15) * 4
            segment = packet[offset:struct.unpack_from("!H", packet, 2)[0]]
            if packet[9] != 6 or len(segment) < 20 or struct.unpack_from(
                    "!HH", segment) != self.ports[::-1]:
                continue
            seq, ack = struct.unpack_from("!II", segment, 4)
            payload = segment[(segment[12] >> 4) * 4:]
            if segment[13] & ACK:
                self.acked = max(self.acked,
                                 (ack - self.isn - 1) & 0xffffffff)
            if payload and seq == self.ack:
                self.got += payload
                self.ack = (self.ack + len(payload)) & 0xffffffff
                self.raw(self.acked, ACK)
            heard.append((segment[13], seq))
        return heard

    def wait(self, wanted):
        """Wait for a segment with such flags; its sequence number."""
        while True:
            for flags, seq in self.listen():
                if wanted(flags):
                    return seq
            self._ready(self.host.wire)

    def insist(self, data, offset=0, piece=1200):
        """Repeat what the peer has not acknowledged until it has it all."""
        end = offset + len(data)
        for _ in range(300):
            self.listen()
            at = max(self.acked, offset)
            if at >= end:
                return
            self.data(at, data[at - offset:at - offset + piece])
            poll = select.poll()
            poll.register(self.host.wire, select.POLLIN)
            poll.poll(200)
        check(False, f"the peer acknowledges {self.acked} of {end} bytes")

    def received(self):
        """What the peer's application has got since the last time."""
        got = b""
        while True:
            try:
                data = self.peer.recv(1 << 20)
            except BlockingIOError:
                return got
            check(data, "the connection was closed")
            got += data

    def close(self):
        self.raw(self.acked, RST | ACK)
        self.peer.close()
