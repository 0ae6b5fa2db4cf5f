#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Limits, counters and tracepoints: what is refused is counted and said.

64 pinholes a client; the kernel's table of expectations full; bytes held at most
mem_max, and none in the end; counters of each network namespace of its own; what
was opened is closed; tracepoints lcs:* that show no text of a message.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import os
import subprocess

from lcscall import Call, audio, listen_for_file, whiteboard
from lcspeer import (ADDRESS, SIP_PORT, Rig, Tap, check, client, message,
                     wait_until)
from lcswire import Probe, wire
from loose import flush
from parameters import MESSAGE_COST, KernelLog
from policy import parameter, put, setting

PINHOLES = 64
EXPECT_MAX = "/proc/sys/net/netfilter/nf_conntrack_expect_max"
TRACEFS = "/sys/kernel/tracing"
KINDS = ("callback", "media", "file_transfer", "app_sharing")


def candidates(address, ports):
    return [f"a=candidate:{n} 1 UDP 2130706431 {address} {port} typ host"
            for n, port in enumerate(ports, 1)]


def sixty_fifth(rig, air, tap, family):
    with tap.case(f"IPv{family}: the 65th pinhole of a client is refused, "
                  "counted and said; the first 64 work, and other clients"), \
            client(rig, family) as user, \
            client(rig, family, host="second") as other:
        log, before = KernelLog(), rig.counters()["refused_limit"]
        peer = ADDRESS[family]["stranger"]
        call = Call(user)
        ports = range(20000, 20070)
        call.begin(call.own(*audio(20000, "a=rtcp:20001"),
                            *candidates(user.address, ports)))
        found = sorted(e.dport for e in rig.expectations())
        check(found == list(range(20000, 20000 + PINHOLES)), str(found))
        check(rig.counters()["refused_limit"] == before + 6, "the counter")
        said = log.lines()
        check(any("as many as one may have" in line for line in said),
              str(said))
        air.expect({Probe("udp", peer, user.address, port):
                    "RELATED" if port < 20000 + PINHOLES else None
                    for port in ports})
        talk = Call(other)
        talk.begin(talk.own(*audio(20000)), talk.theirs(*audio(30000)))
        air.related(Probe("udp", peer, other.address, 20000))
        call.cancel()
        air.shut(*(Probe("udp", peer, user.address, port)
                   for port in ports))
        call = Call(user)
        call.begin(call.own(*audio(20066)))
        air.related(Probe("udp", peer, user.address, 20066))


def table_full(rig, tap):
    with tap.case("the kernel's table full: counted, the log names "
                  "nf_conntrack_expect_max; raised, it works"), \
            client(rig) as user:
        log, before = KernelLog(), rig.counters()["refused_table_full"]
        with setting(EXPECT_MAX, "3\n"):
            for port in range(7100, 7105):
                user.register(port)
                user.accept(port)
            check(len(rig.expectations()) == 3, "not 3")
            check(rig.counters()["refused_table_full"] == before + 2,
                  "the counter")
            said = log.lines()
            check(any("nf_conntrack_expect_max" in line for line in said),
                  str(said))
            user.must_be_called(7102)
            user.must_not_be_called(7103)
        user.register(7103)
        user.accept(7103)
        user.must_be_called(7103)
        user.must_be_called(7100)


def held(rig):
    return rig.counters()["held_bytes"]


def many_links(rig, count):
    listener = rig.listen("server", SIP_PORT)
    try:
        return [rig.connect("client", listener) for _ in range(count)]
    finally:
        listener.close()


def memory(rig, tap):
    start = b"REGISTER sip:example.com SIP/2.0\r\n"
    line = b"Contact: <sip:10.0.0.5:7101>;methods=\"" + b"A" * 7000
    rest = b"\"\r\n"
    with tap.case("held_bytes: at most mem_max, none in the end; every "
                  "stream passes, and good clients go on"), \
            parameter("mem_max", "65536"), client(rig) as user:
        check(held(rig) == 0, f"{held(rig)} before")
        user.sign_in(7100)
        links = many_links(rig, 24)
        most = 0
        for link in links:
            link.forth(start + line, (len(start), len(start) + 1000,
                                      len(start) + 4000))
            most = max(most, held(rig))
            check(most <= 65536, f"{most} bytes")
        check(most > 32768, f"only {most} bytes: not reached")
        for link in links[:12]:
            # Only the next line tells that this one is not folded.
            link.forth(rest + b"Event: registration\r\n")
        check(held(rig) < most, "lines that ended are held")
        user.must_be_called(7100)
        user.links += links
    flush(rig)
    with tap.case("and none when their connections have gone"):
        wait_until(lambda: held(rig) == 0, "the end of held_bytes")
    with tap.case("after that, long lines are read again"), \
            client(rig) as user:
        text = user.register_text((line + rest).decode().partition(" ")[2]
                                  .strip())
        user.main.forth(text, range(500, len(text), 500))
        user.accept(7101)
        user.must_be_called(7101)
        check(held(rig) == 0, f"{held(rig)} bytes held")


