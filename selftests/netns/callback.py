#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The main job: a client signs in, the server calls its Contact back.

For IPv4 and IPv6: every form of Contact that these clients write ([MS-SIP] 4,
[MS-SIPREGE], RFC 3261 20.10), what each opens and what it must not open; several
callbacks; who else may not come in; the client that crashed and signs in again.
Profile: the module's defaults (sip_ports=1024-65535, callback_from=server).
"""

import socket

from lcspeer import (ADDRESS, METHODS, Rig, Tap, check, client, contact,
                     host_text, wait_fd, wait_until)
import select

UUID = '+sip.instance="<urn:uuid:34D859DB-0585-5EAC-8C3E-2D34A1B2C3D4>"'

# (what it is, the Contact header's value, the port that it opens or None)
# {A} is the client's address as a URI host, {S} the server's, {O} the other
# inside host's, {P} the port that the case is given.
FORMS = (
    ("a: RTC 1.2, no transport, no proxy=replace",
     "<sip:{A}:{P}>;" + METHODS, True),
    ("b: RTC 1.3, transport=tcp, proxy=replace",
     "<sip:{A}:{P};transport=tcp>;" + METHODS + ";proxy=replace", True),
    ("c: Communicator 2007, ms-opaque and +sip.instance",
     "<sip:{A}:{P};transport=tcp;ms-opaque=fad3dfab32>;" + METHODS
     + ";proxy=replace;" + UUID, True),
    ("d: a name as host, the address in maddr",
     "<sip:bob@example.com:{P};maddr={A};transport=tcp>;proxy=replace", True),
    ("e: the same with a quoted transport",
     '<sip:bob@example.com:{P};maddr={A};transport="tcp">;proxy=replace',
     True),
    ("g: user part", "<sip:bob@{A}:{P};transport=tcp>", True),
    ("g: addr-spec without brackets", "sip:bob@{A}:{P}", True),
    ("g: addr-spec after a display name", '"Bob" sip:bob@{A}:{P}', True),
    ("g: addr-spec with header parameters",
     "sip:bob@{A}:{P};expires=3600;q=0.5", True),
    ("a display name that looks like a Contact",
     '"Lunch, \\"<sip:x@{A}:1999>" <sip:{A}:{P};transport=tcp>', True),
    ("userinfo with a password and an escape",
     "<SIP:b%40b:pass@{A}:{P};Transport=TCP>", True),
    ("folded inside its parameters",
     "<sip:{A}:{P};transport=tcp>;\r\n\t" + METHODS + ";\r\n proxy=replace",
     True),
    ("folded before its URI", "\r\n <sip:{A}:{P};transport=tcp>", True),
    ("f: a GRUU, no address",
     "<sip:bob@example.com;opaque=user:epid:TFU;gruu>", None),
    ("g: transport=tls", "<sip:bob@{A}:{P};transport=tls>", None),
    ("transport=udp", "<sip:{A}:{P};transport=udp>", None),
    ("h: broken, transport=udp",
     "<sip : (null)@{A}:{P}; transport = udp>; proxy = replace", None),
    ("sips:", "<sips:bob@{A}:{P}>", None),
    ("port 0", "<sip:{A}:0;transport=tcp>", None),
    ("port 65536", "<sip:{A}:65536;transport=tcp>", None),
    ("a port with a sign", "<sip:{A}:+{P};transport=tcp>", None),
    ("an empty port", "<sip:{A}:;transport=tcp>", None),
    ("a port below 1024", "<sip:{A}:1023;transport=tcp>", None),
    ("another inside host", "<sip:{O}:{P};transport=tcp>", None),
    ("another inside host in maddr",
     "<sip:{A}:{P};maddr={O};transport=tcp>", None),
    ("the server itself", "<sip:{S}:{P};transport=tcp>", None),
    ("a name that begins like the address",
     "<sip:{A}.example.com:{P};transport=tcp>", None),
    ("the URI only in a display name",
     '"<sip:{A}:{P};transport=tcp>" <sip:bob@example.com>', None),
    ("a tel URI", "<tel:+4930123456;phone-context={A}:{P}>", None),
)

# Other writings of the header's name; all open.
NAMES = ("m: ", "CONTACT:", "Contact \t: ", "cOnTaCt:   ")


def fill(text, user, port):
    family = user.family
    other = ADDRESS[family]["second"]
    return text.format(A=host_text(user.address), P=port, O=host_text(other),
                       S=host_text(ADDRESS[family]["server"]))


def forms(rig, tap, family):
    port = 20000
    for name, text, opens in FORMS:
        port += 1
        verb = "opens its port" if opens else "opens nothing"
        with tap.case(f"IPv{family}: Contact {name}: {verb}"), \
                client(rig, family) as user:
            where = fill(text, user, port)
            user.sign_in(where)
            if opens:
                user.must_be_called(port, sport=1024 + port % 3976)
                user.sign_out(where)
            else:
                mine = [e.line for e in rig.expectations()]
                check(not mine, "expectations:\n" + "\n".join(mine))
            user.must_not_be_called(port)
    for name in NAMES:
        port += 1
        with tap.case(f"IPv{family}: header written {name.strip()!r}"), \
                client(rig, family) as user:
            where = contact(user.address, port)
            text = user.register_text(where).replace(
                b"Contact: ", name.encode())
            user.main.forth(text)
            user.accept(where)
            user.must_be_called(port)
            user.sign_out(where)


def default_port(rig, tap, family):
    with tap.case(f"IPv{family}: a Contact without a port means 5060"), \
            client(rig, family) as user:
        user.sign_in(f"<sip:{host_text(user.address)};transport=tcp>")
        user.must_be_called(5060)
        user.must_not_be_called(5061)


def several_contacts(rig, tap, family):
    with tap.case(f"IPv{family}: two Contacts, one line or two: both open"), \
            client(rig, family) as user:
        one, two, three = (contact(user.address, p)
                           for p in (7101, 7102, 7103))
        user.sign_in(f"{one}, {two}\r\nContact: {three}")
        for port in (7101, 7102, 7103):
            user.must_be_called(port)
        user.must_not_be_called(7104)


def own_port(rig, tap, family):
    with tap.case(f"IPv{family}: a Contact with the connection's own port "
                  "does no harm"), client(rig, family) as user:
        user.sign_in(user.main.a.getsockname()[1])
        user.sign_in(7101)
        user.must_be_called(7101)


def broken_forms(rig, tap, family):
    for name, text in (
            ("i: no opening bracket", "sip:bob@example.com:{P};maddr={A}"
             ";transport=tcp>;proxy=replace"),
            ("h: blanks everywhere", "<sip : (null)@{A}:{P}; transport = tcp>"
             "; proxy = replace; +sip.instance = \"...\""),
            ("no end quote", '"Bob <sip:{A}:{P}>')):
        with tap.case(f"IPv{family}: Contact {name}: passes, and the next "
                      "REGISTER works"), client(rig, family) as user:
            user.sign_in(fill(text, user, 7101))
            user.sign_in(7102)
            user.must_be_called(7102)


def the_state(rig, tap, family):
    """What the administrator sees."""
    address = ADDRESS[family]["client"]
    with tap.case(f"IPv{family}: conntrack shows the expectation, then the "
                  "callback with the helper"), client(rig, family) as user:
        user.sign_in(7100)
        expect = rig.expectation(dport=7100)
        check((expect.src, expect.dst) == (ADDRESS[family]["server"], address),
              expect.line)
        check(expect.permanent and not expect.inactive, expect.line)
        check(expect.proto == socket.IPPROTO_TCP, expect.line)
        check(expect.kind == "callback", f"class: {expect.line}")
        listed = rig.run("fw", "conntrack", "-f", f"ipv{family}", "-L",
                         "expect")
        check("helper=lcs" in listed, listed)
        user.must_be_called(7100, sport=1025)
        listed = rig.run("fw", "conntrack", "-f", f"ipv{family}", "-L", "-p",
                         "tcp", "-u", "EXPECTED", "--orig-port-src", "1025")
        check("helper=lcs" in listed and "dport=7100" in listed, listed)


def several_callbacks(rig, tap, family):
    with tap.case(f"IPv{family}: several callbacks through one expectation"), \
            client(rig, family) as user:
        user.sign_in(7100)
        links = [user.must_be_called(7100, sport=sport)
                 for sport in (0, 1024, 3217, 5000, 49152)]
        for number, link in enumerate(links):
            link.forth(user.notify_text(7100) * (number + 1))
        links[0].finish()
        user.must_be_called(7100, sport=1999)
        rig.expectation(dport=7100)


def shut_to_others(rig, tap, family):
    with tap.case(f"IPv{family}: a sign-in opens nothing else"), \
            client(rig, family) as user, \
            client(rig, family, host="second") as other:
        user.must_not_be_called(7100)
        user.sign_in(7100)
        user.must_be_called(7100)
        user.must_not_be_called(7100, by="stranger")
        user.must_not_be_called(7099)
        user.must_not_be_called(7101)
        other.must_not_be_called(7100)
        other.sign_in(7200)
        user.must_not_be_called(7200)
        other.must_not_be_called(7100)
        other.must_be_called(7200)


def shut_to_udp(rig, tap, family):
    """UDP to the open port; with a rule for it the same datagram arrives."""
    with tap.case(f"IPv{family}: UDP to the same port stays shut"), \
            client(rig, family) as user:
        user.sign_in(7100)
        user.must_be_called(7100)
        inner = rig.socket("client", family, socket.SOCK_DGRAM)
        outer = rig.socket("server", family, socket.SOCK_DGRAM)
        inner.setblocking(False)
        inner.bind((user.address, 7100))
        outer.sendto(b"one", (user.address, 7100))
        rig.barrier("client", "server", family)
        try:
            got = inner.recv(100)
        except BlockingIOError:
            got = None
        check(got is None, f"received {got!r}")
        rig.run("fw", "nft", "insert", "rule", "inet", "lcs", "forward", "udp",
                "dport", "7100", "accept", 'comment', '"control"')
        outer.sendto(b"two", (user.address, 7100))
        wait_fd(inner, select.POLLIN, "the datagram, with a rule for it")
        check(inner.recv(100) == b"two", "another datagram came first")
        listed = rig.run("fw", "nft", "-a", "list", "chain", "inet", "lcs",
                         "forward")
        handle = next(line.split()[-1] for line in listed.splitlines()
                      if '"control"' in line)
        rig.run("fw", "nft", "delete", "rule", "inet", "lcs", "forward",
                "handle", handle)
        inner.close()
        outer.close()


def crash(rig, tap, family):
    with tap.case(f"IPv{family}: cut without FIN, signed in again at once: "
                  "called on the same port"), client(rig, family) as user:
        user.sign_in(7100)
        user.must_be_called(7100)
        old, old_port = user.main, user.main.a.getsockname()[1]
        old.vanish(old.a)
        user.connect()
        user.sign_in(7100)
        user.must_be_called(7100)
        expect = rig.run("fw", "conntrack", "-f", f"ipv{family}", "-L",
                         "expect")
        check(f"sport={user.main.a.getsockname()[1]} " in expect, expect)
        check(f"sport={old_port} " not in expect, expect)
    with tap.case(f"IPv{family}: the end of the old connection takes nothing "
                  "from the new one"), client(rig, family) as user:
        user.sign_in(7100)
        old, old_port = user.main, user.main.a.getsockname()[1]
        old.vanish(old.a)
        user.connect()
        user.sign_in(7100)
        rig.run("fw", "conntrack", "-f", f"ipv{family}", "-D", "-p", "tcp",
                "--orig-port-src", str(old_port))
        user.must_be_called(7100)
        rig.expectation(dport=7100)


def rules_reloaded(rig, tap, family):
    with tap.case(f"IPv{family}: the ruleset loaded again changes nothing for "
                  "those signed in"), client(rig, family) as user:
        user.sign_in(7100)
        link = user.must_be_called(7100)
        user.register(7101)
        rig.shell("lcs_rules")
        link.forth(user.notify_text(7100))
        user.must_be_called(7100)
        user.accept(7101)
        user.must_be_called(7101)
        user.must_not_be_called(7102)


def ends_with_connection(rig, tap, family):
    with tap.case(f"IPv{family}: the expectation ends with its connection"), \
            client(rig, family) as user:
        user.sign_in(7100)
        link = user.must_be_called(7100)
        port = user.main.a.getsockname()[1]
        rig.run("fw", "conntrack", "-f", f"ipv{family}", "-D", "-p", "tcp",
                "--orig-port-src", str(port))
        wait_until(lambda: not rig.expectations(dport=7100),
                   "the end of the expectation")
        user.must_not_be_called(7100)
        link.forth(user.notify_text(7100))


def main():
    rig, tap = Rig("ipv6"), Tap()
    for family in (4, 6):
        the_state(rig, tap, family)
        forms(rig, tap, family)
        default_port(rig, tap, family)
        several_contacts(rig, tap, family)
        own_port(rig, tap, family)
        broken_forms(rig, tap, family)
        several_callbacks(rig, tap, family)
        shut_to_others(rig, tap, family)
        shut_to_udp(rig, tap, family)
        crash(rig, tap, family)
        rules_reloaded(rig, tap, family)
        ends_with_connection(rig, tap, family)
    tap.done()


if __name__ == "__main__":
    main()
