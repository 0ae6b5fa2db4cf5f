# SPDX-License-Identifier: GPL-2.0
"""Reads one dialogue of the corpus: text file -> events with exact bytes.

README.md beside this file explains the format. Everything that is not exactly
what the format says is an error with its file and line.
"""

import ipaddress
import os
import re
from dataclasses import dataclass, field

import corpus_sip

KINDS = ("request-uri", "contact", "origin", "media", "rtcp", "candidate",
         "remote-candidate", "file-transfer", "app-sharing")
FLAGS = {"implied": 1, "not-tcp": 2, "cid": 4, "maddr": 8, "proxy-replace": 16,
         "sender-connects": 32, "active": 64}
# Protocol of a kind where the line does not say one.
DEFAULT_PROTO = {"request-uri": "tcp", "contact": "tcp", "origin": "none",
                 "remote-candidate": "none",
                 "file-transfer": "tcp", "app-sharing": "tcp"}
# Kinds that belong to an m= line.
IN_SECTION = ("media", "rtcp", "candidate", "remote-candidate", "app-sharing")
GIVE_UPS = ("not-sip", "bad-start", "bad-length", "long-start")
MESSAGE_FLAGS = ("star", "unreadable", "too-many", "part-length")
BODIES = ("none", "skipped", "sdp", "invitation", "multipart")
ABSENT = 0xffffffff
GUARDS = "«»¦"


class CorpusError(Exception):
    """Something in a corpus file is wrong; says where."""

    def __init__(self, path, line, text):
        super().__init__(f"{path}:{line}: {text}")


def hash_lower(text):
    """lcs_hash_lower() of the protocol library: eight bytes at a time, case aside."""
    whole = len(text) // 8 * 8
    last = text[-8:] if len(text) >= 8 else text
    value = len(text)
    for piece in [text[at:at + 8] for at in range(0, whole, 8)] + [last]:
        word = int.from_bytes(bytes(byte | 0x20 for byte in piece), "little")
        value = (value ^ word) * 0x9e3779b97f4a7c15 & 0xffffffffffffffff
        value ^= value >> 32
    return value & 0xffffffff or 1


@dataclass
class Endpoint:
    """What the library must report; places are offsets into the message."""
    kind: str
    proto: str
    address: object             # ipaddress object, or None for a name
    port: int
    flags: int = 0
    addr_at: tuple = None       # (offset, length)
    port_at: tuple = None
    count: int = 1
    index: int = 0              # of the m= line, in its own description
    component: int = 0
    extra: int = 0
    extra_at: tuple = None
    expires: int = ABSENT
    instance: int = 0
    opaque: int = 0
    line: int = 0

    def key(self):
        return (self.proto, str(self.address), self.port)


@dataclass
class Outcome:
    """What the helper must do about a message (policy, without NAT)."""
    verb: str
    kind: str = None
    proto: str = None
    address: str = None
    port: int = 0
    source: str = None
    active: bool = True
    lifetime: int = None
    reason: str = None
    outbound: bool = False
    line: int = 0

    def key(self):
        return (self.proto, self.address, self.port)


@dataclass
class Connection:
    """A TCP connection; the client is its originator unless it is a callback."""
    name: str
    originator: tuple
    responder: tuple
    line: int

    @property
    def is_callback(self):
        return self.name.startswith("callback")

    @property
    def client(self):
        return self.responder if self.is_callback else self.originator

    @property
    def server(self):
        return self.originator if self.is_callback else self.responder


@dataclass
class Message:
    """The bytes of one message and what must come of them."""
    number: int
    line: int
    connection: Connection
    from_client: bool
    mode: str
    joined: bool
    data: bytes = b""
    cuts: list = field(default_factory=list)
    spots: list = field(default_factory=list)   # (start, end) of each guarded text
    by_text: dict = field(default_factory=dict)
    repeated: bool = False
    endpoints: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)
    resends: list = field(default_factory=list)
    flags: set = field(default_factory=set)
    gives_up: str = None
    unfinished: bool = False    # its Content-Length says that more must come
    body: str = None
    facts: object = None        # corpus_sip.Facts, None for what is not a message

    def spots_of(self, text):
        """Places of the guards around this text, in order."""
        if not self.by_text:
            for start, end in self.spots:
                self.by_text.setdefault(self.data[start:end], []).append((start, end))
        return self.by_text.get(text, [])

    @property
    def stream(self):
        return f"{'>' if self.from_client else '<'} {self.connection.name}"

    @property
    def read_through(self):
        """Does the library report one whole message here?"""
        return self.mode in ("message", "odd") and not self.gives_up and not self.unfinished


