#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Behind masquerade, IPv4 and IPv6: signing in with every form of Contact, the
callback, calls, files and whiteboards through the outside address.

Both ends record every byte, and natcheck.py compares them: what the server got
is the client's message with the right outside addresses in it and nothing else
changed; what the client gets is what it would have got without translation.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import re
import socket

from lcscall import (Call, audio, family_word, invitation, listen_for_file,
                     offer_file, sdp, video, whiteboard)
from lcspeer import ADDRESS, METHODS, Failed, Tap, check, host_text
from natcheck import Table
from natrig import OUTSIDE, Flow, NatRig, NatUser, nat_user
from policy import parameter

SIGNED = ('Proxy-Authorization: NTLM qop="auth", opaque="9C55D687", realm="SIP '
          'Communications Service", targetname="fe1.example.com", '
          'crand="8A44124D", cnum="{}", response="010000007d9bf505"')
# As these clients write it ([MS-SIP] 4); {h}: the address as a URI has it, {p}:
# the port.
FORMS = {
    "a": "<sip:{h}:{p}>;" + METHODS,
    "b": "<sip:{h}:{p};transport=tcp>;" + METHODS + ";proxy=replace",
    "c": "<sip:{h}:{p};transport=tcp;ms-opaque=fad3dfab32>;" + METHODS
         + ';proxy=replace;+sip.instance="<urn:uuid:{p}>"',
    "d": "<sip:bob@example.com:{p};maddr={h};transport=tcp>;proxy=replace",
    "e": '<sip:bob@example.com:{p};maddr={h};transport="tcp">;proxy=replace',
    "g": "<sip:bob@{h}:{p};transport=tcp>",
    "g without brackets": '"Bob, <sip:{h}:1>" <sip:{h}:{p}>;expires=600',
    "two": "<sip:{h}:{p}>, <sip:198.51.100.7:{p};transport=tcp>;q=0.1",
}


def contact_of(form, user, port):
    return FORMS[form].format(h=host_text(user.address), p=port)


def forms(rig, tap, family):
    for form in FORMS:
        with tap.case(f"IPv{family}: Contact form {form}: the server calls "
                      "the outside port back"), nat_user(rig, family) as user:
            user.sign_in(contact_of(form, user, 7100))
            check(user.main.changed, "nothing was changed")
            outside = user.form(7100)
            exp = rig.expectation(dst=user.table.outside)
            check(exp.dport == outside and exp.permanent, exp.line)
            user.must_be_called(7100)
            user.must_not_be_called(7100, by="stranger")
            user.register(contact_of(form, user, 7100))
            user.accept(contact_of(form, user, 7100))
            check(user.form(7100) == outside, "a refresh moved it")
            user.sign_out(contact_of(form, user, 7100))
            user.must_not_be_called(7100)


def own_connection(rig, tap, family):
    with tap.case(f"IPv{family}: a Contact that the server replaced by the "
                  "connection itself comes back as the client's own"), \
            nat_user(rig, family) as user:
        own = user.main.a.getsockname()[1]
        user.register(7100)
        user.accept(f"<sip:{host_text(user.address)}:{own};transport=tcp;"
                    "ms-received-cid=13000>;expires=3600")
        user.main.back(user.notify_text(own))
        user.main.forth(user.answer_text(200))
        user.register(own)


def knock(rig, user, host, ports):
    """How many packets come in that were negotiated, where one goes from a new
    port of a host to each of these outside ports."""
    def related():
        text = rig.run("fw", "nft", "list", "chain", "inet", "lcs", "forward")
        return int(re.search(r'ct state related ct helper "lcs" counter packets '
                             r"(\d+)", text)[1])
    before = related()
    with rig.socket(host, user.family, socket.SOCK_DGRAM) as sock:
        for port in ports:
            sock.sendto(b"\x80\x00", (user.table.outside, port))
    rig.barrier("client", host, user.family)
    return related() - before


def only(rig, user, host, inside):
    """Open to a host are the outside forms of these ports, and not those beside
    them."""
    outside = [user.form(port, "udp") for port in inside]
    beside = {port + n for port in outside for n in (-1, 1)} - {*outside}
    check(not knock(rig, user, host, beside), f"beside {outside} it is open")
    for port in outside:
        check(knock(rig, user, host, [port]), f"{port} is shut")
    return outside


