#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Several dialogs, and a registration, that need the same port: each asks, is
answered, fails and ends by itself. What the last one leaves closes; what one of
them still needs stays; with media_from=peer those may send who belong to them.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import time

from calls import addresses
from lcscall import (INVITATION, Call, audio, listen_for_file, sdp,
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
    with tap.case(f"IPv{family}: media_from=peer: anybody while the second "
                  "call rings, then the peers of both, then who is left"), \
            client(rig, family) as user:
        first, second, third = sources(user)
        one, two = two_calls(user)
        one.begin(one.own(*audio(20000)), one.theirs(*audio(30000)))
        air.expect({first: "RELATED", second: None, third: None})
        two.begin(two.own(*audio(20000)))
        air.related(first, second, third)
        two.answer(200, "INVITE", two.theirs(*audio(30000)))
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
            ringing(rig, tap, family)
            file_again(rig, tap, family)
            with parameter("media_from", "peer"):
                who_may_send(rig, air, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
