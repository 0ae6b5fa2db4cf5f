#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Corners of translation: a Contact without a port, whose 5060 has moved; TCP
candidates that the peer repeats; a line that is too long; relayed=1 behind
masquerade; a client that is translated no more; windows smaller than a message;
bytes that nobody reads and that come late; messages that stay incomplete where
memory is short.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import select
import socket
import struct

from corners import LONG_MEDIA, chat, heard_all, in_pieces
from disorder import RawClient
from lcscall import Call, audio, listen_for_file, video
from lcspeer import (ADDRESS, LIMIT, Tap, check, client, difference,
                     is_ready, wait_fd, wait_until)
from lcsraw import ACK, RST, SYN, RawHost
from natcheck import LENGTH, split_messages
from natrig import MASQUERADE, OUTSIDE, Flow, NatRig, nat_user
from nattcp import offer
from natwire import Capture, captured
from policy import parameter

SCARCE = 65536 * 3 // 4     # of mem_max: from there on nobody is waited for


# ---- places that are not like the others ------------------------------------

def without_port(rig, tap):
    with tap.case("IPv4: a Contact without a port: the outside one is put "
                  "behind the address, and the server calls it"), \
            nat_user(rig) as user:
        where = f"<sip:{user.address};transport=tcp>;proxy=replace"
        got = user.main.both_ends(user.register_text(where))
        outside = user.form(5060)
        check(outside != 5060, "5060 has not moved")
        check(b"<sip:%s:%d;transport=tcp>" % (OUTSIDE[4].encode(), outside)
              in got, f"{got!r}")
        # What the server says of it has a port.
        user.accept(f"<sip:{user.address}:5060;transport=tcp>")
        user.must_be_called(5060)
        user.must_not_be_called(5060, by="stranger")
        user.sign_out(where)
        user.must_not_be_called(5060)


def no_room_for_port(rig, tap, family, where, name):
    with tap.case(f"IPv{family}: {name}: no port can be put in, it passes as it "
                  "is, counted"), nat_user(rig, family) as user:
        text = user.register_text(where)
        before = rig.counters()["unchanged_fixed"]
        user.main.a.send(text)
        got = b""
        while len(got) < len(text):
            wait_fd(user.main.b, select.POLLIN, "the rest of a message")
            got += user.main.b.recv(1 << 16)
        check(got == text, got == text or difference(text, got))
        check(rig.counters()["unchanged_fixed"] == before + 1, "not counted")
        user.sign_in(7100)
        user.must_be_called(7100)


def repeated_tcp(rig, tap, family):
    with tap.case(f"IPv{family}: a TCP candidate that the peer repeats comes "
                  "back as the client wrote it"), nat_user(rig, family) as user:
        call = Call(user)
        call.begin(call.own(*audio(
            20000, f"a=candidate:1 1 UDP 2 {user.address} 20000 typ host",
            f"a=candidate:2 1 TCP-PASS 1 {user.address} 20008 typ host")))
        check(user.form(20008) and user.form(20000, "udp"), "not both")
        call.answer(200, "INVITE", call.theirs(*audio(
            30000, f"a=remote-candidates:1 {user.address} 20008 ")))
        call.request("ACK", cseq=1)
        call.bye()


def long_line(rig, tap, family):
    with tap.case(f"IPv{family}: an m= line of 9000 bytes: the whole body "
                  "passes as it is, the next is right"), \
            nat_user(rig, family) as user:
        call = Call(user)
        text = call.request_text("INVITE", call.own(
            *audio(20000), *video(20002), LONG_MEDIA))
        user.main.stays = True
        in_pieces(user, text)
        check(not user.main.changed, f"{user.main.changed} places changed")
        user.main.stays = False
        user.main.forth(offer(user, Call(user)))
        check(user.main.changed, "nothing was changed")


def connected_at(call, address, *lines):
    """The client's description, with another address in its c= line."""
    own, word = call.user.address, f"c=IN IP{call.user.family} "
    return call.own(*lines).replace((word + own).encode(),
                                    (word + address).encode())


