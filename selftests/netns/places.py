#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Outside ports at the edges of their ranges, and how long a client keeps one.

RTP and RTCP both lie within nat_ports or in neither half; RTCP that the text
does not name is beside its RTP, or the message passes as it is; a wide range of
file ports; a pinhole that the kernel's table had no room for keeps its outside
form as long as its registration lives, and opens with the next refresh; of
several bindings in an answer a client's own decides, in its outside form.
Profile: media_ports=1024-65535 where media is spoken of, and what a case states.
"""

import contextlib

from lcscall import Call, audio, listen_for_file
from lcspeer import (ADDRESS, Tap, check, host_text, wait_until)
from natports import expect_max, many_addresses, users
from natrig import Flow, NatRig, nat_user
from policy import parameter


@contextlib.contextmanager
def stays_as_it_is(rig, user):
    """What the client says meanwhile has no outside port, and passes so."""
    before, user.main.stays = rig.counters()["refused_outside"], True
    yield
    user.main.stays = False
    check(rig.counters()["refused_outside"] > before, "nothing was refused")


def pair_of(rig, user, port):
    """The outside ports of a call's RTP and RTCP, both in use."""
    call = Call(user)
    call.begin(call.own(*audio(port)), call.theirs(*audio(30000 + port % 2)))
    for step in (0, 1):
        flow = Flow(rig, user, port + step, 30000 + port % 2 + step)
        flow.inward()
        flow.outward()
        flow.close()
    return [user.form(port + step, "udp") for step in (0, 1)]


def edges(rig, tap, family):
    # Each with ports of its own: those of the last case are held until the sweep.
    with tap.case(f"IPv{family}: nat_ports=50000-50002: one pair, also for a "
                  "client that has 50002 itself; the next passes as it is"), \
            parameter("nat_ports", "50000-50002"), \
            users(rig, family, 2) as (one, other):
        pair = pair_of(rig, one, 50002)
        check(pair == [50000, 50001], str(pair))
        with stays_as_it_is(rig, other):
            Call(other).begin(Call(other).own(*audio(20000)))
        check(("udp", other.address, 20000) not in other.table.forms,
              "it has an outside port")
    with tap.case(f"IPv{family}: nat_ports=50101-50104: an odd port has its "
                  "RTCP in the next pair, and that does not fit"), \
            parameter("nat_ports", "50101-50104"), \
            nat_user(rig, family) as user:
        with stays_as_it_is(rig, user):
            Call(user).begin(Call(user).own(*audio(20001)))
        check(("udp", user.address, 20001) not in user.table.forms,
              "it has an outside port")
    with tap.case(f"IPv{family}: nat_ports=50202-50205: it does"), \
            parameter("nat_ports", "50202-50205"), \
            nat_user(rig, family) as user:
        pair = pair_of(rig, user, 20001)
        check(pair == [50203, 50204], str(pair))


def implied(rig, tap, family):
    """RTCP is named apart from its RTP at first, later not at all."""
    with tap.case(f"IPv{family}: a=rtcp goes in a re-INVITE: RTCP is beside "
                  "its RTP then"), parameter("nat_ports", "50000-50999"), \
            nat_user(rig, family) as user:
        call = Call(user)
        call.begin(call.own(*audio(20001, "a=rtcp:20009")),
                   call.theirs(*audio(30000)))
        call.begin(call.own(*audio(20001)), call.theirs(*audio(30000)))
        check(user.form(20002, "udp") == user.form(20001, "udp") + 1,
              f"{user.form(20001, 'udp')}, {user.form(20002, 'udp')}")
    with tap.case(f"IPv{family}: and where that port is another client's, the "
                  "re-INVITE passes as it is"), \
            parameter("nat_ports", "50302-50307"), \
            users(rig, family, 2) as (one, other):
        call = Call(one)
        call.begin(call.own(*audio(20001, "a=rtcp:30009")))
        beside = pair_of(rig, other, 20000)
        check(one.form(20001, "udp") ^ 1 not in beside, "they share a pair")
        with stays_as_it_is(rig, one):
            call.request("INVITE", call.own(*audio(20001)))
        check(("udp", one.address, 20002) not in one.table.forms,
              "RTCP has an outside port")
        flow = Flow(rig, other, 20001, 30001)
        flow.inward()
        flow.close()


