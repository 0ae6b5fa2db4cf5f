#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Calls, files and whiteboards with a third host, as real flows, IPv4 and IPv6.

RTP both ways over UDP, a file over TCP with either side listening, T.120 on
1503; what closing leaves alone (flows that are there) and what it does not
(anything new); two calls at once; a hang-up on the callback connection; what
media_from=peer shuts.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import select
import socket

from lcscall import (Call, audio, listen_for_file, offer_file, video,
                     whiteboard, invitation)
from lcspeer import (ADDRESS, Rig, Tap, check, client, names_classes,
                     wait_fd, wait_until)
from lcswire import Probe, wire
from policy import parameter

CLASSES = {"callback": 0, "media": 1, "file-transfer": 2, "app-sharing": 3}


def near(user, proto, port, source, last=None):
    """What must stay shut beside an open port, or beside the ports up to the
    last one (with UDP RTCP's, the next): their neighbours, the other protocol,
    another host."""
    other = ADDRESS[user.family]["second"]
    last = last or port + (proto == "udp")
    return (*(Probe(proto, source, user.address, beside)
              for beside in (port - 1, last + 1, last + 9)),
            Probe("tcp" if proto == "udp" else "udp", source, user.address,
                  port),
            Probe(proto, source, other, port))


def addresses(user):
    names = ADDRESS[user.family]
    return names["stranger"], names["server"]


class Flow:
    """RTP both ways: the client's port, and a port of the peer."""

    def __init__(self, rig, user, port, sport=5350, host="stranger"):
        names = ADDRESS[user.family]
        self.inner = rig.socket("client", user.family, socket.SOCK_DGRAM)
        self.outer = rig.socket(host, user.family, socket.SOCK_DGRAM)
        for sock, end in ((self.inner, (user.address, port)),
                          (self.outer, (names[host], sport))):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)
            sock.bind(end)
        self.serial = 0

    def pass_through(self, sender, receiver):
        self.serial += 1
        with contextlib.suppress(BlockingIOError):
            while receiver.recv(1000):      # what a Probe brought here
                pass
        data = b"\x80\x00%06d" % self.serial
        sender.sendto(data, receiver.getsockname()[:2])
        wait_fd(receiver, select.POLLIN, "a datagram")
        got, source = receiver.recvfrom(1000)
        check(got == data, f"another datagram: {got!r}")
        check(source[:2] == sender.getsockname()[:2], f"from {source}")

    def both_ways(self):
        self.pass_through(self.outer, self.inner)
        self.pass_through(self.inner, self.outer)

    def close(self):
        self.inner.close()
        self.outer.close()


def a_call(rig, air, tap, family):
    with tap.case(f"IPv{family}: a call: the peer's RTP and RTCP arrive, and "
                  "the client's go back"), client(rig, family) as user:
        peer, server = addresses(user)
        user.sign_in(7100)
        air.shut(Probe("udp", peer, user.address, 20000))
        call = Call(user)
        call.begin(call.own(*audio(20000), *video(20002)),
                   call.theirs(*audio(30000), *video(30002)))
        flows = [Flow(rig, user, port, port + 10000)
                 for port in range(20000, 20004)]
        for flow in flows:
            flow.both_ways()
        air.related(Probe("udp", server, user.address, 20000))
        air.shut(*near(user, "udp", 20000, peer, 20003))
        call.bye()
        air.shut(*(Probe("udp", peer, user.address, port)
                   for port in range(20000, 20004)))
        for flow in flows:
            flow.both_ways()
            flow.close()
        user.must_be_called(7100)


def called(rig, air, tap, family):
    with tap.case(f"IPv{family}: called: nothing before the client answers; "
                  "early media from the answer on"), \
            client(rig, family) as user:
        peer, _ = addresses(user)
        user.sign_in(7100)
        call = Call(user, by_peer=True)
        call.begin(call.theirs(*audio(30000)))
        air.shut(Probe("udp", peer, user.address, 20000),
                 Probe("udp", user.address, peer, 30000))
        call.answer(183, "INVITE", call.own(*audio(20000)), by_client=True)
        flow = Flow(rig, user, 20000, 30000)
        flow.both_ways()
        flow.close()
        call.answer(200, "INVITE", call.own(*audio(20000)), by_client=True)
        call.request("ACK", by_client=False, cseq=1)
        air.related(Probe("udp", peer, user.address, 20000))
        call.bye(by_client=False)
        air.shut(Probe("udp", peer, user.address, 20000))


