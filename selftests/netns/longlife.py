#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
"""Long life: thousands of sign-ins, calls and hang-ups, and all is as before.

Clients sign in, call, send a file, hang up and sign out, on real TCP; after all
of that the slab caches, the table of expectations, the bytes held and the
counters (opened = closed) are where they were. In the middle of it the
administrator does what administrators do: conntrack -F, conntrack -D, the
ruleset again, and rmmod. What the kernel then has to say fails the test.

LCS_LIVES in the environment: how many of each; 10000 if not set.
"""

import itertools
import os

from lcscall import Call, audio
from lcspeer import (SLAB, Client, Rig, Tap, check, client, grown, objects,
                     wait_until)
from lcswire import Probe, wire
from loose import flush
from policy import setting, write
from unload import PLAIN, caches, loaded, rmmod

LIVES = int(os.environ.get("LCS_LIVES", "10000"))
CLIENTS = 50            # connections; each lives LIVES / CLIENTS lives
BATCH = 20              # lives at once: 60 of the 64 pinholes a client may have
MERGED_NOISE = 200      # objects of others come and go
KINDS = ("callback", "media", "file_transfer", "app_sharing")
EXPECT_MAX = "/proc/sys/net/netfilter/nf_conntrack_expect_max"


class Life:
    """One client: what it says, and what its server answers, in batches."""

    def __init__(self, rig, number):
        self.user = Client(rig)
        self.port = 10000 + number * 64

    def batch(self, count):
        """Two texts: of count lives in a row. Everything a life opens it also
        closes; the server's answers come after all the requests of their
        kind, so that one batch has `count` pinholes open at a time."""
        user, calls = self.user, [Call(self.user) for _ in range(count)]
        first, answers, second, ends = [], [], [], []
        for at, call in enumerate(calls):
            port = self.port + at * 2
            first.append(user.register_text(port))
            answers.append(user.answer_text(200, "Contact: <sip:"
                                            f"{user.address}:{port};"
                                            "transport=tcp>;expires=900"))
            first.append(call.request_text("INVITE",
                                           call.own(*audio(port))))
            answers.append(call.answer_text(200, "INVITE",
                                            call.theirs(*audio(9000))))
            second.append(call.request_text("ACK", cseq=call.cseq[True]))
            second.append(call.request_text("BYE"))
            ends.append(call.answer_text(200, "BYE"))
            second.append(user.register_text(port, "Expires: 0"))
            ends.append(user.answer_text(200))
        return (b"".join(first), b"".join(answers), b"".join(second),
                b"".join(ends))

    def live(self, count):
        first, answers, second, ends = self.batch(count)
        self.user.main.forth(first)
        self.user.main.back(answers)
        self.user.main.forth(second)
        self.user.main.back(ends)


def totals(rig):
    now = rig.counters()
    return {kind: (now[f"opened_{kind}"], now[f"closed_{kind}"])
            for kind in KINDS}


def is_balanced(rig):
    return all(opened == closed for opened, closed in totals(rig).values())


def leaked(before):
    """How many objects more than before, by cache, where that says something:
    a cache that the kernel merged with others (6.1) counts theirs too."""
    return {name: more for name, more in grown(before).items()
            if more > (MERGED_NOISE if os.path.islink(f"{SLAB}/{name}")
                       else 0)}


def settle(rig, before, tap, text):
    """Where everything was: caches, table, held bytes, counters."""
    with tap.case(f"{text}: no expectation, no byte held, opened = closed"):
        wait_until(lambda: is_balanced(rig), f"the balance: {totals(rig)}")
        left = rig.expectations()
        check(not left, "\n".join(e.line for e in left[:10]))
        check(rig.counters()["held_bytes"] == 0, "bytes are held")
    with tap.case(f"{text}: the slab caches are where they were"):
        wait_until(lambda: not leaked(before), f"their end: {leaked(before)}")


