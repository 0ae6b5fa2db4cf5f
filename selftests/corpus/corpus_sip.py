# SPDX-License-Identifier: GPL-2.0
"""SIP messages as the tests' own second opinion: headers and deciding facts.

Written from RFC 3261 and the examples of [MS-SIP], not from the module's code, and
simple rather than fast: this is what the module is compared with.
"""

import re
from dataclasses import dataclass, field

COMPACT = {"i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length",
           "c": "content-type", "f": "from", "s": "subject", "k": "supported", "t": "to",
           "v": "via", "o": "event", "u": "allow-events", "r": "refer-to",
           "b": "referred-by", "x": "session-expires"}
METHODS = ("ACK", "BENOTIFY", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NEGOTIATE",
           "NOTIFY", "OPTIONS", "PRACK", "REFER", "REGISTER", "SERVICE", "SUBSCRIBE", "UPDATE")
START = re.compile(rb"(?:SIP/2\.0 (\d{3})(?: [^\r\n]*)?|([A-Za-z0-9.!%*_+`'~-]{1,32}) (\S.*\S|\S) SIP/2\.0)[ \t]*\Z",
                   re.I | re.S)


@dataclass
class Facts:
    """Start line and headers of one message, and its body."""
    method: str = None          # of the request, or of the one answered
    status: int = 0
    uri: str = None
    headers: list = field(default_factory=list)     # (canonical name, value, offset of value)
    body: bytes = b""
    body_at: int = 0

    @classmethod
    def read(cls, data):
        """The facts of a message, or None where it has no start line."""
        skipped = len(data) - len(data.lstrip(b"\r\n"))
        lines, body_at = cls._lines(data, skipped)
        if not lines or body_at is None:
            return None
        match = START.match(lines[0][1])
        if not match:
            return None
        facts = cls(status=int(match.group(1) or 0), body=data[body_at:], body_at=body_at)
        for at, line in lines[1:]:
            facts._header(at, line)
        if match.group(2):
            facts.method = match.group(2).decode()
            facts.uri = match.group(3).decode("utf-8", "replace").strip()
        else:
            cseq = (facts.get("cseq") or "").split()
            facts.method = cseq[1] if len(cseq) == 2 else None
        return facts

    @staticmethod
    def _lines(data, at):
        """Logical lines (offset, bytes) up to the empty one, and where the body begins."""
        lines = []
        while at < len(data):
            end = data.find(b"\n", at)
            if end < 0:
                break
            line = data[at:end].removesuffix(b"\r")
            if not line:
                return lines, end + 1
            if line[:1] in b" \t" and lines:
                first = lines[-1][0]
                lines[-1] = (first, data[first:end].removesuffix(b"\r"))
            else:
                lines.append((at, line))
            at = end + 1
        return lines, None

    def _header(self, at, line):
        match = re.match(rb"([^:\s]+)\s*:\s*", line)
        if not match:
            return
        name = match.group(1).decode("latin-1").lower()
        value = line[match.end():].rstrip()
        self.headers.append((COMPACT.get(name, name), re.sub(r"\r?\n[ \t]+", " ", value.decode(
            "utf-8", "surrogateescape")), at + match.end()))

    def all(self, name):
        return [value for n, value, _ in self.headers if n == name]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def is_response(self):
        return self.status != 0

    @property
    def cseq(self):
        words = (self.get("cseq") or "").split()
        return int(words[0]) if words and words[0].isdigit() else None

    @property
    def expires(self):
        value = self.get("expires")
        return int(value) if value and value.isdigit() else None

    @property
    def length(self):
        value = self.get("content-length")
        return int(value) if value and value.isdigit() else None

    def length_at(self):
        """(offset, digits) of Content-Length's value."""
        for name, value, at in self.headers:
            if name == "content-length":
                return at, len(value)
        return None

    @property
    def content_type(self):
        return (self.get("content-type") or "").partition(";")[0].strip().lower()

    @property
    def has_to_tag(self):
        return bool(tag_of(self.get("to") or ""))


def split_name_addr(value):
    """From/To value -> (URI, parameters of the header)."""
    at = 0
    if value.startswith('"'):
        at = re.match(r'"(?:\\.|[^"\\])*"', value).end()
    angle = value.find("<", at)
    if angle >= 0:
        end = value.index(">", angle)
        return value[angle + 1:end], value[end + 1:]
    uri, semicolon, params = value[at:].partition(";")
    return uri.strip(), semicolon + params


def params_of(text):
    """';a=b;c="d"' or 'a="b", c=d' -> dict, names in lower case, quotes taken off."""
    found = re.findall(r'[;,\s]*([^\s=;,"]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;,"\s]*)', text)
    return {name.lower(): value.strip('"') for name, value in found}


def tag_of(value):
    return params_of(split_name_addr(value)[1]).get("tag", "")


def body_kind(facts):
    """What the library must do with the body: none, skipped, sdp, invitation, multipart."""
    if not facts.length:
        return "none"
    kind = facts.content_type
    if (facts.get("content-encoding") or "identity").lower() != "identity":
        return "skipped"
    if kind == "application/sdp":
        return "sdp"
    if kind == "text/x-msmsgsinvite":
        return "invitation"
    if kind.startswith("multipart/") and "boundary" in params_of(
            (facts.get("content-type") or "").partition(";")[2]):
        return "multipart"
    return "skipped"
