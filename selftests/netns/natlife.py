#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Translation around its edges: a published server, two clients that talk to
each other, idle connections, whatever cannot be translated (bodies that are too
long, a full log, no memory, somebody else in the sequence space), and rmmod
under traffic.

Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import itertools
import os
import select
import socket
import subprocess

from lcscall import Call, audio, family_word, video
from lcspeer import (SIP_PORT, Client, Failed, Link, Tap, check, ct_state,
                     wait_fd, wait_until)
from nat import contact_of
from nattcp import offer
from natcheck import Table, split_messages
from natrig import OUTSIDE, NatRig, NatUser, end_all, nat_user
from natwire import captured
from policy import parameter, write

COUNT = 50
LOG = 192               # LCS_EDITS_MAX
# Without the rules that hold the modules; translation goes on.
PLAIN = """
delete table inet lcs
table inet plain {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		ct state new iifname "lan0" tcp dport 5060 accept
	}
}
"""
# The server is inside, at second's address; clients come from outside.
PUBLISHED = """
table inet lcs_published {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname "wan0" ip daddr 192.0.2.1 tcp dport 5060 dnat ip to 10.0.0.6
		iifname "wan0" ip6 daddr 2001:db8:1::1 tcp dport 5060 dnat ip6 to 2001:db8::6
	}
	ct helper lcs {
		type "lcs" protocol tcp;
	}
	chain helper {
		type filter hook prerouting priority mangle; policy accept;
		iifname "wan0" tcp dport 5060 ct state new ct helper set "lcs"
	}
}
insert rule inet lcs forward iifname "wan0" oifname "lan0" tcp dport 5060 accept
"""
MORE_OUTSIDE = {4: ("192.0.2.2", "192.0.2.3"),
                6: ("2001:db8:1::2", "2001:db8:1::3")}
SNAT = """
table inet lcs_snat {
	chain postrouting {
		type nat hook postrouting priority srcnat - 1; policy accept;
		oifname "wan0" ip saddr 10.0.0.5 snat ip to 192.0.2.2
		oifname "wan0" ip saddr 10.0.0.6 snat ip to 192.0.2.3
		oifname "wan0" ip6 saddr 2001:db8::5 snat ip6 to 2001:db8:1::2
		oifname "wan0" ip6 saddr 2001:db8::6 snat ip6 to 2001:db8:1::3
	}
}
"""
SYNPROXY = """
table inet lcs_synproxy {
	chain raw {
		type filter hook prerouting priority raw; policy accept;
		iifname "lan0" tcp dport 5060 tcp flags syn notrack
	}
	chain forward {
		type filter hook forward priority -1; policy accept;
		tcp dport 5060 ct state { invalid, untracked } synproxy mss 1460 wscale 7 timestamp sack-perm
	}
	ct helper lcs {
		type "lcs" protocol tcp;
	}
	chain output {
		type filter hook output priority mangle; policy accept;
		tcp dport 5060 ct state new ct helper set "lcs"
	}
}
"""
MODULES = ("nf_nat_lcs", "nf_conntrack_lcs", "nf_lcs_proto")


@contextlib.contextmanager
def ruleset(rig, text, *tables):
    rig.run("fw", "nft", "-f", "-", text=text)
    try:
        yield
    finally:
        for table in tables:
            rig.run("fw", "nft", "delete", "table", *table.split())


class Outsider(Client):
    """A client outside of a published server."""

    def connect(self, sport=0):
        listener = self.rig.listen(self.server, SIP_PORT, self.family)
        sock = self.rig.dial(self.host, listener,
                             to=(OUTSIDE[self.family], SIP_PORT))
        wait_fd(listener, select.POLLIN, "a connection from outside")
        peer, name = listener.accept()
        listener.close()
        check(name[0] == self.address, f"it comes from {name[0]}")
        self.main = Link(sock, peer, ct_state(peer))
        self.links.append(self.main)
        self.ports.append(sock.getsockname()[1])


def published(rig, tap, family):
    with tap.case(f"IPv{family}: a published server: a client outside signs "
                  "in; the server inside calls it back, from the published "
                  "address"), \
            ruleset(rig, PUBLISHED, "inet lcs_published"):
        user = Outsider(rig, family, host="stranger", server="second")
        try:
            user.sign_in(7100)
            sock = rig.dial("second", user.listener(7100))
            wait_fd(user.listener(7100), select.POLLIN, "the callback")
            peer, name = user.listener(7100).accept()
            check(name[0] == OUTSIDE[family], f"it comes from {name[0]}")
            link = Link(sock, peer, ct_state(peer))
            check(link.state == "RELATED", f"it is {link.state}")
            user.links.append(link)
            link.forth(user.notify_text(7100))
            link.back(user.answer_text(200))
            user.must_not_be_called(7101)
        finally:
            user.close()


