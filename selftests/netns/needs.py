#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Several dialogs, and a registration, that need the same port: each asks, is
answered, fails and ends by itself. What the last one leaves closes; what one of
them still needs stays; with media_from=peer those may send who belong to them.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import dataclasses
import time

from calls import addresses
from lcscall import (INVITATION, Call, audio, listen_for_file, sdp, video,
                     whiteboard)
from lcspeer import ADDRESS, Rig, Tap, check, client, contact
from lcswire import HOSTS, Probe, wire
from policy import parameter

T120 = 1503
# So many dialogs of a row are told from each other.
DIALOGS = 4


def board(user):
    return Probe("tcp", addresses(user)[0], user.address, T120)


def boards(user, count):
    """Dialogs, and what each side says of its whiteboard."""
    calls = [Call(user) for _ in range(count)]
    return calls, calls[0].own(*whiteboard()), calls[0].theirs(*whiteboard())


def refuse(call, code=603):
    call.answer(code, "INVITE")
    call.request("ACK", cseq=call.cseq[True])


def one_fails(rig, air, tap, family):
    for how in ("603", "488", "CANCEL"):
        with tap.case(f"IPv{family}: two whiteboards, {how} for the second: "
                      "the first one's BYE closes the port"), \
                client(rig, family) as user:
            (one, two), own, theirs = boards(user, 2)
            one.begin(own, theirs)
            two.begin(own)
            if how == "CANCEL":
                two.cancel()
            else:
                refuse(two, int(how))
            air.related(board(user))
            one.bye()
            air.shut(board(user))
    with tap.case(f"IPv{family}: the first ends while the second rings, which "
                  "then fails: shut"), client(rig, family) as user:
        (one, two), own, theirs = boards(user, 2)
        one.begin(own, theirs)
        two.begin(own)
        one.bye()
        air.related(board(user))
        refuse(two)
        air.shut(board(user))
    with tap.case(f"IPv{family}: two ring at once, the first is accepted, the "
                  "second refused: open until the first ends"), \
            client(rig, family) as user:
        (one, two), own, theirs = boards(user, 2)
        one.begin(own)
        two.begin(own)
        one.answer(200, "INVITE", theirs)
        one.request("ACK", cseq=1)
        refuse(two)
        air.related(board(user))
        one.bye()
        air.shut(board(user))


def many_fail(rig, air, tap, family):
    with tap.case(f"IPv{family}: dialogs that failed take no room: after "
                  f"{2 * DIALOGS} of them a BYE still closes"), \
            client(rig, family) as user:
        (one, *others), own, theirs = boards(user, 1 + 2 * DIALOGS)
        one.begin(own, theirs)
        for call in others:
            call.begin(own)
            refuse(call)
        air.related(board(user))
        one.bye()
        air.shut(board(user))
    with tap.case(f"IPv{family}: {DIALOGS + 1} dialogs at once, more than are "
                  "told from each other: none loses its port"), \
            client(rig, family) as user:
        calls, own, theirs = boards(user, DIALOGS + 1)
        for call in calls:
            call.begin(own, theirs)
        for call in calls[:-1]:
            call.bye()
            air.related(board(user))


def registration(rig, tap, family):
    with tap.case(f"IPv{family}: a SUBSCRIBE with the Contact that a REGISTER "
                  "waits for, and its failure, take nothing from it"), \
            client(rig, family) as user:
        user.register(7100)
        call = Call(user)
        call.request("SUBSCRIBE",
                     extra=[f"Contact: {contact(user.address, 7100)}"])
        user.accept(7100)
        call.answer(603, "SUBSCRIBE")
        user.must_be_called(7100)
        user.must_not_be_called(7101)
        user.sign_out(7100)
        user.must_not_be_called(7100)


def late(rig, tap, family):
    with tap.case(f"IPv{family}: a subscription whose time was up, on a port "
                  "that a call needs, too: what comes late is as new"), \
            client(rig, family) as user:
        here = [f"Contact: {contact(user.address, 7100)}"]
        call, other = Call(user), Call(user)
        call.request("INVITE", extra=here)
        call.answer(200, "INVITE")
        other.request("SUBSCRIBE", extra=here)
        other.answer(200, "SUBSCRIBE", extra=["Expires: 1"])
        time.sleep(1.2)
        other.request("NOTIFY", by_client=False)
        other.answer(200, "NOTIFY", by_client=True, extra=here)
        call.bye()
        user.must_be_called(7100)
        user.must_not_be_called(7101)
        other.bye()
        user.must_not_be_called(7100)


