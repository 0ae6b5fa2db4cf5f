# SPDX-License-Identifier: GPL-2.0
"""Is a dialogue consistent: lengths, transactions, tags, guards, outcomes."""

import corpus_sip
from corpus_policy import Policy
from corpus_reader import CorpusError, Message

LINE_MAX = 8192


class Check:
    """All checks of one dialogue; raises CorpusError at the first that fails."""

    def __init__(self, dialogue):
        self.dialogue = dialogue
        self.requests = {}      # (connection, from_client, Call-ID, number, method) -> Facts
        self.highest = {}       # (from_client, Call-ID) -> CSeq

    def fail(self, line, text):
        raise CorpusError(self.dialogue.path, line, text)

    def run(self):
        self.settings()
        for event in self.dialogue.events:
            if isinstance(event, Message):
                self.guards(event)
                self.body(event)
                self.last(event)
                if event.mode == "message" and not event.gives_up:
                    self.framing(event)
                    self.transaction(event)
        Policy(self.dialogue, self.fail).run()

    def settings(self):
        used = {m.connection.name for m in self.dialogue.messages}
        for connection in self.dialogue.connections.values():
            if connection.name not in used:
                self.fail(connection.line, f"connection {connection.name} is not used")
        if not {"client", "server"} <= set(self.dialogue.hosts):
            self.fail(1, "hosts client and server must be named")

    def guards(self, message):
        used = getattr(message, "used_spots", set())
        unused = [message.data[a:b].decode() for a, b in message.spots if (a, b) not in used]
        if unused and not message.repeated:
            self.fail(message.line, f"guarded, but no '=' line uses it: {unused}")
        if message.joined:
            before = [m for m in self.dialogue.messages if m.number == message.number - 1]
            if not before or before[0].stream != message.stream:
                self.fail(message.line, "joined to nothing")

    def last(self, message):
        """Behind an unfinished message, or one that gives the stream up, no message is read."""
        later = [m for m in self.dialogue.messages
                 if m.stream == message.stream and m.number > message.number]
        if message.unfinished and any(m.mode != "raw" for m in later):
            self.fail(later[0].line, "the message before it in this stream is unfinished")
        if message.gives_up and any(m.read_through or m.endpoints for m in later):
            self.fail(later[0].line, "the stream was given up before")

    def body(self, message):
        if message.mode in ("raw", "keep-alive"):
            if message.endpoints:
                self.fail(message.line, f"{message.mode} bytes have no endpoints")
            return
        if message.read_through and not message.facts:
            self.fail(message.line, "neither a whole message nor said to be given up")
        if message.gives_up or not message.facts or "unreadable" in message.flags:
            return
        want = corpus_sip.body_kind(message.facts)
        if (message.body or "none") != want and not (message.mode == "odd" and message.body):
            self.fail(message.line, f"the body is {want}, say '= body {want}'")

    def framing(self, message):
        facts = message.facts
        if not message.unfinished and facts.length != len(facts.body):
            self.fail(message.line, f"Content-Length is {facts.length}, the body has {len(facts.body)}")
        for name in ("via", "from", "to", "call-id", "cseq"):
            if not facts.get(name):
                self.fail(message.line, f"no {name} header")
        if not corpus_sip.tag_of(facts.get("from")):
            self.fail(message.line, "From has no tag")
        if facts.body and not facts.content_type:
            self.fail(message.line, "a body without Content-Type")

    def transaction(self, message):
        facts = message.facts
        key = (facts.get("call-id"), facts.cseq, facts.method)
        if facts.is_response:
            request = self.requests.get((message.connection.name, not message.from_client, *key))
            if not request:
                self.fail(message.line, f"a response to no request: {key}")
            self.matches(message, request)
            return
        if facts.get("cseq").split()[1] != facts.method:
            self.fail(message.line, "the method of CSeq is another")
        place = (message.from_client, facts.get("call-id"), corpus_sip.tag_of(facts.get("from")))
        if facts.method in ("ACK", "CANCEL"):
            if facts.cseq > self.highest.get(place, 0):
                self.fail(message.line, f"{facts.method} of no request")
        elif facts.cseq <= self.highest.get(place, 0):
            self.fail(message.line, f"CSeq {facts.cseq} after {self.highest[place]}")
        self.highest[place] = max(facts.cseq, self.highest.get(place, 0))
        self.requests[(message.connection.name, message.from_client, *key)] = facts

    def matches(self, message, request):
        facts = message.facts
        if request.method == "BENOTIFY":
            self.fail(message.line, "nobody answers a BENOTIFY")
        if facts.get("from") != request.get("from"):
            self.fail(message.line, "From is not that of the request")
        if not (facts.get("to") or "").startswith(request.get("to")):
            self.fail(message.line, "To is not that of the request")
        sent = facts.get("via").split(";")[0]
        if sent.lower() != request.get("via").split(";")[0].lower():
            self.fail(message.line, f"Via is {sent}, the request's {request.get('via')}")
        if facts.status >= 200 and not facts.has_to_tag:
            self.fail(message.line, "a final response has a To tag")


def check(dialogue):
    Check(dialogue).run()