def gave_up(rig, air, tap, family):
    for name, end in (("CANCEL", lambda call: call.cancel()),
                      ("603", lambda call: call.answer(603, "INVITE")),
                      ("488", lambda call: call.answer(488, "INVITE"))):
        with tap.case(f"IPv{family}: {name} closes what the INVITE opened, "
                      "and no other call's"), client(rig, family) as user:
            peer, _ = addresses(user)
            other, call = Call(user), Call(user)
            other.begin(other.own(*audio(21000)), other.theirs(*audio(9000)))
            call.begin(call.own(*audio(20000)))
            ports = [Probe("udp", peer, user.address, port)
                     for port in (20000, 20001, 21000, 21001)]
            air.related(*ports)
            end(call)
            air.shut(*ports[:2])
            air.related(*ports[2:])
    with tap.case(f"IPv{family}: a 407 closes nothing; the INVITE comes again "
                  "with credentials"), client(rig, family) as user:
        peer, _ = addresses(user)
        call = Call(user)
        call.begin(call.own(*audio(20000)))
        call.answer(407, "INVITE")
        call.request("ACK", cseq=1)
        air.related(Probe("udp", peer, user.address, 20000))
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        air.related(Probe("udp", peer, user.address, 20000))
        call.bye()
        air.shut(Probe("udp", peer, user.address, 20000))


def two_calls(rig, air, tap, family):
    with tap.case(f"IPv{family}: two calls; one is hung up on the callback "
                  "connection, the other goes on"), \
            client(rig, family) as user:
        peer, _ = addresses(user)
        user.sign_in(7100)
        one, two = Call(user), Call(user)
        one.begin(one.own(*audio(20000)), one.theirs(*audio(30000)))
        two.begin(two.own(*audio(20010)), two.theirs(*audio(30010)))
        link = user.called(7100)
        check(link and link.state == "RELATED", "no callback")
        one.bye(by_client=False, link=link)
        air.expect({Probe("udp", peer, user.address, 20000): None,
                    Probe("udp", peer, user.address, 20001): None,
                    Probe("udp", peer, user.address, 20010): "RELATED",
                    Probe("udp", peer, user.address, 20011): "RELATED"})
        two.bye()
        air.shut(Probe("udp", peer, user.address, 20010))
    with tap.case(f"IPv{family}: two calls that share a port: it closes with "
                  "the second"), client(rig, family) as user:
        peer, _ = addresses(user)
        one, two = Call(user), Call(user)
        for call in (one, two):
            call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        one.bye()
        air.related(Probe("udp", peer, user.address, 20000))
        two.bye()
        air.shut(Probe("udp", peer, user.address, 20000))


def reinvited(rig, air, tap, family):
    with tap.case(f"IPv{family}: a re-INVITE adds video, moves audio, drops "
                  "video: each takes effect with its 200"), \
            client(rig, family) as user:
        peer, _ = addresses(user)
        call = Call(user)
        theirs = call.theirs(*audio(30000), *video(30002))

        def are(**wanted):
            air.expect({Probe("udp", peer, user.address, int(name[1:])):
                        state for name, state in wanted.items()})
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        call.begin(call.own(*audio(20000), *video(20002)), theirs)
        are(p20000="RELATED", p20002="RELATED", p20003="RELATED")
        call.begin(call.own(*audio(20020), *video(20002)))
        are(p20000="RELATED", p20020="RELATED")
        call.answer(200, "INVITE", theirs)
        are(p20000=None, p20001=None, p20020="RELATED", p20002="RELATED")
        call.begin(call.own(*audio(20020), *video(0)),
                   call.theirs(*audio(30000), *video(0)))
        are(p20020="RELATED", p20021="RELATED", p20002=None, p20003=None)
        call.begin(call.own(*audio(20040)))
        call.answer(488, "INVITE")
        are(p20020="RELATED", p20040=None)
        call.bye()
        are(p20020=None, p20021=None)


def send_file(rig, user, listener, port):
    """The far side connects, and the two speak."""
    link = rig.knock("stranger", listener)
    check(link, f"the connection to {port} did not get through")
    check(link.state == "RELATED", f"it is {link.state}")
    link.forth(b"VER MSN_SECURE_FTP\r\n")
    link.back(b"VER MSN_SECURE_FTP\r\n")
    link.forth(b"USR bob@example.com 12345\r\n")
    link.back(b"FIL 4690\r\n")
    link.forth(b"TFR\r\n")
    link.back(b"\0\xfd\7" + bytes(2045))
    link.forth(b"BYE 16777989\r\n")
    user.links.append(link)
    return link