def hairpin(rig, tap, family):
    with tap.case(f"IPv{family}: two clients behind one address: each is told "
                  "the other's inside address, and sends there"), \
            nat_user(rig, family) as one, \
            nat_user(rig, family, host="second") as other:
        call = Call(one)
        call.request("INVITE", call.own(*audio(20000)))
        called = Call(other, by_peer=True)
        called.peer = one.address
        called.request("INVITE", called.theirs(*audio(20000)), by_client=False)
        called.answer(200, "INVITE", called.own(*audio(21000)), by_client=True)
        call.peer = other.address
        call.answer(200, "INVITE", call.theirs(*audio(21000)))
        # Exactly those texts have arrived: what they say is where to send.
        straight(rig, family, (one.address, 20000), (other.address, 21000))


@contextlib.contextmanager
def addressed(rig, family, host, outside):
    """A client that has an outside address of its own (source NAT)."""
    prefix = 24 if family == 4 else 64
    rig.run("fw", "ip", "addr", "replace", f"{outside}/{prefix}", "dev", "wan0",
            *(["nodad"] if family == 6 else []))
    user = NatUser(rig, family, host=host, connect=False)
    user.table = Table([user.address], outside)
    try:
        user.connect()
        yield user
    finally:
        user.close()
        rig.run("fw", "ip", "addr", "del", f"{outside}/{prefix}", "dev", "wan0")


def addresses(rig, tap, family):
    first, second = MORE_OUTSIDE[family]
    with tap.case(f"IPv{family}: two clients with an outside address each: "
                  "each is told the other's outside address, and what it sends "
                  "there arrives"), ruleset(rig, SNAT, "inet lcs_snat"), \
            addressed(rig, family, "client", first) as one, \
            addressed(rig, family, "second", second) as other:
        for user in (one, other):
            user.sign_in(7100)
            user.must_be_called(7100)
        call, called = Call(one), Call(other, by_peer=True)
        call.request("INVITE", call.own(*audio(20000)))
        called.peer = first
        called.request("INVITE", called.theirs(
            *audio(one.form(20000, "udp"))), by_client=False)
        called.answer(200, "INVITE", called.own(*audio(21000)), by_client=True)
        call.peer = second
        call.answer(200, "INVITE", call.theirs(
            *audio(other.form(21000, "udp"))))
        socks = []
        for user, port in ((one, 20000), (other, 21000)):
            socks.append(rig.socket(user.host, family, socket.SOCK_DGRAM))
            socks[-1].bind((user.address, port))
        for sock, receiver, to in (
                (*socks, (second, other.form(21000, "udp"))),
                (*socks[::-1], (first, one.form(20000, "udp")))):
            sock.sendto(b"voice", to)
            wait_fd(receiver, select.POLLIN, "the other's voice")
            check(receiver.recv(100) == b"voice", "something else")
        for sock in socks:
            sock.close()


def straight(rig, family, one, other):
    """Datagrams between two hosts inside, which pass no firewall."""
    socks = [rig.socket(host, family, socket.SOCK_DGRAM)
             for host in ("client", "second")]
    for sock, end in zip(socks, (one, other)):
        sock.bind(end)
    for sender, receiver, to in ((*socks, other), (*socks[::-1], one)):
        sender.sendto(b"voice", to)
        wait_fd(receiver, select.POLLIN, "the other's voice")
        check(receiver.recv(100) == b"voice", "something else")
    for sock in socks:
        sock.close()


def idle(rig, tap, family):
    with tap.case(f"IPv{family}: an idle sign-in has the timeout of an "
                  "established connection"), nat_user(rig, family) as user:
        user.sign_in(7100)
        user.main.forth(offer(user, Call(user)))
        user.main.back(b"\r\n\r\n")
        rig.barrier("client", "server", family)

        def left():
            line = rig.run("fw", "conntrack", "-f", f"ipv{family}", "-L", "-p",
                           "tcp", "--orig-port-src", str(user.ports[0]))
            return int(line.split()[2])
        wait_until(lambda: left() > 300, f"more than {left()} seconds")


