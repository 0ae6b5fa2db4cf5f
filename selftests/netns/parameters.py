#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every parameter of the module: described, checked, and effective at once.

Nonsense is EINVAL, changes nothing, and the kernel log says what is allowed
(policy.py has those of signing in, in full). Then the ranges of media, file
transfer and whiteboard in the profiles of the README's table, and lifetimes.
"""

import errno
import os
import subprocess

from lcscall import Call, audio, listen_for_file, whiteboard
from lcspeer import ADDRESS, Rig, Tap, check, client
from lcswire import Probe, wire
from policy import PARAMETERS, PORTS, parameter, read, setting, write
from unload import rmmod

MESSAGE_COST = "/proc/sys/net/core/message_cost"

# Name, default, what is nonsense, a part of the line that helps.
NUMBER = ("", " ", "-1", "1.5", "1e3", "0x10", "99999999999", "12 13", "ten")
KNOWN = {
    "sip_ports": ("1024-65535", PORTS, "LOW-HIGH"),
    "media_ports": ("5350-5353", PORTS, "LOW-HIGH"),
    "ft_ports": ("6891-6900", PORTS, "LOW-HIGH"),
    "nat_ports": ("49152-65535", PORTS, "LOW-HIGH"),
    "t120_port": ("1503", (*NUMBER, "0", "80", "1023", "65536"),
                  "1024 to 65535"),
    "callback_from": ("server", ("", "peer", "0", "any any"),
                      "server or any"),
    "media_from": ("any", ("", "server", "0", "peers"), "any or peer"),
    "loose": ("0", ("", "2", "yes", "-1"), "0 or 1"),
    "relayed": ("0", ("", "2", "yes", "-1"), "0 or 1"),
    "pending_timeout": ("180", (*NUMBER, "0", "3601"), "1 to 3600 seconds"),
    "ft_timeout": ("120", (*NUMBER, "0", "3601"), "1 to 3600 seconds"),
    "registered_max": ("86400", (*NUMBER, "59", "604801"),
                       "60 to 604800 seconds"),
    "dialog_max": ("43200", (*NUMBER, "59", "604801"),
                   "60 to 604800 seconds"),
    "mem_max": ("4194304", (*NUMBER, "65535", "1073741825"), "bytes"),
}


class KernelLog:
    """What the kernel says from now on."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def lines(self):
        found = []
        while True:
            try:
                text = os.read(self.fd, 8192).decode(errors="replace")
            except BlockingIOError:
                return found
            except BrokenPipeError:
                continue
            found.append(text.partition(";")[2].splitlines()[0])


def described(tap):
    with tap.case("modinfo describes each, and there are no others"):
        said = subprocess.run(["modinfo", "-p", "nf_conntrack_lcs"],
                              stdout=subprocess.PIPE, text=True, check=True)
        texts = dict(line.split(":", 1) for line in said.stdout.splitlines())
        check(set(texts) == set(KNOWN), f"modinfo: {sorted(texts)}")
        check(set(os.listdir(PARAMETERS)) == set(KNOWN), "sysfs")
        for name, text in texts.items():
            check(f"default {KNOWN[name][0]}" in text
                  or f"{KNOWN[name][0]} (default)" in text,
                  f"{name}: {text}")


def refused(tap):
    log = KernelLog()
    for name, (default, nonsense, helps) in KNOWN.items():
        with tap.case(f"{name} is {default}; nonsense is EINVAL, changes "
                      "nothing, and the log says what is allowed"):
            check(read(name) == default, f"it is {read(name)}")
            for text in nonsense:
                code = 0
                try:
                    write(name, text)
                except OSError as error:
                    code = error.errno
                check(code == errno.EINVAL, f"{text!r}: errno {code}")
                check(read(name) == default, f"{text!r} made it {read(name)}")
                said = log.lines()
                check(any(f"{name} takes" in line and helps in line
                          for line in said), f"{text!r}: log: {said}")


def at_load(tap):
    with tap.case("at load time too: EINVAL, and the module stays out"):
        subprocess.run(["rmmod", "nf_nat_lcs"], check=False,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["rmmod", "nf_conntrack_lcs"], check=True)
        done = subprocess.run(["modprobe", "nf_conntrack_lcs",
                               "media_ports=5353-5350"], check=False,
                              stderr=subprocess.PIPE, text=True)
        check(done.returncode, "it was loaded")
        check("Invalid argument" in done.stderr, done.stderr)
        check(not os.path.isdir(PARAMETERS), "it is there")
        subprocess.run(["modprobe", "nf_conntrack_lcs",
                        "media_ports=20000-20100", "relayed=1"], check=True)
        check(read("media_ports") == "20000-20100", read("media_ports"))
        write("media_ports", KNOWN["media_ports"][0])
        write("relayed", "0")