def calls(rig, tap, family, host):
    with tap.case(f"IPv{family}: a call with media from the {host}: RTP and "
                  "RTCP of two streams, the inside sends first or the outside "
                  "does, one port each"), nat_user(rig, family) as user:
        user.sign_in(7100)
        call = Call(user)
        call.peer = ADDRESS[family][host]
        call.begin(call.own(*audio(20000), *video(20002, "a=rtcp:20009")),
                   call.theirs(*audio(30000), *video(30002, "a=rtcp:30009")))
        check(user.form(20001, "udp") == user.form(20000, "udp") + 1,
              "RTP and RTCP are no pair")
        inside = 20000, 20001, 20002, 20009
        outside = only(rig, user, host, inside)
        flows = [Flow(rig, user, port, port + 10000, host) for port in inside]
        for flow in flows[:2]:
            flow.outward()
            flow.inward()
        for flow in flows[2:]:
            flow.inward()
            flow.outward()
        call.bye()
        check(len(rig.expectations()) == 1, "\n".join(
            e.line for e in rig.expectations()))
        check(not knock(rig, user, host, outside), "open after the BYE")
        for flow in flows:
            flow.outward()
            flow.inward()
            flow.close()


def called(rig, tap, family):
    with tap.case(f"IPv{family}: an INVITE on the callback connection; the "
                  "client's answer goes out there with its outside forms"), \
            nat_user(rig, family) as user:
        user.sign_in(7100)
        link = user.must_get_through(7100)
        call = Call(user, by_peer=True)
        call.request("INVITE", call.theirs(*audio(30000)), by_client=False,
                     link=link, extra=[SIGNED.format(1)])
        call.answer(200, "INVITE", call.own(*audio(20000)), by_client=True,
                    link=link, extra=[
                        "Contact: " + contact_of("d", user, 7100)])
        call.request("ACK", by_client=False, cseq=1, link=link)
        check(link.changed > 5, f"{link.changed} places changed")
        for port, first in ((20000, "inward"), (20001, "outward")):
            flow = Flow(rig, user, port, port + 10000)
            getattr(flow, first)()
            flow.outward()
            flow.inward()
            flow.close()
        call.bye(link=link)


def signed(rig, tap, family):
    with tap.case(f"IPv{family}: signed requests: every field that is signed "
                  "is what it was"), nat_user(rig, family) as user:
        user.register(7100, SIGNED.format(1), "Expires: 3600")
        user.accept(7100)
        call = Call(user)
        for number in (2, 3):
            call.request("INVITE", call.own(*audio(20000 + 2 * number)), extra=[
                SIGNED.format(number), "P-Preferred-Identity: <sip:bob@"
                "example.com>, <tel:+14255550101>",
                "Contact: " + contact_of("d", user, 7100)])
        check(user.main.changed >= 14, f"{user.main.changed} places changed")


def reinvited(rig, tap, family):
    with tap.case(f"IPv{family}: candidates move with their m= line; the "
                  "re-INVITE has the same forms; remote-candidates return"), \
            nat_user(rig, family) as user:
        call, addr = Call(user), user.address
        lines = audio(
            20000, f"a=candidate:1 1 UDP 2130182143 {addr} 20000 typ host ",
            f"a=candidate:1 2 UDP 2130182142 {addr} 20001 typ host ",
            f"a=candidate:2 1 UDP 1 198.51.100.7 50004 typ relay raddr {addr} "
            "rport 20000 ", "a=rtcp:20001")
        call.begin(call.own(*lines), call.theirs(*audio(30000)))
        first = user.form(20000, "udp")
        call.begin(call.own(*lines), call.theirs(*audio(
            30000, f"a=remote-candidates:1 {addr} 20000 2 {addr} 20001 ")))
        check(user.form(20000, "udp") == first, "the form has changed")
        call.bye()


def send_file(user, port, host):
    link = user.called(port, by=host)
    check(link, f"the connection to {port} did not get through")
    check(link.state == "RELATED", f"it is {link.state}")
    for forth, text in ((1, b"VER MSN_SECURE_FTP\r\n"), (0, b"FIL 4690\r\n"),
                        (1, b"TFR\r\n"), (0, b"\0\xfd\7" + bytes(2045))):
        sender, receiver = (link.a, link.b) if forth else (link.b, link.a)
        got = link.carry(sender, receiver, text, length=len(text))
        check(got == text, "the file has changed")


def files(rig, tap, family, host):
    with tap.case(f"IPv{family}: a file for the {host}, whose sender listens, "
                  "inside: Port and PortX are the outside ones, one connection"
                  ), \
            nat_user(rig, family) as user:
        call = Call(user)
        call.say(offer_file(7))
        call.say(invitation("ACCEPT", 7, Request_Data="IP-Address:"),
                 by_client=False)
        call.say(listen_for_file(user.address, 6891, 7))
        check(6891 <= user.form(6891) <= 6900, f"port {user.form(6891)}")
        send_file(user, 6891, host)
        user.must_not_be_called(6891, by=host)
    with tap.case(f"IPv{family}: a file of the {host}, whose receiver listens, "
                  "inside"), \
            nat_user(rig, family) as user:
        call = Call(user)
        call.say(offer_file(8, Connectivity="N"), by_client=False)
        call.say(listen_for_file(user.address, 6892, 8, Sender_Connect="TRUE"))
        send_file(user, 6892, host)


