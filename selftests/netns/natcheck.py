# SPDX-License-Identifier: GPL-2.0
"""What may differ between the two sides of a firewall that translates, by the
protocol alone: this reads messages itself and knows nothing of the module.

places() finds the addresses and ports of a message that a firewall may touch.
Table.learn() holds what went in against what came out: everything outside of
those places is identical, each inside (protocol, address, port) has one outside
form, Content-Length counts the body, the signed fields are the same in all
versions of the signature. moved() is the transformation itself, for what must
come out exactly so.
"""

import functools
import ipaddress
import os
import re
import sys
from dataclasses import dataclass

from lcspeer import Failed, check, difference

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "corpus"))
from corpus_signature import signature_buffer                # noqa: E402

HEADER_KINDS = ("contact", "request-uri")
PORTX = 0x3141
NOWHERE = ("0.0.0.0", "::")     # on hold
LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)")
V4 = rb"\d+\.\d+\.\d+\.\d+(?![\w.])"
V6 = rb"[0-9a-fA-F]*:[0-9a-fA-F:.]+"
ADDRESS_TEXT = rb"(%s|%s)" % (V4, V6)
URI = re.compile(rb"(?i)sip:(?:[^@<>\s\"]*@)?(?:(%s)|\[(%s)\]|[^:;<>\s]+)"
                 rb"(?::(\d+))?([^<>\s]*)" % (V4, V6))
MADDR = re.compile(rb"(?i);maddr=(?:(%s)|\[(%s)\])" % (V4, V6))


@dataclass
class Place:
    """An endpoint in the text; places are (start, end), None: not written."""
    kind: str
    proto: str
    addr: str
    port: int = 0
    addr_at: tuple = None
    port_at: tuple = None
    portx_at: tuple = None
    base: int = 0           # of an implied RTCP port: the RTP port
    listens: bool = True    # False: an active candidate, whose port stays

    @property
    def key(self):
        return self.proto, self.addr, self.port


def text_of(raw):
    """An address in its usual form; what is none stays as it is."""
    try:
        return str(ipaddress.ip_address(raw.decode()))
    except ValueError:
        return raw.decode()


def body_at(data):
    match = re.search(rb"\r?\n\r?\n", data)
    return match.end() if match else None


def split_messages(data):
    """Whole messages at the beginning of data, and what is left of it."""
    found = []
    while True:
        blank = len(data) - len(data.lstrip(b"\r\n"))
        start = body_at(data[blank:])
        if start is None:
            return found, data
        length = LENGTH.search(data[blank:blank + start])
        end = blank + start + (int(length[1]) if length else 0)
        if len(data) < end:
            return found, data
        found.append(data[blank:end])
        data = data[end:]


# ---- where are the addresses -----------------------------------------------

def uri_place(data, start, end, kind):
    uri = URI.search(data, start, end)
    if not uri:
        return None
    maddr = MADDR.search(data, uri.start(4), uri.end(4))
    host = maddr or uri
    group = 1 if host[1] else 2
    if not host[group]:
        return None
    return Place(kind, "tcp", text_of(host[group]), int(uri[3] or 5060),
                 host.span(group), uri.span(3) if uri[3] else None)


def header_places(data, end):
    line = re.match(rb"\S+ (\S+) SIP/2\.0\r?\n", data)
    if line:
        yield uri_place(data, *line.span(1), "request-uri")
    for field in re.finditer(rb"(?im)^(?:contact|m)[ \t]*:((?:[^\r\n]|"
                             rb"\r?\n[ \t])*)", data[:end]):
        start, text = field.start(1), field[1]
        quoted = re.sub(rb'"(?:\\.|[^"\\])*"',
                        lambda m: b'"' + b"_" * (len(m[0]) - 2) + b'"', text)
        for uri in re.finditer(rb"(?i)sip:[^<>,]*", quoted):
            yield uri_place(data, start + uri.start(), start + uri.end(),
                            "contact")


def descriptions(data, start):
    """(kind, start, end) of each body that names endpoints."""
    head = data[:start]
    kind = re.search(rb"(?im)^(?:content-type|c)[ \t]*:[ \t]*([^\r\n]*)", head)
    kind = kind[1].lower() if kind else b""
    if kind.startswith(b"application/sdp"):
        yield "sdp", start, len(data)
    elif kind.startswith(b"text/x-msmsgsinvite"):
        yield "invitation", start, len(data)
    elif kind.startswith(b"multipart/"):
        mark = re.search(rb'(?i)boundary="?([^";\r\n]+)', head)
        mark = mark[1] if mark else b""
        edges = [m.span() for m in re.finditer(
            rb"(?m)^--" + re.escape(mark) + rb"[^\r\n]*\r?\n?", data)]
        for (_, after), (before, _) in zip(edges, edges[1:]):
            inner = body_at(data[after:before])
            if inner and re.search(rb"(?im)^content-type:\s*application/sdp",
                                   data[after:after + inner]):
                yield "sdp", after + inner, before


