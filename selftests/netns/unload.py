#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""rmmod with 50 live connections: they go on, nothing is left behind, and the
modules can come back.

Some connections are signed in, some wait for their answer, some are in the
middle of a message; ten have a callback open. The rules that hold the helper
are replaced by rules without it, as an administrator would do it.
"""

import glob
import itertools
import os
import subprocess

from lcspeer import (SLAB, Client, Failed, Rig, Tap, check, contact, grown,
                     ntlm, objects, wait_until)

COUNT = 50
PLAIN = """
flush ruleset
table inet plain {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		ct state new iifname "lan0" tcp dport 5060 accept
	}
}
"""
MODULES = ("nf_nat_lcs", "nf_conntrack_lcs", "nf_lcs_proto")


def caches():
    """Our slab caches, by name. Of a cache that the kernel merged with others
    of its size only a link is here, which the kernel keeps for ever."""
    found = {os.path.basename(p) for p in glob.glob(f"{SLAB}/lcs_*")
             if not os.path.islink(p)}
    with open("/proc/slabinfo", encoding="ascii") as lines:
        found |= {line.split()[0] for line in lines
                  if line.startswith("lcs_")}
    return found


def loaded():
    return [m for m in MODULES if os.path.isdir(f"/sys/module/{m}")]


def rmmod(meanwhile=lambda: None):
    """Take the modules out; meanwhile, something goes on. Returns how often it
    did before the last of them was out."""
    rounds = 0
    for module in MODULES:
        if module not in loaded():
            continue
        with subprocess.Popen(["rmmod", module], text=True,
                              stderr=subprocess.PIPE) as process:
            while process.poll() is None:
                meanwhile()
                rounds += 1
            said = process.stderr.read()
            check(process.returncode == 0, f"rmmod {module}: {said}")
    return rounds


class Live:
    """One of the fifty, and what is still to be sent on it."""

    def __init__(self, rig, number):
        self.user = Client(rig, family=4 if number % 2 else 6)
        self.port = 7100 + number
        self.rest = self.rest_back = b""
        self.callback = None
        kind = number % 5
        if kind < 3:
            self.user.sign_in(self.port)
        if kind == 0:
            self.callback = self.user.must_be_called(self.port)
        elif kind == 1:
            text = self.user.register_text(self.port, ntlm(3000))
            self.user.main.forth(text[:1500])
            self.rest = text[1500:]
        elif kind == 2:
            text = self.user.answer_text(200, "Contact: " + contact(
                self.user.address, self.port))
            self.user.main.back(text[:200])
            self.rest_back = text[200:]
        elif kind == 3:
            self.user.register(self.port)

    def go_on(self):
        """Every byte still passes, both ways."""
        main = self.user.main
        if self.rest:
            main.forth(self.rest)
        if self.rest_back:
            main.back(self.rest_back)
        self.rest = self.rest_back = b""
        main.forth(self.user.register_text(self.port, ntlm(2000)),
                   (100, 1500))
        main.back(self.user.answer_text(200))
        if self.callback:
            self.callback.forth(self.user.notify_text(self.port))
            self.callback.back(self.user.answer_text(200))


def main():
    rig, tap = Rig("ipv6"), Tap()
    check(set(loaded()) == set(MODULES), str(loaded()))
    idle = objects()
    lives = []
    with tap.case(f"{COUNT} connections, {COUNT // 5} of them with a "
                  "callback"):
        lives += [Live(rig, n) for n in range(COUNT)]
        check(len(rig.expectations()) == COUNT * 4 // 5,
              f"{len(rig.expectations())} expectations")
        live = grown(idle)
        check(max(live.values()) >= COUNT, str(live))
    with tap.case("the rules hold the modules"):
        try:
            rmmod()
        except Failed:
            pass
        check(len(loaded()) >= 2, f"only {loaded()} left")
    with tap.case("rules without the helper, and rmmod, while all of them "
                  "send"):
        rig.run("fw", "nft", "-f", "-", text=PLAIN)
        turn = itertools.cycle(lives)
        rounds = rmmod(lambda: next(turn).go_on())
        check(not loaded(), str(loaded()))
        check(rounds, "nobody sent anything meanwhile")
    with tap.case("all connections go on"):
        for one in lives:
            one.go_on()
    with tap.case("no expectation, no cache, no counters are left"):
        check(not rig.expectations(), "expectations")
        wait_until(lambda: not caches(), f"the end of {caches()}")
        left = {name: count - idle[name] for name, count in objects().items()}
        check(all(left[name] <= live[name] // 4 for name in left),
              f"objects of ours: live {live}, left {left}")
        check(not os.path.exists("/proc/net/stat/nf_conntrack_lcs"),
              "the counters")
        listed = rig.run("fw", "conntrack", "-L", "-p", "tcp")
        check("ESTABLISHED" in listed, listed)
    with tap.case("nobody is called any more"):
        for one in lives[:10]:
            one.user.must_not_be_called(one.port)
    with tap.case("the ruleset brings the modules back, a client signs in"):
        rig.shell("lcs_rules")
        check(set(loaded()) == set(MODULES), str(loaded()))
        user = Client(rig)
        user.sign_in(7300)
        user.must_be_called(7300)
    with tap.case("the old connections go on, unread"):
        for one in lives:
            one.go_on()
        check(len(rig.expectations()) == 1, "an old connection opened")
    for one in lives:
        one.user.close()
    tap.done()


if __name__ == "__main__":
    main()