def whiteboards(rig, tap, family, host):
    with tap.case(f"IPv{family}: a whiteboard with the {host}: 1503 stays 1503 "
                  "outside"), nat_user(rig, family) as user:
        call = Call(user)
        call.peer = ADDRESS[family][host]
        call.begin(call.own(*audio(20000), *whiteboard()),
                   call.theirs(*audio(30000), *whiteboard()))
        check(user.form(1503) == 1503, f"port {user.form(1503)}")
        link = user.called(1503, by=host)
        check(link and link.state == "RELATED", "T.120 did not get through")
        got = link.carry(link.a, link.b, b"\3\0\0\x16" + bytes(18), length=22)
        check(got == b"\3\0\0\x16" + bytes(18), "T.120 has changed")
        call.bye()
        user.must_not_be_called(1503, by=host)


def untouched(rig, tap, family):
    with tap.case(f"IPv{family}: text that only looks like an address of the "
                  "client's stays"), nat_user(rig, family) as user:
        call, addr = Call(user), user.address
        word = f"IN {family_word(addr)} {addr}"
        text = (f"m=audio 20000 RTP/AVP 0\r\nc={word}\r\nContact: "
                f"<sip:{host_text(addr)}:7100>\r\nContent-Length: 3\r\n")
        call.say(text.encode(), kind="text/plain")
        call.say(text.encode(), kind="text/plain", by_client=False)
        call.request("INVITE", sdp("198.51.100.7", *audio(20000)))
        call.request("OPTIONS", call.own(*audio(20000)))
        call.answer(200, "OPTIONS", call.own(*audio(20000)))
        check(not user.main.changed, f"{user.main.changed} places changed")


PLANTED = {
    "a Via": (b"TCP 10.0.0.5", b"TCP 192.0.2.1"),
    "the Call-ID": (b"Call-ID: 6c", b"Call-ID: 6d"),
    "a port of somebody's": (b"m=video 50002", b"m=video 20002"),
    "the o= line alone": (b"0 IN IP4 192.0.2.1", b"0 IN IP4 10.0.0.5"),
    "the c= line alone": (b"c=IN IP4 192.0.2.1", b"c=IN IP4 10.0.0.5"),
    "another outside address": (b"maddr=192.0.2.1", b"maddr=192.0.2.2"),
    "a second form of a port": (b":57100;maddr", b":57101;maddr"),
    "RTCP not beside its RTP": (b"a=rtcp:50009", b"a=rtcp:50008"),
    "Content-Length": (b"Length: ", b"Length: 1"),
    "a byte of a body": (b"PCMU", b"PCMA"),
}


def checker(rig, tap):
    """The checker itself: what would have to be found is planted."""
    with tap.case("the checker accepts the right message, and finds each of "
                  f"{len(PLANTED)} faults"):
        user = NatUser(rig, connect=False)
        call = Call(user)
        sent = call.request_text("INVITE", call.own(
            *audio(20000), *video(20002, "a=rtcp:20009")), extra=[
                SIGNED.format(1), "Contact: " + contact_of("d", user, 7100)])
        forms = {("tcp", user.address, 7100): (OUTSIDE[4], 57100)} | {
            ("udp", user.address, 20000 + n): (OUTSIDE[4], 50000 + n)
            for n in (0, 1, 2, 9)}
        table = Table([user.address], OUTSIDE[4])
        table.forms = dict(forms)
        right = table.as_server(sent)
        check(table.learn(sent, right) == 8, "not all places were found")
        for what, (old, new) in PLANTED.items():
            wrong = right.replace(old, new, 1)
            check(wrong != right, f"{what}: not planted")
            table.forms = dict(forms)
            try:
                table.learn(sent, wrong)
            except Failed:
                continue
            check(False, f"{what} was not found")
        table.forms = {}
        try:
            table.learn(sent, sent)
        except Failed:
            return
        check(False, "that nothing was translated was not found")


def main():
    rig, tap = NatRig("ipv6"), Tap()
    checker(rig, tap)
    with parameter("media_ports", "1024-65535"):
        for family in (4, 6):
            for test in (forms, own_connection, called, signed, reinvited,
                         untouched):
                test(rig, tap, family)
            for test in (calls, files, whiteboards):
                for host in ("stranger", "server"):
                    test(rig, tap, family, host)
    with tap.case("no packet was invalid, nothing is held"):
        check(not rig.invalid(), f"{rig.invalid()} packets were invalid")
        rig.must_hold_nothing()
    tap.done()


if __name__ == "__main__":
    main()
