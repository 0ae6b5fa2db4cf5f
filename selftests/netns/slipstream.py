#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""NAT slipstreaming: what is not a client's own stream opens nothing.

A victim inside is made to send bytes of an attacker's choice to the attacker's
port 5060 (a web page can do that): somewhere in them stands a REGISTER that
names one of the victim's ports, at the start of a segment, and the attacker
answers 200. Four ways; each is also tried on nf_conntrack_sip, where the port
does open: so the attempts are good ones, and these tests can fail.

And a server inside that is published to the outside: two accounts out there
name an inside host to each other.
Profile: the module's defaults; relayed=1 once, to show that it could open.
"""

import subprocess
import sys

from lcscall import Call, audio, listen_for_file, sdp, whiteboard
from lcspeer import (ADDRESS, SIP_PORT, Rig, Tap, check, client, contact,
                     message)
from lcswire import Probe, wire
from policy import parameter

PORT = 8080             # of the victim's; no port of a SIP client
SEGMENT = 1000


class Attack:
    """The victim's connection to the attacker, and what is said on it."""

    def __init__(self, rig, air):
        self.rig, self.air = rig, air
        self.victim = ADDRESS[4]["client"]
        self.attacker = ADDRESS[4]["stranger"]
        listener = rig.listen("stranger", SIP_PORT)
        self.link = rig.connect("client", listener)
        listener.close()
        self.port = self.link.a.getsockname()[1]

    def register(self):
        return message("REGISTER sip:example.com SIP/2.0", [
            f"Via: SIP/2.0/TCP {self.victim}:{self.port};branch=z9hG4bK77",
            "Max-Forwards: 70", "From: <sip:bob@example.com>;tag=0a1b",
            "To: <sip:bob@example.com>", "Call-ID: 5e11", "CSeq: 7 REGISTER",
            f"Contact: <sip:{self.victim}:{PORT};transport=tcp>;expires=3600",
            "Expires: 3600"])

    def ok(self):
        return message("SIP/2.0 200 OK", [
            f"Via: SIP/2.0/TCP {self.victim}:{self.port};branch=z9hG4bK77",
            "From: <sip:bob@example.com>;tag=0a1b",
            "To: <sip:bob@example.com>;tag=2", "Call-ID: 5e11",
            "CSeq: 7 REGISTER",
            f"Contact: <sip:{self.victim}:{PORT};transport=tcp>;expires=3600",
            "Expires: 3600"])

    def is_open(self):
        """Can the attacker come in now?"""
        probe = Probe("tcp", self.attacker, self.victim, PORT)
        return self.air.states([probe])[probe] is not None

    def forget(self):
        """The administrator's conntrack -F, for this connection."""
        self.rig.run("fw", "conntrack", "-D", "-p", "tcp", "--orig-port-src",
                     str(self.port))

    def close(self):
        self.link.close()
        self.rig.run("fw", "conntrack", "-D", "-p", "tcp", "--orig-port-src",
                     str(self.port), fail=False)
        self.rig.run("fw", "conntrack", "-D", "-p", "tcp", "--orig-port-dst",
                     str(PORT), fail=False)


def http_post(attack):
    """A form whose text is long enough for the REGISTER to begin a segment."""
    form = attack.register()
    head = ("POST / HTTP/1.1\r\nHost: attacker.example:5060\r\n"
            "Content-Type: text/plain\r\nContent-Length: "
            f"{SEGMENT + len(form)}\r\n\r\n").encode()
    filler = head + b"a" * SEGMENT
    attack.link.forth(filler + form, [len(filler)])
    attack.link.back(attack.ok())


def other_content(attack):
    """SIP first, and then a retransmission of it with other text in it."""
    form = attack.register()
    harmless = message("OPTIONS sip:example.com SIP/2.0", [
        "Call-ID: 5e10", "CSeq: 1 OPTIONS", f"Subject: {'a' * len(form)}"])
    attack.link.forth(harmless)
    attack.air.inject(attack.link.a, -len(harmless), form)
    attack.rig.barrier("client", "stranger")
    attack.link.back(attack.ok())


def mid_stream(attack):
    """The firewall has forgotten the connection, and sees the rest of it."""
    attack.link.forth(b"POST / HTTP/1.1\r\nHost: attacker.example:5060\r\n"
                      b"Content-Length: 100000\r\n\r\n" + b"a" * SEGMENT)
    attack.forget()
    attack.link.forth(b"a" * SEGMENT)
    attack.rig.barrier("client", "stranger")
    attack.link.forth(attack.register())
    attack.link.back(attack.ok())


def foreign_body(attack):
    """Good SIP, whose text is no SIP: a message that somebody wrote."""
    form = attack.register()
    text = message("MESSAGE sip:alice@example.com SIP/2.0", [
        f"Via: SIP/2.0/TCP {attack.victim}:{attack.port};branch=z9hG4bK78",
        "From: <sip:bob@example.com>;tag=0a1b", "To: <sip:alice@example.com>",
        "Call-ID: 5e12", "CSeq: 1 MESSAGE",
        "Content-Type: text/plain; charset=UTF-8"], form)
    attack.link.forth(text, [len(text) - len(form)])
    attack.link.back(attack.ok())


WAYS = ((http_post, "a REGISTER at a segment start inside an HTTP POST"),
        (other_content, "a REGISTER in a retransmission with other content"),
        (mid_stream, "a REGISTER after the firewall forgot the connection"),
        (foreign_body, "a REGISTER in the text of a message"))