def active_only(rig, tap, family):
    with tap.case(f"IPv{family}: a body whose only own endpoint listens nowhere: "
                  "that and o= go out with the outside address"), \
            nat_user(rig, family) as user:
        relay = "198.51.100.7" if family == 4 else "2001:db8:9::7"
        call = Call(user)
        body = connected_at(call, relay, *audio(
            50000, f"a=candidate:1 1 TCP-ACT 1 {user.address} 50003 typ host"))
        got = user.main.both_ends(call.request_text("INVITE", body))
        for want in (f"o=- 0 0 IN IP{family} {OUTSIDE[family]}\r\n",
                     f"a=candidate:1 1 TCP-ACT 1 {OUTSIDE[family]} "):
            check(want.encode() in got, f"not {want!r} in {got!r}")


def on_hold(rig, tap, family):
    with tap.case(f"IPv{family}: on hold o= stays what it was, 0.0.0.0 is not "
                  "touched, and resumed it is the same again"), \
            nat_user(rig, family) as user:
        nowhere = "0.0.0.0" if family == 4 else "::"
        call = Call(user)
        for address in (user.address, nowhere, user.address):
            body = connected_at(call, address, *audio(20000))
            got = user.main.both_ends(call.request_text("INVITE", body))
            c = OUTSIDE[family] if address == user.address else address
            for want in (f"o=- 0 0 IN IP{family} {OUTSIDE[family]}\r\n",
                         f"\r\nc=IN IP{family} {c}\r\n"):
                check(want.encode() in got, f"not {want!r} in {got!r}")
            call.answer(200, "INVITE", call.theirs(*audio(30000)))
            call.request("ACK", cseq=call.cseq[True])


def without_nat(rig, tap, family):
    with tap.case(f"IPv{family}: a client whose connection was lost signs in "
                  "where nothing is translated: its own port is called"), \
            nat_user(rig, family) as user:
        user.sign_in(7100)
        outside = user.form(7100)
        check(outside != 7100, "7100 has not moved")
        user.lose_main()
        rig.run("fw", "nft", "flush", "chain", "inet", "lcs_nat", "postrouting")
        try:
            with client(rig, family) as plain:
                plain.sign_in(7100)
                plain.must_be_called(7100)
                plain.must_not_be_called(7101)
                plain.must_not_be_called(outside)
        finally:
            rig.run("fw", "nft", "-f", "-", text=MASQUERADE)


# ---- led out ----------------------------------------------------------------

@contextlib.contextmanager
def second_user(rig, family):
    """A client whose ports another one has outside already: its own have other
    numbers there, which the kernel alone would not find."""
    with nat_user(rig, family) as other, \
            nat_user(rig, family, host="second") as user:
        call = Call(other)
        call.begin(call.own(*audio(20000), *video(20002)),
                   call.theirs(*audio(30000), *video(30002)))
        yield user


def sends_first(rig, user, *ports):
    for port in ports:
        flow = Flow(rig, user, port, port + 10000)
        check(flow.outside[1] != port, f"{port} is the same outside")
        flow.outward()
        flow.inward()
        flow.close()


def led_out(rig, tap, family):
    with tap.case(f"IPv{family}: relayed=1: RTP to the peer leaves from the "
                  "port that the peer was told, also before any has come"), \
            parameter("relayed", "1"), second_user(rig, family) as user:
        call = Call(user)
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        sends_first(rig, user, 20000, 20001)
    with tap.case(f"IPv{family}: relayed=1: to the peer's file listener, from a "
                  "port that nobody was told, and no other host goes there"), \
            parameter("relayed", "1"), nat_user(rig, family) as user:
        peer = ADDRESS[family]["stranger"]
        listener = rig.listen("stranger", 6891, family)
        call = Call(user)
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        call.say(listen_for_file(peer, 6891), by_client=False)
        sock = rig.dial("second", listener)
        rig.barrier("second", "stranger", family)
        check(not is_ready(listener), "another host is led out")
        sock.close()
        sock, accepted = rig.open_link("client", listener)
        check(accepted.getpeername()[0] == OUTSIDE[family],
              f"it comes from {accepted.getpeername()[0]}")
        accepted.send(b"220 file\r\n")
        wait_fd(sock, select.POLLIN, "the other direction")
        check(sock.recv(100) == b"220 file\r\n", "other bytes")
        for end in (sock, accepted, listener):
            end.close()


