# SPDX-License-Identifier: GPL-2.0
"""A dialogue of the corpus as the same hosts would hold it over IPv6.

The corpus is written for IPv4 but for one dialogue. What it says about policy
holds for IPv6 too: turn() writes every address of the hosts as their IPv6 one,
in brackets in headers, with IP6 in descriptions, and corrects Content-Length.
A dialogue in which that is not the same any more is not turned: one with other
IPv4 addresses, with text that is broken on purpose, or with exact cuts.
"""

import re
from dataclasses import replace

from lcspeer import ADDRESS
from lcswire import MORE
from lcsplay import Close, Message

SIX = {ADDRESS[4][host]: ADDRESS[6][host] for host in ADDRESS[4]} | {
    "192.0.2.11": "2001:db8:1::11", "192.0.2.67": "2001:db8:1::67"}
assert all(six in MORE or six in ADDRESS[6].values() for six in SIX.values())
SIX["0.0.0.0"] = "::"       # on hold
DOTTED = re.compile(rb"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
LENGTH = re.compile(rb"(?im)^((?:content-length|l)[ \t]*:[ \t]*)(\d+)")
END = b"\r\n\r\n"


class NotSo(Exception):
    """This dialogue would not be the same."""


def must(condition):
    if not condition:
        raise NotSo


def six(address):
    must(address in SIX)
    return SIX[address]


def rewrite(text, form):
    def one(match):
        return form % six(match[0].decode()).encode()
    return DOTTED.sub(one, text)


def data_of(data):
    head, end, body = data.partition(END)
    must(end or not data.strip())
    if not end:
        return data
    lengths = LENGTH.findall(head)
    must(len(lengths) == 1 and int(lengths[0][1]) == len(body))
    must(not LENGTH.search(body))
    body = rewrite(body, b"%s").replace(b" IP4 ", b" IP6 ")
    head = LENGTH.sub(rb"\g<1>%d" % len(body), rewrite(head, b"[%s]"))
    return head + end + body


def outcome_of(outcome):
    if not outcome.kind:
        return outcome
    sources = outcome.source and ",".join(
        s if s == "any" else six(s) for s in outcome.source.split(","))
    return replace(outcome, address=six(outcome.address), source=sources)


def connection_of(connection):
    return replace(connection, **{
        end: (six(getattr(connection, end)[0]), getattr(connection, end)[1])
        for end in ("originator", "responder")})


def turn(dialogue):
    """The dialogue over IPv6, or None where it would be another one."""
    try:
        ends = {name: connection_of(c)
                for name, c in dialogue.connections.items()}
        events = []
        for event in dialogue.events:
            if isinstance(event, Message):
                must(not event.resends and event.mode in
                     ("message", "keep-alive") and not event.unfinished)
                events.append(replace(
                    event, data=data_of(event.data), cuts=[],
                    connection=ends[event.connection.name],
                    outcomes=[outcome_of(o) for o in event.outcomes]))
            elif isinstance(event, Close):
                events.append(replace(
                    event, connection=ends[event.connection.name]))
            else:
                events.append(replace(
                    event, source=(six(event.source[0]), event.source[1]),
                    target=(six(event.target[0]), event.target[1])))
    except NotSo:
        return None
    return replace(dialogue, name=f"{dialogue.name} (IPv6)",
                   connections=ends, events=events)
