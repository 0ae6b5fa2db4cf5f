#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What the helper costs, in a guest whose clock counts instructions (scripts/bench starts it).

    bench.py TALK [pairs] [clients] [nat]

pairs     what a helper adds to messages on one connection in its steady state
clients   what a sign-in costs with many clients signed in, and what memory they take
nat       the same with masquerade
TALK is the compiled talk.c. Prints tables with the figures to reach beside them."""
import sys
import tempfile

import bench_net as net

ROUNDS = 800
# What is measured, how talk is told, in how many rounds; `message` rows carry SIP.
ROWS = (
    ("REGISTER and its 200", "pair register registered 0 0", ROUNDS, True),
    ("INVITE and its 200", "pair invite agreed 0 0", ROUNDS, True),
    ("NOTIFY of 20 kB", "down notify 0", ROUNDS // 4, True),
    ("keep-alive", "up keepalive 0", 4 * ROUNDS, False),
    ("bare ACK", "ack 0", 4 * ROUNDS, False),
)
misses = []


def verdict(name, value, limit):
    """met or missed, remembered."""
    if value > limit:
        misses.append(name)
    return "met" if value <= limit else "missed"


def measure_rows(talk):
    """The cost of each row for a client that has signed in."""
    talk("open 0 0")
    talk("pair register registered 0 0 1")
    return [talk.cost(f"{command} {rounds}") for _, command, rounds, _ in ROWS]


def with_rules(program, helper, measure, port=5060, masquerade=False):
    """A fresh network with one helper, or none; what MEASURE finds there."""
    net.up()
    net.load_rules(helper, port, masquerade)
    with tempfile.TemporaryDirectory() as folder:
        talk = net.Talk(program, folder, port)
        found = measure(talk)
        talk.close()
    net.down()
    return found


def show_pairs(title, none, sip, lcs, limits):
    """A table of what helpers add; LIMITS gives the figure to reach from what sip adds."""
    print(f"\n{title}\n{'':22}{'no helper':>10}{'sip adds':>10}{'lcs adds':>10}{'limit':>9}"
          f"{'':9}repeats within")
    for row, base, theirs, ours, limit in zip(ROWS, none, sip, lcs, limits):
        allowed = limit(theirs[0] - base[0])
        added = ours[0] - base[0]
        spread = max((c[2] - c[1]) / c[0] for c in (base, theirs, ours))
        print(f"{row[0]:22}{base[0]:10}{theirs[0] - base[0]:10}{added:10}{allowed:9.0f} "
              f"{verdict(row[0], added, allowed):8}{spread:6.1%}")


def pairs(program):
    """Table 1."""
    none = with_rules(program, None, measure_rows)
    sip = with_rules(program, "sip", measure_rows)
    lcs = with_rules(program, "lcs", measure_rows)
    limits = [(lambda sip: sip / 2) if is_message else (lambda sip: sip + 120)
              for *_, is_message in ROWS]
    show_pairs("Instructions for each, one connection in its steady state (the same Call-ID, CSeq "
               "rising), no NAT", none, sip, lcs, limits)


def main(argv):
    """Runs what is asked for."""
    tables = {"pairs": pairs}
    if len(argv) < 2 or [t for t in argv[2:] if t not in tables]:
        sys.exit("usage: bench.py TALK [pairs] [clients] [nat]")
    for name in argv[2:] or tables:
        tables[name](argv[1])
    print(f"\n{len(misses)} missed" + (f": {', '.join(misses)}" if misses else ""))


if __name__ == "__main__":
    main(sys.argv)