@dataclass
class Probe:
    """A packet from outside at this moment, and whether it must get through."""
    line: int
    proto: str
    source: tuple
    target: tuple
    related: bool


@dataclass
class Close:
    """A connection ends (FIN by the side named)."""
    line: int
    connection: Connection
    by_client: bool


@dataclass
class Dialogue:
    path: str
    name: str
    item: int = 0
    title: str = ""
    about: list = field(default_factory=list)
    hosts: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)
    connections: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    cut_everywhere: bool = False

    @property
    def messages(self):
        return [e for e in self.events if isinstance(e, Message)]


def parse_address_port(text):
    """10.0.0.5:5060 or [2001:db8::5]:5060 -> ("10.0.0.5", 5060)."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})", text)
    if not match or int(match.group(3)) > 65535:
        raise ValueError(f"no address:port: {text}")
    return str(ipaddress.ip_address(match.group(1) or match.group(2))), int(match.group(3))


def count_up(text, n):
    """'{7100+n}' -> 7100 + n."""
    return re.sub(r"\{(\d+)\+n\}", lambda match: str(int(match.group(1)) + n), text)


ORDINARY = re.compile(r"[^\x00-\x1f\x7f\\" + GUARDS + r"]+")
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[rnts\\c])")
PLAIN = {"r": "\r", "n": "\n", "t": "\t", "s": " ", "\\": "\\"}


class LineBuilder:
    """Turns the text of one line into bytes, guards and cuts."""

    def __init__(self, fail):
        self.fail = fail
        self.data = bytearray()
        self.spots = []
        self.cuts = []
        self.open = None

    def add(self, text):
        """Adds a line; its end is CRLF unless the text ends with \\c."""
        end = b"\r\n"
        at = 0
        if text != text.rstrip(" \t"):
            self.fail("trailing white space must be written \\s or \\t")
        while at < len(text):
            char = text[at]
            if char in GUARDS:
                self._guard(char)
                at += 1
            elif char == "\\":
                match = ESCAPE.match(text, at)
                if not match:
                    self.fail(f"unknown escape in {text[at:at + 4]!r}")
                at = match.end()
                code = match.group(1)
                if code == "c":
                    if at != len(text):
                        self.fail("\\c in the middle of a line")
                    end = b""
                elif code[0] == "x":
                    self.data.append(int(code[1:], 16))
                else:
                    self.data += PLAIN[code].encode()
            else:
                match = ORDINARY.match(text, at)
                if not match:
                    self.fail(f"control character {ord(char):#x} must be escaped")
                self.data += match.group().encode("utf-8")
                at = match.end()
        if self.open is not None:
            self.fail("« without »")
        self.data += end

    def _guard(self, char):
        here = len(self.data)
        if char == "¦":
            self.cuts.append(here)
        elif char == "«":
            if self.open is not None:
                self.fail("« within «")
            self.open = here
        else:
            if self.open is None or self.open == here:
                self.fail("» without « or with nothing in between")
            self.spots.append((self.open, here))
            self.open = None

    def splice(self, at, old_len, new):
        """Replaces bytes and moves what stands behind them."""
        shift = len(new) - old_len
        self.data[at:at + old_len] = new
        self.spots = [(a + shift, b + shift) if a > at else (a, b) for a, b in self.spots]
        self.cuts = [c + shift if c > at else c for c in self.cuts]


class Reader:
    """Line by line through one file."""

    def __init__(self, path):
        self.path = path
        self.number = 0
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        self.dialogue = Dialogue(path, os.path.basename(path)[:-len(".txt")])
        if "\r" in text or not text.endswith("\n"):
            self.fail("line ends must be LF, the last one too")
        self.lines = text.split("\n")[:-1]
        self.message = None

    def fail(self, text, line=None):
        raise CorpusError(self.path, line or self.number, text)

    def next(self):
        if self.number == len(self.lines):
            return None
        self.number += 1
        return self.lines[self.number - 1]

    def read(self):
        words = {"item": self.item, "host": self.host, "parameters": self.parameters,
                 "connection": self.connection, "cut-everywhere": self.cut_everywhere}
        marks = {"<": self.start_message, ">": self.start_message, "=": self.expectation,
                 "+": self.outcome, "?": self.probe, "*": self.directive}
        self.comments()
        while (line := self.next()) is not None:
            if not line or line.startswith("#"):
                continue
            word, _, rest = line.partition(" ")
            handler = words.get(word) or marks.get(word)
            if not handler:
                self.fail(f"unknown line: {line[:60]!r}")
            if word in words and self.dialogue.events:
                self.fail(f"setting {word!r} behind the first message")
            if word in (">", "<"):
                handler(word, rest)
            else:
                handler(rest)
        if not self.dialogue.events:
            self.fail("no message in the file")
        return self.dialogue

    def comments(self):
        if self.next() != "# SPDX-License-Identifier: GPL-2.0":
            self.fail("the first line must be the SPDX line")
        while self.number < len(self.lines) and self.lines[self.number].startswith("#"):
            self.dialogue.about.append(self.next()[1:].strip())
        head = f"{self.dialogue.name}: "
        if not self.dialogue.about or not self.dialogue.about[0].startswith(head):
            self.fail(f"the second line must say '# {head}what it proves'")
        self.dialogue.title = self.dialogue.about[0][len(head):]

    # ---- settings -------------------------------------------------------

    def item(self, rest):
        if not rest.isdigit() or int(rest) != int(re.match(r"\d+", self.dialogue.name).group()):
            self.fail("item must be the number the file name begins with")
        self.dialogue.item = int(rest)

    def host(self, rest):
        name, _, address = rest.partition(" ")
        try:
            address = str(ipaddress.ip_address(address))
        except ValueError:
            self.fail(f"no address: {address!r}")
        if name in self.dialogue.hosts or address in self.dialogue.hosts.values():
            self.fail(f"host {name} {address} named twice")
        self.dialogue.hosts[name] = address

    def parameters(self, rest):
        for word in rest.split():
            key, _, value = word.partition("=")
            if not re.fullmatch(r"(sip|media|ft|nat)_ports|t120_port|callback_from|media_from|"
                                r"relayed|loose", key) or not value or key in self.dialogue.parameters:
                self.fail(f"bad parameter {word!r}")
            self.dialogue.parameters[key] = value

    def connection(self, rest):
        match = re.fullmatch(r"(\S+) (\S+) -> (\S+)", rest)
        if not match or match.group(1) in self.dialogue.connections:
            self.fail("connection NAME ADDRESS:PORT -> ADDRESS:PORT, each name once")
        try:
            ends = parse_address_port(match.group(2)), parse_address_port(match.group(3))
        except ValueError as error:
            self.fail(str(error))
        for address, _ in ends:
            if address not in self.dialogue.hosts.values():
                self.fail(f"{address} is no host of this file")
        connection = Connection(match.group(1), *ends, self.number)
        if not connection.is_callback and connection.responder[1] != 5060:
            self.fail("a connection to the server goes to port 5060")
        self.dialogue.connections[connection.name] = connection

    def cut_everywhere(self, rest):
        if rest:
            self.fail("cut-everywhere takes nothing")
        self.dialogue.cut_everywhere = True

    # ---- messages -------------------------------------------------------

    def find_connection(self, name):
        if name not in self.dialogue.connections:
            self.fail(f"no connection {name!r}")
        return self.dialogue.connections[name]

    def start_message(self, mark, rest):
        name, *options = rest.split()
        mode, joined = "message", False
        for option in options:
            if option in ("odd", "keep-alive", "raw") and mode == "message":
                mode = option
            elif option == "joined" and not joined:
                joined = True
            else:
                self.fail(f"unknown option {option!r}")
        message = Message(len(self.dialogue.messages) + 1, self.number,
                          self.find_connection(name), mark == ">", mode, joined)
        self.message = message
        self.text(message)
        if mode in ("message", "odd"):
            if message.data[:1] in b"\r\n":
                self.fail("line ends before a message are a keep-alive, joined to it", message.line)
            message.facts = corpus_sip.Facts.read(message.data)
            if not message.facts and mode == "message":
                self.fail("not a SIP message (mark it odd?)", message.line)
        if mode == "keep-alive" and message.data.strip(b"\r\n"):
            self.fail("a keep-alive is CR and LF only", message.line)
        self.dialogue.events.append(message)

    def text(self, message):
        """Reads up to the line that is a single dot."""
        builder = LineBuilder(self.fail)
        length_at = body_at = None
        while (line := self.next()) != ".":
            if line is None:
                self.fail("the message does not end with a line '.'", message.line)
            if body_at is None and message.mode in ("message", "odd"):
                match = re.fullmatch(r"(?i)((?:content-length|l)\s*:\s*)@", line)
                if match:
                    if length_at is not None:
                        self.fail("a second length to compute")
                    length_at = len(builder.data) + len(match.group(1).encode())
            self.add_line(builder, line, message)
            if not line and body_at is None:
                body_at = len(builder.data)
        if message.mode == "message" and body_at is None:
            self.fail("a message has an empty line behind its headers", message.line)
        if length_at is not None:
            if body_at is None:
                self.fail("no empty line, no length to compute", message.line)
            length = str(len(builder.data) - body_at).encode()
            builder.splice(length_at, 1, length)
        message.data = bytes(builder.data)
        message.spots, message.cuts = builder.spots, builder.cuts
        if not message.data:
            self.fail("an empty message", message.line)

    def add_line(self, builder, line, message):
        if line.startswith("..") and not line.strip("."):
            line = line[1:]     # a dot alone is written as two
        if not line.startswith("@repeat "):
            builder.add(line)
            return
        match = re.fullmatch(r'@repeat (\d+) "(.*)"', line)
        if not match:
            self.fail('@repeat NUMBER "text"')
        message.repeated = True
        for n in range(int(match.group(1))):
            builder.add(count_up(match.group(2), n))

    # ---- what the library must report -----------------------------------

    def need_message(self):
        if not self.message or self.dialogue.events[-1] is not self.message:
            self.fail("this line must follow a message")
        return self.message

    def spot(self, text):
        """'10.0.0.5' or '10.0.0.5#2' -> the text and the place of the guard."""
        value, _, which = text.partition("#")
        message = self.message
        found = message.spots_of(value.encode())
        if which and not which.isdigit() or which and int(which) not in range(1, len(found) + 1):
            self.fail(f"there is no guarded text {text}")
        if not which and len(found) != 1:
            self.fail(f"{len(found)} guarded texts {value!r}: say which, as {value}#1")
        start, end = found[int(which or 1) - 1]
        self.used.add((start, end))
        return value, (start, end - start)

    def expectation(self, rest):
        message = self.need_message()
        if message.outcomes:
            self.fail("'=' lines come before '+' lines")
        word, _, value = rest.partition(" ")
        if rest in MESSAGE_FLAGS:
            message.flags.add(rest)
        elif rest == "unfinished":
            message.unfinished = True
        elif word == "gives-up":
            if value not in GIVE_UPS or message.gives_up:
                self.fail(f"gives up why? {value!r}")
            message.gives_up = value
        elif word == "body":
            if value not in BODIES or message.body:
                self.fail(f"body {value!r}")
            message.body = value
        elif word.isdigit():
            match = re.fullmatch(r"(\d+) times (.*)", rest)
            if not match:
                self.fail("NUMBER times ENDPOINT")
            for n in range(int(match.group(1))):
                self.endpoint(count_up(match.group(2), n))
        else:
            self.endpoint(rest)

    def endpoint(self, rest):
        self.used = getattr(self.message, "used_spots", set())
        self.message.used_spots = self.used
        words = rest.split(" ")
        kind = words.pop(0)
        if kind not in KINDS:
            self.fail(f"unknown kind {kind!r}")
        proto = DEFAULT_PROTO.get(kind)
        if words[0] in ("tcp", "udp"):
            proto = words.pop(0)
        if not proto:
            self.fail("tcp or udp?")
        endpoint = Endpoint(kind, proto, None, 0, line=self.number)
        self.place(endpoint, words.pop(0), words)
        self.details(endpoint, words)
        if kind in IN_SECTION:
            endpoint.index = self.section(endpoint)
        self.message.endpoints.append(endpoint)

    def section(self, endpoint):
        """Number of the m= line that the endpoint belongs to, within its description."""
        message = self.message
        if endpoint.port_at:
            at = endpoint.port_at[0]
        elif message.endpoints and message.endpoints[-1].kind == "media":
            at = message.endpoints[-1].port_at[0]
        else:
            self.fail("an implied port follows its media")
        begin = message.facts.body_at if message.facts else 0
        begin = max(begin, message.data.rfind(b"\n--", begin, at))
        sections = len(re.findall(rb"^m=", message.data[begin:at], re.M))
        if not sections:
            self.fail("no m= line before it")
        return sections - 1

    def place(self, endpoint, text, words):
        """ADDRESS[#n][:PORT[#n]]; '-' where there is no address."""
        match = re.fullmatch(r"(-|\[[0-9a-fA-F:.]+(?:#\d+)?\]|[0-9.]+(?:#\d+)?)"
                             r"(?::(\d+(?:#\d+)?))?", text)
        if not match:
            self.fail(f"no address:port: {text}")
        address, port = match.groups()
        if address != "-":
            value, endpoint.addr_at = self.spot(address.strip("[]"))
            endpoint.address = ipaddress.ip_address(value)
        if port is None:
            if endpoint.kind != "origin":
                self.fail("a port is missing")
        elif "implied" in words or (endpoint.kind == "file-transfer" and port == "0"):
            endpoint.port = int(port)
        else:
            value, endpoint.port_at = self.spot(port)
            endpoint.port = int(value)

    def details(self, endpoint, words):
        names = iter(words)
        for word in names:
            if word in FLAGS:
                endpoint.flags |= FLAGS[word]
                continue
            value = next(names, None)
            if value is None:
                self.fail(f"{word} without a value")
            if word == "expires":
                endpoint.expires = ABSENT if value == "-" else int(value)
            elif word in ("count", "component"):
                setattr(endpoint, word, int(value))
            elif word == "portx":
                text, endpoint.extra_at = self.spot(value)
                endpoint.extra = int(text)
            elif word in ("instance", "cookie"):
                endpoint.instance = hash_lower(value.encode())
            elif word == "opaque":
                endpoint.opaque = hash_lower(value.encode())
            else:
                self.fail(f"unknown word {word!r}")

    # ---- what the helper must do ----------------------------------------

    OUTCOME = re.compile(
        r"(open|active|narrow|close|refuse) (callback|media|file-transfer|app-sharing) (tcp|udp) (\S+)"
        r"(?: (?:from|to) (\S+?))?(?: (inactive|outbound))?(?: lifetime (\d+))?"
        r"(?: because (not-own|port|limit|reserved))?")

    def outcome(self, rest):
        message = self.need_message()
        if rest in ("opaque", "nothing"):
            message.outcomes.append(Outcome(rest, line=self.number))
            return
        match = self.OUTCOME.fullmatch(rest)
        if not match:
            self.fail(f"unknown outcome {rest!r}")
        verb, kind, proto, place, source, state, lifetime, reason = match.groups()
        try:
            address, port = parse_address_port(place)
        except ValueError as error:
            self.fail(str(error))
        said = {"open": " from ", "narrow": " to ", "refuse": " because "}
        for word in (" from ", " to ", " because "):
            if (word in rest) != (said.get(verb) == word):
                self.fail("open says 'from', narrow 'to', refuse 'because', the others neither")
        if (state and verb != "open") or (lifetime and verb != "active"):
            self.fail(f"{verb} does not take that")
        message.outcomes.append(Outcome(
            verb, kind, proto, address, port, source, state != "inactive",
            int(lifetime) if lifetime else None, reason, state == "outbound", self.number))

    def probe(self, rest):
        match = re.fullmatch(r"(tcp|udp) (\S+) -> (\S+) (related|shut)", rest)
        if not match:
            self.fail("? tcp|udp ADDRESS:PORT -> ADDRESS:PORT related|shut")
        try:
            self.dialogue.events.append(Probe(
                self.number, match.group(1), parse_address_port(match.group(2)),
                parse_address_port(match.group(3)), match.group(4) == "related"))
        except ValueError as error:
            self.fail(str(error))

    def directive(self, rest):
        words = rest.split()
        if len(words) == 2 and words[0] == "resend" and (m := re.fullmatch(r"(\d+)-(\d+)", words[1])):
            message = self.need_message()
            first, last = int(m.group(1)), int(m.group(2))
            if not first < last <= len(message.data):
                self.fail("resend beyond the message")
            message.resends.append((first, last))
        elif len(words) == 3 and words[0] == "close" and words[2] in ("client", "server"):
            self.dialogue.events.append(Close(self.number, self.find_connection(words[1]),
                                              words[2] == "client"))
        else:
            self.fail(f"unknown directive {rest!r}")


def read_dialogue(path):
    """One file -> Dialogue; raises CorpusError."""
    return Reader(path).read()
