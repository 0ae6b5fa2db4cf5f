# SPDX-License-Identifier: GPL-2.0
"""Plays a dialogue of the corpus over real TCP and watches the firewall.

Every message goes byte for byte over the connection that the dialogue names.
After each one the model (what the dialogue's `+` lines say is open) is held
against the firewall, from two sides: the kernel's table of expectations must
have exactly these, with class, source and state; and packets from outside must
get through as RELATED where it is open, and be dropped everywhere near: the
ports beside it, the other host, the other protocol, a source that is not
allowed, before it is active and after it is closed.
"""

import os
import socket
import sys
from dataclasses import dataclass

from lcspeer import (ADDRESS, TCP_SAVE_SYN, Failed, Link, check,
                     ct_state, wait_fd)
from lcswire import HOSTS, Probe, family_of, is_inside
import select

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "corpus"))
import corpus                                                # noqa: E402
from corpus_reader import Close, Message, read_dialogue      # noqa: E402

SLACK = 60      # seconds of a lifetime that may have gone when we look
OTHER_PROTO = {"tcp": "udp", "udp": "tcp"}
# A `+ refuse` line's reason, and the counter of it.
REFUSALS = {"not-own": "refused_address", "reserved": "refused_address",
            "port": "refused_port", "limit": "refused_limit"}


@dataclass
class Row:
    """A pinhole that must be there."""
    kind: str
    proto: str
    address: str
    port: int
    sources: tuple          # texts; empty: any
    active: bool
    outbound: bool
    lifetime: int = None
    used: bool = False      # a file's one connection has come

    @property
    def one_shot(self):
        return self.kind == "file-transfer"

    def key(self):
        return self.proto, self.address, self.port


def dialogues(names=()):
    """Those whose names begin so, in order. Whether they are consistent is the
    business of corpus.py check, which needs no guest."""
    for name in corpus.names():
        if not names or name.startswith(tuple(names)):
            yield read_dialogue(os.path.join(corpus.HERE, f"{name}.txt"))


def steps_of(dialogue):
    """Events in order; messages that share a segment are one list."""
    steps = []
    for event in dialogue.events:
        if not isinstance(event, Message):
            steps.append(event)
        elif event.joined and steps and isinstance(steps[-1], list):
            steps[-1].append(event)
        else:
            steps.append([event])
    return steps


