#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is not SIP, and what is SIP but wrong: it passes, byte for byte, and
opens nothing, while a good client goes on beside it. Trouble in a parser costs
nobody a byte, and only a stream that was SIP from its first byte is believed.
"""

from lcspeer import ADDRESS, Rig, Tap, check, client, contact, message, ntlm

PORT = 7100
TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(189))
HTTP = (b"POST /upload HTTP/1.1\r\nHost: www.example.com\r\n"
        b"Content-Type: text/plain\r\nContent-Length: LENGTH\r\n\r\n")

# First bytes of streams that are not SIP. LENGTH: of what follows them.
STREAMS = (
    ("HTTP POST, the REGISTER in its body", HTTP),
    ("HTTP POST with a chunked body", HTTP.replace(
        b"Content-Length: LENGTH", b"Transfer-Encoding: chunked")
     + b"1ff\r\n"),
    ("HTTP that speaks of SIP", b"GET /SIP/2.0 HTTP/1.1\r\nHost: SIP/2.0\r\n"
     b"\r\n"),
    ("TLS ClientHello", TLS_HELLO),
    ("binary", bytes(range(256)) * 4),
    ("one zero byte", b"\0"),
    ("blanks", b"   "),
    ("a line that never ends", b"REGISTER" * 2000),
    ("SMTP", b"EHLO client.example.com\r\n"),
    ("RTSP", b"OPTIONS rtsp://server/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    ("a start line of another version",
     b"OPTIONS sip:example.com SIP/3.0\r\nContent-Length: 0\r\n\r\n"),
    ("a start line without a version",
     b"OPTIONS sip:example.com\r\nContent-Length: 0\r\n\r\n"),
)


def good_client_beside(rig, good):
    """The good client is called, and another one can sign in."""
    good.must_be_called(7300)
    with client(rig, host="second") as user:
        user.sign_in(7301)
        user.must_be_called(7301)


def not_sip(rig, tap, good):
    for name, first in STREAMS:
        with tap.case(f"{name}: passes, what follows opens nothing"), \
                client(rig) as user:
            text = user.register_text(PORT)
            first = first.replace(b"LENGTH", b"%d" % len(text))
            user.main.forth(first + text, (len(first),))
            user.main.back(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            user.accept(PORT)
            check(not rig.expectations(dport=PORT), "an expectation")
            user.must_not_be_called(PORT)
            # Given up for good: segments that begin with a message change
            # nothing.
            user.sign_in(PORT)
            user.must_not_be_called(PORT)
            good.must_be_called(7300)


def server_not_sip(rig, tap):
    with tap.case("a server that answers HTTP: a 200 in it confirms nothing"), \
            client(rig) as user:
        user.register(PORT)
        user.main.back(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 900\r\n"
                       b"\r\n")
        user.accept(PORT)
        user.must_not_be_called(PORT)
    with tap.case("a server that speaks first, and not SIP"), \
            client(rig) as user:
        user.main.back(b"220 mail.example.com ESMTP\r\n")
        user.sign_in(PORT)
        user.must_not_be_called(PORT)


def swap(text, old, new):
    assert old in text, old
    return text.replace(old, new)


def drop(text, name):
    """Without the header lines of this name."""
    return b"\r\n".join(line for line in text.split(b"\r\n")
                        if not line.startswith(name + b":"))


LENGTH = b"Content-Length: 0"

# (what is wrong, how to make it of a good REGISTER)
MALFORMED = (
    ("no Call-ID", lambda t: drop(t, b"Call-ID")),
    ("no CSeq", lambda t: drop(t, b"CSeq")),
    ("the CSeq of another method",
     lambda t: swap(t, b"1 REGISTER\r\n", b"1 INVITE\r\n")),
    ("a CSeq that is no number",
     lambda t: swap(t, b"CSeq: 1 ", b"CSeq: one ")),
    ("a negative Content-Length",
     lambda t: swap(t, LENGTH, b"Content-Length: -1")),
    ("a signed Content-Length",
     lambda t: swap(t, LENGTH, b"Content-Length: +0")),
    ("a Content-Length that is no number",
     lambda t: swap(t, LENGTH, b"Content-Length: zero")),
    ("a Content-Length beyond 32 bits",
     lambda t: swap(t, LENGTH, b"Content-Length: 4294967296")),
    ("a Content-Length beyond 64 bits",
     lambda t: swap(t, LENGTH, b"Content-Length: 18446744073709551616")),
    ("two different Content-Lengths",
     lambda t: swap(t, LENGTH, b"l: 4\r\n" + LENGTH)),
    ("the method in small letters",
     lambda t: swap(t, b"REGISTER sip:", b"register sip:")),
    ("version 3.0", lambda t: swap(t, b" SIP/2.0\r\nVia", b" SIP/3.0\r\nVia")),
    ("no version", lambda t: swap(t, b" SIP/2.0\r\nVia", b"\r\nVia")),
    ("no Request-URI",
     lambda t: swap(t, b"REGISTER sip:example.com ", b"REGISTER ")),
    ("a header that never ends", lambda t: t[:-4]),
    ("no Contact", lambda t: drop(t, b"Contact")),
    ("the address with a fifth number",
     lambda t: swap(t, b"10.0.0.5:7100", b"10.0.0.5.1:7100")),
    ("a zero byte in the address",
     lambda t: swap(t, b"10.0.0.5:7100", b"10.0.0.5\0:7100")),
)

# What may be read with good will; it must pass, and what follows must work.
ODD = (
    ("a line without a colon",
     lambda t: swap(t, b"Max-Forwards: 70", b"Max-Forwards 70")),
    ("zero bytes in a value",
     lambda t: swap(t, b"bob@", b"b\0b@")),
    ("a value of bytes beyond ASCII",
     lambda t: swap(t, b"RTC/1.3.5470", bytes(range(128, 256)))),
    ("2,000 header lines",
     lambda t: swap(t, LENGTH, b"X: y\r\n" * 2000 + LENGTH)),
    ("a header line of 60 kB",
     lambda t: swap(t, LENGTH, b"X: " + b"y" * 60000 + b"\r\n" + LENGTH)),
    ("a Contact line of 60 kB", lambda t: swap(
        t, b"Contact: ", b"Contact: " + b"<sip:x@example.com>, " * 3000)),
    ("10,000 Contact lines", lambda t: swap(
        t, b"Contact: ", b"Contact: <sip:x@10.7.7.7:9999>\r\n" * 10000
        + b"Contact: ")),
    ("a lone CR in a line",
     lambda t: swap(t, b"Max-Forwards: 70", b"Max-Forwards: 7\r0")),
    ("lines that end in LF only", lambda t: t.replace(b"\r\n", b"\n")),
    ("an empty header name",
     lambda t: swap(t, b"Max-Forwards: 70", b": 70")),
    ("a first header that begins with a blank",
     lambda t: swap(t, b"\r\nVia", b"\r\n Via")),
)


def malformed(rig, tap, good):
    for name, spoil in MALFORMED:
        with tap.case(f"REGISTER with {name}: passes, opens nothing"), \
                client(rig) as user:
            user.main.forth(spoil(user.register_text(PORT)))
            user.accept(PORT)
            check(all(e.inactive for e in rig.expectations(dport=PORT)),
                  "an active expectation")
            user.must_not_be_called(PORT)
            good.must_be_called(7300)
            # Whatever it makes of the stream now, it forwards every byte.
            user.sign_in(7102)
            user.main.forth(user.register_text(7103, ntlm(6000)))


def odd(rig, tap, good):
    for name, spoil in ODD:
        with tap.case(f"REGISTER with {name}: passes, the good client goes "
                      "on"), client(rig) as user:
            user.main.forth(spoil(user.register_text(PORT)))
            user.accept(PORT)
            user.main.forth(user.register_text(7103, ntlm(6000)))
            user.accept(7103)
            user.must_be_called(7103)
            user.must_not_be_called(9999)
            good.must_be_called(7300)


def unfinished(rig, tap, good):
    with tap.case("a REGISTER that ends in the middle with a FIN"), \
            client(rig) as user:
        text = user.register_text(PORT)
        user.main.forth(text[:len(text) - 40])
        user.main.finish()
        user.must_not_be_called(PORT)
        good.must_be_called(7300)
    with tap.case("a body of 4 GB announced: what comes is its body"), \
            client(rig) as user:
        user.main.forth(swap(user.register_text(None), LENGTH,
                             b"Content-Length: 4294967295"))
        for port in (PORT, 7101):
            user.main.forth(user.register_text(port))
            user.accept(port)
            user.must_not_be_called(port)
        good.must_be_called(7300)


def foreign_addresses(rig, tap):
    """Only the sender's own address: not even where a name would fit."""
    evil = ("10.0.0.6", "192.0.2.10", "192.0.2.66", "255.255.255.255",
            "10.0.0.255", "127.0.0.1", "0.0.0.0", "224.0.0.1", "10.0.0.1")
    with tap.case("Contacts that name other hosts, and one's own among them"), \
            client(rig) as user:
        where = ", ".join(contact(a, PORT + 2) for a in evil)
        user.sign_in(f"{where}, {contact(user.address, PORT)}")
        found = {(e.dst, e.dport) for e in rig.expectations()}
        check(found <= {(user.address, PORT), (user.address, 7300)},
              str(found))
        user.must_be_called(PORT)
        user.must_not_be_called(PORT + 2)
    with tap.case("every port below 1024 that has a name"), \
            client(rig) as user:
        ports = (1, 22, 25, 53, 80, 135, 139, 443, 445, 1023)
        user.sign_in(", ".join(contact(user.address, p) for p in ports))
        found = [e.line for e in rig.expectations() if e.dport in ports]
        check(not found, "\n".join(found))
        for port in ports:
            user.must_not_be_called(port)


