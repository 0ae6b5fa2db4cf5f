#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Outside ports: many clients inside that all listen on the same ones.

Each of them has its own outside port, within the kind's own range or nat_ports,
and what comes there reaches that client and no other. Where none is left the
message passes as it is, counted and said in the log, and nothing opens.

    natports.py [CLIENTS]           how many (default 40; natcrowd.py has 2000)
Profile: the module's defaults but what a case states.
"""

import atexit
import contextlib
import os
import resource
import sys

from lcscall import Call, audio, listen_for_file, whiteboard
from lcspeer import ADDRESS, Tap, check, ct_state, is_ready
from natrig import Flow, NatRig, NatUser, end_all, nat_user
from policy import parameter

CLIENTS = 40
NAT_PORTS = range(49152, 65536)


def inside(number, family=4):
    """An address of the host `client`, which answers for all of these."""
    if family == 6:
        return f"2001:db8:0:1::{number:x}"
    return f"10.1.{number >> 8}.{number & 255}"


def expect_max(value):
    """Of all namespaces; returns what it was."""
    with open("/proc/sys/net/netfilter/nf_conntrack_expect_max", "r+",
              encoding="ascii") as setting:
        before = setting.read()
        setting.seek(0)
        setting.write(value)
    return before


def message_cost(value):
    """Sets the seconds that a line costs in the kernel's log; what it was."""
    with open("/proc/sys/net/core/message_cost", "r+",
              encoding="ascii") as setting:
        before = setting.read().strip()
        setting.seek(0)
        setting.write(value)
    return before


def many_addresses(rig):
    if rig.ipv6:
        rig.run("client", "sysctl", "-qw", "net.ipv6.ip_nonlocal_bind=1")
    for family, net in ((4, "10.1.0.0/16"), (6, "2001:db8:0:1::/64")):
        if family == 6 and not rig.ipv6:
            continue
        rig.run("client", "ip", "route", "add", "local", net, "dev", "lo")
        rig.run("fw", "ip", "route", "add", net, "via",
                ADDRESS[family]["client"])
    atexit.register(expect_max, expect_max("65536"))
    # Every refusal is to be heard, however many there were this second.
    atexit.register(message_cost, message_cost("0"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))


@contextlib.contextmanager
def users(rig, family, count):
    found = []
    try:
        for number in range(count):
            found.append(NatUser(rig, family,
                                 address=inside(10 + number, family)))
        yield found
    finally:
        end_all(rig, found)


def two(rig, tap, family):
    with tap.case(f"IPv{family}: two clients, the same ports: each has its own "
                  "outside"), nat_user(rig, family) as one, \
            nat_user(rig, family, host="second") as other:
        flows = []
        for user in (one, other):
            user.sign_in(7100)
            call = Call(user)
            call.begin(call.own(*audio(5350)), call.theirs(*audio(5350)))
        for user in (one, other):
            user.must_be_called(7100)
            for port in (5350, 5351):
                flows.append(Flow(rig, user, port, port, host="stranger"
                                  if user is one else "server"))
        for flow in flows:
            flow.inward()
            flow.outward()
            flow.close()
        # A flow outlives its pinhole. Its ports are free again with the next
        # sweep, and whoever has them then would share its entry.
        rig.run("fw", "conntrack", "-f", f"ipv{family}", "-D", "-p", "udp")


