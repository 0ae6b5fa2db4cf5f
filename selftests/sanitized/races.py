#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
"""Everything at once, on all CPUs, for LCS_SECONDS seconds (default 60).

200 connections speak both ways as fast as they can: sign-ins, calls, files,
keep-alives, callbacks and media, half of them behind masquerade. Meanwhile the
ruleset is flushed and loaded, entries and expectations are deleted, parameters
are written, whole networks come and go in the midst of their traffic, and the
modules are unloaded and loaded again. Connections may die of that, and new ones
take their place; what matters is that the kernel finds no mistake (whoever runs
this looks at its log and asks it for leaks), and that all goes on afterwards.

For the kernel of scripts/check-sanitized; it runs on any.
"""

import contextlib
import glob
import itertools
import multiprocessing
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
from crowd import Crowd                                        # noqa: E402
from lcspeer import (LIMIT, Client, Failed, Rig, Tap, check,    # noqa: E402
                     objects, wait_until)

SECONDS = int(os.environ.get("LCS_SECONDS", "60"))
CONNECTIONS = 200
WORKERS = 4
PARAMETERS = "/sys/module/nf_conntrack_lcs/parameters"
VALUES = {
    "sip_ports": ("1024-65535", "7000-7999"),
    "media_ports": ("5350-5353", "1024-65535"),
    "ft_ports": ("6891-6900", "1024-65535"),
    "nat_ports": ("49152-65535", "49152-49300"),
    "t120_port": ("1503", "1600"),
    "callback_from": ("server", "any"), "media_from": ("any", "peer"),
    "relayed": ("0", "1"), "loose": ("0", "1"),
    "pending_timeout": ("1", "180"), "ft_timeout": ("1", "120"),
    "registered_max": ("60", "86400"), "dialog_max": ("60", "43200"),
    "mem_max": ("65536", "4194304"),
}
MASQUERADE = """
table inet lcs_nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan0" ip saddr 10.0.0.6 masquerade
	}
}
"""
MODULES = ("nf_nat_lcs", "nf_conntrack_lcs", "nf_lcs_proto")


