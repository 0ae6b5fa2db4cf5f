# SPDX-License-Identifier: GPL-2.0
"""Do the outcomes a dialogue states fit together, and with the module's rules?

This plays a dialogue against a table of pinholes: what is opened must be named
by an endpoint of that message, be the sender's own address and in policy; what
is closed must be open; every endpoint of a client must be accounted for.
"""

import ipaddress
from dataclasses import replace

from corpus_reader import FLAGS, Close, Message, Probe

DEFAULTS = {"sip_ports": "1024-65535", "media_ports": "5350-5353", "ft_ports": "6891-6900",
            "t120_port": "1503", "nat_ports": "49152-65535", "callback_from": "server",
            "media_from": "any", "relayed": "0", "loose": "0"}
CLASS_OF = {"contact": "callback", "media": "media", "rtcp": "media", "candidate": "media",
            "file-transfer": "file-transfer", "app-sharing": "app-sharing"}
RANGE_OF = {"callback": "sip_ports", "media": "media_ports", "file-transfer": "ft_ports",
            "app-sharing": "t120_port"}
SDP_METHODS = ("INVITE", "ACK", "PRACK", "UPDATE")
PINHOLES_MAX = 64


class Policy:
    """The pinhole table of one dialogue; fail(line, text) reports."""

    def __init__(self, dialogue, fail):
        self.dialogue = dialogue
        self.fail = fail
        self.table = {}         # (proto, address, port) -> Outcome of its opening
        self.opaque = set()     # streams given up
        self.parameters = {**DEFAULTS, **dialogue.parameters}

    def in_range(self, kind, port):
        low, _, high = self.parameters[RANGE_OF[kind]].partition("-")
        return max(1024, int(low)) <= port <= int(high or low)

    def run(self):
        seen = set()
        for event in self.dialogue.events:
            if isinstance(event, Message):
                self.open_connection(event, seen)
                self.message(event)
            elif isinstance(event, Probe):
                self.probe(event)
            elif isinstance(event, Close):
                seen.discard(event.connection.name)

    def open_connection(self, message, seen):
        """A callback connection can only begin through an active pinhole."""
        connection = message.connection
        if connection.name in seen:
            return
        seen.add(connection.name)
        if connection.is_callback and not self.lets_in(
                "tcp", connection.originator, connection.responder):
            self.fail(message.line, f"{connection.name} begins, but no pinhole lets it in")

    def lets_in(self, proto, source, target):
        row = self.table.get((proto, *target))
        return bool(row) and row.active and (row.source == "any" or
                                             source[0] in row.source.split(","))

    def probe(self, probe):
        if self.lets_in(probe.proto, probe.source, probe.target) != probe.related:
            self.fail(probe.line, f"the table says otherwise: {sorted(self.table)}")

    # ---- one message ----------------------------------------------------

    def message(self, message):
        refused = set()
        for outcome in message.outcomes:
            getattr(self, f"do_{outcome.verb}")(message, outcome, refused)
        if len(self.table) > PINHOLES_MAX * len(self.dialogue.connections):
            self.fail(message.line, "more pinholes than a client may have")
        if message.gives_up and not any(o.verb == "opaque" for o in message.outcomes):
            self.fail(message.line, "gives up, but is not said to be opaque")
        if message.from_client and message.facts and not message.gives_up:
            closed = {o.key() for o in message.outcomes if o.verb == "close"}
            self.account(message, refused | closed)

    def own(self, message, address):
        return ipaddress.ip_address(address) == ipaddress.ip_address(message.connection.client[0])

    def named(self, message, key):
        """Is there an endpoint in the message (or the count-th port of one) with this tuple?"""
        proto, address, port = key
        for endpoint in message.endpoints:
            if (endpoint.proto, str(endpoint.address)) != (proto, address):
                continue
            if endpoint.kind in ("media", "rtcp"):
                if endpoint.port <= port < endpoint.port + 2 * endpoint.count:
                    return True
            elif endpoint.port == port:
                return True
        return False

    def do_open(self, message, outcome, _refused):
        key = outcome.key()
        if key in self.table:
            self.fail(outcome.line, f"{key} is open already")
        if not self.named(message, key):
            self.fail(outcome.line, f"no endpoint of the message names {key}")
        if not self.in_range(outcome.kind, outcome.port):
            self.fail(outcome.line, f"port {outcome.port} is not in {RANGE_OF[outcome.kind]}")
        if outcome.outbound:
            if self.parameters["relayed"] != "1" or message.from_client:
                self.fail(outcome.line, "outbound only for what a server relays, with relayed=1")
            if outcome.source != message.connection.client[0]:
                self.fail(outcome.line, "an outbound pinhole is from the client")
        elif not message.from_client or not self.own(message, outcome.address):
            self.fail(outcome.line, "inbound only for the sender's own address")
        if outcome.kind == "callback":
            wanted = "any" if self.parameters["callback_from"] == "any" else message.connection.server[0]
            if outcome.source != wanted:
                self.fail(outcome.line, f"a callback comes from {wanted}")
        if "unreadable" in message.flags:
            self.fail(outcome.line, "an unreadable message opens nothing")
        # A copy: the table changes its rows, the dialogue stays what the file says.
        self.table[key] = replace(outcome)

    def row(self, outcome):
        row = self.table.get(outcome.key())
        if not row or row.kind != outcome.kind:
            self.fail(outcome.line, f"no {outcome.kind} pinhole {outcome.key()}")
        return row

    def do_active(self, message, outcome, _refused):
        row = self.row(outcome)
        if row:
            row.active = True
        if message.from_client or not message.facts or not message.facts.is_response:
            if message.facts and not message.facts.is_response:
                self.fail(outcome.line, "only a response makes a pinhole active")

    def do_narrow(self, message, outcome, _refused):
        """media_from=peer: the answer names who sends."""
        row = self.row(outcome)
        if self.parameters["media_from"] != "peer" or message.from_client:
            self.fail(outcome.line, "narrow only with media_from=peer, by what the peer says")
        peers = {str(e.address) for e in message.endpoints if e.kind in CLASS_OF}
        if not set(outcome.source.split(",")) <= peers:
            self.fail(outcome.line, f"the message names {sorted(peers)}")
        if row:
            row.source = outcome.source

    def do_close(self, _message, outcome, _refused):
        if self.row(outcome):
            del self.table[outcome.key()]

    def do_refuse(self, message, outcome, refused):
        key = outcome.key()
        if not self.named(message, key):
            self.fail(outcome.line, f"no endpoint of the message names {key}")
        own = self.own(message, outcome.address)
        if outcome.reason == "not-own" and own and message.from_client:
            self.fail(outcome.line, f"{outcome.address} is the sender's own")
        if outcome.reason == "port" and self.in_range(outcome.kind, outcome.port):
            self.fail(outcome.line, f"port {outcome.port} is in {RANGE_OF[outcome.kind]}")
        relayed = self.parameters["relayed"] == "1" and not message.from_client
        if outcome.reason == "port" and not own and not relayed:
            self.fail(outcome.line, "an address that is not the sender's own comes first")
        refused.add(key)

    def do_opaque(self, message, outcome, _refused):
        if not message.gives_up and message.facts and message.facts.method != "NEGOTIATE":
            self.fail(outcome.line, "nothing here makes the flow opaque")
        self.opaque.add(message.connection.name)

    def do_nothing(self, message, outcome, _refused):
        if len(message.outcomes) != 1:
            self.fail(outcome.line, "nothing, and yet something")

    # ---- is everything accounted for ------------------------------------

    def account(self, message, settled):
        """Each endpoint by which a client asks for a pinhole has an outcome."""
        facts = message.facts
        if message.connection.name in self.opaque or message.flags & {"unreadable"}:
            return
        if any(o.verb == "nothing" for o in message.outcomes):
            return
        if facts.is_response and facts.status >= 300:
            return
        for endpoint in message.endpoints:
            kind = CLASS_OF.get(endpoint.kind)
            if not kind or not endpoint.address or not endpoint.port:
                continue
            if kind in ("media", "app-sharing") and facts.method not in SDP_METHODS:
                continue
            if self.exempt(message, endpoint) or endpoint.key() in settled:
                continue
            if endpoint.key() not in self.table:
                self.fail(endpoint.line, f"{endpoint.key()}: neither open nor refused")

    def exempt(self, message, endpoint):
        if endpoint.flags & (FLAGS["not-tcp"] | FLAGS["active"] | FLAGS["cid"]):
            return True
        if endpoint.kind == "contact":
            gone = endpoint.expires == 0 or message.facts.expires == 0
            used = (str(endpoint.address), endpoint.port) in (
                message.connection.originator, message.connection.responder)
            return gone or used
        return endpoint.address.is_unspecified
