#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Translated text, whatever TCP does on the way.

Messages cut at every byte, several in one write, segments of every size that
grow, an end behind half a message; loss, duplication and reordering with many
dialogs in both directions; with and without segmentation offloads. What both
wires carried is captured: no byte ever changes when it is repeated, no packet
is too large, nobody sends ICMP, conntrack calls nothing invalid, and on a clean
path nobody repeats anything.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import select
import socket
import struct
import sys

from lcscall import Call, audio, sdp, video
from lcspeer import (ADDRESS, LIMIT, SIP_PORT, Tap, check, ct_state,
                     difference, ntlm, wait_fd)
from lcsraw import ETH_P_ALL, ETH_P_IP, SYN
from lcswire import ETH_P_IPV6, SO_RCVBUFFORCE
from nat import contact_of
from natcheck import body_at, moved, places, split_messages
from natrig import NatLink, NatRig, NatUser, nat_user
from policy import parameter

DIALOGS = 40
TOTAL_RETRANS = 100     # offset of tcpi_total_retrans in struct tcp_info
TRIES = 5
PLAIN = ", without offloads: no packet larger than the wire"
NETEM = ("delay", "4ms", "reorder", "80%", "duplicate", "2%", "loss", "3%")
SIZES = (88, 89, 131, 256, 536, 1000, 1220, 1459, 1460)


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
            self.streams[names, ports] = seq + 1, bytearray(), set()
        elif payload and (names, ports) in self.streams:
            first, stream, known = self.streams[names, ports]
            at = (seq - first) & 0xffffffff
            if at > 1 << 24:        # a keep-alive before the first byte
                return
            if len(stream) < at + len(payload):
                stream += bytes(at + len(payload) - len(stream))
            for n, byte in enumerate(payload, at):
                if n in known and stream[n] != byte:
                    self.wrong.append(f"byte {n} of the stream was "
                                      f"{stream[n]:#x}, is {byte:#x}")
                stream[n] = byte
                known.add(n)

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
def captured(rig, largest=None):
    """Both wires, and what conntrack thinks of it."""
    taps = [Capture(rig, host) for host in ("client", "server")]
    before = rig.invalid()
    try:
        yield
        for tap in taps:
            tap.sound(largest)
        check(rig.invalid() == before, f"{rig.invalid() - before} packets "
              "were invalid")
    finally:
        for tap in taps:
            tap.close()


class Sized(NatUser):
    """A client whose connection has segments of at most so many bytes."""

    def __init__(self, rig, family, mss):
        super().__init__(rig, family, connect=False)
        listener = rig.listen(self.server, SIP_PORT, family)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        sock = rig.socket("client", family)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        sock.setblocking(False)
        sock.bind((self.address, 0))
        sock.connect_ex(listener.getsockname()[:2])
        wait_fd(listener, select.POLLIN, "the connection")
        peer, name = listener.accept()
        listener.close()
        self.main = NatLink(self, sock, peer, ct_state(peer))
        self.links.append(self.main)
        self.ports.append(sock.getsockname()[1])
        self.table.forms["tcp", self.address, self.ports[0]] = name[:2]


def repeated(sock):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return struct.unpack_from("I", info, TOTAL_RETRANS)[0]


def calmly(user, act):
    """Something that needs no segment to be repeated. A busy machine may repeat
    one all the same, but not time after time."""
    ends = user.main.a, user.main.b
    for _ in range(TRIES):
        before = [repeated(sock) for sock in ends]
        act()
        after = [repeated(sock) for sock in ends]
        if after == before:
            return
    check(False, f"{TRIES} times in a row segments were repeated, at last "
          f"{[b - a for a, b in zip(before, after)]}")


def offer(user, call, more=0):
    """An INVITE with both kinds of places, more bytes long."""
    extra = ["Contact: " + contact_of("d", user, 7100)]
    if more:
        extra.append("Subject: " + "x" * more)
    return call.request_text("INVITE", call.own(
        *audio(20000), *video(20002, "a=rtcp:20009")), extra=extra)