def ask(user, media, file, t120=1503):
    """A call and a file transfer with these ports."""
    call = Call(user)
    call.begin(call.own(*audio(media), *whiteboard(t120)),
               call.theirs(*audio(30000), *whiteboard(t120)))
    call.say(listen_for_file(user.address, file))
    return call


def profiles(rig, air, tap, family):
    """The README's rows: settings, ports inside and ports outside."""
    peer = ADDRESS[family]["stranger"]
    rows = (
        ("Windows Messenger with the group policy", {}, (5350, 6891),
         (5354, 6901)),
        ("Windows Messenger without it",
         {"media_ports": "1024-65535"}, (1024, 6900), (1023, 6890)),
        ("Communicator 2007 R2",
         {"media_ports": "1024-65535", "ft_ports": "6891-6901"},
         (65534, 6901), (80, 6902)),
    )
    for name, settings, good, bad in rows:
        with tap.case(f"IPv{family}: {name}: its ports, and no others"), \
                client(rig, family) as user:
            for key, value in settings.items():
                write(key, value)
            try:
                ask(user, *good)
                ask(user, *bad)
            finally:
                for key in settings:
                    write(key, KNOWN[key][0])
            air.expect({
                Probe("udp", peer, user.address, good[0]): "RELATED",
                Probe("udp", peer, user.address, good[0] + 1): "RELATED",
                Probe("udp", peer, user.address, bad[0]): None,
                Probe("tcp", peer, user.address, good[1]): "RELATED",
                Probe("tcp", peer, user.address, bad[1]): None})
    with tap.case(f"IPv{family}: t120_port=2000: that port only"), \
            parameter("t120_port", "2000"), client(rig, family) as user:
        ask(user, 5350, 6891, 2000)
        ask(user, 5352, 6892, 1503)
        air.expect({Probe("tcp", peer, user.address, 2000): "RELATED",
                    Probe("tcp", peer, user.address, 1503): None})


def names_the_parameter(rig, tap):
    """A refusal's line says which parameter to change."""
    log = KernelLog()
    wanted = {"sip_ports": lambda user: user.register(1023),
              "media_ports": lambda user: ask(user, 5360, 6891),
              "ft_ports": lambda user: ask(user, 5350, 7000),
              "t120_port": lambda user: ask(user, 5350, 6891, 1504)}
    for name, act in wanted.items():
        with tap.case(f"a refused port: the log names {name}"), \
                client(rig) as user:
            log.lines()
            act(user)
            said = log.lines()
            check(any(f"outside parameter {name}" in line for line in said),
                  str(said))


def relayed_is_said_once(rig, tap):
    """Every call has such endpoints; the log says it for the first only."""
    log = KernelLog()
    with tap.case("what is relayed: the log names relayed=1, once"), \
            client(rig) as user:
        said = []
        for _ in range(2):
            call = Call(user)
            call.begin(call.own(*audio(5350)), call.theirs(*audio(5350)))
            said += [line for line in log.lines() if "relayed=1" in line]
        check(len(said) == 1, str(said))
        check(not any(text in said[0] for text in
                      ("bob", "6c345e9d", user.address)), str(said))


def lifetimes(rig, tap):
    for name, port, least in (("dialog_max", 5350, 540),
                              ("ft_timeout", 6891, 540)):
        with tap.case(f"{name}=600: the lifetime is that"), \
                parameter(name, "600"), client(rig) as user:
            ask(user, 5350, 6891)
            left = rig.expectation(dport=port).timeout
            check(least < left <= 600, rig.expectation(dport=port).line)
    with tap.case("pending_timeout=60: a call that nobody answers"), \
            parameter("pending_timeout", "60"), client(rig) as user:
        call = Call(user)
        call.begin(call.own(*audio(5350)))
        left = rig.expectation(dport=5350).timeout
        check(0 < left <= 60, rig.expectation(dport=5350).line)


def main():
    rmmod()         # what is said once was perhaps said before
    rig, tap = Rig("ipv6"), Tap()
    described(tap)
    refused(tap)
    relayed_is_said_once(rig, tap)
    with wire(rig) as air:
        for family in (4, 6):
            profiles(rig, air, tap, family)
        with setting(MESSAGE_COST, "0"):
            names_the_parameter(rig, tap)
        lifetimes(rig, tap)
        rig.run("fw", "nft", "flush", "ruleset")
        rig.run("fw", "conntrack", "-F")
    at_load(tap)
    tap.done()


if __name__ == "__main__":
    main()