def bound_socket(rig, family, address):
    """Of the host that has this address in the dialogues."""
    sock = rig.socket(HOSTS[address[0]], family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind(address)
    return sock


class Play:
    """One performance of one dialogue."""

    def __init__(self, rig, wire, dialogue, cuts=None):
        self.rig, self.wire, self.dialogue = rig, wire, dialogue
        self.cuts = cuts        # length of a message -> where it is cut
        self.table = {}
        self.links, self.listeners = {}, []
        client = next(iter(dialogue.connections.values())).client[0]
        self.family = family_of(client)
        self.hosts = ADDRESS[self.family]
        self.where = "before it began"

    # ---- TCP

    def connect(self, connection):
        target, source = connection.responder, connection.originator
        listener = self.socket(target)
        listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        listener.listen(8)
        sock = self.socket(source)
        code = sock.connect_ex(target)
        check(code in (0, 115), os.strerror(code))
        wait_fd(listener, select.POLLIN, f"connection {connection.name}")
        peer, _ = listener.accept()
        listener.close()
        link = Link(sock, peer, ct_state(peer))
        self.links[connection.name] = connection, link
        if connection.is_callback:
            check(link.state == "RELATED",
                  f"{connection.name} is {link.state}")
        else:
            check(link.state == "NEW", f"{connection.name} is {link.state}")

    def socket(self, address):
        return bound_socket(self.rig, self.family, address)

    def send(self, messages):
        connection = messages[0].connection
        if connection.name not in self.links:
            self.connect(connection)
        _, link = self.links[connection.name]
        data, cuts = b"", []
        for message in messages:
            places = (self.cuts(len(message.data)) if self.cuts
                      else message.cuts)
            cuts += [len(data) + at for at in places]
            data += message.data
        forth = messages[0].from_client != connection.is_callback
        (link.forth if forth else link.back)(data, cuts)
        for message in messages:
            self.resend(message, link.a if forth else link.b,
                        link.b if forth else link.a)

    def resend(self, message, sender, receiver):
        """Bytes that were sent and received come again."""
        for first, last in message.resends:
            self.wire.inject(sender, first - len(message.data),
                             message.data[first:last])
        if message.resends:
            self.rig.barrier("client", "server", self.family)
            try:
                data = receiver.recv(1)
            except BlockingIOError:
                return
            raise Failed(f"bytes received twice, or the end: {data!r}")

    # ---- the model

    def apply(self, message):
        changed, gone, counted = [], [], {}
        for outcome in message.outcomes:
            if outcome.verb in ("opaque", "nothing"):
                continue
            key = outcome.key()
            if outcome.verb == "refuse":
                gone.append((key, not is_inside(key[1])))
                name = REFUSALS[outcome.reason]
                counted[name] = counted.get(name, 0) + 1
                continue
            if outcome.verb == "close":
                gone.append((key, self.table.pop(key).outbound))
                continue
            if outcome.verb == "open":
                sources = (() if outcome.source == "any"
                           else tuple(outcome.source.split(",")))
                self.table[key] = Row(outcome.kind, *key, sources,
                                      outcome.active, outcome.outbound)
            elif outcome.verb == "active":
                self.table[key].active = True
                self.table[key].lifetime = outcome.lifetime
            elif outcome.verb == "narrow":
                self.table[key].sources = tuple(outcome.source.split(","))
            changed.append(key)
        return changed, gone, counted

    # ---- is the kernel's table the same

    def check_table(self):
        zero = "0.0.0.0" if self.family == 4 else "::"
        wanted, lifetimes = set(), {}
        for row in self.table.values():
            if row.used:
                continue
            for source in row.sources or (zero,):
                line = (row.kind, row.proto, source, row.address, row.port,
                        "active" if row.active else "inactive")
                wanted.add(line)
                lifetimes[line] = row.lifetime
        found = {}
        for exp in self.rig.expectations():
            proto = {6: "tcp", 17: "udp"}.get(exp.proto, exp.proto)
            found[exp.kind, proto, exp.src, exp.dst, exp.dport,
                  "inactive" if exp.inactive else "active"] = exp
        lines = [f"missing: {line}" for line in sorted(wanted - set(found))]
        lines += [f"too many: {line}" for line in sorted(set(found) - wanted)]
        check(not lines, "\n".join(lines[:20]))
        for line, lifetime in lifetimes.items():
            left = found[line].timeout
            check(lifetime is None or lifetime - SLACK <= left <= lifetime,
                  f"{line} lives {left} s, not {lifetime}")

    # ---- and does it act so

    def outside(self, *but):
        """Both hosts outside, those excepted."""
        return [self.hosts[h] for h in ("server", "stranger")
                if self.hosts[h] not in but]

    def allowed(self, row):
        if row.outbound:
            return [row.sources[0]]
        return [s for s in row.sources if s in HOSTS] or (
            [] if row.sources else self.outside())

    def open_for(self, probe):
        row = self.table.get((probe.proto, probe.target, probe.dport))
        return bool(row) and row.active and not row.used and (
            probe.source in row.sources if row.sources or row.outbound
            else not is_inside(probe.source))

    def around(self, row):
        """Packets near a pinhole that has changed."""
        for source in self.allowed(row):
            for port in {max(row.port - 1, 1), min(row.port + 1, 65535)}:
                yield Probe(row.proto, source, row.address, port)
            yield Probe(OTHER_PROTO[row.proto], source, row.address, row.port)
            if not row.outbound:
                yield Probe(row.proto, source, self.hosts["second"], row.port)
        if row.outbound:
            yield Probe(row.proto, self.hosts["second"], row.address, row.port)
            if row.address in HOSTS:
                yield Probe(row.proto, row.address, row.sources[0], row.port)
        elif row.sources:
            for source in self.outside(*row.sources):
                yield Probe(row.proto, source, row.address, row.port)

    def reachable(self, address):
        return address in HOSTS and family_of(address) == self.family

    def probes(self, changed, gone, one_shot=False):
        wanted = []
        for row in self.table.values():
            if self.reachable(row.address) and (one_shot or not row.one_shot):
                wanted += [Probe(row.proto, source, row.address, row.port)
                           for source in self.allowed(row)]
        for key in changed:
            if key in self.table and self.reachable(key[1]):
                wanted += self.around(self.table[key])
        for (proto, address, port), outbound in gone:
            sources = [self.hosts["client"]] if outbound else self.outside()
            if self.reachable(address) and (outbound or is_inside(address)):
                wanted += [Probe(proto, source, address, port)
                           for source in sources if source != address]
        return wanted

    def check_packets(self, probes):
        """One connection uses a file transfer up: not tried in passing."""
        plan, last = {}, []
        for probe in probes:
            row = self.table.get((probe.proto, probe.target, probe.dport))
            if not self.open_for(probe):
                plan[probe] = None
            elif not row.one_shot:
                plan[probe] = "RELATED"
            elif row not in last:
                last.append(row)
                plan[probe] = "RELATED"
                row.used = True
        self.wire.expect(plan)

    def verify(self, changed=(), gone=()):
        self.check_table()
        self.check_packets([p for p in self.probes(changed, gone)
                            if not self.is_one_shot(p)])

    def is_one_shot(self, probe):
        row = self.table.get((probe.proto, probe.target, probe.dport))
        return bool(row) and row.one_shot and self.open_for(probe)

    # ---- the performance

    def message(self, messages):
        self.where = (f"line {messages[-1].line}, "
                      f"{messages[-1].stream}")
        before = self.rig.counters()
        self.send(messages)
        changed, gone, wanted = [], [], {}
        for message in messages:
            one, two, counted = self.apply(message)
            changed += one
            gone += two
            for name, count in counted.items():
                wanted[name] = wanted.get(name, 0) + count
        after = self.rig.counters()
        self.verify(changed, gone)
        for name in sorted(set(REFUSALS.values())):
            more = after[name] - before[name]
            # An endpoint may be named more than once in one message.
            check((more > 0) == (name in wanted), f"{name} rose by {more}, "
                  f"the dialogue has {wanted.get(name, 'none')}")

    def probe(self, probe):
        self.where = f"line {probe.line}, a packet from outside"
        one = Probe(probe.proto, probe.source[0], *probe.target)
        check(self.open_for(one) == probe.related, "the model says otherwise")
        if probe.target[0] not in HOSTS:
            state = self.wire.at_firewall(probe.source[0], *probe.target)
            check(state == "NEW", f"{one}: {state}")
            return
        self.check_packets([one])

    def close(self, event):
        self.where = f"line {event.line}, the end of {event.connection.name}"
        _, link = self.links[event.connection.name]
        ends = link.a, link.b
        if event.by_client == event.connection.is_callback:
            ends = link.b, link.a
        for sock, other in (ends, ends[::-1]):
            sock.shutdown(socket.SHUT_WR)
            wait_fd(other, select.POLLIN, "the FIN")
            check(other.recv(1) == b"", "bytes nobody sent")
        self.verify()

    def run(self):
        try:
            for step in steps_of(self.dialogue):
                if isinstance(step, list):
                    self.message(step)
                elif isinstance(step, Close):
                    self.close(step)
                else:
                    self.probe(step)
            self.where = "at the end"
            self.finale()
        except (Failed, OSError) as error:
            raise Failed(f"{self.dialogue.name}, {self.where}:\n"
                         f"{error}") from error
        finally:
            self.clean_up()

    def finale(self):
        """Files come: one connection each, and then no more."""
        rows = [r for r in self.table.values() if r.one_shot and not r.used]
        probes = self.probes((), (), one_shot=True)
        self.check_packets(probes)
        self.check_table()
        self.check_packets([Probe(r.proto, source, r.address, r.port)
                            for r in rows for source in self.allowed(r)])

    def clean_up(self):
        for connection, link in self.links.values():
            link.close()
            self.rig.run("fw", "conntrack", "-f", f"ipv{self.family}", "-D",
                         "-p", "tcp",
                         "--orig-port-src", str(connection.originator[1]),
                         "--orig-port-dst", str(connection.responder[1]),
                         fail=False)
