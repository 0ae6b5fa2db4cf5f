#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""When the way to a client's Contact is open, and when it is not.

Inactive until the 2xx of that REGISTER; kept by 401 and 407; dropped by other
failures unless confirmed before; its lifetime is the 2xx's; prolonged by a
refresh, ended by Expires 0 in each of its forms and by time (RFC 3261 10.2 and
10.3).
"""

from lcspeer import (ADDRESS, Rig, Tap, check, client, contact, host_text,
                     ntlm, wait_until)

PORT = 7100


def lifetime(rig):
    return rig.expectation(dport=PORT).timeout


def must_live(rig, seconds):
    """The expectation has that lifetime, less what the test took so far."""
    left = lifetime(rig)
    check(seconds - 60 < left <= seconds, f"lives {left} s, not {seconds} s")


def before_the_answer(rig, tap, family):
    with tap.case(f"IPv{family}: refused before the 200, open after it"), \
            client(rig, family) as user:
        user.register(PORT)
        check(rig.expectation(dport=PORT).inactive, "active on the request")
        user.must_not_be_called(PORT)
        user.accept(PORT)
        check(not rig.expectation(dport=PORT).inactive, "inactive after 200")
        user.must_be_called(PORT)


def challenged(rig, tap, family):
    with tap.case(f"IPv{family}: kept, but shut, across 401 and 407"), \
            client(rig, family) as user:
        for code in (401, 407, 401):
            user.register(PORT)
            user.must_not_be_called(PORT)
            user.challenge(code)
            check(rig.expectation(dport=PORT).inactive, f"after {code}")
            user.must_not_be_called(PORT)
        user.register(PORT, ntlm(600))
        user.must_not_be_called(PORT)
        user.accept(PORT)
        user.must_be_called(PORT)


def failed(rig, tap, family, code):
    with tap.case(f"IPv{family}: {code} drops what was not confirmed"), \
            client(rig, family) as user:
        user.register(PORT)
        user.challenge()
        user.register(PORT, ntlm(600))
        user.answer(code)
        check(not rig.expectations(dport=PORT), "the expectation is there")
        user.must_not_be_called(PORT)
        user.sign_in(PORT)
        user.must_be_called(PORT)


def failed_refresh(rig, tap, family):
    with tap.case(f"IPv{family}: a failed refresh does not cut a live "
                  "binding"), client(rig, family) as user:
        user.sign_in(PORT, expires=1800)
        for code in (401, 403, 407, 503):
            user.register(PORT)
            user.must_be_called(PORT)
            user.answer(code)
            user.must_be_called(PORT)
        must_live(rig, 1800)


def not_this_answer(rig, tap, family):
    with tap.case(f"IPv{family}: only the 2xx to that REGISTER opens"), \
            client(rig, family) as user:
        user.register(PORT)
        user.register(PORT, ntlm(300))
        first, second = user.cseq - 1, user.cseq
        here = f"Contact: {contact(user.address, PORT)}"
        user.answer(200, here, call_id="0" * 32)
        user.must_not_be_called(PORT)
        user.answer(200, here, cseq=second + 5)
        user.must_not_be_called(PORT)
        user.main.back(user.answer_text(200, here).replace(
            b" REGISTER", b" SUBSCRIBE"))
        user.must_not_be_called(PORT)
        user.answer(100)
        user.must_not_be_called(PORT)
        user.challenge()
        user.must_not_be_called(PORT)
        check(first < second, "two requests")
        user.answer(200, here)
        user.must_be_called(PORT)


def own_answer(rig, tap, family):
    with tap.case(f"IPv{family}: the client cannot answer itself"), \
            client(rig, family) as user:
        user.register(PORT)
        user.main.forth(user.answer_text(
            200, f"Contact: {contact(user.address, PORT)}"))
        user.must_not_be_called(PORT)


def lifetimes(rig, tap, family):
    """Where the lifetime comes from, in this order (RFC 3261 10.2.1.1, 10.3)."""
    here = "<sip:{A}:{P};transport=tcp>"
    other = "<sip:10.7.7.7:7101;transport=tcp>"
    cases = (
        ("our Contact's expires before the header", (),
         (f"Contact: {here};expires=1200", "Expires: 7200"), 1200),
        ("the header of the 200", (),
         (f"Contact: {here}", "Expires: 900"), 900),
        ("the request's header, when the 200 names none",
         ("Expires: 700",), (f"Contact: {here}",), 700),
        ("3600, when nobody names one", (), (f"Contact: {here}",), 3600),
        ("a 200 without Contact", (), ("Expires: 900",), 900),
        ("the 200 before the request", ("Expires: 7200",),
         (f"Contact: {here};expires=900",), 900),
        ("ours among several, one line", (),
         (f"Contact: {other};expires=7200, {here};expires=900, "
          "<sip:10.7.7.8:7100;transport=tcp>;expires=300",
          "Expires: 7200"), 900),
        ("ours among several, own line", (),
         (f"Contact: {other};expires=7200", f"Contact: {here};expires=900",
          "Expires: 7200"), 900),
        ("header names in capitals and compact", (),
         (f"m: {here}", "EXPIRES : 900"), 900),
    )
    for name, asked, said, seconds in cases:
        with tap.case(f"IPv{family}: lifetime: {name}"), \
                client(rig, family) as user:
            user.register(PORT, *asked)
            user.answer(200, *(line.format(A=host_text(user.address), P=PORT)
                               for line in said))
            must_live(rig, seconds)
            user.must_be_called(PORT)


def renamed(rig, tap, family):
    """The server puts its own view of the connection into the Contact ([MS-SIP]
    4.4 and 4.5: ms-received-cid)."""
    uuid = '+sip.instance="<urn:uuid:34{}59{}B-0585-5EAC-8C3E-2D34A1B2C3D4>"'
    with tap.case(f"IPv{family}: lifetime: ours by +sip.instance, in another "
                  "case, when the server changed the address"), \
            client(rig, family) as user:
        where = contact(user.address, PORT) + ";" + uuid.format("D8", "D")
        port = user.main.a.getsockname()[1]
        user.register(where)
        user.answer(200, "Contact: <sip:10.7.7.7:7101;transport=tcp>"
                    ";expires=7200",
                    f"Contact: <sip:{host_text(user.address)}:{port}"
                    ";transport=tcp;ms-received-cid=1E00>;expires=900;"
                    + uuid.format("d8", "d"), "Expires: 7200")
        must_live(rig, 900)
        user.must_be_called(PORT)


def refreshed(rig, tap, family):
    with tap.case(f"IPv{family}: a refresh prolongs"), \
            client(rig, family) as user:
        user.sign_in(PORT, expires=600)
        must_live(rig, 600)
        user.register(PORT)
        user.accept(PORT, expires=3600)
        must_live(rig, 3600)
        user.register(PORT)
        user.accept(PORT, expires=900)
        must_live(rig, 900)
        rig.expectation(dport=PORT)
        user.must_be_called(PORT)


def moved(rig, tap, family):
    with tap.case(f"IPv{family}: another Contact in a later REGISTER opens "
                  "beside the first"), client(rig, family) as user:
        user.sign_in(PORT)
        user.sign_in(PORT + 5)
        user.must_be_called(PORT)
        user.must_be_called(PORT + 5)


def signed_out(rig, tap, family):
    forms = (
        ("Expires: 0", "{here}", ("Expires: 0",)),
        (";expires=0", "{here};expires=0", ()),
        ("Contact: *", "*", ("Expires: 0",)),
    )
    for name, where, headers in forms:
        with tap.case(f"IPv{family}: closed at once by {name}"), \
                client(rig, family) as user:
            user.sign_in(PORT)
            link = user.must_be_called(PORT)
            user.register(where.format(here=contact(user.address, PORT)),
                          *headers)
            check(not rig.expectations(dport=PORT), "still there")
            user.must_not_be_called(PORT)
            user.answer(200)
            user.must_not_be_called(PORT)
            link.forth(user.notify_text(PORT))
            user.sign_in(PORT)
            user.must_be_called(PORT)
    with tap.case(f"IPv{family}: ;expires=0 of one Contact leaves the other"), \
            client(rig, family) as user:
        user.sign_in(PORT)
        user.sign_in(PORT + 5)
        user.register(contact(user.address, PORT) + ";expires=0")
        user.answer(200)
        user.must_not_be_called(PORT)
        user.must_be_called(PORT + 5)


def server_says_no_more(rig, tap, family):
    with tap.case(f"IPv{family}: a 200 that gives our Contact expires=0 "
                  "leaves nothing open"), client(rig, family) as user:
        user.register(PORT)
        user.answer(200, f"Contact: {contact(user.address, PORT)};expires=0")
        user.must_not_be_called(PORT)


def expired(rig, tap, family):
    with tap.case(f"IPv{family}: shut after its time, open again after the "
                  "next sign-in"), client(rig, family) as user:
        user.sign_in(PORT, expires=900)
        link = user.must_be_called(PORT)
        # However slow this machine is, it was open before that.
        user.register(PORT)
        user.accept(PORT, expires=3)

        def shut():
            late = user.called(PORT)
            if late:
                late.close()
            return not late
        wait_until(shut, "the end of a lifetime of 3 s")
        link.forth(user.notify_text(PORT))
        link.back(user.answer_text(200))
        user.sign_in(PORT)
        user.must_be_called(PORT)


def huge(rig, tap, family):
    for text in ("99999999999999999999", "4294967296", "-1", "3600x", ""):
        with tap.case(f"IPv{family}: 'Expires: {text}' in the 200 passes"), \
                client(rig, family) as user:
            user.sign_in(PORT, expires=text)
            user.sign_in(PORT, expires=900)
            must_live(rig, 900)
            user.must_be_called(PORT)


def callback_register(rig, tap, family):
    """The server is no client: what it 'registers' opens nothing."""
    with tap.case(f"IPv{family}: a REGISTER from the server opens nothing"), \
            client(rig, family) as user:
        user.register(None)
        user.answer(200)
        server = ADDRESS[family]["server"]
        for address in (user.address, server):
            user.main.back(user.register_text(contact(address, PORT)))
            user.main.forth(user.answer_text(
                200, f"Contact: {contact(address, PORT)}"))
        check(not rig.expectations(dport=PORT), "an expectation")
        user.must_not_be_called(PORT)


def main():
    rig, tap = Rig("ipv6"), Tap()
    for family in (4, 6):
        before_the_answer(rig, tap, family)
        challenged(rig, tap, family)
        for code in (403, 404, 503, 504, 301):
            failed(rig, tap, family, code)
        failed_refresh(rig, tap, family)
        not_this_answer(rig, tap, family)
        own_answer(rig, tap, family)
        lifetimes(rig, tap, family)
        renamed(rig, tap, family)
        refreshed(rig, tap, family)
        moved(rig, tap, family)
        signed_out(rig, tap, family)
        server_says_no_more(rig, tap, family)
        expired(rig, tap, family)
        callback_register(rig, tap, family)
    huge(rig, tap, 4)
    tap.done()


if __name__ == "__main__":
    main()