def files(rig, air, tap, family):
    for name, more, cookie in (("sender", {}, 7),
                               ("receiver", {"Sender-Connect": "TRUE"}, 8)):
        with tap.case(f"IPv{family}: a file, its {name} listens: one "
                      "connection, from the peer"), \
                client(rig, family) as user:
            peer, _ = addresses(user)
            call = Call(user)
            if name == "sender":
                call.say(offer_file(cookie))
                call.say(invitation("ACCEPT", cookie,
                                    Request_Data="IP-Address:"),
                         by_client=False)
            else:
                call.say(offer_file(cookie, Connectivity="N"),
                         by_client=False)
            air.shut(Probe("tcp", peer, user.address, 6891))
            call.say(listen_for_file(user.address, 6891, cookie, **more))
            check(rig.expectation(dport=6891).kind == "file-transfer",
                  rig.expectation(dport=6891).line)
            air.shut(*near(user, "tcp", 6891, peer))
            link = send_file(rig, user, user.listener(6891), 6891)
            check(not rig.expectations(dport=6891), "it can be used again")
            user.must_not_be_called(6891, by="stranger")
            call.say(listen_for_file(user.address, 6891, cookie + 10, **more))
            send_file(rig, user, user.listener(6891), 6891)
            link.forth(b"BYE 16777989\r\n")
    for by_client in (True, False):
        who = "listener" if by_client else "other side"
        with tap.case(f"IPv{family}: the {who} calls a file off: its port "
                      "closes, the other file's does not"), \
                client(rig, family) as user:
            peer, _ = addresses(user)
            call = Call(user)
            call.say(listen_for_file(user.address, 6891, 1))
            call.say(listen_for_file(user.address, 6892, 2))
            call.say(invitation("CANCEL", 1, Cancel_Code="REJECT"),
                     by_client=by_client)
            air.shut(Probe("tcp", peer, user.address, 6891))
            air.related(Probe("tcp", peer, user.address, 6892))


def whiteboards(rig, air, tap, family):
    with tap.case(f"IPv{family}: a whiteboard: T.120 on 1503; hung up, the "
                  "connection stays, a new one does not come about"), \
            client(rig, family) as user:
        peer, _ = addresses(user)
        call = Call(user)
        call.begin(call.own(*whiteboard()), call.theirs(*whiteboard()))
        check(rig.expectation(dport=1503).kind == "app-sharing", "its class")
        link = user.called(1503, by="stranger")
        check(link and link.state == "RELATED", "T.120 did not get through")
        link.forth(b"\3\0\0\x16" + bytes(18))
        link.back(b"\3\0\0\x0b" + bytes(7))
        air.shut(*near(user, "tcp", 1503, peer))
        call.bye()
        user.must_not_be_called(1503, by="stranger")
        link.forth(b"\3\0\0\x16" + bytes(18))
        link.back(b"\3\0\0\x0b" + bytes(7))


def listed(rig, tap, family):
    text = f"IPv{family}: conntrack -L expect shows each class"
    if not names_classes():
        tap.skip(text, "this kernel names only the helper that a connection "
                 "will get")
        return
    with tap.case(text), client(rig, family) as user:
        user.sign_in(7100)
        call = Call(user)
        call.begin(call.own(*audio(20000), *whiteboard()),
                   call.theirs(*audio(30000), *whiteboard()))
        call.say(listen_for_file(user.address, 6891))
        ports = {7100: "callback", 20000: "media", 20001: "media",
                 6891: "file-transfer", 1503: "app-sharing"}
        said = rig.run("fw", "conntrack", "-f", f"ipv{family}", "-L",
                       "expect")
        for port, name in ports.items():
            check(any(f" dport={port} " in line and "helper=lcs" in line
                      and f"class={CLASSES[name]}" in line
                      for line in said.splitlines()), f"{port} {name}\n{said}")
            check(f"lcs/{name}" in rig.expectation(dport=port).line,
                  rig.expectation(dport=port).line)


def ends_with_connection(rig, air, tap, family):
    with tap.case(f"IPv{family}: all of it ends with the main connection; a "
                  "flow goes on"), client(rig, family) as user:
        peer, _ = addresses(user)
        user.sign_in(7100)
        call = Call(user)
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        flow = Flow(rig, user, 20000, 30000)
        flow.both_ways()
        rig.run("fw", "conntrack", "-f", f"ipv{family}", "-D", "-p", "tcp",
                "--orig-port-src", str(user.ports[0]))
        wait_until(lambda: not rig.expectations(), "their end")
        air.shut(Probe("udp", peer, user.address, 20000))
        flow.both_ways()
        flow.close()


def main():
    rig, tap = Rig("ipv6"), Tap()
    with wire(rig) as air, parameter("media_ports", "1024-65535"):
        for family in (4, 6):
            a_call(rig, air, tap, family)
            called(rig, air, tap, family)
            gave_up(rig, air, tap, family)
            two_calls(rig, air, tap, family)
            reinvited(rig, air, tap, family)
            files(rig, air, tap, family)
            whiteboards(rig, air, tap, family)
            listed(rig, tap, family)
            ends_with_connection(rig, air, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
