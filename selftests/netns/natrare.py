#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""Translated text and what TCP does less often: a window that shuts and opens,
keep-alives, an end on one side only, urgent data, and Multipath TCP, whose
messages pass as they are.
Profile: media_ports=1024-65535, all else the module's defaults.
"""

import contextlib
import errno
import select
import socket
import struct

from lcscall import Call
from lcspeer import (ADDRESS, SIP_PORT, Tap, check, difference, host_text,
                     wait_fd, wait_until)
from natcheck import split_messages
from natrig import OUTSIDE, NatRig, NatUser, nat_user
from nattcp import offer
from natwire import captured, tcp_count
from policy import parameter

MANY = 150
UNACKED = 24            # offset of tcpi_unacked in struct tcp_info
MPTCP = 262


def is_shut(sock):
    """Is there something to be sent, and nothing under way?"""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return not struct.unpack_from("I", info, UNACKED)[0]


def zero_window(rig, tap, family):
    with tap.case(f"IPv{family}: a server that does not read until its window "
                  "is shut, and then goes on"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        main, call = user.main, Call(user)
        main.a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        text = b"".join(offer(user, call, 900) for _ in range(MANY))
        sent, came, rest = 0, [], b""
        with contextlib.suppress(BlockingIOError):
            while sent < len(text):
                sent += main.a.send(text[sent:sent + 5000])
        check(sent < len(text), "all of it has found room")
        wait_until(lambda: is_shut(main.a), "a window that is shut")
        while len(came) < MANY:
            with contextlib.suppress(BlockingIOError):
                sent += main.a.send(text[sent:sent + 5000])
            wait_fd(main.b, select.POLLIN, f"message {len(came)}")
            found, rest = split_messages(rest + main.b.recv(1 << 16))
            came += found
        for one, other in zip(split_messages(text)[0], came):
            user.table.learn(one, other)


def keep_alive(rig, tap, family):
    with tap.case(f"IPv{family}: keep-alives of both ends are answered, and "
                  "messages follow"), nat_user(rig, family) as user, \
            captured(rig):
        user.sign_in(7100)
        main = user.main
        main.forth(offer(user, Call(user)))
        before = [tcp_count(rig, h, "TCPKeepAlive") for h in ("client",
                                                              "server")]
        for sock in (main.a, main.b):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            # Two without an answer, and the connection ends.
            for option, value in ((socket.TCP_KEEPIDLE, 1),
                                  (socket.TCP_KEEPINTVL, 1),
                                  (socket.TCP_KEEPCNT, 2)):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        for host, count in zip(("client", "server"), before):
            wait_until(lambda h=host, c=count: tcp_count(
                rig, h, "TCPKeepAlive") >= c + 4, f"keep-alives of the {host}")
        main.forth(offer(user, Call(user)))
        main.back(user.notify_text(7100))


def half_closed(rig, tap, family):
    with tap.case(f"IPv{family}: the client has said its end, the server goes "
                  "on"), nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        main = user.main
        main.forth(offer(user, Call(user)))
        main.a.shutdown(socket.SHUT_WR)
        wait_fd(main.b, select.POLLIN, "the client's end")
        check(main.b.recv(1) == b"", "bytes nobody sent")
        for _ in range(5):
            main.back(user.notify_text(7100))
        main.b.shutdown(socket.SHUT_WR)
        wait_fd(main.a, select.POLLIN, "the server's end")
        check(main.a.recv(1) == b"", "bytes nobody sent")


def urgent(rig, tap, family):
    with tap.case(f"IPv{family}: urgent data in the middle of a message"), \
            nat_user(rig, family) as user, captured(rig):
        user.sign_in(7100)
        main, text = user.main, offer(user, Call(user))
        main.b.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        for at in (100, text.find(b"Contact") + 40, len(text) - 50, len(text)):
            main.a.send(text[:at], socket.MSG_OOB)
            main.settle(main.a)
            main.a.send(text[at:])
            got = b""
            while not split_messages(got)[0]:
                wait_fd(main.b, select.POLLIN, "the rest of a message")
                got += main.b.recv(1 << 16)
            user.table.learn(text, got)


def multipath_ends(rig, family, listens):
    """(listener, client, accepted); the server may have plain TCP."""
    listener = rig.socket("server", family, socket.SOCK_STREAM, listens)
    sock = rig.socket("client", family, socket.SOCK_STREAM, MPTCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ADDRESS[family]["server"], SIP_PORT))
    listener.listen(8)
    sock.connect(listener.getsockname()[:2])
    return listener, sock, listener.accept()[0]


def carried(sock, peer, message):
    """What comes out where a message went in."""
    sock.send(message)
    got = b""
    while not split_messages(got)[0]:
        wait_fd(peer, select.POLLIN, "the rest of a message")
        got += peer.recv(1 << 16)
    return got


def multipath(rig, tap, family):
    text = (f"IPv{family}: Multipath TCP counts bytes by itself: messages pass "
            "as they are, counted")
    try:
        ends = multipath_ends(rig, family, MPTCP)
    except OSError as error:
        if error.errno not in (errno.EPROTONOSUPPORT, errno.ENOPROTOOPT):
            raise
        tap.skip(text, f"no MPTCP here: {error}")
        return
    message = NatUser(rig, family, connect=False).register_text(7100)
    with tap.case(text):
        before = rig.counters()["untranslatable"]
        for _ in range(3):
            got = carried(*ends[1:], message)
            check(got == message, got == message or difference(message, got))
        check(rig.counters()["untranslatable"] > before, "not counted")
    for end in ends:
        end.close()
    with tap.case(f"IPv{family}: a client offers it, its server does not take "
                  "it: messages are translated"):
        ends = multipath_ends(rig, family, 0)
        before = rig.counters()["untranslatable"]
        got = carried(*ends[1:], message)
        check(f"<sip:{host_text(OUTSIDE[family])}:".encode() in got, f"{got!r}")
        check(rig.counters()["untranslatable"] == before, "counted")
        for end in ends:
            end.close()


def main():
    rig, tap = NatRig("ipv6"), Tap()
    with parameter("media_ports", "1024-65535"):
        for family in (4, 6):
            for test in (zero_window, keep_alive, half_closed, urgent,
                         multipath):
                test(rig, tap, family)
    with tap.case("nothing is held"):
        rig.must_hold_nothing()
    tap.done()


if __name__ == "__main__":
    main()
