#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
# klog-allow: FAULT_INJECTION: forcing a failure
"""Every allocation of the packet path fails in turn, and nobody loses a byte.

A client signs in, calls, sends a file, is called back and hangs up; the n-th
allocation that our code asks for meanwhile fails, for n = 1, 2, ... until the
story ends before the n-th. Each time the far end gets all that was sent, the
failure is counted, and a client beside goes on; at the end nothing is left.
The kernel says which allocations are ours: those with our text on their stack.

For a kernel with FAILSLAB and its stack trace filter: scripts/check-sanitized.
"""

import contextlib
import functools
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
from lcscall import Call, audio, listen_for_file, offer_file       # noqa: E402
from lcspeer import (SLAB, Client, Failed, Tap, check, ntlm,       # noqa: E402
                     objects, wait_until)
from natcheck import (HEADER_KINDS, PORTX, fill_holes,             # noqa: E402
                      length_is_right, places, same_signature,
                      split_messages)
from natrig import NatLink, NatRig, NatUser                        # noqa: E402

FAULT = "/sys/kernel/debug/failslab"
# What the sanitizers allocate for themselves.
NOT_OURS = ("kmemleak_object", "kmemleak_scan_area", "debug_objects_cache")
COUNTED = ("given_up_memory", "refused_memory", "unchanged_memory",
           "untranslatable", "dropped")
MASQUERADE = """
table inet lcs_nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan0" ip saddr 10.0.0.5 masquerade
	}
}
"""