def reads_body(data, kind):
    """Is this a message whose body says where its sender listens?"""
    method = re.search(rb"(?im)^cseq[ \t]*:\s*\d+\s+(\w+)", data)
    method = method[1] if method else b""
    if kind == "invitation":
        return data.startswith(b"MESSAGE ")
    status = re.match(rb"SIP/2\.0 (\d)", data)
    return method in (b"INVITE", b"ACK", b"PRACK", b"UPDATE") and (
        not status or status[1] in b"12")


def sdp_places(data, start, end):
    sections, lines = [[]], list(re.finditer(
        rb"(?m)^([a-z])=([^\r\n]*)", data[start:end]))
    for line in lines:
        if line[1] == b"m":
            sections.append([])
        sections[-1].append((line[1], start + line.start(2), line[2]))
    session = address_line(sections[0], b"c")
    origin = address_line(sections[0], b"o")
    if origin:
        yield Place("origin", "none", origin[0], 0, origin[1])
    for section in sections[1:]:
        yield from media_places(section, address_line(section, b"c")
                                or session)


def address_line(section, letter):
    for name, at, value in section:
        match = name == letter and re.search(
            rb"IN IP[46] " + ADDRESS_TEXT, value)
        if match:
            return text_of(match[1]), (at + match.start(1), at + match.end(1))
    return None


def media_places(section, where):
    _, at, value = section[0]
    line = re.match(rb"(audio|video|application|applicationsharing|data) "
                    rb"(\d+)(?:/\d+)? (\S+)", value)
    if not line or not int(line[2]):
        return
    port, kind = int(line[2]), "media"
    proto = "tcp" if line[3].lower().startswith(b"tcp") else "udp"
    if line[1] == b"application":
        kind = "app-sharing"
    rtcp = None
    for _, at_line, text in section[1:]:
        pair = re.match(rb"rtcp:(\d+)(?: IN IP[46] " + ADDRESS_TEXT + rb")?",
                        text)
        if pair:
            own = pair[2] and (text_of(pair[2]), (at_line + pair.start(2),
                                                  at_line + pair.end(2)))
            rtcp = (own or where, int(pair[1]),
                    (at_line + pair.start(1), at_line + pair.end(1)))
        yield from candidate_places(at_line, text, proto)
    if not where:
        return
    yield Place(kind, proto, *[where[0], port, where[1]],
                (at + line.start(2), at + line.end(2)))
    if rtcp:
        (addr, addr_at), port, port_at = rtcp
        yield Place("rtcp", proto, addr, port, addr_at, port_at)
    elif proto == "udp":
        yield Place("rtcp", proto, where[0], port + 1, where[1], base=port)


def candidate_places(at, text, proto):
    new = re.match(rb"(?i)candidate:\S+ \d+ (UDP|TCP-ACT|TCP-PASS) \d+ "
                   + ADDRESS_TEXT + rb" (\d+) typ", text)
    old = re.match(rb"(?i)candidate:\S+ \d \S+ (UDP|TCP) [\d.]+ "
                   + ADDRESS_TEXT + rb" (\d+)", text)
    match = new or old
    if match:
        yield Place("candidate", match[1][:3].lower().decode(),
                    text_of(match[2]), int(match[3]),
                    (at + match.start(2), at + match.end(2)),
                    (at + match.start(3), at + match.end(3)),
                    listens=match[1].lower() != b"tcp-act")
    if text.startswith(b"remote-candidates:"):
        for match in re.finditer(rb"\d " + ADDRESS_TEXT + rb" (\d+)", text):
            yield Place("remote-candidate", proto, text_of(match[1]),
                        int(match[2]),
                        (at + match.start(1), at + match.end(1)),
                        (at + match.start(2), at + match.end(2)))


def invitation_places(data, start, end):
    fields = {m[1].lower(): (m[2], (start + m.start(2), start + m.end(2)))
              for m in re.finditer(rb"(?m)^([\w-]+):[ \t]*([^\r\n]*)",
                                   data[start:end])}
    command = fields.get(b"invitation-command", (b"", 0))[0]
    if command != b"ACCEPT" or not {b"ip-address", b"port"} <= set(fields):
        return
    port, port_at = fields[b"port"]
    portx, portx_at = fields.get(b"portx", (b"0", None))
    yield Place("file-transfer", "tcp", text_of(fields[b"ip-address"][0]),
                int(port), fields[b"ip-address"][1], port_at,
                portx_at if int(portx) == int(port) ^ PORTX else None)


