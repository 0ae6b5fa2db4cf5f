#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What the helper costs, in a guest whose clock counts instructions (scripts/bench starts it).

    bench.py TALK [pairs] [clients] [nat]

pairs     what a helper adds to messages on one connection in its steady state
clients   what a sign-in costs with many clients signed in, and what memory they take
nat       the same with masquerade
TALK is the compiled talk.c. Prints tables with the figures to reach beside them."""
import subprocess
import sys
import tempfile
from statistics import median

import bench_memory
import bench_net as net

ROUNDS = 320
REPEATS = 3             # each in a fresh network: where a hash puts a connection is luck
MESSAGE, OTHER, ACK = range(3)
# What is measured, how talk is told, in how many rounds, what kind.
ROWS = (
    ("REGISTER and its 200", "pair register registered 0 0", ROUNDS, MESSAGE),
    ("INVITE and its 200", "pair invite agreed 0 0", ROUNDS, MESSAGE),
    ("NOTIFY of 20 kB", "down notify 0", ROUNDS // 4, MESSAGE),
    ("keep-alive", "up keepalive 0", 4 * ROUNDS, OTHER),
    ("bare ACK", "ack 0", 4 * ROUNDS, ACK),
)
CROWDS = (10, 1000, 10000)      # clients signed in
CALLERS = (10, 1000, 2000)      # client numbers, all with the same inside port
SAMPLE = 20                     # clients measured at each of them
A_TIMEOUT = 1000000             # a nanosecond each; TCP's shortest timeout is 200 times that
misses = []


def verdict(name, value, limit, least=1):
    """met or missed, remembered. What costs nothing, or less, was not measured."""
    if least <= value <= limit:
        return "met"
    misses.append(name)
    return "missed" if value >= least else "no cost"


def flat(name, costs, limit):
    """The words about costs that should all be the same."""
    if min(costs) < 1:
        return f"not flat, a cost of {min(costs)}: {verdict(name, min(costs), 0)}"
    grown = max(costs) / min(costs) - 1
    return f"flat within {grown:.1%}, limit {100 * limit:.0f} %: {verdict(name, grown, limit, 0)}"


def expectations(helper, least):
    """A helper that expects nothing has nothing to do, and its figures would mean nothing."""
    table = net.run(["ip", "netns", "exec", net.FW, "cat", "/proc/net/nf_conntrack_expect"])
    found = len(table.splitlines())
    if (found < least) if helper else found:
        sys.exit(f"bench: {found} expectations with helper {helper}, want at least {least}")


def with_rules(program, helper, measure, port=5060, masquerade=False):
    """A fresh network with one helper, or none; what MEASURE finds there."""
    net.up()
    net.load_rules(helper, port, masquerade)
    with tempfile.TemporaryDirectory() as folder:
        talk = net.Talk(program, folder, port)
        found = measure(talk, helper)
        talk.close()
    net.down()
    return found


# ---- what a message costs ---------------------------------------------------------


def measure_rows(talk, helper):
    """The cost of each row for a client that has signed in."""
    talk("open 0 0")
    talk("pair register registered 0 0 1")
    expectations(helper, 1)
    found = [talk.cost(f"{command} {rounds}")[0] for _, command, rounds, _ in ROWS[:2]]
    expectations(helper, 5)     # and RTP and RTCP, twice
    return found + [talk.cost(f"{command} {rounds}")[0] for _, command, rounds, _ in ROWS[2:]]


def show_rows(program, title, masquerade, limits):
    """The table of ROWS; LIMITS[kind] gives the figure to reach from what sip adds."""
    helpers = (None, "sip", "lcs")
    taken = [[with_rules(program, helper, measure_rows, masquerade=masquerade)
              for helper in helpers] for _ in range(REPEATS)]
    none, sip, lcs = ([median(one[n][row] for one in taken) for row in range(len(ROWS))]
                      for n in range(len(helpers)))
    print(f"\n{title}\nInstructions; one connection in its steady state (the same Call-ID, CSeq "
          f"rising).\n\n{'':22}{'no helper':>10}{'sip adds':>10}{'lcs adds':>10}{'limit':>9} "
          f"{'':8}repeats within")
    for row, base, theirs, ours in zip(ROWS, none, sip, lcs):
        sip_adds, lcs_adds = theirs - base, ours - base
        spread = max((max(costs) - min(costs)) / max(costs) for costs in
                     ([one[n][ROWS.index(row)] for one in taken] for n in range(len(helpers))))
        limit = limits[row[3]] and limits[row[3]](sip_adds)
        told = " " * 18 if limit is None else \
            f"{limit:9.0f} {verdict(row[0], lcs_adds, limit):8}"
        print(f"{row[0]:22}{base:10}{sip_adds:10}{lcs_adds:10}{told}{spread:6.1%}")


def pairs(program):
    """What a helper adds to messages where nothing is translated."""
    show_rows(program, "Messages without NAT", False,
              {MESSAGE: lambda sip: sip / 2, OTHER: lambda sip: sip + 120,
               ACK: lambda sip: sip + 120})


# ---- many clients ------------------------------------------------------------------


def sign_ins(request, answer, before=None):
    """A measurement: what REQUEST costs as the first one of a client (after BEFORE), in crowds."""
    def measure(talk, helper):
        found, there = [], 0
        for crowd in CROWDS:
            last = crowd + SAMPLE - 1
            talk(f"open {there} {last}")
            if before:
                talk(f"pair {before} {answer} {there} {last} 1")
            talk(f"pair {request} {answer} {there} {crowd - 1} 1")
            found.append(talk.cost(f"pair {request} {answer} {crowd} {last} 1")[0])
            there = last + 1
            expectations(helper, there)
        return found
    return measure


def clients(program):
    """Does the thousandth client cost more than the tenth? What memory do they take?"""
    # nf_conntrack_ftp believes nothing before it has seen the end of a line.
    plain = with_rules(program, "ftp", sign_ins("eprt", "ok", "user"), port=21)
    lcs = with_rules(program, "lcs", sign_ins("register", "registered"))
    print("\nA sign-in with many clients signed in\nInstructions, net of a plain expectation "
          "(nf_conntrack_ftp) among as many plain ones.\n\n"
          f"{'signed in':>10}{'sign-in':>10}{'plain':>10}{'net':>10}")
    for crowd, ours, theirs in zip(CROWDS, lcs, plain):
        print(f"{crowd:10}{ours:10}{theirs:10}{ours - theirs:10}")
    print(flat("many clients", [ours - theirs for ours, theirs in zip(lcs, plain)], 0.15))
    bench_memory.show(program, with_rules, verdict)


# ---- NAT -----------------------------------------------------------------------------


def callers(talk, helper):
    """What the first INVITE of these clients costs, all the others before them having called."""
    found, there = [], 0
    talk(f"open 0 {CALLERS[-1] - 1}")
    talk(f"pair register registered 0 {CALLERS[-1] - 1} 1")
    for number in CALLERS:
        first = number - SAMPLE if number == CALLERS[-1] else number - SAMPLE // 2
        if there < first:
            talk(f"pair invite agreed-apart {there} {first - 1} 1")
        found.append(talk.cost(f"pair invite agreed-apart {first} {first + SAMPLE - 1} 1")[0])
        there = first + SAMPLE
    expectations(helper, 4 * there)
    return found


def dropped_call(talk, helper):
    """The number of the first client whose INVITE never arrives, None when all of a few do."""
    talk(f"open 0 {SAMPLE}")
    talk(f"pair register registered 0 {SAMPLE} 1")
    expectations(helper, SAMPLE)
    for n in range(SAMPLE):
        try:
            talk(f"pair invite agreed {n} {n} 1")
        except net.Lost:
            return n + 1
    return None


def split(talk, helper):
    """A REGISTER in two segments, one way: (instructions, segments sent again)."""
    talk("open 0 0")
    talk("pair register registered 0 0 1")
    expectations(helper, 1)
    cost = talk.cost("split register 700 0 160")
    again = []
    for netns in (net.CLIENT, net.SERVER):
        lines = net.run(["ip", "netns", "exec", netns, "cat", "/proc/net/snmp"]).splitlines()
        names, values = (line.split() for line in lines if line.startswith("Tcp:"))
        again.append(int(values[names.index("RetransSegs")]))
    return cost[0], sum(again)


def nat(program):
    """The same where the clients are masqueraded, and what only matters there."""
    net.run(["modprobe", "-a", "nf_nat_sip", "nf_nat_lcs"])
    show_rows(program, "Messages with masquerade", True,
              {MESSAGE: lambda sip: sip / 2, OTHER: None, ACK: lambda sip: 400})
    (alone, _), (ours, again) = (with_rules(program, helper, split, masquerade=True)
                                 for helper in (None, "lcs"))
    # A segment that is sent again has waited for a timeout.
    met = verdict("split REGISTER", ours - alone, 0 if again else A_TIMEOUT)
    print(f"\nA REGISTER in two segments: {alone} alone, lcs adds {ours - alone}; {again} segments "
          f"sent again; no timeout waited for: {met}")
    # To nf_nat_sip of 6.12 a port that another client expects is an error (-EALREADY), not the sign
    # to try the next: it drops the segment, for ever.
    dropped = with_rules(program, "sip", dropped_call, masquerade=True)
    helpers = (None, "lcs") if dropped else (None, "lcs", "sip")
    taken = [with_rules(program, helper, callers, masquerade=True) for helper in helpers]
    none, lcs = taken[:2]
    print("\nThe first call of a client, all with the same inside ports, each to its own peer\n"
          "Instructions of INVITE and 200, over masquerade alone.\n\n"
          f"{'client':>10}{'alone':>10}{'sip adds':>10}{'lcs adds':>10}")
    for n, number in enumerate(CALLERS):
        sip_adds = "drops it" if dropped else taken[2][n] - none[n]
        print(f"{number:10}{none[n]:10}{sip_adds:>10}{lcs[n] - none[n]:10}")
    if dropped:
        print(f"(nf_nat_sip never lets the INVITE of client number {dropped} pass)")
    print("lcs " + flat("media ports", [ours - base for ours, base in zip(lcs, none)], 0.20))


def main(argv):
    """Runs what is asked for."""
    tables = {"pairs": pairs, "clients": clients, "nat": nat}
    if len(argv) < 2 or [t for t in argv[2:] if t not in tables]:
        sys.exit("usage: bench.py TALK [pairs] [clients] [nat]")
    # The tables of the kernel have room for everybody, so that only ours is measured.
    subprocess.run(["modprobe", "nf_conntrack", "expect_hashsize=65536", "hashsize=65536"],
                   check=True)
    for name in argv[2:] or tables:
        try:
            tables[name](argv[1])
        except net.Lost as lost:
            sys.exit(f"bench: {lost}")
    print("\nmissed: " + ", ".join(misses) if misses else "\nall figures met")
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
