#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Can the check of the corpus fail? Each case breaks one dialogue in one way.

A change is (what stands in the file, what takes its place, part of the complaint);
it is made once, at the first place.
"""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus               # noqa: E402
import corpus_check         # noqa: E402
import corpus_emit          # noqa: E402
from corpus_reader import CorpusError, read_dialogue    # noqa: E402

CHANGES = {
    "01-reg-lcs2003-plain": (
        ("# SPDX-License-Identifier: GPL-2.0\n", "", "SPDX"),
        ("item 1\n", "item 2\n", "item must be"),
        ("host server 192.0.2.10", "host server 192.0.2.300", "no address"),
        ("-> 192.0.2.10:5060", "-> 192.0.2.10:5061", "5060"),
        ("-> 192.0.2.10:5060", "-> 192.0.2.99:5060", "no host of this file"),
        ("> main\n", "> man\n", "no connection"),
        ("> main\n", "> main twice\n", "unknown option"),
        ("CSeq: 2 REGISTER", "CSeq: 1 REGISTER", "CSeq 1 after 1"),
        ("CSeq: 1 REGISTER", "CSeq: 1 INVITE", "method of CSeq"),
        ("Content-Length: @", "Content-Length: 5", "Content-Length is 5"),
        ("Content-Length: 0\n", "Content-Length: 0 \n", "trailing white space"),
        ("Max-Forwards: 70", "Max-Forwards: 7\\q", "unknown escape"),
        ("= contact tcp 10.0.0.5:10586", "= contact tcp 10.0.0.6:10586", "0 guarded texts"),
        ("= contact tcp 10.0.0.5:10586", "= contact tcp 10.0.0.5:10586 tls", "without a value"),
        ("= contact tcp 10.0.0.5:10586\n", "", "guarded, but no"),
        ("«10586»", "«10586", "« without »"),
        ("from 192.0.2.10 inactive", "from any inactive", "a callback comes from"),
        ("from 192.0.2.10 inactive", "from 192.0.2.10", "the table says otherwise"),
        ("+ open callback tcp 10.0.0.5:10586", "+ open callback tcp 10.0.0.5:10587", "no endpoint"),
        ("+ open callback tcp 10.0.0.5:10586", "+ open callback udp 10.0.0.5:10586", "no endpoint"),
        ("+ active callback", "+ close callback", "close does not take that"),
        ("+ active callback tcp 10.0.0.5:10586 lifetime 3600\n", "", "the table says otherwise"),
        ("shut\n", "related\n", "the table says otherwise"),
        ("= body skipped", "= body sdp", "the body is skipped"),
        ("= body skipped\n", "", "the body is skipped"),
        ("item 1\n", "item 1\nparameters sip_ports=1024-9999\n", "is not in sip_ports"),
        ("item 1\n", "item 1\nparameters sip_port=1\n", "bad parameter"),
        (";tag=4f1c02a7;epid", ";epid", "From has no tag"),
    ),
    "15a-av-basic-wm5": (
        ("+ open media udp 10.0.0.5:5353 from any\n", "", "neither open nor refused"),
        ("+ close media udp 10.0.0.5:5353\n", "", None),
        ("5353 from any\n", "5353 from any inactive\n", "the table says otherwise"),
        ("= rtcp udp 10.0.0.5#3:5353 implied", "= rtcp udp 10.0.0.5#9:5353 implied", "no guarded text"),
        ("= media udp 10.0.0.5#3:5350", "= media udp 10.0.0.5:5350", "3 guarded texts"),
        ("SIP/2.0 180 Ringing", "SIP/2.0 180", None),
        ("CSeq: 1 ACK", "CSeq: 9 ACK", "ACK of no request"),
    ),
    "34c-evil-accept": (
        ("10.0.0.6:6891 because not-own", "10.0.0.6:6891 because port", "is in ft_ports"),
    ),
}


class TheCheckCanFail(unittest.TestCase):
    """One change each, one complaint each; None where the change is harmless."""

    def complaint(self, name, old, new):
        with open(os.path.join(corpus.HERE, f"{name}.txt"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text, f"{name} has no {old!r}")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, f"{name}.txt")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(old, new, 1))
            try:
                corpus_check.check(read_dialogue(path))
            except CorpusError as error:
                return str(error)
        return None

    def test_changes(self):
        for name, changes in CHANGES.items():
            for old, new, want in changes:
                with self.subTest(f"{name}: {old!r} -> {new!r}"):
                    got = self.complaint(name, old, new)
                    if want is None:
                        self.assertIsNone(got)
                    else:
                        self.assertIn(want, got or "no complaint")

    def test_no_such_dialogue(self):
        with self.assertRaises(CorpusError):
            corpus.load("99-none")


class WhatComesOut(unittest.TestCase):
    """Offsets, lengths and seeds are those of the bytes on the wire."""

    def test_offsets(self):
        for dialogue in corpus.load():
            for message in dialogue.messages:
                for endpoint in message.endpoints:
                    for place, value in ((endpoint.port_at, str(endpoint.port)),):
                        if place:
                            start, length = place
                            self.assertEqual(message.data[start:start + length].decode(), value)

    def test_length_is_computed(self):
        message = corpus.load("22c-length-999").messages[2]
        self.assertIn(b"\r\nContent-Length: 999\r\n", message.data)
        self.assertEqual(len(message.data) - message.data.index(b"\r\n\r\n") - 4, 999)

    def test_seeds(self):
        dialogue = corpus.load("01-reg-lcs2003-plain")
        with tempfile.TemporaryDirectory() as folder:
            count = corpus_emit.seeds([dialogue], folder)
            self.assertEqual(count, len(os.listdir(folder)))
            with open(os.path.join(folder, "01-reg-lcs2003-plain.1"), "rb") as file:
                self.assertEqual(file.read(), dialogue.messages[0].data)


if __name__ == "__main__":
    unittest.main()
