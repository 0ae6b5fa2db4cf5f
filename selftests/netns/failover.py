#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Connections that this firewall has from another one: conntrackd injects their
entries, and where those name the helper they are read, from the next message on.

The entry of a live connection is taken away and put in again over ctnetlink, as
conntrackd does it: without the helper's name, with it, and in the midst of a
message.
"""

import socket
import struct

from lcspeer import ADDRESS, FAMILY, SIP_PORT, Rig, Tap, check, client, ntlm

NETLINK_NETFILTER = 12
CT_NEW = 1 << 8                     # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
FLAGS = 0x0001 | 0x0004 | 0x0200 | 0x0400     # REQUEST, ACK, EXCL, CREATE
ERROR = 2
NESTED = 0x8000
# linux/netfilter/nfnetlink_conntrack.h
TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, HELP, TIMEOUT = 1, 2, 3, 4, 5, 7
TUPLE_IP, TUPLE_PROTO = 1, 2
SRC = {4: 1, 6: 3}                  # the destination is one above
SEEN_REPLY, ASSURED, CONFIRMED = 1 << 1, 1 << 2, 1 << 3
ESTABLISHED, LIBERAL = 3, 8


def attribute(kind, *values):
    """Of bytes, or of other attributes."""
    data = b"".join(values)
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def nest(kind, *attributes):
    return attribute(kind | NESTED, *attributes)


def tuple_of(kind, family, source, target, ports):
    addresses = [socket.inet_pton(FAMILY[family], a) for a in (source, target)]
    return nest(kind, nest(TUPLE_IP, *(attribute(SRC[family] + i, a)
                                       for i, a in enumerate(addresses))),
                nest(TUPLE_PROTO, attribute(1, b"\6"),
                     *(attribute(2 + i, struct.pack("!H", port))
                       for i, port in enumerate(ports))))


def inject(rig, user, helper):
    """What conntrackd sends for an established connection of this client."""
    ends = user.address, ADDRESS[user.family][user.server]
    ports = user.ports[-1], SIP_PORT
    body = struct.pack("BBH", FAMILY[user.family], 0, 0)
    body += tuple_of(TUPLE_ORIG, user.family, *ends, ports)
    body += tuple_of(TUPLE_REPLY, user.family, *ends[::-1], ports[::-1])
    body += attribute(STATUS, struct.pack(
        "!I", SEEN_REPLY | ASSURED | CONFIRMED))
    body += attribute(TIMEOUT, struct.pack("!I", 432000))
    body += nest(PROTOINFO, nest(1, attribute(1, bytes([ESTABLISHED])),
                                 attribute(4, bytes([LIBERAL, LIBERAL])),
                                 attribute(5, bytes([LIBERAL, LIBERAL]))))
    if helper:
        body += nest(HELP, attribute(1, helper.encode() + b"\0"))
    netlink = rig.socket("fw", socket.AF_NETLINK, socket.SOCK_RAW,
                         NETLINK_NETFILTER)
    netlink.send(struct.pack("IHHII", 16 + len(body), CT_NEW, FLAGS, 1, 0)
                 + body)
    answer = netlink.recv(4096)
    netlink.close()
    kind, error = struct.unpack_from("H", answer, 4)[0], struct.unpack_from(
        "i", answer, 16)[0]
    check(kind == ERROR and not error, f"ctnetlink says {error}")


def fail_over(rig, user, helper="lcs"):
    """The entry of a connection at rest goes, and comes back from elsewhere."""
    rig.barrier("client", "server", user.family)
    rig.run("fw", "conntrack", "-f", f"ipv{user.family}", "-D", "-p", "tcp",
            "--orig-port-src", str(user.ports[-1]))
    inject(rig, user, helper)


def taken_over(rig, tap, family):
    with tap.case(f"IPv{family}: an injected entry with the helper's name is "
                  "read: who signs in is called"), client(rig, family) as user:
        user.sign_in(7100)
        before = rig.counters()["unproven"]
        fail_over(rig, user)
        check(not rig.expectations(dport=7100), "what was expected is there")
        user.must_not_be_called(7100)
        user.sign_in(7101)
        user.must_be_called(7101)
        for port in (7100, 7102):
            user.must_not_be_called(port)
        user.must_not_be_called(7101, by="stranger")
        check(rig.counters()["unproven"] == before, "it is counted as unproven")
        user.sign_out(7101)
        user.must_not_be_called(7101)


def without_helper(rig, tap, family):
    with tap.case(f"IPv{family}: one without the name is not read"), \
            client(rig, family) as user:
        before = rig.counters()["messages"]
        fail_over(rig, user, None)
        user.sign_in(7100)
        user.must_not_be_called(7100)
        check(rig.counters()["messages"] == before, "messages were read")


def in_a_message(rig, tap, family):
    with tap.case(f"IPv{family}: injected in the midst of a message: its rest "
                  "opens nothing, the next one does"), \
            client(rig, family) as user:
        text = user.register_text(7100, ntlm(600))
        half = text.index(b"Contact:")
        user.main.forth(text[:half])
        fail_over(rig, user)
        user.main.forth(text[half:])
        user.accept(7100)
        check(not rig.expectations(dport=7100), "half a message was read")
        user.must_not_be_called(7100)
        user.sign_in(7101)
        user.must_be_called(7101)


def main():
    rig, tap = Rig("ipv6"), Tap()
    for family in (4, 6):
        for test in (taken_over, without_helper, in_a_message):
            test(rig, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
