#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""The corpus, dialogue by dialogue: what each opens is open, and nothing else.

selftests/corpus has what clients and servers say, and what must come of it.
lcsplay.py plays it over real TCP and probes from outside after each message.

    dialogues.py [NAME...]      all, or those whose names begin so
Profile: the parameters that each dialogue states, the defaults otherwise.
"""

import contextlib
import sys

from lcspeer import Rig, Tap, check
from lcsplay import Play, dialogues
from lcssix import turn
from lcswire import wire
from policy import parameter

STEP = 97       # of the cuts tried one by one; split.py tries every byte
SIXES = 50      # dialogues that lcssix.py can turn, or it is broken


def play(rig, air, dialogue, **how):
    with contextlib.ExitStack() as stack:
        for name, text in dialogue.parameters.items():
            stack.enter_context(parameter(name, text))
        Play(rig, air, dialogue, **how).run()
        left = rig.expectations()
        check(not left, "left behind:\n" + "\n".join(e.line for e in left))
        rig.must_hold_nothing()


def in_pieces(rig, air, tap, dialogue):
    with tap.case(f"{dialogue.name}: byte by byte"):
        play(rig, air, dialogue, cuts=lambda length: range(1, length))
    longest = max(len(m.data) for m in dialogue.messages)
    with tap.case(f"{dialogue.name}: every message cut in two, at every "
                  f"{STEP}th byte"):
        for at in range(1, longest, STEP):
            play(rig, air, dialogue,
                 cuts=lambda length, at=at: [at] if at < length else [])


def over_six(rig, air, tap, dialogue):
    """The same over IPv6, where it says the same."""
    turned = turn(dialogue)
    if turned:
        over_six.count += 1
        with tap.case(f"{turned.name}"):
            play(rig, air, turned)


over_six.count = 0


def main(names):
    rig, tap = Rig("ipv6"), Tap()
    with wire(rig) as air:
        for dialogue in dialogues(names):
            with tap.case(f"{dialogue.name}: {dialogue.title}"):
                play(rig, air, dialogue)
            if dialogue.cut_everywhere:
                in_pieces(rig, air, tap, dialogue)
            else:
                over_six(rig, air, tap, dialogue)
    if not names:
        with tap.case(f"at least {SIXES} of them were played over IPv6 too"):
            check(over_six.count >= SIXES, f"only {over_six.count}")
    elif not tap.count:
        sys.exit("dialogues.py: no such dialogue")
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
