#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""TCP cuts a stream where it likes: the expectation must be the same.

A REGISTER cut at every byte into two segments, and its 200 too; both byte by
byte; with 6 kB of NTLM in several segments and in one large one; cut at random;
several messages in a segment, keep-alives between them. The receiver's bytes
are compared with the sender's each time, and the cuts are known to have left as
segments of their own (tcpi_data_segs_out).
"""

import random

from lcspeer import Rig, Tap, check, client, contact, message, ntlm

FIRST_PORT = 20000


def sign_in_cut(user, port, cut):
    """The request cut once at `cut`, the 200 somewhere that moves with it."""
    text = user.register_text(port, ntlm(700))
    user.main.forth(text, (cut,))
    answer = user.answer_text(200, f"Contact: {contact(user.address, port)}",
                              "Expires: 900")
    user.main.back(answer, (1 + cut % (len(answer) - 1),))
    link = user.must_get_through(port)
    link.close()
    user.links.remove(link)
    user.listeners.pop(port).close()


def length_of_request(rig):
    with client(rig) as user:
        return len(user.register_text(FIRST_PORT, ntlm(700)))


def every_byte(rig, tap, family, step):
    length = length_of_request(rig)
    which = "every byte" if step == 1 else f"every {step}th byte"
    with tap.case(f"IPv{family}: a REGISTER of {length} bytes cut at {which} "
                  "into two segments, and its 200"):
        check(length > 1400, "the length of the real one")
        for start in range(1, length, 40 * step):
            with client(rig, family) as user:
                end = min(start + 40 * step, length)
                for cut in range(start, end, step):
                    sign_in_cut(user, FIRST_PORT + cut, cut)


def first_bytes(rig, tap):
    with tap.case("the first message of a connection cut at each byte of its "
                  "start line"):
        for cut in range(1, len("REGISTER sip:example.com SIP/2.0\r\nV")):
            with client(rig) as user:
                sign_in_cut(user, FIRST_PORT + cut, cut)


def byte_by_byte(rig, tap, family):
    with tap.case(f"IPv{family}: byte by byte, both directions"), \
            client(rig, family) as user:
        for port in (7100, 7101):
            text = user.register_text(port, ntlm(700))
            user.must_not_be_called(port)
            user.main.forth(text, range(1, len(text)))
            user.must_not_be_called(port)
            answer = user.answer_text(200, "Expires: 900", "Contact: "
                                      + contact(user.address, port))
            user.main.back(answer, range(1, len(answer)))
            user.must_be_called(port)
            check(rig.expectation(dport=port).timeout <= 900, "lifetime")


def large(rig, tap, family):
    for name, size in (("in segments of 1448 bytes", 1448),
                       ("in segments of 536 bytes", 536),
                       ("in segments of 11 bytes", 11),
                       ("in one write", 0)):
        with tap.case(f"IPv{family}: a REGISTER with 6 kB of NTLM, {name}"), \
                client(rig, family) as user:
            text = user.register_text(7100, ntlm(6000))
            check(len(text) > 6000, "6 kB")
            user.main.forth(text, range(size, len(text), size) if size else ())
            user.must_not_be_called(7100)
            user.accept(7100)
            user.must_be_called(7100)
    with tap.case(f"IPv{family}: the Contact after the 6 kB line"), \
            client(rig, family) as user:
        where = contact(user.address, 7100)
        text = user.register_text(None, ntlm(6000), f"Contact: {where}")
        user.main.forth(text, range(1448, len(text), 1448))
        user.accept(7100)
        user.must_be_called(7100)


def at_random(rig, tap):
    with tap.case("200 sign-ins cut at random places, seeds 0 to 199"):
        for seed in range(0, 200, 20):
            with client(rig) as user:
                for one in range(seed, seed + 20):
                    dice = random.Random(one)
                    random_sign_in(user, dice, FIRST_PORT + one)


def random_sign_in(user, dice, port):
    def cuts(text):
        count = dice.randrange(1, 40)
        return sorted(dice.sample(range(1, len(text)), count))

    text = user.register_text(port, ntlm(dice.randrange(0, 3000)))
    user.main.forth(text, cuts(text))
    answer = user.answer_text(200, "Contact: " + contact(user.address, port))
    user.main.back(answer, cuts(answer))
    link = user.must_be_called(port)
    link.close()
    user.links.remove(link)
    user.listeners.pop(port).close()
    user.sign_out(port)


def chat(user, body):
    return message("MESSAGE sip:alice@example.com SIP/2.0", [
        f"Via: SIP/2.0/TCP {user.address}:14423", "From: <sip:bob@example.com>"
        ";tag=0a1b;epid=62ccbeb808", "To: <sip:alice@example.com>",
        "Call-ID: 77", "CSeq: 1 MESSAGE", "Content-Type: text/plain"], body)


def pipelined(rig, tap):
    with tap.case("two and a half messages in a segment"), \
            client(rig) as user:
        text = b"".join(user.register_text(port, ntlm(60))
                        for port in (7100, 7101, 7102))
        user.main.forth(text, (len(text) * 5 // 6,))
        answers = b"".join(
            user.answer_text(200, "Contact: " + contact(user.address, port),
                             cseq=cseq)
            for cseq, port in ((1, 7100), (2, 7101), (3, 7102)))
        user.main.back(answers, (len(answers) * 5 // 6,))
        for port in (7100, 7101, 7102):
            user.must_be_called(port)
    with tap.case("keep-alives before, between and after messages, also in "
                  "their segment and cut in two"), client(rig) as user:
        user.main.forth(b"\r\n\r\n" + user.register_text(7100) + b"\r\n\r\n")
        user.main.forth(b"\r\n\r\n\r\n", (1, 3))
        user.main.back(b"\r\n\r\n")
        user.challenge()
        user.main.forth(b"\r\n" + user.register_text(7100, ntlm(60)))
        user.main.back(b"\r\n")
        user.accept(7100)
        user.must_be_called(7100)
    with tap.case("a message's body is not a message, however it is cut"), \
            client(rig) as user:
        trap = user.register_text(7105)
        text = chat(user, trap)
        user.main.forth(text)
        user.main.forth(text, (len(text) - len(trap),))
        user.main.forth(text, range(1, len(text), 7))
        check(not rig.expectations(dport=7105), "a body opened a port")
        user.answer(200, "Contact: " + contact(user.address, 7105))
        user.must_not_be_called(7105)
        user.main.forth(text + user.register_text(7106))
        user.accept(7106)
        user.must_be_called(7106)
        user.must_not_be_called(7105)


def main():
    rig, tap = Rig("ipv6"), Tap()
    for family in (4, 6):
        byte_by_byte(rig, tap, family)
        large(rig, tap, family)
    pipelined(rig, tap)
    first_bytes(rig, tap)
    at_random(rig, tap)
    every_byte(rig, tap, 4, 1)
    every_byte(rig, tap, 6, 11)
    tap.done()


if __name__ == "__main__":
    main()
