#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# klog-allow: .
"""The sanitizer kernel finds mistakes: a module makes one of each kind, and each
must come out as those of our code would, as a dirty line of the kernel's log or
as a leak. A log that is clean because nobody looked says nothing.

For the kernel of scripts/check-sanitized, which builds the module.
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "netns"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))
import rig                                                      # noqa: E402
from lcspeer import Tap, check                                  # noqa: E402

MODULE = os.path.join(rig.BUILD, "sanitized", "planted", "lcs_planted.ko")
MISTAKE = "/sys/module/lcs_planted/parameters/mistake"
# What the kernel says of each. With lock_order lockdep ends, and KASAN ends it, too.
IN_LOG = (
    ("sleep_in_atomic", "sleeping function called from invalid context"),
    ("rcu_without_lock", "suspicious RCU usage"),
    ("lock_order", "possible circular locking dependency"),
    ("shift", "UBSAN: shift-out-of-bounds"),
    ("active_object", "ODEBUG: free active"),
    ("use_after_free", "KASAN: slab-use-after-free"),
    ("out_of_bounds", "KASAN: slab-out-of-bounds"),
)

sanitized = rig.script_module("guest/run-sanitized")


def make(mistake):
    with open(MISTAKE, "w", encoding="ascii") as file:
        file.write(mistake)


def main():
    tap, log = Tap(), sanitized.tests.KernelLog()
    check(os.path.exists(MODULE), "the module is not built: use "
          "scripts/check-sanitized")
    subprocess.run(["insmod", MODULE], check=True)
    with tap.case("nothing is found where there is nothing"):
        log.fresh()
        check(not sanitized.leaks(), "a leak")
        check(not sanitized.blind(), sanitized.blind())
        found = rig.dirty_lines(log.fresh())
        check(not found, "\n".join(found))
    for mistake, words in IN_LOG:
        with tap.case(f"{mistake}: found"):
            log.fresh()
            make(mistake)
            found = rig.dirty_lines(log.fresh())
            check(any(words in line for line in found), "\n".join(found))
    with tap.case("leak: found"):
        make("leak")
        found = sanitized.leaks()
        check("lcs_planted" in found, f"kmemleak says {found!r}")
    with tap.case("lockdep has ended: said"):
        check(sanitized.blind(), "not a word")
    subprocess.run(["rmmod", "lcs_planted"], check=True)
    tap.done()


if __name__ == "__main__":
    main()