def quiet(*words, text=None):
    """A command that may fail, for somebody else is at it, too."""
    return subprocess.run(words, input=text, text=True, check=False,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def try_run(rig, *words, text=None):
    with contextlib.suppress(Failed):
        rig.run("fw", *words, text=text)
        return True
    return False


def load_rules(rig):
    """The README's, and translation of one of the two hosts inside: both?"""
    with contextlib.suppress(Failed):
        rig.shell("lcs_rules")
        return try_run(rig, "nft", "-f", "-", text=MASQUERADE)
    return False


# ---- what disturbs ---------------------------------------------------------
# Each is called again and again by a process of its own, and says whether it has
# done what it is for: somebody else may have been in its way.

def reload_rules(rig):
    """Flushed and loaded; the ruleset flushes itself, too."""
    if random.random() < 0.3:
        try_run(rig, "nft", "flush", "ruleset")
        time.sleep(random.random())
    done = load_rules(rig)
    time.sleep(random.random() * 2)
    return done


def delete_entries(rig):
    """All entries, some of them, all expectations."""
    words = random.choice((
        ["-F"], ["-F", "expect"], ["-D", "-s", "10.0.0.6"],
        ["-D", "-p", "tcp", "--dport", "5060"],
        ["-D", "-p", "tcp", "--orig-port-dst", "7100"],
        ["-D", "-p", "udp"]))
    done = try_run(rig, "conntrack", *words)    # not where there is none
    time.sleep(random.random() * 4)
    return done


def write_parameters(_rig):
    """One of them, one of two values."""
    name = random.choice(list(VALUES))
    try:
        with open(f"{PARAMETERS}/{name}", "w", encoding="ascii") as file:
            file.write(random.choice(VALUES[name]))
        return True
    except OSError:         # unloaded just now
        return False
    finally:
        time.sleep(random.random() / 10)


def read_counters(rig):
    """As an administrator does who watches this."""
    done = False
    with contextlib.suppress(OSError):      # unloaded just now
        done = bool(rig.counters())
    done = try_run(rig, "conntrack", "-L", "expect") and done
    time.sleep(random.random())
    return done


def unload(rig):
    """The companion alone, with the rules in place; or all of them, which
    nothing must hold then."""
    done = False
    if random.random() < 0.5:
        done = quiet("rmmod", "nf_nat_lcs")
        time.sleep(random.random())
    else:
        end = time.monotonic() + 20
        while not done and time.monotonic() < end:
            for name in glob.glob("/run/netns/*-fw"):
                quiet("ip", "netns", "exec", os.path.basename(name), "nft",
                      "flush", "ruleset")
            done = quiet("rmmod", *MODULES)
        time.sleep(random.random())
    quiet("modprobe", "nf_conntrack_lcs")
    quiet("modprobe", "nf_nat_lcs")
    load_rules(rig)
    time.sleep(3)
    return done


def another_network(_rig):
    """A network of its own comes, its hosts speak, and its firewall goes while
    they do."""
    os.environ["LCS_NS"] = f"other{os.getpid()}"
    other = None
    try:
        Rig.shell("lcs_up")
        other = Rig()
        on_all_cpus()
        load_rules(other)
        crowd = Crowd(other, 20)
        crowd.run(time.monotonic() + 2 + random.random() * 3)
        end = time.monotonic() + LIMIT
        while not crowd.messages and time.monotonic() < end:
            crowd.run(time.monotonic() + 1)
        with Going():
            crowd.run(time.monotonic() + 2)
        crowd.close()
        return crowd.messages > 0
    except Failed:
        return False
    finally:
        if other:
            for fd in other.fds.values():
                os.close(fd)
        with contextlib.suppress(Failed):
            Rig.shell("lcs_down")


class Going:
    """The firewall of LCS_NS is taken away meanwhile."""

    def __enter__(self):
        self.process = subprocess.Popen(
            ["ip", "netns", "del", os.environ["LCS_NS"] + "-fw"])

    def __exit__(self, *_):
        self.process.wait()


DISTURB = (reload_rules, delete_entries, write_parameters, read_counters,
           unload, another_network)


# ---- processes -------------------------------------------------------------

def on_all_cpus():
    """Rig stays on one CPU for the sake of order; here is none."""
    os.sched_setaffinity(0, range(os.cpu_count()))


def goes_on(until, values):
    """Until that time; where a machine is slow, until each has come about."""
    now = time.monotonic()
    return now < until or (now < until + LIMIT
                           and not all(value.value for value in values))


def disturb(rig, how, until, done, values):
    """The process of a disturber; done: how often it has succeeded."""
    on_all_cpus()
    random.seed()
    while goes_on(until, values):
        if how(rig):
            done.value += 1


def speak(rig, count, until, said, values):
    """The process of a part of the crowd; said: messages that arrived, and
    those among them that were translated."""
    on_all_cpus()
    random.seed()
    crowd = Crowd(rig, count, said)
    while goes_on(until, values):
        crowd.run(time.monotonic() + 1)
    crowd.tell()
    crowd.close()


def all_at_once(rig, until):
    """Runs them; ([messages of each], [translated], {disturber: how often})."""
    counts = {how.__name__: multiprocessing.Value("L") for how in DISTURB}
    said = [(multiprocessing.Value("L"), multiprocessing.Value("L"))
            for _ in range(WORKERS)]
    values = [*counts.values(), *itertools.chain(*said)]
    processes = [multiprocessing.Process(
        target=disturb, args=(rig, how, until, counts[how.__name__], values))
        for how in DISTURB]
    processes += [multiprocessing.Process(
        target=speak, args=(rig, CONNECTIONS // WORKERS, until, pair, values))
        for pair in said]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    check(all(p.exitcode == 0 for p in processes), "a process died: "
          f"{[p.exitcode for p in processes]}")
    return ([messages.value for messages, _ in said],
            [translated.value for _, translated in said],
            {name: value.value for name, value in counts.items()})


def defaults():
    """The parameters as they were."""
    for name, values in VALUES.items():
        with open(f"{PARAMETERS}/{name}", "w", encoding="ascii") as file:
            file.write(values[0])


def main():
    rig, tap = Rig(), Tap()
    with tap.case(f"{CONNECTIONS} connections speak for {SECONDS} s, whatever "
                  "happens around them"):
        check(load_rules(rig), "the rules cannot be loaded")
        said, translated, counts = all_at_once(rig,
                                               time.monotonic() + SECONDS)
        print(f"# messages: {sum(said)}; translated: {sum(translated)}")
        for name, count in counts.items():
            print(f"# {name}: {count}", flush=True)
        check(min(said) > 0, f"messages of each process: {said}")
        check(min(translated) > 0, f"translated in each: {translated}")
        check(min(counts.values()) > 0, "a disturbance never came about")
    with tap.case("afterwards a client signs in, as ever, and is called"):
        quiet("modprobe", "nf_conntrack_lcs")
        defaults()
        check(load_rules(rig), "the rules cannot be loaded")
        rig.run("fw", "conntrack", "-F")
        user = Client(rig)
        user.sign_in(7300)
        user.must_be_called(7300)
        user.close()
    with tap.case("nothing is held, no object is left, the modules go"):
        rig.run("fw", "conntrack", "-F")
        rig.must_hold_nothing()
        wait_until(lambda: not any(objects().values()), "no objects")
        rig.run("fw", "nft", "flush", "ruleset")
        wait_until(lambda: quiet("rmmod", *MODULES), "rmmod")
    tap.done()


if __name__ == "__main__":
    main()
