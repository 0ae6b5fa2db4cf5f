#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
"""The corpus behind masquerade, byte for byte, with the places that its authors
marked by hand in each message.

What the client sends reaches the server with every own endpoint that opens
something in its outside form, always the same one, and nothing else changed;
what the server sends back in those forms reaches the client as the corpus has
it. What is refused goes out as it is, and so does what EXCUSED names; nothing
else may. The corpus's probes are not sent here: they name inside ports, which
nobody outside can reach (dialogues.py sends them, nat.py those of outside).

Contacts by the thousand are left out: how many of them are translated is a
bound of the module's, not the protocol's (natlife.py has them).

    natdialogues.py [NAME...]       all, or those whose names begin so
Profile: the parameters that each dialogue states, the defaults otherwise.
"""

import contextlib
import os
import re
import select
import socket
import sys
import time

from lcspeer import LIMIT, Link, Tap, check, difference, wait_fd
from lcsplay import Close, bound_socket, steps_of
from lcswire import MORE, family_of
from natcheck import HEADER_KINDS, Place, hole_pattern
from natrig import NatRig
from policy import parameter
import corpus         # on the path that natcheck has set

IMPLIED, NOT_TCP, ACTIVE = 1, 2, 64
CANNOT = ("refused_outside", "unchanged_fixed", "unchanged_refused",
          "unchanged_full", "unchanged_length")
# Where something that the policy allows cannot be translated, and why.
EXCUSED = {
    "15b-av-rtcp-apart": "a port count stands for more than one port",
    "22d-part-length": "a part states its own length, which must stay",
    "29c-t120-two-clients": "there is one 1503, and two want it",
}


def span(at):
    return (at[0], at[0] + at[1]) if at else None


def places_of(message):
    """What the corpus says of a message's endpoints, as natcheck has them. What
    OPTIONS tells in its body is no place where anybody listens."""
    found, lists = [], re.search(rb"(?im)^cseq[ \t]*:[ \t]*\d+[ \t]+OPTIONS",
                                 message.data)
    for one in message.endpoints:
        if not one.address or not one.addr_at or (
                lists and one.kind not in HEADER_KINDS):
            continue
        base = 0
        if one.kind == "rtcp" and one.flags & IMPLIED:
            base = one.port - 1
        found.append(Place(
            one.kind, one.proto, str(one.address), one.port,
            span(one.addr_at), span(one.port_at), span(one.extra_at), base,
            not one.flags & (NOT_TCP | ACTIVE)))
    return found