def thousands(rig, tap, lives):
    with tap.case(f"{LIVES} sign-ins, calls, hang-ups and sign-outs"):
        before = rig.counters()
        for _ in range(LIVES // CLIENTS // BATCH):
            for life in lives:
                life.live(BATCH)
        after = rig.counters()
        done = LIVES // CLIENTS // BATCH * CLIENTS * BATCH
        for name, more in (("opened_callback", done),
                           ("closed_callback", done),
                           ("opened_media", 2 * done),
                           ("closed_media", 2 * done),
                           ("messages", 9 * done)):
            check(after[name] - before[name] == more,
                  f"{name}: {after[name] - before[name]}, not {more}")
        refused = {name: after[name] - before[name] for name in after
                   if name.startswith(("refused_", "given_up_"))
                   and name != "refused_relayed"
                   and after[name] != before[name]}
        check(not refused, str(refused))


def disturbed(rig, air, tap):
    """The administrator at work while clients live."""
    deeds = (("conntrack -F", lambda: flush(rig)),
             ("conntrack -D of a client", lambda: rig.run(
                 "fw", "conntrack", "-D", "-p", "tcp", "--orig-port-dst",
                 "5060", "--orig-src", "10.0.0.5", fail=False)),
             ("the ruleset again", lambda: rig.shell("lcs_rules")),
             ("conntrack -F of the expectations", lambda: rig.run(
                 "fw", "conntrack", "-F", "expect")))
    for name, deed in deeds:
        with tap.case(f"{name} in the middle of calls: the streams pass, "
                      "and a new client is served"):
            lives = [Life(rig, n) for n in range(8)]
            texts = [life.batch(10) for life in lives]
            for life, text in zip(lives, texts):
                life.user.main.forth(text[0])
                life.user.main.back(text[1])
            deed()
            air.watch()
            for life, text in zip(lives, texts):
                life.user.main.forth(text[2])
                life.user.main.back(text[3])
            for life in lives:
                life.live(5)
                life.user.close()
            flush(rig)
            with client(rig) as user:
                user.sign_in(7100)
                user.must_be_called(7100)
                call = Call(user)
                call.begin(call.own(*audio(20000)),
                           call.theirs(*audio(9000)))
                air.related(Probe("udp", call.peer, user.address, 20000))


def unloaded(rig, tap):
    with tap.case("rmmod in the middle of calls: streams pass, nothing is "
                  "left"):
        lives = [Life(rig, n) for n in range(8)]
        texts = [life.batch(10) for life in lives]
        for life, text in zip(lives, texts):
            life.user.main.forth(text[0])
            life.user.main.back(text[1][:500])
        check(len(rig.expectations()) >= 80 * 3, "too few are open")
        rig.run("fw", "nft", "-f", "-", text=PLAIN)
        turn = itertools.cycle(lives)
        rounds = rmmod(lambda: next(turn).user.main.forth(b"\r\n\r\n"))
        check(not loaded(), f"{loaded()} are loaded")
        check(rounds, "nobody sent anything meanwhile")
        check(not rig.expectations(), "expectations are left")
        for life, text in zip(lives, texts):
            life.user.main.back(text[1][500:])
            life.user.main.forth(text[2])
            life.user.main.back(text[3])
            life.user.close()
        wait_until(lambda: not caches(), f"the end of {caches()}")
    with tap.case("loaded again: clients are served"):
        rig.shell("lcs_rules")
        with client(rig) as user:
            user.sign_in(7100)
            user.must_be_called(7100)


def main():
    rig, tap = Rig(), Tap()
    write("media_ports", "1024-65535")      # until rmmod
    with setting(EXPECT_MAX, "20000"), wire(rig) as air:
        with client(rig) as user:
            user.sign_in(7100)
        flush(rig)
        wait_until(lambda: is_balanced(rig), "the first one's end")
        before = objects()
        lives = [Life(rig, n) for n in range(CLIENTS)]
        thousands(rig, tap, lives)
        for life in lives:
            life.user.close()
        flush(rig)
        settle(rig, before, tap, f"after {LIVES}")
        disturbed(rig, air, tap)
        flush(rig)
        settle(rig, before, tap, "after the disturbances")
        unloaded(rig, tap)
    tap.done()


if __name__ == "__main__":
    main()
