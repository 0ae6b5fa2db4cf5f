# SPDX-License-Identifier: GPL-2.0
"""What memory a client takes, from /proc/slabinfo; a part of selftests/bench/bench.py."""
import glob
import sys

CLIENTS = 1000
SIZES = {}              # of the objects of a cache, bytes
IDLE_LIMIT = 768        # bytes of ours for an idle helped connection
STAGES = (
    ("connected", None),
    ("signed in", "pair register registered 0 {last} 1"),
    ("in a call", "pair invite agreed 0 {last} 1"),
)


def slabs():
    """cache: bytes in use. The free objects that CPUs keep at hand are given back before."""
    for path in glob.glob("/sys/kernel/slab/*/shrink"):
        with open(path, "w", encoding="ascii") as file:
            file.write("1")
    used = {}
    with open("/proc/slabinfo", encoding="ascii") as file:
        for line in file.readlines()[2:]:
            name, active, _, size = line.split()[:4]
            used[name] = int(active) * int(size)
            SIZES[name] = int(size)
    return used


def measure(talk, helper):
    """For each stage, cache: bytes a client."""
    del helper
    last = CLIENTS - 1
    before, found = slabs(), []
    for _, command in STAGES:
        if command:
            talk(command.format(last=last))
        else:
            talk(f"open 0 {last}")
            for n in range(CLIENTS):
                talk(f"up keepalive {n} 1")
        now = slabs()
        found.append({name: (now[name] - before.get(name, 0)) / CLIENTS for name in now})
    return found


def caches(stage, *beginnings):
    """The caches whose names begin so. One that is not there would take nothing, and be cheap."""
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in stage):
            sys.exit(f"bench: no cache {beginning} in /proc/slabinfo: merged with another? "
                     "scripts/bench starts the kernel with slab_nomerge")
    return {name: size for name, size in stage.items() if name.startswith(beginnings)}


def part(stage, *beginnings):
    """Bytes in the caches whose names begin so."""
    return sum(caches(stage, *beginnings).values())


def beyond(stage, bare):
    """Whole objects of the general caches that a client takes beyond one of another stage: what
    others in the kernel take or give back meanwhile is no whole one for each of a thousand."""
    return sum(round((size - bare.get(name, 0)) / SIZES[name]) * SIZES[name]
               for name, size in caches(stage, "kmalloc-").items())


def show(program, with_rules, verdict):
    """The table, without and with masquerade."""
    print(f"\nMemory of a client, of {CLIENTS}\nBytes; kmalloc: what it takes there beyond a "
          "client of nf_conntrack_sip that has connected.\n\n"
          f"{'':24}{'conn, client':>13}{'pinholes':>10}{'kmalloc':>9}{'kernel exp.':>13}")
    for masquerade, where in ((False, ""), (True, ", NAT")):
        bare = with_rules(program, "sip", lambda talk, _: measure(talk, "sip")[:1],
                          masquerade=masquerade)[0]
        for (name, _), stage in zip(STAGES, with_rules(program, "lcs", measure,
                                                       masquerade=masquerade)):
            ours = part(stage, "lcs_conn", "lcs_client")
            more = beyond(stage, bare)
            told = ""
            if name == STAGES[0][0]:
                # Where no object of ours is seen, what else was taken is not its cost.
                total = ours + (max(more, 0) if masquerade and ours > 0 else 0)
                told = (f"   {total:.0f}, limit {IDLE_LIMIT}: "
                        + verdict("idle connection" + where, total, IDLE_LIMIT))
            print(f"{name + where:24}{ours:13.0f}{part(stage, 'lcs_pinhole'):10.0f}{more:9.0f}"
                  f"{part(stage, 'nf_conntrack_expect'):13.0f}{told}")