def wide(rig, tap, family):
    with tap.case(f"IPv{family}: ft_ports=6000-9000: three clients on 6891, "
                  "each with a port of that range, and its own files"), \
            parameter("ft_ports", "6000-9000"), users(rig, family, 3) as found:
        for user in found:
            Call(user).say(listen_for_file(user.address, 6891))
        ports = {user.form(6891) for user in found}
        check(len(ports) == 3, str(ports))
        check(ports <= set(range(6000, 9001)), str(ports))
        for user in found:
            link = user.called(6891, by="stranger")
            check(link and link.state == "RELATED", "a file did not come")


def refused(rig, tap, family):
    with tap.case(f"IPv{family}: no room in the kernel's table: what is said "
                  "keeps its outside form for as long as the registration "
                  "lives, and is open after the next refresh"), \
            nat_user(rig, family, host="second") as other, \
            nat_user(rig, family) as user:
        with parameter("pending_timeout", "1"):
            other.register(7100)
            before, most = rig.counters(), expect_max("1")
            try:
                user.sign_in(7100)
                call = Call(user)
                call.begin(call.own(*audio(20000)))
            finally:
                expect_max(most)
            check(rig.counters()["refused_table_full"] >
                  before["refused_table_full"], "the table was not full")
            check(user.form(20000, "udp"), "the call has no outside port")
            outside = user.form(7100)
            # What was never confirmed goes; first of all that of the other.
            wait_until(lambda: rig.counters()["closed_callback"] >
                       before["closed_callback"], "the sweep")
            other.register(7200)
            other.accept(7200)
        user.main.back(user.notify_text(7100))
        user.main.forth(user.answer_text(200))
        user.must_not_be_called(7100)
        user.register(7100)
        user.accept(7100)
        check(user.form(7100) == outside, "a refresh moved it")
        user.must_be_called(7100)


def expired(rig, tap, family):
    with tap.case(f"IPv{family}: what has expired takes no room in the kernel's"
                  " table once the sweep has seen it"), \
            nat_user(rig, family) as user:
        before, most = rig.counters(), expect_max("8")
        try:
            with parameter("pending_timeout", "1"):
                for port in range(7100, 7108):
                    user.register(port)
            wait_until(lambda: rig.counters()["closed_callback"] >=
                       before["closed_callback"] + 8, "the sweep")
            for port in range(7200, 7208):
                user.sign_in(port)
        finally:
            expect_max(most)
        check(rig.counters()["refused_table_full"] ==
              before["refused_table_full"], "the table was full")
        user.must_be_called(7207)


def bindings(rig, tap, family):
    other = host_text(ADDRESS[family]["stranger"])
    with tap.case(f"IPv{family}: an answer lists two bindings: the lifetime of "
                  "the client's own counts, which it has outside"), \
            nat_user(rig, family) as user:
        own = f"<sip:{host_text(user.address)}:7100>"
        for first in (True, False):
            user.register(own)
            both = [f"{own};expires=600", f"<sip:{other}:7100>;expires=7200"]
            user.accept(", ".join(both if first else both[::-1]), expires=None)
            exp = rig.expectation(dst=user.table.outside)
            check(540 < exp.timeout <= 600, exp.line)
            user.must_be_called(7100)


def main():
    rig, tap = NatRig("ipv6"), Tap()
    many_addresses(rig)
    for family in (4, 6):
        with parameter("media_ports", "1024-65535"):
            for test in (edges, implied, refused):
                test(rig, tap, family)
        for test in (wide, expired, bindings):
            test(rig, tap, family)
    with tap.case("no packet was invalid"):
        check(not rig.invalid(), f"{rig.invalid()} packets were invalid")
    tap.done()


if __name__ == "__main__":
    main()