def notified(rig, tap, family):
    with tap.case(f"IPv{family}: the client's answer to a NOTIFY does not "
                  "prolong a subscription's Contact"), \
            client(rig, family) as user:
        here = [f"Contact: {contact(user.address, 7100)}"]
        call = Call(user)
        call.request("SUBSCRIBE", extra=here)
        call.answer(200, "SUBSCRIBE", extra=["Expires: 600"])
        call.request("NOTIFY", by_client=False)
        call.answer(200, "NOTIFY", by_client=True, extra=here)
        left = rig.expectation(dport=7100).timeout
        check(left <= 600, f"{left} s are left")
        user.must_be_called(7100)


def ringing(rig, tap, family):
    with tap.case(f"IPv{family}: the Contact of a 180 is called while it rings, "
                  "and not after it was given up"), \
            client(rig, family) as user:
        call = Call(user, by_peer=True)
        call.request("INVITE", by_client=False)
        call.answer(180, "INVITE", by_client=True,
                    extra=[f"Contact: {contact(user.address, 7100)}"])
        user.must_be_called(7100)
        call.cancel()
        user.must_not_be_called(7100)


def file_again(rig, tap, family):
    with tap.case(f"IPv{family}: a file's port is used up, named again and "
                  "refused: shut"), client(rig, family) as user:
        call = Call(user)
        call.say(listen_for_file(user.address, 6891))
        listener = user.listener(6891)
        user.links.append(rig.knock("stranger", listener))
        check(user.links[-1], "the file does not come")
        call.request("MESSAGE", listen_for_file(user.address, 6891, 2),
                     INVITATION)
        call.answer(488, "MESSAGE")
        check(not rig.knock("stranger", listener), "open")


def early_media(call, port, code):
    """An UPDATE, answered while the call rings; then how the INVITE ends."""
    call.begin(call.own(*audio(20000)))
    call.answer(183, "INVITE", call.theirs(*audio(30000)))
    call.request("UPDATE", call.own(*audio(port)))
    call.answer(200, "UPDATE", call.theirs(*audio(30000)))
    if code == "CANCEL":
        call.request("CANCEL", cseq=1)
    elif code:
        call.answer(code, "INVITE", cseq=1)
        call.request("ACK", cseq=1)


def early(rig, air, tap, family):
    for port, code in ((20000, 603), (20010, 480), (20010, "CANCEL")):
        with tap.case(f"IPv{family}: an UPDATE is accepted while it rings, port "
                      f"{port}, then {code}: shut"), client(rig, family) as user:
            call = Call(user)
            here = addresses(user)[0], user.address
            early_media(call, port, code)
            air.shut(*(Probe("udp", *here, p) for p in (20000, 20001, 20010,
                                                        20011)))
    for port in (20000, 20010):
        with tap.case(f"IPv{family}: an UPDATE is accepted while it rings, port "
                      f"{port}, then the call: open until BYE, a refused "
                      "re-INVITE takes nothing"), client(rig, family) as user:
            call = Call(user)
            probe = Probe("udp", addresses(user)[0], user.address, port)
            early_media(call, port, 200)
            call.request("INVITE", call.own(*audio(port), *video(20020)))
            refuse(call, 488)
            air.related(probe)
            air.shut(dataclasses.replace(probe, dport=20020))
            call.bye()
            air.shut(probe)


def beside_invite(rig, air, tap, family):
    with tap.case(f"IPv{family}: an UPDATE is accepted while it rings; a "
                  "re-INVITE of the peer's overtakes the answer and is "
                  "refused: the call has its port"), \
            client(rig, family) as user:
        call = Call(user)
        probe = Probe("udp", addresses(user)[0], user.address, 20000)
        early_media(call, 20000, None)
        call.request("INVITE", call.theirs(*audio(30000)), by_client=False)
        call.answer(488, "INVITE", by_client=True)
        air.related(probe)
        call.answer(200, "INVITE", call.theirs(*audio(30000)), cseq=1)
        call.request("ACK", cseq=1)
        air.related(probe)
        call.bye()
        air.shut(probe)
    with tap.case(f"IPv{family}: a re-INVITE is refused, an UPDATE beside it is "
                  "accepted later: open until BYE"), \
            client(rig, family) as user:
        call = Call(user)
        probe = Probe("udp", addresses(user)[0], user.address, 20020)
        more = call.own(*audio(20000), *video(20020))
        call.begin(call.own(*audio(20000)), call.theirs(*audio(30000)))
        call.request("INVITE", more)
        call.request("UPDATE", more)
        call.answer(488, "INVITE", cseq=2)
        call.request("ACK", cseq=2)
        call.answer(200, "UPDATE", call.theirs(*audio(30000), *video(30020)))
        air.related(probe, dataclasses.replace(probe, dport=20000))
        call.bye()
        air.shut(probe, dataclasses.replace(probe, dport=20000))
    with tap.case(f"IPv{family}: an UPDATE is refused while it rings, or not "
                  "answered: the call has its port, and the other is shut"), \
            client(rig, family) as user:
        call = Call(user)
        probe = Probe("udp", addresses(user)[0], user.address, 20000)
        call.begin(call.own(*audio(20000)))
        call.request("UPDATE", call.own(*audio(20000), *video(20010)))
        call.answer(488, "UPDATE")
        air.related(probe)
        air.shut(dataclasses.replace(probe, dport=20010))
        # Only this one is waited for so shortly, however slow the machine is.
        with parameter("pending_timeout", "2"):
            call.request("UPDATE", call.own(*audio(20000)))
        call.answer(200, "INVITE", call.theirs(*audio(30000)), cseq=1)
        call.request("ACK", cseq=1)
        time.sleep(2.5)
        air.related(probe)
        call.bye()
        air.shut(probe)