def many_candidates(rig, tap, family):
    with tap.case(f"IPv{family}: a peer with eight candidates of UDP and ten of "
                  "TCP for each of two streams: what the client sends first "
                  "leaves from the port that the peer was told"), \
            second_user(rig, family) as user:
        host = ("198.51.100." if family == 4 else "2001:db8:9::") + "{}"

        def media(port):
            return [f"a=candidate:{n} {c} {how} 2 {host.format(n % 10 + 1)} "
                    f"{first + c - 1} typ host"
                    for how, first, numbers in (
                        ("TCP-PASS", port + 100, range(10, 15)),
                        ("UDP", port, range(4)))
                    for n in numbers for c in (1, 2)]
        call = Call(user)
        call.begin(call.own(*audio(20000), *video(20002)),
                   call.theirs(*audio(30000, *media(30000)),
                               *video(30002, *media(30002))))
        sends_first(rig, user, *range(20000, 20004))


# ---- what TCP leaves room for -----------------------------------------------

@contextlib.contextmanager
def small_windows(rig, size):
    """Servers of this rig have so little room for what they have not read."""
    listen = rig.listen

    def narrow(*words):
        sock = listen(*words)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        return sock
    rig.listen = narrow
    try:
        yield
    finally:
        del rig.listen


class Edges(Capture):
    """Also how far each end of a connection may send, as the other has said."""

    def __init__(self, rig, host):
        super().__init__(rig, host)
        self.edges, self.scales = {}, {}
        self.filled = self.beyond = 0

    def tcp(self, names, segment, size):
        super().tcp(names, segment, size)
        half, ports = len(names) // 2, segment[:4]
        seq, ack, length = *struct.unpack_from("!II", segment, 4), segment[12] >> 4
        if segment[13] & SYN:
            self.scales[names, ports] = scale_of(segment[20:length * 4])
        elif (names, ports) in self.edges:
            end = seq + len(segment) - length * 4
            room = (self.edges[names, ports] - end) & 0xffffffff
            self.filled += end != seq and not room
            self.beyond += end != seq and room >> 31
        if segment[13] & RST or not segment[13] & ACK or \
                (names, ports) not in self.scales:
            return
        window = struct.unpack_from("!H", segment, 14)[0]
        if not segment[13] & SYN:
            window <<= self.scales[names, ports]
        there = names[half:] + names[:half], ports[2:] + ports[:2]
        self.edges[there] = (ack + window) & 0xffffffff


def scale_of(options):
    """The window scale among a SYN's options."""
    while options and options[0]:
        if options[0] == 3:
            return options[2]
        options = options[1 if options[0] == 1 else options[1]:]
    return 0


def narrow(rig, tap, family):
    with tap.case(f"IPv{family}: a server whose window is smaller than a "
                  "message that grows: it is filled, and nothing goes beyond"), \
            small_windows(rig, 2304), contextlib.closing(
                Edges(rig, "server")) as edges, nat_user(rig, family) as user, \
            captured(rig):
        user.sign_in(7100)
        for more in range(0, 1500, 50):
            user.main.forth(offer(user, Call(user), more))
        user.must_be_called(7100)
        edges.read()
        check(edges.filled, "no window was ever full")
        check(not edges.beyond, f"{edges.beyond} segments go beyond a window")