def many(rig, tap, family, count):
    with tap.case(f"IPv{family}: {count} clients on 7100 and 5350: no outside "
                  "port twice, RTP and RTCP in pairs, each reaches its own"), \
            users(rig, family, count) as found:
        callbacks, media = set(), set()
        for user in found:
            user.sign_in(7100)
            call = Call(user)
            call.begin(call.own(*audio(5350)), call.theirs(*audio(5350)))
            callbacks.add(user.form(7100))
            rtp = user.form(5350, "udp")
            check(rtp == 5350 or rtp in NAT_PORTS, f"RTP port {rtp}")
            check(user.form(7100) in (7100, *NAT_PORTS), "callback port "
                  f"{user.form(7100)}")
            media |= {rtp, user.form(5351, "udp")}
            check(user.form(5351, "udp") == rtp + 1 and not rtp % 2,
                  f"RTP {rtp}, RTCP {user.form(5351, 'udp')}")
        check(len(callbacks) == count, f"{len(callbacks)} callback ports")
        check(len(media) == 2 * count, f"{len(media)} media ports")
        for user in found[::max(count // 8, 1)]:
            user.must_be_called(7100)
            flow = Flow(rig, user, 5350, 5350)
            flow.inward()
            flow.outward()
            flow.close()


class Log:
    """What the kernel says from now on."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def text(self):
        lines = []
        while True:
            try:
                lines.append(os.read(self.fd, 8192).decode(errors="replace"))
            except BlockingIOError:
                return "".join(lines)


@contextlib.contextmanager
def refused(rig, word):
    """A message meanwhile is refused an outside port, and passes as it is."""
    before, log = rig.counters(), Log()
    yield
    now = rig.counters()
    rise = now["refused_outside"] - before["refused_outside"]
    check(rise, "nothing was refused")
    text = log.text()
    check(f"{word} pinhole refused" in text and "nat_ports" in text
          or word != "callback", text or "nothing in the log")


def files(rig, tap, family):
    with tap.case(f"IPv{family}: ten clients listen for files, all on 6891; "
                  "the eleventh is refused, its message passes as it is"), \
            users(rig, family, 11) as found:
        ports = set()
        for user in found[:10]:
            Call(user).say(listen_for_file(user.address, 6891))
            ports.add(user.form(6891))
        check(ports == set(range(6891, 6901)), str(sorted(ports)))
        last = found[10]
        with refused(rig, "file-transfer"):
            last.main.stays = True
            Call(last).say(listen_for_file(last.address, 6891))
        check(("tcp", last.address, 6891) not in last.table.forms,
              "it has an outside port")
        check(len(rig.expectations()) == 10, "more than ten expectations")
        for user in (found[0], found[9]):
            link = user.called(6891, by="stranger")
            check(link and link.state == "RELATED", "a file did not come")


def whiteboards(rig, tap, family):
    with tap.case(f"IPv{family}: the second whiteboard whose peer is not known "
                  "is refused, the first has 1503"), \
            users(rig, family, 2) as (one, other):
        for user in (one, other):
            user.main.stays = True
        Call(one).begin(Call(one).own(*whiteboard()))
        check(one.form(1503) == 1503, f"port {one.form(1503)}")
        with refused(rig, "app-sharing"):
            call = Call(other)
            call.begin(call.own(*audio(5350), *whiteboard()))
        check(("udp", other.address, 5350) not in other.table.forms,
              "half of its description moved")
        link = one.called(1503, by="stranger")
        check(link and link.state == "RELATED", "T.120 did not come")
        check(len(rig.expectations()) == 1, "what nobody was told is open: " +
              "; ".join(e.line for e in rig.expectations()))


def answer_whiteboard(user, peer):
    """A peer that says its address offers a whiteboard, the client takes it."""
    call = Call(user, by_peer=True)
    call.peer = peer
    call.begin(call.theirs(*whiteboard()), call.own(*whiteboard()))
    return call


def comes_to(rig, users, by):
    """Which of these clients gets T.120 that somebody sends to the outside."""
    listeners = [user.listener(1503) for user in users]
    family = users[0].family
    sock = rig.dial(by, listeners[0], to=(users[0].table.outside, 1503))
    rig.barrier("client", by, family)
    ready = [user for user in users if is_ready(user.listener(1503))]
    for user in ready:
        peer, source = user.listener(1503).accept()
        check(source[0] == ADDRESS[family][by], f"it comes from {source[0]}")
        check(ct_state(peer) == "RELATED", f"state {ct_state(peer)}")
        peer.close()
    sock.close()
    return ready


def shared(rig, tap, family):
    stranger, server = (ADDRESS[family][h] for h in ("stranger", "server"))
    with tap.case(f"IPv{family}: media_from=peer: clients whose peers differ "
                  "share 1503; each gets its own peer's and nobody else's; "
                  "one more for the same peer, or an unknown one, is refused"), \
            parameter("media_from", "peer"), users(rig, family, 4) as found:
        one, other, third, fourth = found
        first = answer_whiteboard(one, stranger)
        check(not comes_to(rig, found, "server"), "it is open to another")
        second = answer_whiteboard(other, server)
        check(one.form(1503) == other.form(1503) == 1503, "another port")
        for user in (third, fourth):
            user.main.stays = True
        with refused(rig, "app-sharing"):
            answer_whiteboard(third, stranger)
        with refused(rig, "app-sharing"):
            Call(fourth).begin(Call(fourth).own(*whiteboard()))
        check(comes_to(rig, found, "stranger") == [one], "not the first")
        check(comes_to(rig, found, "server") == [other], "not the second")
        # The second peer claims to be at the first one's address.
        with refused(rig, "app-sharing"):
            second.peer = stranger
            second.begin(second.theirs(*whiteboard()),
                         second.own(*whiteboard()))
        check(comes_to(rig, found, "stranger") == [one], "it was taken away")
        first.bye()
        check(not comes_to(rig, found, "stranger"), "open after the BYE")
        check(comes_to(rig, found, "server") == [other], "not the second")
        second.bye()
        # Not shared any more: so one whose peer is not known may have it.
        fourth.main.stays = False
        last = Call(fourth)
        last.begin(last.own(*whiteboard()))
        check(comes_to(rig, found, "stranger") == [fourth], "not the fourth")
        # What a connection that is gone had is free with the next sweep only.
        last.cancel()


def claimed_again(rig, tap, family):
    stranger, server = (ADDRESS[family][h] for h in ("stranger", "server"))
    with tap.case(f"IPv{family}: media_from=peer: a host whose 1503 is shared "
                  "signs in again: an offer is refused and takes nothing away; "
                  "an answer takes it over"), \
            parameter("media_from", "peer"), users(rig, family, 2) as found:
        one, other = found
        answer_whiteboard(one, stranger)
        second = answer_whiteboard(other, server)
        again = NatUser(rig, family, address=one.address)
        found.append(again)
        again.main.stays = True
        with refused(rig, "app-sharing"):
            Call(again).begin(Call(again).own(*whiteboard()))
        check(comes_to(rig, [one, other], "stranger") == [one], "it was lost")
        again.main.stays = False
        before = rig.counters()["taken_over"]
        last = answer_whiteboard(again, stranger)
        check(rig.counters()["taken_over"] == before + 1, "not taken over")
        check(comes_to(rig, [one, other], "stranger") == [one], "not that host")
        check(comes_to(rig, [one, other], "server") == [other], "not the other")
        last.bye()
        check(not comes_to(rig, [one, other], "stranger"), "open after the BYE")
        second.bye()


def shared_by_offer(rig, tap, family):
    with tap.case(f"IPv{family}: media_from=peer: who offers a whiteboard has "
                  "1503 alone until the peer has answered"), \
            parameter("media_from", "peer"), users(rig, family, 2) as found:
        one, other = found
        call = Call(one)
        call.begin(call.own(*whiteboard()))
        other.main.stays = True
        with refused(rig, "app-sharing"):
            answer_whiteboard(other, ADDRESS[family]["server"])
        check(comes_to(rig, found, "server") == [one], "early, to another")
        call.answer(200, "INVITE", call.theirs(*whiteboard()))
        other.main.stays = False
        answered = answer_whiteboard(other, ADDRESS[family]["server"])
        check(comes_to(rig, found, "server") == [other], "not the second")
        check(comes_to(rig, found, "stranger") == [one], "not the first")
        call.bye()
        answered.bye()


def crowded(rig, tap, family):
    with tap.case(f"IPv{family}: media_from=peer: 64 share 1503, the next is "
                  "refused"), parameter("media_from", "peer"), \
            users(rig, family, 65) as found:
        net = "198.51.100." if family == 4 else "2001:db8:2::"
        calls = [answer_whiteboard(user, f"{net}{number}")
                 for number, user in enumerate(found[:64], 10)]
        found[64].main.stays = True
        with refused(rig, "app-sharing"):
            answer_whiteboard(found[64], ADDRESS[family]["stranger"])
        check(len(rig.expectations(dport=1503)) == 64, "not 64 expectations")
        for call in calls:
            call.bye()


def exhausted_media(rig, found):
    """Two pairs are all that there is for UDP."""
    for user in found[:2]:
        call = Call(user)
        call.begin(call.own(*audio(20000)), call.theirs(*audio(5350)))
    last = found[2]
    with refused(rig, "media"):
        last.main.stays = True
        call = Call(last)
        call.begin(call.own(*audio(20000)), call.theirs(*audio(5350)))
    check(("udp", last.address, 20000) not in last.table.forms,
          "it has an outside port")


def exhausted(rig, tap, family):
    with tap.case(f"IPv{family}: nat_ports=50000-50003: four clients; the "
                  "fifth is refused, and the third call: their messages pass "
                  "as they are; a port that is free again is used again"), \
            parameter("nat_ports", "50000-50003"), \
            users(rig, family, 6) as found:
        for user in found[:4]:
            user.sign_in(7100)
        check({u.form(7100) for u in found[:4]} == set(range(50000, 50004)),
              str([u.form(7100) for u in found[:4]]))
        found[4].main.stays = True
        with refused(rig, "callback"):
            found[4].register(7100)
        check(("tcp", found[4].address, 7100) not in found[4].table.forms,
              "it has an outside port")
        found[4].challenge()
        with parameter("media_ports", "1024-65535"):
            exhausted_media(rig, found[:3])
        found[1].sign_out(7100)
        found[5].sign_in(7100)
        check(found[5].form(7100) == found[1].form(7100), "another port")
        found[5].must_be_called(7100)


def table_full(rig, tap, family):
    with tap.case(f"IPv{family}: the kernel's table of expectations is full: "
                  "what is said is translated both ways all the same"), \
            nat_user(rig, family, host="second") as other, \
            nat_user(rig, family) as user:
        other.sign_in(7100)
        before, most = rig.counters(), expect_max("1")
        try:
            user.sign_in(7100)
            call = Call(user)
            call.begin(call.own(*audio(5350)), call.theirs(*audio(5350)))
        finally:
            expect_max(most)
        check(rig.counters()["refused_table_full"] >
              before["refused_table_full"], "the table was not full")
        check(user.form(7100), "no outside port")


def main(words):
    count = int(words[0]) if words else CLIENTS
    rig, tap = NatRig("ipv6"), Tap()
    many_addresses(rig)
    for family in (4, 6):
        two(rig, tap, family)
        many(rig, tap, family, count)
        for test in (files, whiteboards, shared, claimed_again,
                     shared_by_offer, crowded, exhausted, table_full):
            test(rig, tap, family)
    with tap.case("no packet was invalid"):
        check(not rig.invalid(), f"{rig.invalid()} packets were invalid")
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
