#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What stays open in the middle of a call: on hold, whoever says so and however;
whatever Expires says; and when the connection on which its client signed in is
gone, for a call on the callback connection.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

from calls import addresses, near
from lcscall import Call, audio, sdp
from lcspeer import Rig, Tap, check, client, wait_until
from lcswire import Probe, wire
from policy import parameter


def on_hold(rig, air, tap, family):
    nowhere = "0.0.0.0" if family == 4 else "::"
    for by_client in (True, False):
        who = "offers" if by_client else "answers"
        with tap.case(f"IPv{family}: the client {who} to hold: what is open "
                      "stays, and so after it goes on"), \
                client(rig, family) as user:
            peer, _ = addresses(user)
            call = Call(user)
            call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
            ports = [Probe("udp", peer, user.address, port)
                     for port in (20000, 20001)]
            for own in (nowhere, user.address):
                both = sdp(own, *audio(20000)), call.theirs(*audio(30000))
                offer, answer = both if by_client else reversed(both)
                call.request("INVITE", offer, by_client=by_client)
                call.answer(200, "INVITE", answer, by_client=not by_client)
                call.request("ACK", by_client=by_client,
                             cseq=call.cseq[by_client])
                air.related(*ports)
                air.shut(*near(user, "udp", 20000, peer))
            call.bye()
            air.shut(*ports)


def expires(rig, air, tap, family):
    with tap.case(f"IPv{family}: Expires of an INVITE, and of its 200, says "
                  "nothing of how long the call may last"), \
            client(rig, family) as user:
        peer, _ = addresses(user)
        call = Call(user)
        call.request("INVITE", call.own(*audio(20000)), extra=["Expires: 30"])
        call.answer(200, "INVITE", call.theirs(*audio(30000)),
                    extra=["Expires: 0"])
        call.request("ACK", cseq=1)
        air.related(Probe("udp", peer, user.address, 20000))
        for port in (20000, 20001):
            check(rig.expectation(dport=port).timeout > 3600,
                  rig.expectation(dport=port).line)
        call.bye()
        air.shut(Probe("udp", peer, user.address, 20000))


def without_main(rig, air, tap, family):
    with tap.case(f"IPv{family}: the main connection is gone: a call on the "
                  "callback connection has its media, also after the sweep"), \
            client(rig, family) as user:
        peer, _ = addresses(user)
        user.sign_in(7100)
        link = user.must_get_through(7100)
        link.forth(user.notify_text(7100))
        before = rig.counters()["releases"]
        rig.run("fw", "conntrack", "-f", f"ipv{family}", "-D", "-p", "tcp",
                "--orig-port-src", str(user.ports[0]))
        call = Call(user, by_peer=True)
        call.request("INVITE", call.theirs(*audio(30000)), by_client=False,
                     link=link)
        call.answer(200, "INVITE", call.own(*audio(20000)), by_client=True,
                    link=link)
        call.request("ACK", by_client=False, cseq=1, link=link)
        ports = [Probe("udp", peer, user.address, port)
                 for port in (20000, 20001)]
        air.related(*ports)
        wait_until(lambda: rig.counters()["releases"] > before, "the sweep")
        air.related(*ports)
        air.shut(*near(user, "udp", 20000, peer))
        call.bye(link=link)
        air.shut(*ports)


def main():
    rig, tap = Rig("ipv6"), Tap()
    with wire(rig) as air, parameter("media_ports", "1024-65535"):
        for family in (4, 6):
            for test in (on_hold, expires, without_main):
                test(rig, air, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
