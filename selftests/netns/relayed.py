#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the server relays: the peer's listeners, outbound from the client only.

With relayed=0 (the default) nothing opens. With relayed=1 the peer's media, file
listener and whiteboard open from that client to that peer: not from another
host, not to another, not in the other direction, and never to the firewall or
to what is no host.
Profile: the module's defaults, relayed as stated.
"""

from lcscall import (Call, audio, listen_for_file, sdp, video, whiteboard)
from lcspeer import ADDRESS, Rig, Tap, check, client
from lcswire import Probe, wire
from policy import parameter

# Nowhere an outside account may have a client's firewall open to.
NEVER = {
    4: {"10.0.0.1": "the firewall, inside", "192.0.2.1": "the firewall, outside",
        "127.0.0.1": "loopback", "127.1.2.3": "loopback",
        "224.0.0.1": "multicast", "239.1.2.3": "multicast",
        "255.255.255.255": "broadcast", "192.0.2.255": "a net's broadcast",
        "10.0.0.255": "the own net's broadcast", "0.0.0.0": "no host",
        "10.0.0.5": "the client itself"},
    6: {"2001:db8::1": "the firewall, inside",
        "2001:db8:1::1": "the firewall, outside", "::1": "loopback",
        "ff02::1": "multicast", "ff0e::1": "multicast", "::": "no host",
        "::ffff:10.0.0.6": "a mapped address",
        "2001:db8::5": "the client itself"},
}


def say_all(user, address):
    """The peer, or whoever says so, listens at this address."""
    call = Call(user, by_peer=True)
    call.begin(sdp(address, *audio(5350), *video(5352), *whiteboard()))
    call.answer(200, "INVITE", call.own(*audio(5350), *video(0),
                                        *whiteboard(0)), by_client=True)
    call.say(listen_for_file(address, 6891), by_client=False)
    return call


def outward(user, target):
    """The packets that would reach such listeners."""
    return [Probe(proto, user.address, target, port) for proto, port in
            (("udp", 5350), ("udp", 5351), ("tcp", 1503), ("tcp", 6891))]


def media_out(rig, air, tap, family):
    names = ADDRESS[family]
    peer, server = names["stranger"], names["server"]
    with tap.case(f"IPv{family}: relayed=0: nothing leads out, and each is "
                  "counted"), client(rig, family) as user:
        before = rig.counters()["refused_relayed"]
        call = Call(user)
        call.begin(call.own(*audio(5350)), call.theirs(*audio(5352)))
        call.say(listen_for_file(peer, 6891), by_client=False)
        air.shut(*(Probe("udp", user.address, peer, port)
                   for port in range(5350, 5354)),
                 Probe("tcp", user.address, peer, 6891))
        check(rig.counters()["refused_relayed"] == before + 3, "the counter")
        check(len(rig.expectations()) == 2, "other than the client's own")
    with tap.case(f"IPv{family}: relayed=1: from the client to the peer, "
                  "until the BYE"), parameter("relayed", "1"), \
            client(rig, family) as user:
        call = Call(user)
        call.begin(call.own(*audio(5350), *whiteboard()),
                   call.theirs(*audio(5352), *whiteboard()))
        call.say(listen_for_file(peer, 6891), by_client=False)
        out = [Probe("udp", user.address, peer, 5352),
               Probe("udp", user.address, peer, 5353),
               Probe("tcp", user.address, peer, 1503)]
        air.related(*out)
        air.shut(*(Probe("udp", user.address, peer, port)
                   for port in (5350, 5351, 5354)),
                 *(Probe(p.proto, names["second"], peer, p.dport)
                   for p in out),
                 *(Probe(p.proto, user.address, server, p.dport)
                   for p in out),
                 Probe("tcp", user.address, peer, 5352),
                 Probe("udp", user.address, peer, 1503),
                 Probe("udp", peer, user.address, 5352),
                 Probe("udp", peer, user.address, 5353),
                 Probe("tcp", user.address, peer, 6892))
        air.related(Probe("tcp", user.address, peer, 6891))
        air.shut(Probe("tcp", user.address, peer, 6891))
        call.bye()
        air.shut(*out)
    with tap.case(f"IPv{family}: relayed=1: only ports of the ranges"), \
            parameter("relayed", "1"), client(rig, family) as user:
        before = rig.counters()["refused_port"]
        call = Call(user)
        call.begin(call.own(*audio(5350)),
                   call.theirs(*audio(5354), *video(445), *whiteboard(3389)))
        call.say(listen_for_file(peer, 22), by_client=False)
        call.say(listen_for_file(peer, 6902), by_client=False)
        check(rig.counters()["refused_port"] >= before + 5, "the counter")
        air.shut(Probe("udp", user.address, peer, 5354),
                 Probe("udp", user.address, peer, 445),
                 Probe("tcp", user.address, peer, 3389),
                 Probe("tcp", user.address, peer, 22),
                 Probe("tcp", user.address, peer, 6902))
        check(len(rig.expectations()) == 2, "other than the client's own")


def never(rig, air, tap, family):
    for address, what in NEVER[family].items():
        with tap.case(f"IPv{family}: relayed=1: never to {address}, {what}"), \
                parameter("relayed", "1"), client(rig, family) as user:
            say_all(user, address)
            wrong = [e.line for e in rig.expectations()
                     if e.src != ("0.0.0.0" if family == 4 else "::")]
            check(not wrong, "\n".join(wrong))
            check(len(rig.expectations()) == 2, "the client's own two")
    with tap.case(f"IPv{family}: relayed=1: the same words with the peer's "
                  "address do open"), parameter("relayed", "1"), \
            client(rig, family) as user:
        peer = ADDRESS[family]["stranger"]
        say_all(user, peer)
        air.related(Probe("udp", user.address, peer, 5350),
                    Probe("tcp", user.address, peer, 6891))


def contacts(rig, air, tap, family):
    with tap.case(f"IPv{family}: relayed=1: a peer's Contact opens nothing"), \
            parameter("relayed", "1"), client(rig, family) as user:
        peer = ADDRESS[family]["stranger"]
        call = Call(user, by_peer=True)
        call.request("INVITE", by_client=False, extra=[
            f"Contact: <sip:alice@example.com:7100;maddr={peer};"
            "transport=tcp>"])
        call.answer(200, "INVITE", by_client=True)
        check(not rig.expectations(), "expectations")
        air.shut(Probe("tcp", user.address, peer, 7100))


def main():
    rig, tap = Rig("ipv6"), Tap()
    with wire(rig) as air:
        for family in (4, 6):
            media_out(rig, air, tap, family)
            never(rig, air, tap, family)
            contacts(rig, air, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
