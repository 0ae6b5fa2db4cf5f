#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""Resources: what one inside host can make the firewall keep has a bound, and
others beside it sign in and are called.

Lines that nobody ends on 5,000 connections; 255 expectations and 10,000 dialogs
of one client. (accounting.py has the kernel's table full, abuse.py floods.)

    attackflood.py [CONNECTIONS]
Profile: media_ports=1024-65535 and media_from=peer for the dialogs, all else the
module's defaults.
"""

import contextlib
import glob
import os
import re
import sys
import time

from lcscall import Call, audio
from lcspeer import (SIP_PORT, SLAB, Rig, Tap, check, client,
                     grown, objects)
from lcsraw import ACK, PSH, SYN, RawHost, tcp
from policy import parameter, read

SLOW = 5000
PINHOLES = 64
DIALOGS = 10000
BATCH = 50
NOISE = 200         # objects of others where a kernel merges caches
GENERIC = 2000      # objects of others in a generic cache, meanwhile
SWEEPS = 120        # seconds: ten for each, and a slow machine


def note(text):
    print("#", text, flush=True)


def held(rig):
    return rig.counters()["held_bytes"]


def slow_packets(inner, outer, count):
    """The SYNs, SYN-ACKs and first data of connections that end no line."""
    start = b"REGISTER sip:example.com SIP/2.0\r\nContact: <sip:10.0.0.77:7205>"
    start = start.ljust(1400, b"A")
    steps = ([], [], [])
    for port in range(10000, 10000 + count):
        ports = port, SIP_PORT
        steps[0].append(tcp(inner, outer, ports, 999, 0, SYN))
        steps[1].append(tcp(outer, inner, ports[::-1], 4999, 1000, SYN | ACK))
        steps[2].append(tcp(inner, outer, ports, 1000, 5000, ACK | PSH, start))
    return steps


def signs_in_again(rig, port):
    """A new client, whose Contact line lies in two segments: did it work?"""
    with client(rig, host="second") as user:
        text = user.register_text(port)
        user.main.forth(text, (text.index(b":%d;" % port) + 3,))
        user.accept(port)
        link = user.called(port)
        if not link:
            return False
        check(link.state == "RELATED", str(link.state))
        return True


def slow_lines(rig, tap, count):
    limit = int(read("mem_max"))
    inner, outer = RawHost(rig), RawHost(rig, "server", "192.0.2.77")
    steps = slow_packets(inner.address, outer.address, count)
    with client(rig) as user:
        user.sign_in(7100)
        before = objects()
        with tap.case(f"{count} connections with a line that never ends: "
                      "held_bytes stays below mem_max"):
            given_up = rig.counters()["given_up_memory"]
            most = 0
            for at in range(0, count, 250):
                for host, packets in zip((inner, outer, inner), steps):
                    host.flood(packets[at:at + 250])
                    rig.barrier("client", "server")
                    host.packets()
                most = max(most, held(rig))
                check(most <= limit * 5 // 4, f"{most} of {limit} bytes")
            made = grown(before)["lcs_conn"]
            note(f"held_bytes {most} of {limit}, lcs_conn +{made}, "
                 f"given up {rig.counters()['given_up_memory'] - given_up}")
            check(made > count * 9 // 10, f"only {made} streams")
            check(most > limit // 2, f"only {most} bytes: not reached")
            check(made <= count + NOISE, f"{made} streams")
        with tap.case("the client of before is called, in the midst of it"):
            user.must_be_called(7100)
            check(not rig.expectations(dport=7205), "an attacker's port")
        with tap.case("a new one, whose REGISTER comes in two segments, signs "
                      "in after the next sweeps"):
            port, end, begin = 7400, time.monotonic() + SWEEPS, time.monotonic()
            while not signs_in_again(rig, port):
                check(time.monotonic() < end, "never read again")
                port += 1
                time.sleep(1)
            note(f"after {port - 7400} attempts and "
                 f"{time.monotonic() - begin:.0f} s")
            user.must_be_called(7100)
    inner.close()
    outer.close()
    with tap.case("nothing is held when those connections have gone"):
        rig.run("fw", "conntrack", "-F")
        rig.barriers.clear()
        rig.must_hold_nothing()


def many_expectations(rig, tap):
    with tap.case(f"255 expectations of one client: {PINHOLES} come about, "
                  "the next client signs in"), client(rig) as user, \
            client(rig, host="second") as other:
        before, old = rig.counters(), objects()
        ports = range(20000, 20255)
        requests, answers = [], []
        for port in ports:
            requests.append(user.register_text(port))
            answers.append(user.answer_text(
                200, f"Contact: <sip:{user.address}:{port};transport=tcp>",
                "Expires: 3600"))
        user.main.forth(b"".join(requests))
        pending = len(rig.expectations())
        user.main.back(b"".join(answers))
        found = sorted(e.dport for e in rig.expectations())
        check(pending <= PINHOLES, f"{pending} pending")
        check(found == list(ports[:PINHOLES]), str(found))
        refused = rig.counters()["refused_limit"] - before["refused_limit"]
        check(refused >= 255 - PINHOLES, f"{refused} refused")
        more = grown(old)
        check(more["lcs_pinhole"] <= PINHOLES + NOISE, str(more))
        user.must_be_called(20000)
        user.must_not_be_called(20000 + PINHOLES)
        other.sign_in(7100)
        other.must_be_called(7100)


def generic():
    """Objects in use in the kernel's generic caches."""
    found = {}
    for path in glob.glob(f"{SLAB}/kmalloc-*"):
        name = os.path.basename(path)
        with contextlib.suppress(OSError):
            with open(f"{path}/shrink", "w", encoding="ascii") as value:
                value.write("1")
            with open(f"{path}/objects", encoding="ascii") as value:
                found[name] = int(value.read().split()[0])
    return found


def dialogs_of(user, count):
    """Invitations and their answers, in batches; each with a Call-ID and a
    port of its own."""
    call = Call(user)
    call.call_id = "attack-00000"
    invite = call.request_text("INVITE", call.own(*audio(20000)))
    answer = call.answer_text(200, "INVITE", call.theirs(*audio(20000)))
    for at in range(0, count, BATCH):
        texts = [b"".join(re.sub(rb"m=audio 20000", b"m=audio %d" % (20000 + n),
                                 text.replace(b"attack-00000",
                                              b"attack-%05d" % n))
                          for n in range(at, at + BATCH))
                 for text in (invite, answer)]
        yield texts


def many_dialogs(rig, tap):
    with tap.case(f"{DIALOGS} dialogs of one client that nobody ends: at most "
                  f"{PINHOLES} pinholes, no memory, others sign in and call"), \
            parameter("media_ports", "1024-65535"), \
            parameter("media_from", "peer"), client(rig) as user, \
            client(rig, host="second") as other:
        user.sign_in(7100)
        before, old, slabs = rig.counters(), objects(), generic()
        for requests, answers in dialogs_of(user, DIALOGS):
            user.main.forth(requests)
            user.main.back(answers)
        after = rig.counters()
        check(after["messages"] - before["messages"] == 2 * DIALOGS,
              f"{after['messages'] - before['messages']} messages read")
        check(after["refused_limit"] > before["refused_limit"], "none refused")
        found = rig.expectations()
        check(len(found) <= PINHOLES, f"{len(found)} expectations")
        check(any(e.kind == "media" for e in found), "none came about")
        more = grown(old)
        check(more["lcs_pinhole"] <= PINHOLES + NOISE, str(more))
        now = generic()
        most = {name: now[name] - slabs[name] for name in now if name in slabs
                and now[name] - slabs[name] > GENERIC}
        note(f"lcs_pinhole +{more['lcs_pinhole']}, expectations {len(found)}")
        check(not most, f"generic caches grew: {most}")
        user.must_be_called(7100)
        other.sign_in(7200)
        other.must_be_called(7200)
        talk = Call(other)
        talk.begin(talk.own(*audio(30000)), talk.theirs(*audio(30000)))
        check(rig.expectations(dport=30000), "the other's call has no media")
        talk.bye()


def main(words):
    count = int(words[0]) if words else SLOW
    rig, tap = Rig(), Tap()
    many_expectations(rig, tap)
    many_dialogs(rig, tap)
    slow_lines(rig, tap, count)
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