def sources(user):
    """Hosts outside: one to call, another to call, one that nobody names."""
    names = ADDRESS[user.family]
    third = names["server"].rsplit(":" if user.family == 6 else ".", 1)[0]
    third += ":99" if user.family == 6 else ".99"
    HOSTS[third] = "stranger"
    return [Probe("udp", source, user.address, 20000)
            for source in (names["stranger"], names["server"], third)]


def two_calls(user):
    one, two = Call(user), Call(user)
    two.peer = ADDRESS[user.family]["server"]
    return one, two


def who_may_send(rig, air, tap, family):
    nowhere = "0.0.0.0" if family == 4 else "::"
    with tap.case(f"IPv{family}: media_from=peer: anybody while a call rings, "
                  "the first or the second, then the peers of both, answered "
                  "again too, then who is left"), \
            client(rig, family) as user:
        first, second, third = sources(user)
        one, two = two_calls(user)
        one.begin(one.own(*audio(20000)))
        air.related(first, second, third)
        one.answer(200, "INVITE", one.theirs(*audio(30000)))
        air.expect({first: "RELATED", second: None, third: None})
        two.begin(two.own(*audio(20000)))
        air.related(first, second, third)
        two.answer(200, "INVITE", two.theirs(*audio(30000)))
        air.expect({first: "RELATED", second: "RELATED", third: None})
        one.begin(one.own(*audio(20000)), one.theirs(*audio(30010)))
        air.expect({first: "RELATED", second: "RELATED", third: None})
        one.bye()
        air.expect({first: None, second: "RELATED", third: None})
        two.bye()
        air.shut(first, second, third)
    with tap.case(f"IPv{family}: media_from=peer: the peer of a call on hold is "
                  "still known when another begins"), \
            client(rig, family) as user:
        first, second, third = sources(user)
        one, two = two_calls(user)
        one.begin(one.own(*audio(20000)), one.theirs(*audio(30000)))
        one.request("INVITE", sdp(nowhere, *audio(30000)), by_client=False)
        one.answer(200, "INVITE", one.own(*audio(20000)), by_client=True)
        one.request("ACK", by_client=False, cseq=one.cseq[False])
        air.expect({first: "RELATED", second: None})
        two.begin(two.own(*audio(20000)), two.theirs(*audio(30000)))
        air.expect({first: "RELATED", second: "RELATED", third: None})
    with tap.case(f"IPv{family}: media_from=peer: more addresses than a port "
                  "can be narrowed to: anybody, for both calls"), \
            client(rig, family) as user:
        first, second, third = sources(user)
        one, two = two_calls(user)
        one.begin(one.own(*audio(20000)), one.theirs(*audio(30000)))
        base = first.source.rsplit(":" if family == 6 else ".", 1)[0]
        sep = ":" if family == 6 else "."
        many = [f"a=candidate:{n} 1 UDP 2 {base}{sep}{n + 100} 30000 typ host"
                for n in range(12)]
        two.begin(two.own(*audio(20000)), two.theirs(*audio(30000, *many)))
        air.related(first, second, third)
        two.bye()
        air.expect({first: "RELATED", second: None, third: None})


def main():
    rig, tap = Rig("ipv6"), Tap()
    with wire(rig) as air, parameter("media_ports", "1024-65535"):
        for family in (4, 6):
            one_fails(rig, air, tap, family)
            many_fail(rig, air, tap, family)
            registration(rig, tap, family)
            late(rig, tap, family)
            notified(rig, tap, family)
            ringing(rig, tap, family)
            file_again(rig, tap, family)
            early(rig, air, tap, family)
            beside_invite(rig, air, tap, family)
            with parameter("media_from", "peer"):
                who_may_send(rig, air, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