def too_long(rig, tap, family):
    with tap.case(f"IPv{family}: a body of more than 16 KiB passes as it is, "
                  "counted; the Contact before it is right"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        before = rig.counters()["unchanged_length"]
        call = Call(user)
        filler = [f"a=x-filler:{n:04} {'y' * 80}" for n in range(180)]
        user.main.stays = True
        call.request("INVITE", call.own(*audio(20000), *filler),
                     extra=["Contact: " + contact_of("d", user, 7100)])
        check(("udp", user.address, 20000) not in user.table.forms,
              "the body moved")
        check(rig.counters()["unchanged_length"] > before, "not counted")
        user.main.stays = False
        user.main.forth(offer(user, Call(user)))
        check(user.form(20000, "udp"), "the next body did not move")


def log_full(rig, tap, family):
    with tap.case(f"IPv{family}: a body with more places than the log has "
                  "entries passes as it is, all of it, counted; the one before "
                  "and the one after are right"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        call = Call(user)

        def candidates(count):
            return call.request_text("INVITE", call.own(*audio(
                20000, "a=rtcp:20001", *(
                    f"a=candidate:{n} 1 UDP {n} {user.address} 20000 typ host "
                    for n in range(count)))))
        # Each has an address and a port.
        before = rig.counters()["unchanged_full"]
        user.main.forth(candidates(LOG // 2 - 8))
        check(rig.counters()["unchanged_full"] == before, "the log was full")
        user.main.stays = True
        user.main.forth(candidates(LOG // 2 + 8))
        check(rig.counters()["unchanged_full"] > before, "not counted")
        user.main.stays = False
        user.main.forth(offer(user, Call(user)))


def described(call, lines, filler, late):
    """A long description whose o= line names no address. Late: its endpoint is
    at its end, and nowhere else; else there is none at its end."""
    address = call.user.address.encode()
    if late:
        body = call.own(*filler, *lines, f"c=IN {family_word(call.user.address)} "
                        f"{call.user.address}")
        return body.replace(b" %s\r\n" % address, b" pc.example.com\r\n", 2)
    body = call.own(*lines, *video(0), *filler)
    return body.replace(b" %s\r\n" % address, b" pc.example.com\r\n", 1)


def memory_full(rig, tap, family, late):
    where = "at the end" if late else "at the beginning"
    with tap.case(f"IPv{family}: mem_max=65536, eight clients begin long "
                  f"bodies, their endpoints {where}: never is more held, what "
                  "there is no room for passes as it is, counted, and opens "
                  "nothing; the next is right"), \
            contextlib.ExitStack() as stack, parameter("mem_max", "65536"):
        rig.must_hold_nothing()
        users = [stack.enter_context(nat_user(rig, family)) for _ in range(8)]
        before, held, texts, cuts = rig.counters(), 0, [], []
        filler = [f"a=x-filler:{n:04} {'y' * 80}" for n in range(120)]
        for n, user in enumerate(users):
            call = Call(user)
            body = described(call, audio(20000 + 2 * n), filler, late)
            texts.append(call.request_text("INVITE", body))
            cut = texts[-1].index(b"m=audio") if late else -9
            cuts.append(cut)
            user.main.a.send(texts[-1][:cut])
            user.main.settle(user.main.a)
            now = rig.counters()["held_bytes"]
            held = max(held, now)
            check(now <= 65536, f"{now} bytes are held")
        check(held > 32768, f"{held} bytes were held at most")
        check(rig.counters()["unchanged_memory"] > before["unchanged_memory"],
              "not counted")
        for user, text, cut in zip(users, texts, cuts):
            user.main.a.send(text[cut:])
            got = b""
            while not split_messages(got)[0]:
                wait_fd(user.main.b, select.POLLIN, "the end of a message")
                got += user.main.b.recv(1 << 20)
            user.main.settle(user.main.a)
            user.table.learn(text, got, stays=True)
        check(rig.counters()["held_bytes"] == 0, "it is not given back")
        told = sum(("udp", user.address, 20000 + 2 * n) in user.table.forms
                   for n, user in enumerate(users))
        check(0 < told < 8, f"{told} of 8 are translated")
        check(len(rig.expectations()) == 2 * told, f"{told} were told, open: " +
              "; ".join(e.line for e in rig.expectations()))
        for n, user in enumerate(users):
            user.main.forth(user.register_text(7100 + n))


def passed_by(rig):
    """Connections whose text cannot be translated, or whose beginning the
    helper has not seen as it was."""
    counters = rig.counters()
    return counters["untranslatable"] + counters["unproven"]


def no_synproxy(rig):
    """The reason when this kernel has none."""
    try:
        with ruleset(rig, SYNPROXY, "inet lcs_synproxy"):
            return None
    except Failed as error:
        return f"no SYNPROXY here: {error}"


def synproxy(rig, tap, family):
    text = (f"IPv{family}: SYNPROXY in front, which translates the sequence "
            "space itself: messages pass as they are, counted")
    reason = no_synproxy(rig)
    if reason:
        tap.skip(text, reason.replace("\n", " "))
        return
    with tap.case(text), ruleset(rig, SYNPROXY, "inet lcs_synproxy"):
        rig.run("fw", "sysctl", "-qw",
                "net.netfilter.nf_conntrack_tcp_loose=0")
        before = passed_by(rig)
        user = NatUser(rig, family)
        try:
            text = user.register_text(7100)
            for _ in range(3):
                got = user.main.carry(user.main.a, user.main.b, text)
                check(got == text, "something has changed")
            check(passed_by(rig) > before, "not counted")
        finally:
            user.close()
            rig.run("fw", "sysctl", "-qw",
                    "net.netfilter.nf_conntrack_tcp_loose=1")


# ---- rmmod -------------------------------------------------------------------

class Live:
    """One of the fifty: settled, or in the middle of a message."""

    def __init__(self, rig, number):
        self.user = NatUser(rig, 4 if number % 2 else 6)
        self.port = 7100 + number
        self.user.sign_in(self.port)
        self.text = offer(self.user, Call(self.user)).replace(
            b":7100", b":%d" % self.port)
        self.message = Call(self.user).request_text("MESSAGE", b"hello",
                                                    "text/plain")
        self.settled = number % 5 != 4
        self.tail = b""
        if self.settled:
            self.user.main.forth(self.text)
        else:
            self.user.main.a.send(self.text[:-40])
            self.user.main.settle(self.user.main.a)
            self.tail = self.text[-40:]

    def pass_both_ways(self, text):
        main = self.user.main
        for sender, receiver in ((main.a, main.b), (main.b, main.a)):
            got = main.carry(sender, receiver, text, length=len(text))
            check(got == text, "something has changed")

    def talk(self):
        """A message that is the same whether it is read or not."""
        self.pass_both_ways(self.message)

    def plain(self):
        """Bytes that nobody reads any more, both ways."""
        self.pass_both_ways(self.text)

    def broken(self):
        """What was under way ends: no byte of it arrives wrong."""
        main = self.user.main
        got = bytearray()
        with contextlib.suppress(BlockingIOError, ConnectionError):
            main.a.send(self.tail)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            got += main.b.recv(1 << 20)
        head = self.text[:self.text.find(b"Contact:")]
        check(head.startswith(got[:len(head)])
              and self.tail not in got, f"it got {bytes(got[-80:])!r}")


def rmmod(module, meanwhile):
    with subprocess.Popen(["rmmod", module], text=True,
                          stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            meanwhile()
        check(process.returncode == 0, process.stderr.read())


def unload(rig, tap):
    lives = []
    with tap.case(f"{COUNT} translated connections"):
        lives += [Live(rig, n) for n in range(COUNT)]
    settled = [one for one in lives if one.settled]
    with tap.case("rmmod nf_nat_lcs while those at rest send: each byte of "
                  "theirs arrives as it must"):
        rig.run("fw", "nft", "-f", "-", text=PLAIN)
        check(rig.counters()["connections"] >= COUNT, "not all are read")
        turn = itertools.cycle(settled)
        rmmod("nf_nat_lcs", lambda: next(turn).talk())
        for one in settled:
            one.plain()
    with tap.case("those in the middle of a message got no wrong byte"):
        for one in lives:
            if not one.settled:
                one.broken()
    with tap.case("rmmod of the others, and the connections go on"):
        for module in MODULES[1:]:
            rmmod(module, lambda: next(turn).plain())
        for one in settled:
            one.plain()
        check(not any(os.path.isdir(f"/sys/module/{m}") for m in MODULES),
              "a module is left")
    end_all(rig, [one.user for one in lives])


def main():
    rig, tap = NatRig("ipv6"), Tap()
    with parameter("media_ports", "1024-65535"):
        for family in (4, 6):
            hairpin(rig, tap, family)
            addresses(rig, tap, family)
            idle(rig, tap, family)
            too_long(rig, tap, family)
            log_full(rig, tap, family)
            for late in (False, True):
                memory_full(rig, tap, family, late)
            published(rig, tap, family)
            synproxy(rig, tap, family)
    # It goes with the module.
    write("media_ports", "1024-65535")
    unload(rig, tap)
    tap.done()


if __name__ == "__main__":
    main()
