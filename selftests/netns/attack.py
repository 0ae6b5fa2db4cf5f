#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""TCP trickery: segments that make a firewall read what the receiver does not,
or the other way round, and connections that are none.

In each case the attacker's port stays shut, and a good client beside it, signed
in before, is called after it and signs in anew. (disorder.py has what honest
networks do to a stream, and overlapping segments with different content.)
Profile: the module's defaults.
"""

import contextlib
import re
import socket
import struct

from disorder import RawClient
from lcspeer import (ADDRESS, SIP_PORT, Rig, Tap, check, client, grown, ntlm,
                     objects, wait_until)
from lcsraw import (ACK, FIN, PSH, RST, SYN, URG, RawHost, RawTcp, checksum,
                    tcp)

GOOD, EVIL = 7100, 7205
ATTACK = ADDRESS[4]["server"], "10.0.0.77"
CLOSING = 180       # seconds: the core's 10, its collector's 60, our sweep's 10
SLACK = 20          # objects of others where a kernel merges caches


@contextlib.contextmanager
def attacked(rig, tap, text):
    """One case, with a good client beside it."""
    with tap.case(text), client(rig) as good:
        good.sign_in(7300)
        yield
        check(not rig.expectations(dport=EVIL), "the attacker's port is open")
        good.must_be_called(7300)
        good.sign_in(7301)
        good.must_be_called(7301)


@contextlib.contextmanager
def raw_client(rig, host):
    sender = RawClient(rig, host)
    try:
        yield sender
    finally:
        sender.close()


@contextlib.contextmanager
def accepting_invalid(rig):
    """The administrator lets pass what conntrack calls invalid."""
    chain = ("inet", "lcs", "forward")
    said = rig.run("fw", "nft", "-e", "-a", "insert", "rule", *chain,
                   "ct", "state", "invalid", "counter", "accept")
    handle = re.search(r"handle (\d+)", said)[1]
    try:
        yield lambda: int(re.search(
            r"invalid counter packets (\d+)",
            rig.run("fw", "nft", "list", "chain", *chain))[1])
    finally:
        rig.run("fw", "nft", "delete", "rule", *chain, "handle", handle)


@contextlib.contextmanager
def unseen_answers(rig):
    """What the server sends to the raw host is lost before conntrack."""
    rig.run("fw", "nft", "-f", "-", text=f"""table inet lcs_attack {{
        chain raw {{
            type filter hook prerouting priority raw; policy accept;
            ip saddr {ATTACK[0]} ip daddr {ATTACK[1]} drop
        }}
    }}""")
    try:
        yield
    finally:
        rig.run("fw", "nft", "delete", "table", "inet", "lcs_attack")


def evil_of(sender):
    return sender.text.replace(b":%d;" % GOOD, b":%d;" % EVIL)


def segment(sender, offset, payload, urgent=0, spoil=False):
    """A segment with an urgent pointer, or with a wrong checksum."""
    link = sender.tcp
    packet = tcp(link.host.address, link.target, link.ports,
                 link.isn + 1 + offset, link.ack,
                 ACK | PSH | (URG if urgent else 0), payload)
    head, body = packet[:20], bytearray(packet[20:])
    struct.pack_into("!H", body, 18, urgent)
    body[16:18] = bytes(2)
    pseudo = packet[12:20] + struct.pack("!BBH", 0, 6, len(body))
    body[16:18] = checksum(pseudo + bytes(body))
    if spoil:
        body[17] ^= 1
    link.host.send(head + bytes(body))


def works(sender):
    """The raw client signs in with its own port, and with no other."""
    sender.server_must_have(sender.text)
    sender.accept(GOOD)
    check(sender.opened(GOOD), "not open after the 200")
    check(not sender.opened(EVIL), "the attacker's port is open")


def urgent_pointer(rig, tap, host):
    """Whether the byte belongs to the stream is the server's affair. To open is
    what the client has written on the wire, which the 200 confirms."""
    for inline in (True, False):
        how = "in the stream" if inline else "taken out of it"
        with attacked(rig, tap, "an urgent byte in the port of a Contact, "
                      f"{how} by the server's socket"), \
                raw_client(rig, host) as sender:
            peer = sender.tcp.peer
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, inline)
            text = sender.text.replace(b":%d;" % GOOD, b":1%d;" % EVIL)
            at = text.index(b":1%d;" % EVIL) + 1
            # The pointer of Linux: behind the urgent byte, from the segment.
            segment(sender, 0, text, urgent=at + 1)
            sender.tcp.insist(text)
            got = sender.tcp.received()
            while len(got) < len(text) - (not inline):
                more = sender.tcp.received()
                check(more, f"{len(got)} of {len(text)} bytes")
                got += more
            check(got == (text if inline else text[:at] + text[at + 1:]),
                  "other bytes than were sent")
            sender.accept(EVIL)
            check(not sender.opened(EVIL), "a port nobody read is open")


def wrong_checksum(rig, tap, host):
    for accept in (False, True):
        with attacked(rig, tap, "a REGISTER with a wrong TCP checksum, then "
                      "the right one" + accept * "; INVALID is accepted"), \
                contextlib.ExitStack() as stack:
            passed = stack.enter_context(accepting_invalid(rig)) \
                if accept else None
            sender = stack.enter_context(raw_client(rig, host))
            segment(sender, 0, evil_of(sender), spoil=True)
            rig.barrier("client", "server")
            check(not sender.tcp.received(), "the server believed it")
            check(not rig.expectations(dport=EVIL), "the firewall believed it")
            check(not passed or passed() > 0, "conntrack did not mind it")
            works(sender)


def out_of_window(rig, tap, host):
    for accept in (False, True):
        for offset in (10_000_000, -10_000_000, 1 << 31):
            with attacked(rig, tap, f"a REGISTER {offset} bytes off"
                          + accept * "; INVALID is accepted"), \
                    contextlib.ExitStack() as stack:
                passed = stack.enter_context(accepting_invalid(rig)) \
                    if accept else None
                sender = stack.enter_context(raw_client(rig, host))
                first, rest = sender.text[:400], sender.text[400:]
                sender.tcp.data(0, first)
                sender.tcp.data(400 + offset, evil_of(sender)[400:])
                sender.tcp.data(offset, evil_of(sender))
                rig.barrier("client", "server")
                sender.tcp.data(400, rest)
                # The core passes what is too old: the server has it already.
                check(offset < 0 or not passed or passed() > 0,
                      "conntrack did not mind it")
                works(sender)


def unseen(rig, tap, host):
    """The server believes a segment that conntrack calls invalid: it says that
    it has heard what the server said, of which conntrack knows nothing."""
    with attacked(rig, tap, "INVALID is accepted: bytes that the server got "
                  "and the helper did not give the stream up, and all arrives"), \
            accepting_invalid(rig) as passed, \
            raw_client(rig, host) as sender:
        link, text = sender.tcp, evil_of(sender)
        before = rig.counters()["given_up_unseen"]
        link.data(0, text[:300])
        link.insist(text[:300])
        with unseen_answers(rig):
            link.peer.send(b"\r\n\r\n")
            link.ack += 4
            link.data(300, text[300:400])
            rig.barrier("client", "server")
            link.ack -= 4
        check(passed() > 0, "conntrack did not mind it")
        # What follows is held off, and the server says how far it has read.
        link.data(400, text[400:500])
        link.wait(lambda _: link.acked >= 400)
        link.ack += 4
        # The client's own answer tells of the server's four bytes.
        link.raw(400, ACK)
        link.insist(text)
        check(link.received() == text, "other bytes than were sent")
        check(rig.counters()["given_up_unseen"] == before + 2,
              "not counted once for each direction")
        more = sender.user.register_text(EVIL, ntlm(600))
        link.insist(more, len(text))
        check(link.received() == more, "the next message did not arrive")
        sender.accept(EVIL)
        check(not sender.opened(EVIL), "open")


def resets(rig, tap, host):
    with attacked(rig, tap, "a RST in the middle of a REGISTER, a million "
                  "off: the connection lives"), raw_client(rig, host) as sender:
        sender.tcp.data(0, sender.text[:400])
        for offset in (1_000_400, -999_600):
            sender.tcp.raw(offset, RST)
            sender.tcp.raw(offset, RST | ACK)
        works(sender)
    with attacked(rig, tap, "a RST in the middle of a REGISTER, exact: gone, "
                  "and its pinholes close"), raw_client(rig, host) as sender:
        works(sender)
        size = len(sender.text)
        text = sender.user.register_text(EVIL)
        cut = text.index(b"%d;" % EVIL) + 6
        sender.tcp.insist(text[:cut], size)
        check(sender.tcp.received() == text[:cut], "the half did not arrive")
        sender.tcp.raw(size + cut, RST | ACK)
        sender.tcp.data(size + cut, text[cut:])
        wait_until(lambda: not rig.expectations(dport=GOOD),
                   "the end of its pinhole", CLOSING)
        must_not_get_through(rig, host, GOOD)
        must_not_get_through(rig, host, EVIL)


def gets_through(rig, host, port, source=ADDRESS[4]["server"]):
    """Does a SYN of its server to the raw host arrive?"""
    RawTcp.serial += 1
    sport = RawTcp.serial
    outer = RawHost(rig, "server", "192.0.2.77")
    host.packets()
    outer.send(tcp(source, host.address, (sport, port), 1, 0, SYN))
    rig.barrier("client", "server")
    outer.close()
    return any(struct.unpack_from("!HH", p, 20) == (sport, port)
               for p in host.packets())


def must_not_get_through(rig, host, port, source=ADDRESS[4]["server"]):
    check(not gets_through(rig, host, port, source), f"port {port} is open")


class RawPair:
    """A connection between two hosts of frames: no kernel but the firewall's
    has a say in it."""

    def __init__(self, rig, inner, outer):
        RawTcp.serial += 1
        self.rig, self.inner, self.outer = rig, inner, outer
        self.ports = RawTcp.serial, SIP_PORT

    def up(self, seq, ack, flags, payload=b""):
        return self._send(self.inner, self.outer, self.ports, seq, ack, flags,
                          payload)

    def down(self, seq, ack, flags, payload=b""):
        return self._send(self.outer, self.inner, self.ports[::-1], seq, ack,
                          flags, payload)

    def _send(self, source, target, ports, seq, ack, flags, payload):
        """Send a segment: did exactly that arrive?"""
        target.packets()
        packet = tcp(source.address, target.address, ports, seq, ack, flags,
                     payload)
        source.send(packet)
        self.rig.barrier("client", "server")
        return any(p[20:36] + p[38:] == packet[20:36] + packet[38:]
                   for p in target.packets())


def half_open(rig, tap, inner, outer):
    with attacked(rig, tap, "half open: the SYN-ACK is never acknowledged; "
                  "200 with a REGISTER open nothing, cost nothing"), \
            client(rig, connect=False) as user:
        user.address = inner.address
        text = user.register_text(EVIL)
        before = objects()
        for _ in range(200):
            pair = RawPair(rig, inner, outer)
            check(pair.up(999, 0, SYN), "the SYN did not pass")
            check(pair.down(4999, 1000, SYN | ACK), "the SYN-ACK did not pass")
            inner.send(tcp(inner.address, outer.address, pair.ports, 1000, 0,
                           PSH, text))
            outer.send(tcp(outer.address, inner.address, pair.ports[::-1],
                           5000, 1000, ACK | PSH, user.answer_text(200)))
        rig.barrier("client", "server")
        more = grown(before)
        check(more["lcs_conn"] <= 200 + SLACK, str(more))
        check(more["lcs_pinhole"] <= SLACK, str(more))
        must_not_get_through(rig, inner, EVIL, outer.address)


def simultaneous(rig, tap, inner, outer):
    with attacked(rig, tap, "opened from both sides at once: the stream "
                  "passes, and opens nothing"), \
            client(rig, connect=False) as user:
        user.address = inner.address
        text = user.register_text(EVIL)
        answer = user.answer_text(200, "Contact: <sip:10.0.0.77:%d;"
                                  "transport=tcp>;expires=900" % EVIL)
        pair = RawPair(rig, inner, outer)
        before = rig.counters()["unproven"]
        check(pair.up(999, 0, SYN), "the SYN did not pass")
        check(pair.down(4999, 0, SYN), "the other SYN did not pass")
        check(rig.counters()["unproven"] == before + 1, "not counted")
        check(pair.up(999, 5000, SYN | ACK), "the SYN-ACK did not pass")
        check(pair.down(4999, 1000, SYN | ACK), "nor the other SYN-ACK")
        check(pair.up(1000, 5000, ACK | PSH, text), "the REGISTER")
        check(pair.down(5000, 1000 + len(text), ACK | PSH, answer), "the 200")
        check(not rig.expectations(dport=EVIL), "open")
        must_not_get_through(rig, inner, EVIL, outer.address)


def signed_in(rig, user, pair):
    """The client of a pair signs in with GOOD: what is retransmitted later,
    and where both streams end."""
    text = user.register_text(GOOD)
    answer = user.answer_text(200, "Contact: <sip:10.0.0.77:%d;transport=tcp>;"
                              "expires=900" % GOOD)
    check(pair.up(999, 0, SYN), "the SYN")
    check(pair.down(4999, 1000, SYN | ACK), "the SYN-ACK")
    check(pair.up(1000, 5000, ACK), "its ACK")
    check(pair.up(1000, 5000, ACK | PSH, text), "the REGISTER")
    end, far_end = 1000 + len(text), 5000 + len(answer)
    check(pair.down(5000, end, ACK | PSH, answer), "the 200")
    check(gets_through(rig, pair.inner, GOOD, pair.outer.address),
          "not open after the 200")
    return text, answer, end, far_end


def after_close(rig, tap, inner, outer):
    for name, flags in (("FIN", FIN | ACK), ("RST", RST | ACK)):
        with attacked(rig, tap, f"retransmitted after {name}: the old "
                      "REGISTER, and one with another port"), \
                client(rig, connect=False) as user:
            user.address = inner.address
            pair = RawPair(rig, inner, outer)
            text, answer, end, ack = signed_in(rig, user, pair)
            check(pair.up(end, ack, flags), name)
            if flags & FIN:
                check(pair.down(ack, end + 1, FIN | ACK), "the other FIN")
                ack += 1
                check(pair.up(end + 1, ack, ACK), "the last ACK")
            evil = b":%d;" % EVIL
            for data in (text, text.replace(b":%d;" % GOOD, evil)):
                pair.up(1000, ack, ACK | PSH, data)
                for seq in (5000, ack):
                    pair.down(seq, end + 1, ACK | PSH,
                              answer.replace(b":%d;" % GOOD, evil))
            check(not rig.expectations(dport=EVIL), "open by the old one")
            must_not_get_through(rig, inner, EVIL, outer.address)
            # More than there is: no server answers that.
            late = text.replace(b":%d;" % GOOD, b":%d;" % (EVIL + 1))
            for seq in (end, end + 1):
                pair.up(seq, ack, ACK | PSH, late)
            must_not_get_through(rig, inner, EVIL + 1, outer.address)


def both_restarted(rig, tap):
    with attacked(rig, tap, "both ends restarted, the old entry lives: the "
                  "next connection from the same port signs in"), \
            client(rig, host="second") as user:
        user.sign_in(GOOD)
        user.must_be_called(GOOD)
        port = user.main.a.getsockname()[1]
        user.lose_main()
        user.connect(sport=port)
        user.sign_in(GOOD + 1)
        user.must_be_called(GOOD + 1)
        user.must_not_be_called(GOOD + 2)
    with attacked(rig, tap, "so did they before the first word: its SYN-ACK "
                  "does not belong to the old SYN, the one after does"), \
            client(rig, host="second") as user:
        for _ in range(4):
            port = user.main.a.getsockname()[1]
            user.lose_main()
            user.connect(sport=port)
            user.sign_in(GOOD)
            user.must_be_called(GOOD)
            user.sign_out(GOOD)
            user.lose_main()
            user.connect()


def main():
    rig, tap = Rig(), Tap()
    host = RawHost(rig)
    urgent_pointer(rig, tap, host)
    wrong_checksum(rig, tap, host)
    out_of_window(rig, tap, host)
    unseen(rig, tap, host)
    resets(rig, tap, host)
    outer = RawHost(rig, "server", "192.0.2.77")
    half_open(rig, tap, host, outer)
    simultaneous(rig, tap, host, outer)
    after_close(rig, tap, host, outer)
    for end in (host, outer):
        end.close()
    both_restarted(rig, tap)
    tap.done()


if __name__ == "__main__":
    main()