class NatPlay:
    """One performance of one dialogue behind masquerade."""

    def __init__(self, rig, dialogue):
        self.rig, self.dialogue = rig, dialogue
        clients = {c.client[0] for c in dialogue.connections.values()}
        self.family = family_of(next(iter(clients)))
        self.table = rig.table(self.family)
        self.table.inside |= clients
        self.table.forget()
        self.links, self.changed, self.excused = {}, 0, []

    def socket(self, address):
        return bound_socket(self.rig, self.family, address)

    def connect(self, connection):
        listener = self.socket(connection.responder)
        listener.listen(8)
        sock = self.socket(connection.originator)
        target = connection.responder
        if connection.is_callback:
            target = self.table.forms["tcp", *target]
        code = sock.connect_ex(target)
        check(code in (0, 115), os.strerror(code))
        wait_fd(listener, select.POLLIN, f"connection {connection.name}")
        peer, name = listener.accept()
        listener.close()
        if not connection.is_callback:
            self.table.forms["tcp", *connection.originator] = name[:2]
        self.links[connection.name] = connection, Link(sock, peer)

    def send(self, messages):
        connection = messages[0].connection
        if connection.name not in self.links:
            self.connect(connection)
        link = self.links[connection.name][1]
        ends = link.a, link.b
        if messages[0].from_client == connection.is_callback:
            ends = link.b, link.a
        if messages[0].from_client:
            self.to_server(ends, messages)
        else:
            self.to_client(ends, messages, connection.client[0])

    def to_server(self, ends, messages):
        before = self.rig.counters()
        patterns = [hole_pattern(m.data, places_of(m)) for m in messages]
        data = b"".join(m.data for m in messages)
        cuts = messages[0].cuts if len(messages) == 1 else ()
        got = self.carry(ends, data, cuts,
                         re.compile(b"".join(patterns)).fullmatch)
        for message, pattern in zip(messages, patterns):
            one = re.match(pattern, got)
            check(one, difference(message.data, got))
            now = self.rig.counters()
            refused = any(o.verb == "refuse" for o in message.outcomes)
            cannot = [n for n in CANNOT if now[n] > before[n]]
            if cannot and not refused:
                self.excused.append(f"line {message.line}: {cannot}")
            self.changed += self.table.learn(
                message.data, one[0], places_of(message),
                bool(cannot or refused))
            if not cannot and not refused:
                self.must_be_mapped(message)
            got = got[one.end():]

    def must_be_mapped(self, message):
        """Whatever opens has an outside form."""
        for outcome in message.outcomes:
            if outcome.verb == "open" and not outcome.outbound:
                self.table.form(*outcome.key())

    def to_client(self, ends, messages, address):
        sent = b"".join(self.table.as_server(m.data, places_of(m))
                        for m in messages)
        want = b"".join(self.table.as_client(m.data, address, places_of(m))
                        for m in messages)
        cuts = [c for c in messages[0].cuts if c < len(sent)]
        got = self.carry(ends, sent, cuts, lambda g: len(g) >= len(want))
        check(got == want, "to the client: " + difference(want, got))

    @staticmethod
    def carry(ends, data, cuts, complete):
        """Send it, return what comes out once that is complete."""
        sender, receiver = ends
        got = bytearray()
        edges = [0, *cuts, len(data)]
        for start, end in zip(edges, edges[1:]):
            piece = data[start:end]
            while piece:
                with contextlib.suppress(BlockingIOError):
                    piece = piece[sender.send(piece):]
                with contextlib.suppress(BlockingIOError):
                    got += receiver.recv(1 << 20)
        end = time.monotonic() + LIMIT
        while not complete(bytes(got)):
            check(time.monotonic() < end, difference(data, got))
            if select.select([receiver], [], [], 0.1)[0]:
                more = receiver.recv(1 << 20)
                check(more, "the connection was closed")
                got += more
        return bytes(got)

    def close(self, event):
        _, link = self.links[event.connection.name]
        ends = link.a, link.b
        if event.by_client == event.connection.is_callback:
            ends = ends[::-1]
        for sock, other in (ends, ends[::-1]):
            sock.shutdown(socket.SHUT_WR)
            wait_fd(other, select.POLLIN, "the FIN")
            check(other.recv(1) == b"", "bytes nobody sent")

    def run(self):
        where = "before it began"
        try:
            for step in steps_of(self.dialogue):
                if isinstance(step, list):
                    where = f"line {step[-1].line}, {step[-1].stream}"
                    self.send(step)
                elif isinstance(step, Close):
                    where = f"line {step.line}, the end"
                    self.close(step)
        except (KeyError, OSError) as error:
            check(False, f"{self.dialogue.name}, {where}: {error!r}")
        except Exception as error:
            error.args = (f"{self.dialogue.name}, {where}:\n{error}",)
            raise
        finally:
            self.clean_up()

    def clean_up(self):
        for connection, link in self.links.values():
            link.close()
            self.rig.run("fw", "conntrack", "-f", f"ipv{self.family}", "-D",
                         "-p", "tcp",
                         "--orig-port-src", str(connection.originator[1]),
                         fail=False)


def main(names):
    rig, tap = NatRig("ipv6"), Tap()
    for address, host in MORE.items():
        prefix = 24 if family_of(address) == 4 else 64
        rig.run(host, "ip", "addr", "replace", f"{address}/{prefix}", "dev",
                "eth0", *(["nodad"] if prefix == 64 else []))
    total = 0
    for dialogue in corpus.load():
        if not dialogue.name.startswith(tuple(names) or ("",)) or any(
                m.repeated and m.endpoints for m in dialogue.messages):
            continue
        with tap.case(f"{dialogue.name}: {dialogue.title}"), \
                contextlib.ExitStack() as stack:
            for name, text in dialogue.parameters.items():
                stack.enter_context(parameter(name, text))
            play = NatPlay(rig, dialogue)
            play.run()
            total += play.changed
            check(bool(play.excused) == (dialogue.name in EXCUSED),
                  f"passed as it was: {play.excused}")
            rig.must_hold_nothing()
    with tap.case("places were changed, no packet was invalid"):
        check(total, "nothing was changed")
        check(not rig.invalid(), f"{rig.invalid()} packets were invalid")
    tap.done()


if __name__ == "__main__":
    main(sys.argv[1:])