def late_body(rig, tap, host):
    with tap.case("of a translated stream, a part of a body that nobody reads "
                  "is late: what comes before it passes at once"):
        sender = RawClient(rig, host)
        sender.tcp.insist(sender.text)
        told = b"Contact: <sip:" + OUTSIDE[4].encode() + b":"
        check(told in sender.tcp.received(), "it is not translated")
        text, base = chat(sender.user, 3100), len(sender.text)
        for at in (0, 2000, 3000, 1000):
            sender.tcp.data(base + at, text[at:at + 1000])
        # Nothing is sent twice: so all of it got through.
        heard_all(sender, base + len(text))
        check(sender.tcp.received() == text, "other bytes")
        sender.tcp.insist(sender.user.register_text(7101), base + len(text))
        check(told in sender.tcp.received(), "the next is not translated")
        sender.close()


# ---- where memory is short --------------------------------------------------

def completed(rig, users, texts, count):
    """The ends of messages that were held: so many come, each as it must be.
    Of the others there is no more than the head before its length."""
    came = [bytearray() for _ in users]

    def whole():
        for user, got in zip(users, came):
            user.main.take(user.main.b, got)
        return sum(bool(split_messages(bytes(got))[0]) for got in came)

    for user, text in zip(users, texts):
        user.main.a.send(text[-9:])
    wait_until(lambda: whole() >= count, f"{count} whole messages")
    for family in (4, 6):
        rig.barrier("client", "server", family)
    check(whole() == count, f"{whole()} messages, not {count}")
    for user, text, got in zip(users, texts, came):
        if split_messages(bytes(got))[0]:
            user.table.learn(text, bytes(got), stays=True)
        else:
            check(text.startswith(got) and not LENGTH.search(got),
                  f"of one that has ended came {bytes(got[-80:])!r}")


def never_completed(rig, tap):
    with tap.case("mem_max=65536, bodies that are never completed: connections "
                  "end until there is room, nothing of those passes, and those "
                  "beside go on"), contextlib.ExitStack() as stack, \
            parameter("mem_max", "65536"):
        rig.must_hold_nothing()
        beside = stack.enter_context(nat_user(rig, host="second"))
        beside.sign_in(7100)
        users = [stack.enter_context(nat_user(rig, 4 + n % 2 * 2))
                 for n in range(8)]
        for family in (4, 6):
            rig.barrier("client", "server", family)
        before, texts = rig.counters()["killed"], []
        filler = [f"a=x-filler:{n:04} {'y' * 80}" for n in range(120)]
        for n, user in enumerate(users):
            call = Call(user)
            texts.append(call.request_text("INVITE", call.own(
                *audio(20000 + 2 * n), *filler)))
            user.main.a.send(texts[-1][:-9])
            user.main.settle(user.main.a)
        check(rig.counters()["held_bytes"] > SCARCE, "too little is held")
        wait_until(lambda: rig.counters()["held_bytes"] <= SCARCE,
                   "room for others", 2 * LIMIT)
        killed = rig.counters()["killed"] - before
        check(killed, "none has ended")
        completed(rig, users, texts, len(users) - killed)
        beside.must_be_called(7100)
        beside.main.forth(offer(beside, Call(beside)))
        with nat_user(rig) as user:
            user.sign_in(7200)
            user.must_be_called(7200)


def main():
    rig, tap = NatRig("ipv6"), Tap()
    with parameter("media_ports", "1024-65535"):
        without_port(rig, tap)
        no_room_for_port(rig, tap, 4, "<sip:bob@a.example.com;maddr=10.0.0.5;"
                         "transport=tcp>", "a Contact with maddr and no port")
        no_room_for_port(rig, tap, 6, "<sip:[2001:db8::5];transport=tcp>",
                         "a Contact without a port")
        for family in (4, 6):
            for test in (repeated_tcp, active_only, on_hold, without_nat,
                         long_line, led_out, many_candidates, narrow):
                test(rig, tap, family)
        host = RawHost(rig)
        late_body(rig, tap, host)
        host.close()
        never_completed(rig, tap)
    with tap.case("nothing is held"):
        rig.must_hold_nothing()
    tap.done()


if __name__ == "__main__":
    main()