def other_methods(rig, tap):
    with tap.case("a 200 to nothing opens nothing"), client(rig) as user:
        user.register(None)
        user.accept(PORT)
        user.must_not_be_called(PORT)
    with tap.case("NEGOTIATE and what follows it passes"), \
            client(rig) as user:
        user.main.forth(message("NEGOTIATE sip:127.0.0.1:5060 SIP/2.0", [
            "Via: SIP/2.0/TCP 10.0.0.5:14423", "Call-ID: 1",
            "CSeq: 1 NEGOTIATE", "Compression: LZ77-64K",
            "From: <sip:bob@example.com>;tag=1", "To: <sip:example.com>"]))
        user.main.back(message("SIP/2.0 200 OK", [
            "Via: SIP/2.0/TCP 10.0.0.5:14423", "Call-ID: 1",
            "CSeq: 1 NEGOTIATE", "Compression: LZ77-64K"]))
        for _ in range(3):
            user.main.forth(bytes(range(255, 0, -1)) * 20)
            user.main.back(bytes(range(255)) * 20)


def main():
    check(ADDRESS[4]["client"] == "10.0.0.5", "the address in the texts")
    rig, tap = Rig(), Tap()
    good = None
    with client(rig, host="second") as good:
        good.sign_in(7300)
        not_sip(rig, tap, good)
        server_not_sip(rig, tap)
        malformed(rig, tap, good)
        odd(rig, tap, good)
        unfinished(rig, tap, good)
        with tap.case("after all that a new client signs in"):
            good_client_beside(rig, good)
    foreign_addresses(rig, tap)
    other_methods(rig, tap)
    tap.done()


if __name__ == "__main__":
    main()