@functools.lru_cache(maxsize=64)
def places(data):
    """Every endpoint of a message, in the order of the text."""
    start = body_at(data)
    if start is None:
        return []
    found = [p for p in header_places(data, start) if p]
    for kind, first, last in descriptions(data, start):
        if reads_body(data, kind):
            read = sdp_places if kind == "sdp" else invitation_places
            found += read(data, first, last)
    return found


# ---- the transformation ----------------------------------------------------

def apply(data, edits):
    """edits: (start, end) -> bytes; and the Content-Length that follows."""
    start = body_at(data)
    out, at, new_start = [], 0, start
    for (first, last), text in sorted(edits.items()):
        out += [data[at:first], text]
        at = last
        if start is not None and last <= start:
            new_start += len(text) - (last - first)
    out = b"".join([*out, data[at:]])
    if start is None or len(out) - new_start == len(data) - start:
        return out
    match = LENGTH.search(out[:new_start])
    return (out[:match.start(1)] + b"%d" % (len(out) - new_start)
            + out[match.end(1):])


def part_of(data, at):
    """Where the description that has this place begins."""
    edges = [first for _, first, last in descriptions(data, body_at(data))
             if first <= at < last]
    return edges[-1] if edges else 0


def moved(data, lookup, found=None):
    """The message with every place that lookup(place) knows as (address, port)
    in that form. The endpoints of a body move together or not at all: lookup
    raises KeyError where one cannot. The o= line follows its description, on
    hold too."""
    edits, body, shifted, held = {}, {}, {}, set()
    found = places(data) if found is None else found
    for place in (p for p in found if p.kind in HEADER_KINDS):
        edit(edits, data, place, lookup(place))
    inner = [p for p in found if p.kind not in (*HEADER_KINDS, "origin")]
    try:
        for place in inner:
            new = lookup(place)
            edit(body, data, place, new)
            if new:
                shifted[part_of(data, place.addr_at[0]), place.addr] = new[0]
            elif place.addr in NOWHERE:
                held.add(part_of(data, place.addr_at[0]))
    except KeyError:
        return apply(data, edits)
    for place in (p for p in found if p.kind == "origin"):
        part = part_of(data, place.addr_at[0])
        new = shifted.get((part, place.addr))
        if not new and part in held:
            new, _ = lookup(place) or (None, 0)
        if new:
            body[place.addr_at] = new.encode()
    return apply(data, edits | body)


def edit(edits, data, place, new):
    if not new:
        return
    addr, port = new
    edits[place.addr_at] = addr.encode()
    if place.port_at and port != place.port:
        edits[place.port_at] = b"%d" % port
    elif port != place.port and place.kind == "contact":
        first, last = place.addr_at
        edits[place.addr_at] = b"%s:%d" % (addr.encode(), port)
    if place.portx_at and port != place.port:
        edits[place.portx_at] = b"%d" % (port ^ PORTX)


# ---- what came out ---------------------------------------------------------

def holes_of(data, found):
    """(start, end) -> pattern of what may stand there on the other side."""
    holes = {}
    for place in found:
        if place.addr_at:
            more = rb"(?::\d+)?" if (place.kind == "contact"
                                     and not place.port_at) else b""
            holes[place.addr_at] = rb"([0-9a-fA-F.:]+?%s)" % more
        for at in (place.port_at, place.portx_at):
            if at:
                holes[at] = rb"(\d+)"
    start = body_at(data)
    length = LENGTH.search(data, 0, start) if start else None
    if length:
        holes[length.span(1)] = rb"(\d+)"
    return holes


def hole_pattern(data, found):
    """A pattern that fits whatever differs from data in its places only."""
    holes = holes_of(data, found)
    out, at = [], 0
    for first, last in sorted(holes):
        out += [re.escape(data[at:first]), holes[first, last]]
        at = last
    return b"".join([*out, re.escape(data[at:])])