class Faults:
    """The kernel's fault injection into slab allocations with a module's text
    on their stack. It counts them from boot on and cannot be told to begin
    anew: the interval is the number that the wanted one will have."""

    def __init__(self):
        check(os.path.isdir(FAULT), "this kernel has no CONFIG_FAILSLAB, or "
              "debugfs is not mounted: use scripts/check-sanitized")
        self.count = 0
        for name, value in (("ignore-gfp-wait", "Y"), ("cache-filter", "Y"),
                            ("task-filter", "N"), ("verbose", "2"),
                            ("space", "0"), ("stacktrace-depth", "32")):
            self.set(name, value)
        self.log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)

    @staticmethod
    def set(name, value):
        with open(f"{FAULT}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def aim_at(self, module):
        """Only where this module's code is on the stack."""
        with open("/proc/modules", encoding="ascii") as lines:
            fields = next(f for f in map(str.split, lines) if f[0] == module)
        text = int(fields[5], 16)
        self.set("require-start", text)
        self.set("require-end", text + int(fields[1]))
        for cache in glob.glob(f"{SLAB}/*"):
            if os.path.basename(cache) not in NOT_OURS and not \
                    os.path.islink(cache):
                with contextlib.suppress(OSError):
                    with open(f"{cache}/failslab", "w",
                              encoding="ascii") as file:
                        file.write("1")

    def arm(self, number):
        """The so-manieth allocation from now on fails, once."""
        self.said()
        # With an interval of 1 the kernel does not count.
        self.next = 1 if number == 1 else self.count + number
        self.set("interval", self.next)
        self.set("times", "1")
        self.set("probability", "100")

    def fired(self):
        with open(f"{FAULT}/times", encoding="ascii") as file:
            if int(file.read()):
                return False
        if self.next > 1:
            self.count = self.next
        return True

    def disarm(self):
        self.set("probability", "0")

    def said(self):
        """The functions of ours on the stack of the failure, innermost first:
        none where the allocation asks for no warning."""
        names = []
        while True:
            try:
                text = os.read(self.log, 8192).decode(errors="replace")
            except BlockingIOError:
                return names
            except BrokenPipeError:
                continue
            names += re.findall(
                r"(?<!\?) (\w+)\+0x\w+/0x\w+ \[nf_\w*lcs\w*\]", text)


# ---- what may come out -----------------------------------------------------

# Where the outside port of each kind may be, by the module's defaults; of media
# it is the inside one where that is in MEDIA. The story's Contacts, from 7100 on,
# must have another number.
OUTSIDE_PORTS = {"contact": range(49152, 65536),
                 "file-transfer": range(6891, 6901)}
MEDIA = range(5350, 5354)


def endpoint(place, new):
    """What is in a place now: (address, port), None where none is written."""
    port = int(new[place.port_at]) if place.port_at else None
    return new[place.addr_at].decode().partition(":")[0], port


def to_server(user, place, new):
    """As the client wrote it, or its outside form: an outside address with the
    port inside leads to somebody else. One port has one form: which, hangs on
    nothing that could fail."""
    here, now = (place.addr, place.port), endpoint(place, new)
    if not place.port_at:
        check(now[0] in (here[0], user.table.outside), f"{here} became {now}")
        return
    if now == here:
        return
    check(now[0] == user.table.outside, f"{here} became {now}")
    check(now[1] in OUTSIDE_PORTS.get(place.kind, OUTSIDE_PORTS["contact"])
          or now[1] == here[1] and now[1] in MEDIA,
          f"{here} became {now}: not a port for that")
    form = user.ports_told.setdefault(place.key, now[1])
    check(form == now[1], f"{here} became {now}, it was port {form} before")
    check(not place.portx_at or int(new[place.portx_at]) == now[1] ^ PORTX,
          f"PortX of {now} is {new.get(place.portx_at)}")


def to_client(place, inside, new):
    """As the server wrote it, or as the client wrote it once."""
    allowed = [(one.addr, one.port if one.port_at else None)
               for one in (place, inside)]
    now = endpoint(place, new)
    check(now in allowed, f"{allowed[0]} became {now}, not {allowed[1]}")


def must_be_right(sent, got, is_right):
    """Only endpoints may differ, only by translation, and those of a body all
    or none of them. is_right(place, new): judges one of them."""
    found = places(sent)
    new = fill_holes(sent, found, got)
    check(length_is_right(got), "Content-Length is wrong")
    same_signature(sent, got)
    body = {new[p.addr_at] != sent[slice(*p.addr_at)] for p in found
            if p.kind not in HEADER_KINDS and p.addr.startswith("10.")}
    check(len(body) < 2, f"half of the body has changed:\n{got!r}")
    for place in found:
        is_right(place, new)


class FailingLink(NatLink):
    """What is not translated for want of memory passes as it is."""

    def _deliver(self, sender, receiver, data, cuts):
        table = self.user.table
        by_client = (sender is self.a) == self.client_is_a
        own = data
        if not by_client:
            data = table.as_server(data)
            cuts = [c for c in cuts if c < len(data)]
        got = self.carry(sender, receiver, data, cuts)
        for mine, one, other in zip(*(split_messages(text)[0] for text in
                                      (own, data, got)), strict=True):
            if not by_client:
                inside = iter(places(mine))
                must_be_right(one, other, lambda place, new: to_client(
                    place, next(inside), new))
                continue
            must_be_right(one, other, functools.partial(to_server, self.user))
            # It need not be whole: a part may have stayed as it was.
            with contextlib.suppress(Failed):
                table.learn(one, other, stays=True)


class FailingUser(NatUser):
    """A client behind masquerade."""

    def __init__(self, rig):
        self.ports_told = {}    # outside, by (protocol, address, port)
        self.was_called = False
        super().__init__(rig)

    def connect(self, sport=0):
        super().connect(sport)
        self.links[-1] = self.main = FailingLink(
            self, self.main.a, self.main.b, self.main.state)

    def try_to_call(self, port):
        """The server calls what it was told; with a message, if that came."""
        if ("tcp", self.address, port) in self.table.forms:
            link = self.called(port)
            if link:
                other = FailingLink(self, link.a, link.b, forth=False)
                other.forth(self.notify_text(port))
                self.was_called = True


class PlainUser(Client):
    """A client that is not translated: every byte stays."""

    def __init__(self, rig):
        super().__init__(rig, host="second")
        self.was_called = False

    def try_to_call(self, port):
        link = self.called(port)
        if link:
            link.forth(self.notify_text(port))
            self.was_called = True


def story(user, number):
    """All kinds of messages, and lines that end in another segment."""
    port = 7100 + number % 50
    user.register(port, cuts=(20, 300, 420))
    user.challenge()
    user.register(port, ntlm(600))
    user.accept(port)
    user.try_to_call(port)
    call = Call(user)
    call.request("INVITE", call.own(*audio(5350)))
    call.answer(180, "INVITE")
    call.answer(200, "INVITE", call.theirs(*audio(30000)))
    call.request("ACK", cseq=1)
    call.say(offer_file())
    user.main.forth(call.request_text(
        "MESSAGE", listen_for_file(user.address, 6891),
        "text/x-msmsgsinvite; charset=UTF-8"), (250, 480))
    call.answer(200, "MESSAGE")
    call.bye()
    user.sign_out(port)
    user.main.forth(b"\r\n\r\n")


def counted(rig):
    now = rig.counters()
    return {name: now[name] for name in COUNTED}


def each_fails(rig, tap, faults, make):
    """The story again and again, each time without another allocation. All
    that we do with a packet begins in help()."""
    what = {PlainUser: "not translated", FailingUser: "behind masquerade"}[make]
    faults.aim_at("nf_conntrack_lcs")
    number, uncounted, sites = 0, [], {}
    with tap.case(f"{what}: each allocation fails in turn, every byte comes"):
        while True:
            number += 1
            before = counted(rig)
            faults.arm(number)
            try:
                user = make(rig)
                try:
                    story(user, number)
                except Failed as error:
                    raise Failed(f"allocation {number}, {faults.said()}: "
                                 f"{error}") from error
                finally:
                    user.close()
                fired = faults.fired()
            finally:
                faults.disarm()
            if not fired:
                break
            names = faults.said()
            more = [n for n, v in counted(rig).items() if v > before[n]]
            site = " < ".join(names[:3]) or "(silent) " + " ".join(more)
            sites[site] = sites.get(site, 0) + 1
            if not more:
                uncounted.append(f"{number}: {' < '.join(names)}")
        check(number > 1, "no allocation was asked for")
        check(user.was_called, "where none failed, no callback came through")
    print(f"# {what}: {number - 1} allocations")
    for site, count in sites.items():
        print(f"# {count:4} {site}")
    with tap.case(f"{what}: each failure is counted"):
        check(not uncounted, "\n".join(uncounted))
    settle(faults, make, rig)


def settle(faults, make, rig):
    """Go on until the one that is still armed has failed: its number is known
    then."""
    faults.set("probability", "100")
    for number in range(1000):
        if faults.fired():
            break
        user = make(rig)
        with contextlib.suppress(Failed):
            story(user, number)
        user.close()
    faults.disarm()
    check(number < 999, "nothing is allocated any more")


def nothing_is_left(rig, tap, idle):
    with tap.case("afterwards nothing is held, and no object is left"):
        rig.run("fw", "conntrack", "-F")
        rig.must_hold_nothing()
        wait_until(lambda: objects() == idle, f"{idle} objects")


def main():
    rig, tap = NatRig(nat=MASQUERADE), Tap()
    faults = Faults()
    idle = objects()
    beside = Client(rig, host="second")
    beside.sign_in(7300)
    for host in ("client", "second"):
        rig.barrier(host, "server")
    for make in (FailingUser, PlainUser):
        each_fails(rig, tap, faults, make)
    with tap.case("the client beside is called as ever"):
        beside.must_be_called(7300)
    beside.close()
    nothing_is_left(rig, tap, idle)
    tap.done()


if __name__ == "__main__":
    main()