def attempt(rig, air, way):
    """Is the victim's port open after the attack? Returns that, and whether
    anything is expected."""
    attack = Attack(rig, air)
    try:
        check(not attack.is_open(), "it was open before")
        way(attack)
        return attack.is_open(), [e.line for e in rig.expectations()]
    finally:
        attack.close()


def on_sip(rig, air, tap):
    """The same rules, with the kernel's own helper instead of ours."""
    rules = rig.shell("lcs_ruleset")
    ours = rules.replace('type "lcs"', 'type "sip"').replace(
        'ct helper "lcs"', 'ct helper "sip"')
    check(ours.count('"sip"') == 2, f"the README's rules have changed: {ours}")
    rig.run("fw", "nft", "-f", "-", text=ours)
    air.watch()
    for way, text in WAYS:
        with tap.case(f"nf_conntrack_sip opens: {text}"):
            is_open, _ = attempt(rig, air, way)
            check(is_open, "the attack does not work at all")
    rig.shell("lcs_rules")
    air.watch()
    subprocess.run(["rmmod", "nf_conntrack_sip"], check=False,
                   stderr=subprocess.DEVNULL)


def on_ours(rig, air, tap):
    for way, text in WAYS:
        with tap.case(f"nothing opens: {text}"):
            is_open, lines = attempt(rig, air, way)
            check(not is_open, "the port is open")
            check(not lines, "expected:\n" + "\n".join(lines))
    with tap.case("the same REGISTER where a client would say it: opens"):
        is_open, _ = attempt(rig, air, lambda attack: (
            attack.link.forth(attack.register()),
            attack.link.back(attack.ok())))
        # The attacker is this client's server here: it may call back.
        check(is_open, "a good client is not served")
    with tap.case("and nothing else in the corpus of bodies: text/html, "
                  "multipart/alternative without SDP, no type, encoded"):
        for kind in ("text/html", "application/sdpx", "x-application/sdp",
                     "multipart/alternative;boundary=b", "text/plain",
                     "application/sdp\r\nContent-Encoding: gzip"):
            with client(rig) as user:
                call = Call(user)
                body = (call.own(*audio(5350))
                        if "multipart" not in kind else
                        b"--b\r\nContent-Type: text/html\r\n\r\n"
                        + call.own(*audio(5350)) + b"--b--\r\n")
                call.request("INVITE", body, kind)
                check(not rig.expectations(), f"{kind}: opens "
                      + "\n".join(e.line for e in rig.expectations()))


# ---- a published server, and two accounts outside -------------------------

def publish(rig):
    """The administrator's two lines for a server at the client's address."""
    rig.run("fw", "nft", "add", "rule", "inet", "lcs", "helper", "iifname",
            "wan0", "tcp", "dport", "5060", "ct", "state", "new", "ct",
            "helper", "set", '"lcs"')
    rig.run("fw", "nft", "add", "rule", "inet", "lcs", "forward", "iifname",
            "wan0", "oifname", "lan0", "ip", "daddr", ADDRESS[4]["client"],
            "tcp", "dport", "5060", "ct", "state", "new", "accept")


def collude(rig, air):
    """Two accounts outside tell each other that they listen at an inside
    host; what then gets through to it."""
    inside = ADDRESS[4]["second"]
    with client(rig, host="stranger", server="client") as one, \
            client(rig, host="server", server="client") as two:
        one.sign_in(contact(inside, 7100))
        two.sign_in(contact(inside, 7101))
        calls = Call(one), Call(two, by_peer=True)
        calls[1].call_id = calls[0].call_id
        wrong = sdp(inside, *audio(5350), *whiteboard())
        calls[0].request("INVITE", wrong)
        calls[1].request("INVITE", wrong, by_client=False)
        calls[1].answer(200, "INVITE", wrong, by_client=True)
        calls[0].answer(200, "INVITE", wrong)
        calls[0].request("ACK", cseq=1)
        calls[1].request("ACK", cseq=1, by_client=False)
        accept = listen_for_file(inside, 6891)
        calls[0].say(accept)
        calls[1].say(accept, by_client=False)
        calls[1].say(accept)
        calls[0].say(accept, by_client=False)
        probes = [Probe(proto, source, target, port)
                  for source in (one.address, two.address)
                  for target in (inside, ADDRESS[4]["client"])
                  for proto, port in (("udp", 5350), ("udp", 5351),
                                      ("tcp", 1503), ("tcp", 6891),
                                      ("tcp", 7100), ("tcp", 7101))]
        states = air.states(probes)
        return ([str(p) for p, state in states.items() if state],
                [e.line for e in rig.expectations()])


def published(rig, air, tap):
    publish(rig)
    with tap.case("two accounts outside name an inside host to each other: "
                  "nothing opens"):
        opened, lines = collude(rig, air)
        check(not opened, "got through:\n" + "\n".join(opened))
        check(not lines, "expected:\n" + "\n".join(lines))
    with tap.case("they would with relayed=1, which is why it is 0"), \
            parameter("relayed", "1"):
        opened, _ = collude(rig, air)
        check(len(opened) > 3, f"only {opened}")


def main():
    rig, tap = Rig(), Tap()
    if subprocess.run(["modprobe", "nf_conntrack_sip"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        print("Bail out! this kernel has no nf_conntrack_sip to compare with")
        return 1
    with wire(rig) as air:
        on_ours(rig, air, tap)
        on_sip(rig, air, tap)
        published(rig, air, tap)
    tap.done()
    return 0


if __name__ == "__main__":
    sys.exit(main())
