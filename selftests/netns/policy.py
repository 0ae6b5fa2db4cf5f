#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The module's parameters for signing in: what they allow, that they act at once,
and that nonsense is refused and changes nothing.
"""

import contextlib
import errno

from lcspeer import ADDRESS, Rig, Tap, check, client, ntlm

PARAMETERS = "/sys/module/nf_conntrack_lcs/parameters"
PORTS = ("", " ", "7100", "7100-", "-7103", "7103-7100", "1023-7103", "0-0",
         "7100-65536", "+7100-7103", "7100-7103x", "7100--7103", "a-b",
         "7100-71037103", "1024-99999999999")
BAD = {
    "sip_ports": PORTS,
    "callback_from": ("", "nobody", "server any", "2"),
    "pending_timeout": ("", "-1", "0", "1.5", "99999999999", "10s"),
    "registered_max": ("", "-1", "0", "1e9"),
    "mem_max": ("", "-1", "0", "4M"),
}


def read(name):
    with open(f"{PARAMETERS}/{name}", encoding="ascii") as value:
        return value.read().strip()


def write(name, text):
    with open(f"{PARAMETERS}/{name}", "w", encoding="ascii") as value:
        value.write(text + "\n")


@contextlib.contextmanager
def parameter(name, text):
    """A parameter is another for one case."""
    before = read(name)
    write(name, text)
    check(read(name) == text, f"{name} is {read(name)}, not {text}")
    try:
        yield
    finally:
        write(name, before)


@contextlib.contextmanager
def setting(path, text):
    """A file of the kernel's says something else for a while."""
    with open(path, encoding="ascii") as value:
        before = value.read()
    put(path, text)
    try:
        yield
    finally:
        put(path, before)


def put(path, text):
    with open(path, "w", encoding="ascii") as value:
        value.write(text)


def defaults(tap):
    for name, value in (("sip_ports", "1024-65535"),
                        ("callback_from", "server")):
        with tap.case(f"{name} is {value}"):
            check(read(name) == value, read(name))


def malformed(tap):
    for name, texts in BAD.items():
        before = read(name)
        with tap.case(f"{name}: nonsense is refused with EINVAL"):
            for text in texts:
                code = 0
                try:
                    write(name, text)
                except OSError as error:
                    code = error.errno
                check(code == errno.EINVAL, f"{text!r}: errno {code}")
                check(read(name) == before, f"{text!r} made it {read(name)}")


def group_policy(rig, tap, family):
    with tap.case(f"IPv{family}: sip_ports=7100-7103: those four and no "
                  "other"), parameter("sip_ports", "7100-7103"), \
            client(rig, family) as user:
        before = rig.counters()["refused_port"]
        for port in (7100, 7103):
            user.sign_in(port)
            user.must_be_called(port)
        check(rig.counters()["refused_port"] == before, "counted a good one")
        for port in (7099, 7104, 1024, 65535):
            user.sign_in(port)
            user.must_not_be_called(port)
        check(rig.counters()["refused_port"] > before, "refusals not counted")
    with tap.case(f"IPv{family}: narrowed while a client is signed in: it "
                  "stays, the next is refused, until it is widened"), \
            client(rig, family) as user:
        user.sign_in(8100)
        with parameter("sip_ports", "7100-7103"):
            user.must_be_called(8100)
            user.sign_in(8200)
            user.must_not_be_called(8200)
        user.register(8200, ntlm(60))
        user.accept(8200)
        user.must_be_called(8200)


def pool(rig, tap, family):
    with tap.case(f"IPv{family}: callback_from=any: another host may call, "
                  "that port only"), parameter("callback_from", "any"), \
            client(rig, family) as user:
        user.register(7100)
        user.must_not_be_called(7100, by="stranger")
        user.accept(7100)
        user.must_be_called(7100)
        user.must_be_called(7100, by="stranger")
        user.must_not_be_called(7101, by="stranger")
    with tap.case(f"IPv{family}: callback_from=server again: only it"), \
            client(rig, family) as user:
        user.sign_in(7100)
        user.must_not_be_called(7100, by="stranger")
        check(rig.expectation(dport=7100).src == ADDRESS[family]["server"],
              "the source of the expectation")


def limits(rig, tap):
    with tap.case("registered_max=600: a day becomes ten minutes"), \
            parameter("registered_max", "600"), client(rig) as user:
        user.sign_in(7100, expires=86400)
        check(540 < rig.expectation(dport=7100).timeout <= 600,
              rig.expectation(dport=7100).line)
    with tap.case("pending_timeout=30: what waits, waits that long"), \
            parameter("pending_timeout", "30"), client(rig) as user:
        user.register(7100)
        check(rig.expectation(dport=7100).timeout <= 30,
              rig.expectation(dport=7100).line)
    with tap.case("a client has at most 64 expectations, the first stay"), \
            client(rig) as user:
        for port in range(7100, 7100 + 80):
            user.register(port)
            user.accept(port)
        found = {e.dport for e in rig.expectations()}
        check(found == set(range(7100, 7164)), str(sorted(found)))
        user.must_be_called(7100)
        user.must_be_called(7163)
        user.must_not_be_called(7164)
        user.sign_out(7120)
        user.sign_in(7170)
        user.must_be_called(7170)


def main():
    rig, tap = Rig("ipv6"), Tap()
    defaults(tap)
    malformed(tap)
    for family in (4, 6):
        group_policy(rig, tap, family)
        pool(rig, tap, family)
    limits(rig, tap)
    tap.done()


if __name__ == "__main__":
    main()
