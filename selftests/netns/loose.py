#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Connections that conntrack has forgotten (conntrack -F, a restarted firewall).

loose=0, the default: they open nothing any more. loose=1: they are read again
from the next segment that begins with a start line, and open when the peer has
answered, not before. The stream passes in either case.
Profile: the module's defaults, loose as stated.
"""

from lcscall import Call, audio, whiteboard
from lcspeer import ADDRESS, Rig, Tap, check, client, ntlm
from lcswire import Probe, wire
from policy import parameter


def flush(rig):
    """conntrack -F, and the barriers of the rig on new connections."""
    rig.run("fw", "conntrack", "-F")
    for link in rig.barriers.values():
        link.close()
    rig.barriers.clear()


def nothing(rig, what):
    found = rig.expectations()
    check(not found, f"{what}: " + "\n".join(e.line for e in found))


def strict(rig, air, tap, family):
    with tap.case(f"IPv{family}: loose=0: after conntrack -F the connection "
                  "goes on, and opens nothing; the next one does"), \
            client(rig, family) as user:
        peer = ADDRESS[family]["stranger"]
        user.sign_in(7100)
        flush(rig)
        before = rig.counters()["unproven"]
        nothing(rig, "after the flush")
        user.sign_in(7100)
        call = Call(user)
        call.begin(call.own(*audio(5350)), call.theirs(*audio(5350)))
        nothing(rig, "after a sign-in and a call")
        user.must_not_be_called(7100)
        air.shut(Probe("udp", peer, user.address, 5350))
        check(rig.counters()["unproven"] == before + 1, "not counted once")
        user.connect()
        user.sign_in(7100)
        user.must_be_called(7100)


def register(rig, air, tap, family):
    with tap.case(f"IPv{family}: loose=1: the next REGISTER opens its port, "
                  "but only with the 200"), parameter("loose", "1"), \
            client(rig, family) as user:
        user.sign_in(7100)
        flush(rig)
        user.register(7101, ntlm(600))
        user.must_not_be_called(7101)
        user.must_not_be_called(7100)
        user.challenge()
        user.must_not_be_called(7101)
        user.register(7101, ntlm(600), cuts=(500, 700))
        user.must_not_be_called(7101)
        user.accept(7101)
        user.must_be_called(7101)
        user.must_not_be_called(7102)
        user.must_not_be_called(7101, by="stranger")
    with tap.case(f"IPv{family}: loose=1: a 403 opens nothing"), \
            parameter("loose", "1"), client(rig, family) as user:
        user.register(7100)
        flush(rig)
        user.register(7101)
        user.answer(403)
        nothing(rig, "after the 403")


def in_the_middle(rig, air, tap, family):
    with tap.case(f"IPv{family}: loose=1: forgotten in the middle of a "
                  "message, read from the next one on"), \
            parameter("loose", "1"), client(rig, family) as user:
        text = user.register_text(7100, ntlm(600))
        user.main.forth(text[:300])
        flush(rig)
        user.main.forth(text[300:])
        user.accept(7100)
        nothing(rig, "half a REGISTER")
        user.register(7101)
        user.accept(7101)
        user.must_be_called(7101)
        user.must_not_be_called(7100)
    with tap.case(f"IPv{family}: loose=1: not from a start line inside of a "
                  "segment"), parameter("loose", "1"), \
            client(rig, family) as user:
        user.main.forth(b"\r\n\r\n")
        flush(rig)
        user.main.forth(b"x" * 100 + b"\r\n" + user.register_text(7100))
        user.accept(7100)
        nothing(rig, "inside of a segment")


def call(rig, air, tap, family):
    peer = ADDRESS[family]["stranger"]
    with tap.case(f"IPv{family}: loose=1: a call opens with the peer's 200, "
                  "not with the INVITE, and closes with the BYE"), \
            parameter("loose", "1"), client(rig, family) as user:
        user.main.forth(b"\r\n\r\n")
        flush(rig)
        # The packet that makes the new entry is not read itself.
        user.main.forth(b"\r\n\r\n")
        ports = [Probe("udp", peer, user.address, 5350),
                 Probe("udp", peer, user.address, 5351),
                 Probe("tcp", peer, user.address, 1503)]
        talk = Call(user)
        talk.begin(talk.own(*audio(5350), *whiteboard()))
        air.shut(*ports)
        talk.answer(200, "INVITE", talk.theirs(*audio(5350), *whiteboard()))
        air.related(*ports)
        talk.request("ACK", cseq=1)
        air.related(*ports)
        talk.bye()
        air.shut(*ports)
    with tap.case(f"IPv{family}: loose=1, relayed=1: the peer's 200 leads out "
                  "to where it listens, the INVITE does not"), \
            parameter("loose", "1"), parameter("relayed", "1"), \
            client(rig, family) as user:
        user.main.forth(b"\r\n\r\n")
        flush(rig)
        user.main.forth(b"\r\n\r\n")
        port = Probe("udp", user.address, peer, 5352)
        talk = Call(user)
        talk.begin(talk.own(*audio(5350)))
        air.shut(port)
        talk.answer(200, "INVITE", talk.theirs(*audio(5352)))
        air.related(port)
        talk.bye()
        air.shut(port)
    with tap.case(f"IPv{family}: loose=1: called, it opens with the peer's "
                  "ACK, not with the client's own 200"), \
            parameter("loose", "1"), client(rig, family) as user:
        user.main.forth(b"\r\n\r\n")
        flush(rig)
        user.main.forth(b"\r\n\r\n")
        talk = Call(user, by_peer=True)
        talk.begin(talk.theirs(*audio(5350)))
        talk.answer(200, "INVITE", talk.own(*audio(5350)), by_client=True)
        air.shut(Probe("udp", peer, user.address, 5350))
        talk.request("ACK", by_client=False, cseq=1)
        air.related(Probe("udp", peer, user.address, 5350))
        talk.bye()
        air.shut(Probe("udp", peer, user.address, 5350))


def main():
    rig, tap = Rig("ipv6"), Tap()
    with wire(rig) as air:
        for family in (4, 6):
            strict(rig, air, tap, family)
            register(rig, air, tap, family)
            in_the_middle(rig, air, tap, family)
            call(rig, air, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