def fill_holes(data, found, got):
    """What got has in the places of data, by (start, end). Decides as the
    pattern does, but what lies between is compared as it is: to compile it for
    each message takes most of a test's time."""
    holes = holes_of(data, found)
    edges = sorted(holes)
    new, at = {}, edges[0][0] if edges else len(data)
    fits = got[:at] == data[:at]
    for (first, last), (after, _) in zip(edges, [*edges[1:], (None, 0)]):
        between = data[last:after]
        end = (got.find(between, at + 1) if after else
               len(got) - len(between))
        fits = fits and 0 < end and got.endswith(between, at, end + len(
            between)) and re.fullmatch(holes[first, last], got[at:end])
        if not fits:
            break
        new[first, last] = got[at:end]
        at = end + len(between)
    if not fits or at != len(got):
        raise Failed("more than endpoints has changed, "
                     + difference(data, got))
    return new


def changes(sent, got):
    """What differs between the two sides: for each, (start, end) -> text."""
    before, after, shift = {}, {}, 0
    for hole, text in sorted(fill_holes(sent, places(sent), got).items()):
        first, last = hole
        if sent[first:last] != text:
            before[hole] = sent[first:last]
            after[first + shift, first + shift + len(text)] = text
        shift += len(text) - (last - first)
    return before, after


@functools.lru_cache(maxsize=64)
def signatures(data):
    return [signature_buffer(data, version) for version in (2, 3, 4)]


def same_signature(sent, got):
    for one, two in zip(signatures(sent), signatures(got)):
        check(one == two, f"signed fields:\n{one}\n{two}")


def length_is_right(data):
    start = body_at(data)
    length = LENGTH.search(data, 0, start) if start else None
    return not length or int(length[1]) == len(data) - start


class Table:
    """Inside forms and their outside ones, as the text has told them."""

    def __init__(self, inside, outside):
        self.inside, self.outside = set(inside), outside
        self.forms = {}

    def owns(self, place):
        return place.listens and place.addr in self.inside

    def learn(self, sent, got, found=None, stays=False):
        """What the client sent, and what the server got: the message is right,
        and its forms are noted. Returns how many places changed. stays: its
        body may have stayed as it was, all of it."""
        found = places(sent) if found is None else found
        new = fill_holes(sent, found, got)
        for place in found:
            if self.owns(place) and place.kind not in ("origin",
                                                       "remote-candidate"):
                self._note(place, new)
                check(stays or place.key in self.forms,
                      f"{place.kind} {place.key} went out as it is")
        if length_is_right(sent):
            check(length_is_right(got), "Content-Length is wrong")
        same_signature(sent, got)
        want = moved(sent, self.outbound, found)
        if got != want and stays:
            want = moved(sent, self.outbound, [p for p in found if p.kind
                                               in HEADER_KINDS])
        if got != want:
            raise Failed("not the transformation, " + difference(want, got))
        return sum(text != sent[slice(*hole)] for hole, text in new.items())

    def _note(self, place, new):
        addr, _, more = new[place.addr_at].decode().partition(
            ":" if "." in place.addr else "/")
        port = (int(new[place.port_at]) if place.port_at
                else int(more) if more else place.port)
        if place.base:
            base = self.forms.get((place.proto, place.addr, place.base))
            port = base[1] + place.port - place.base if base else place.port
        if addr == place.addr:
            return
        check(addr == self.outside, f"{place.key} became {addr}")
        form = self.forms.setdefault(place.key, (addr, port))
        check(form == (addr, port), f"{place.key} was {form}, is {addr, port}")

    def outbound(self, place):
        if place.kind == "candidate" and not place.listens:
            return ((self.outside, place.port) if place.addr in self.inside
                    else None)
        if not self.owns(place) or place.kind == "remote-candidate":
            return None
        if place.kind == "origin":
            return self.outside, 0
        if place.kind in HEADER_KINDS:
            return self.forms.get(place.key) if place.kind == "contact" \
                else None
        return self.forms[place.key]

    def form(self, proto, addr, port):
        """The outside port of an inside endpoint; it must have one."""
        check((proto, addr, port) in self.forms,
              f"{proto} {addr} port {port} went out as it is")
        return self.forms[proto, addr, port][1]

    def as_server(self, data, found=None):
        """What a server sends, for a message that the client must get as it
        stands in data: every form in it is the outside one."""
        return moved(data, self._form_of, found)

    def _form_of(self, place):
        protos = ("udp", "tcp") if place.kind == "remote-candidate" else (
            place.proto,)
        return next((self.forms[proto, place.addr, place.port]
                     for proto in protos
                     if (proto, place.addr, place.port) in self.forms), None)

    def as_client(self, data, address, found=None):
        """What the client at this address gets of data: another client's
        Contact stays as its outside form."""
        return moved(data, lambda p: self._form_of(p) if p.kind in HEADER_KINDS
                     and p.addr != address else None, found)

    def forget(self):
        self.forms = {}