def namespaces(rig, tap):
    with tap.case("counters belong to the firewall's namespace"), \
            client(rig) as user:
        before = rig.counters()
        user.sign_in(7100)
        user.must_be_called(7100)
        after = rig.counters()
        for name, more in (("messages", 6), ("opened_callback", 1),
                           ("clients", 1), ("connections", 2)):
            check(after[name] - before[name] == more,
                  f"{name}: {before[name]} -> {after[name]}")
        for host in ("client", "server"):
            said = rig.run(host, "cat",
                           "/proc/self/net/stat/nf_conntrack_lcs")
            check({line.split()[1] for line in said.splitlines()} == {"0"},
                  f"{host}: {said}")
            check(set(line.split()[0] for line in said.splitlines())
                  == set(after), "other names")


def balance(rig):
    now = rig.counters()
    return {kind: now[f"opened_{kind}"] - now[f"closed_{kind}"]
            for kind in KINDS}


def opened_and_closed(rig, tap):
    with tap.case("each class is counted when it opens and when it closes"):
        wait_until(lambda: not any(balance(rig).values()),
                   f"the rest of the cases before: {balance(rig)}")
        before = rig.counters()
        with client(rig) as user:
            user.sign_in(7100)
            call = Call(user)
            call.begin(call.own(*audio(20000), *whiteboard()),
                       call.theirs(*audio(30000), *whiteboard()))
            call.say(listen_for_file(user.address, 6891))
            check(balance(rig) == {"callback": 1, "media": 2,
                                   "file_transfer": 1, "app_sharing": 1},
                  str(balance(rig)))
            call.bye()
            check(balance(rig)["media"] == balance(rig)["app_sharing"] == 0,
                  str(balance(rig)))
        wait_until(lambda: not any(balance(rig).values()), "all closed")
        after = rig.counters()
        for kind in KINDS:
            check(after[f"opened_{kind}"] > before[f"opened_{kind}"], kind)
        check(after["releases"] > before["releases"], "releases")


def tracepoints(rig, tap):
    if not os.path.isdir(f"{TRACEFS}/events"):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS],
                       check=False, stderr=subprocess.DEVNULL)
    if not os.path.isdir(f"{TRACEFS}/events"):
        tap.skip("tracepoints", "this kernel has no tracefs")
        return
    with tap.case("tracepoints lcs:*: open, close, refuse, give up, and no "
                  "text of a message"), client(rig) as user:
        events = sorted(name for name in os.listdir(f"{TRACEFS}/events/lcs")
                        if name.startswith("lcs_"))
        check(events == ["lcs_close", "lcs_give_up", "lcs_open",
                         "lcs_refuse"], str(events))
        put(f"{TRACEFS}/trace", "")
        with setting(f"{TRACEFS}/events/lcs/enable", "1"):
            user.sign_in(7100)
            call = Call(user)
            call.begin(call.own(*audio(20000)), call.theirs(*audio(80)))
            call.bye()
            user.register(80)
            user.main.forth(message("INVITE sip:x@example.com SIP/2.0", [
                "Call-ID: a", "CSeq: 1 INVITE", "Content-Length: 1",
                "Content-Length: 2"]))
        with open(f"{TRACEFS}/trace", encoding="utf-8") as trace:
            said = trace.read()
        for text in ("lcs_open: callback proto 6 to 10.0.0.5",
                     "port 7100", "lcs_open: media proto 17", "port 20000",
                     "lcs_close: media", "lcs_refuse:", "parameter",
                     "lcs_give_up:"):
            check(text in said, f"no {text!r} in\n{said}")
        for text in ("bob", "alice", "example", "RTP", "NTLM",
                     "91c6c88d", call.call_id):
            check(text not in said, f"{text!r} in\n{said}")


def main():
    rig, tap = Rig("ipv6"), Tap()
    # No line is left out.
    with setting(MESSAGE_COST, "0"), wire(rig) as air, \
            parameter("media_ports", "1024-65535"):
        for family in (4, 6):
            sixty_fifth(rig, air, tap, family)
        table_full(rig, tap)
        namespaces(rig, tap)
        memory(rig, tap)
        opened_and_closed(rig, tap)
        tracepoints(rig, tap)
    tap.done()


if __name__ == "__main__":
    main()