def everywhere(rig, tap, family, step=1):
    with tap.case(f"IPv{family}: an INVITE cut in two at every "
                  f"{'byte' if step == 1 else f'{step}th byte'}: what is held "
                  "is acknowledged, nobody waits or repeats"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        call = Call(user)
        text = offer(user, call)
        for at in range(1, len(text), step):
            calmly(user, lambda at=at: user.main.forth(text, (at,)))
    with tap.case(f"IPv{family}: and the answer, whose remote-candidates come "
                  "back, the Content-Length first"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        call = Call(user)
        user.main.forth(offer(user, call))
        text = answer(user, call)
        for at in range(1, len(text), step * 7):
            calmly(user, lambda at=at: user.main.back(text, (at,)))


def answer(user, call):
    body = sdp(call.peer, *audio(
        30000, f"a=remote-candidates:1 {user.address} 20000 2 {user.address} "
        "20001 "))
    text = call.answer_text(200, "INVITE", body)
    start, length = text.split(b"\r\n", 1), b"Content-Length: %d" % len(body)
    rest = start[1].replace(b"\r\n" + length, b"", 1)
    return b"\r\n".join([start[0], length, rest])


def bytewise(rig, tap, family):
    with tap.case(f"IPv{family}: a sign-in and an INVITE byte by byte"), \
            nat_user(rig, family) as user, captured(rig):
        text = user.register_text(7100)
        user.main.forth(text, range(1, len(text)))
        user.accept(7100)
        text = offer(user, Call(user))
        calmly(user, lambda: user.main.forth(text, range(1, len(text))))


def several(rig, tap, family, largest=None):
    with tap.case(f"IPv{family}: three and a half messages in one write, and "
                  f"the rest{PLAIN if largest else ''}"), \
            nat_user(rig, family) as user, captured(rig, largest):
        user.sign_in(7100)
        for length in (60, 600, 3000):
            text = b"".join((user.register_text(7100, ntlm(length)),
                             offer(user, Call(user)),
                             user.register_text(7101), offer(user, Call(user))))
            for cut in (len(text) - 30, len(text) - 330, len(text) - 700):
                calmly(user, lambda t=text, c=cut: user.main.forth(t, (c,)))
                text = b"\r\n\r\n" + text + text
                calmly(user, lambda t=text, c=cut: user.main.forth(
                    t, (c, 2 * c)))
                text = text[4:len(text) // 2 + 2]


def sizes(rig, tap, family, largest=None):
    step = 4 if largest else 1
    with tap.case(f"IPv{family}: segments of {SIZES[0]} to {SIZES[-1]} bytes "
                  "that are full and grow: no ICMP, no fragment, nothing "
                  f"repeated{PLAIN if largest else ''}"), \
            contextlib.ExitStack() as stack:
        for mss in SIZES[::-step]:
            mss = min(mss, 1480 - (20 if family == 4 else 40))
            with captured(rig, largest):
                user = Sized(rig, family, mss)
                stack.callback(user.close)
                user.sign_in(7100)
                for more in (0, mss // 3, mss - 12 - len(
                        offer(user, Call(user))) % (mss - 12)):
                    calmly(user, lambda more=more: user.main.forth(
                        offer(user, Call(user), max(more, 0))))
                calmly(user, lambda: user.main.forth(
                    offer(user, Call(user), 4 * mss)))
                user.close()


def ends(rig, tap, family):
    with tap.case(f"IPv{family}: an end right behind a part that is held: the "
                  "part arrives, and then the end"), captured(rig):
        for cut in (-1, -30, -300, -340, -400):
            with nat_user(rig, family) as user:
                user.sign_in(7100)
                text = offer(user, Call(user))
                user.main.a.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                part = text[:cut]
                user.main.a.send(part)
                user.main.a.shutdown(socket.SHUT_WR)
                got = until_the_end(user.main.b)
                head = body_at(text)
                want = {part, moved(part, user.table.outbound, [
                    p for p in places(text) if p.kind == "contact"
                    and p.addr_at[1] < min(len(part), head)])}
                check(got in want, difference(max(want), got))


def until_the_end(sock):
    got = b""
    while True:
        wait_fd(sock, select.POLLIN, f"the end, behind {len(got)} bytes")
        data = sock.recv(1 << 20)
        if not data:
            return got
        got += data


# ---- many at once, on a bad line -------------------------------------------

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
        with contextlib.suppress(BlockingIOError):
            self.sent += self.sender.send(self.data[self.sent:
                                                    self.sent + 700])
        with contextlib.suppress(BlockingIOError):
            data = self.receiver.recv(1 << 16)
            check(data, "the connection was closed")
            self.got += data

    def verify(self):
        if self.want:
            check(self.got == self.want, difference(self.want, self.got))
            return
        came, rest = split_messages(bytes(self.got))
        check(len(came) == self.count and not rest,
              f"{len(came)} messages, and {rest[:80]!r}")
        for one, other in zip(split_messages(self.data)[0], came):
            self.user.table.learn(one, other)


def bad_line(rig, on):
    for host in ("client", "server"):
        rig.run(host, "tc", "qdisc", *(("add", "dev", "eth0", "root", "netem",
                                        *NETEM) if on else
                                       ("del", "dev", "eth0", "root")))


def many(rig, tap):
    with tap.case(f"{DIALOGS} dialogs, both directions at once: loss 3 %, "
                  "duplication 2 %, reordering 20 %"), \
            contextlib.ExitStack() as stack, captured(rig):
        users = [stack.enter_context(nat_user(rig, 4 if n % 2 else 6))
                 for n in range(DIALOGS)]
        streams = []
        for n, user in enumerate(users):
            user.sign_in(7100 + n)
            forth, back = [], []
            for turn in range(4):
                call = Call(user)
                forth += [user.register_text(7100 + n, ntlm(100 * turn)),
                          call.request_text("INVITE", call.own(
                              *audio(20000 + 40 * n + 4 * turn)), extra=[
                                  "Contact: " + contact_of("d", user,
                                                           7100 + n)])]
                back += [user.notify_text(7100 + n), user.answer_text(
                    200, "Contact: " + contact_of("b", user, 7100 + n))]
            streams += [Stream(user, True, forth), Stream(user, False, back)]
        bad_line(rig, True)
        stack.callback(bad_line, rig, False)
        left = streams
        while left:
            for stream in left:
                stream.step()
            left = [s for s in left if not s.done()]
            if left:
                ready = select.select([s.receiver for s in left], [], [],
                                      LIMIT if all(s.sent == len(s.data)
                                                   for s in left) else 0)
                check(ready[0] or any(s.sent < len(s.data) for s in left),
                      f"{len(left)} of {len(streams)} streams stand still")
        for stream in streams:
            stream.verify()
        check(sum(repeated(s.sender) for s in streams), "nothing was repeated: "
              "the line is a good one")


def offloads(rig, on):
    word = "on" if on else "off"
    for host, device in [("fw", h) for h in ADDRESS[4]] + [
            ("fw", "lan0"), ("fw", "wan0")] + [(h, "eth0") for h in ADDRESS[4]]:
        rig.run(host, "ethtool", "-K", device, "tso", word, "gso", word, "gro",
                word)


def plain(rig, tap):
    """What a network card sees that segments nothing itself."""
    offloads(rig, False)
    for family in (4, 6):
        several(rig, tap, family, 1500)
        sizes(rig, tap, family, 1500)
    offloads(rig, True)


def main(names):
    rig, tap = NatRig("ipv6"), Tap()
    tests = {"everywhere": lambda: (everywhere(rig, tap, 4),
                                    everywhere(rig, tap, 6, 23)),
             "bytewise": lambda: [bytewise(rig, tap, f) for f in (4, 6)],
             "several": lambda: [several(rig, tap, f) for f in (4, 6)],
             "sizes": lambda: [sizes(rig, tap, f) for f in (4, 6)],
             "ends": lambda: [ends(rig, tap, f) for f in (4, 6)],
             "many": lambda: many(rig, tap)}
    with parameter("media_ports", "1024-65535"):
        for name, test in tests.items():
            if not names or name in names:
                test()
        if not names or "plain" in names:
            plain(rig, tap)
    with tap.case("nothing is held, no packet was dropped for want of memory"):
        rig.must_hold_nothing()
        counters = rig.counters()
        for name in ("unchanged_late", "unchanged_memory",
                     "unchanged_clash"):
            check(not counters[name], f"{name} {counters[name]}")
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
