#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The corpus is what its README.md says, and can the check of it fail? Prints TAP.

Each of CHANGES breaks one dialogue in one way: (what stands in the file, what takes its
place, part of the complaint); it is made once, at the first place.
"""

import contextlib
import io
import os
import sys
import tempfile
import traceback
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus               # noqa: E402
import corpus_check         # noqa: E402
import corpus_emit          # noqa: E402
import corpus_signature     # noqa: E402
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


def check_command():
    """(status, what it says) of `corpus.py check`."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        return corpus.main(["check"]), said.getvalue()


class TheCorpusIsGood(unittest.TestCase):
    """What `corpus.py check` says yes to, piece by piece."""

    def test_dialogues(self):
        for name in corpus.names():
            with self.subTest(name):
                self.assertEqual(corpus.load(name).name, name)

    def test_every_item_has_a_dialogue(self):
        self.assertEqual(corpus.missing_items(corpus.load()), [])

    def test_signatures(self):
        corpus_signature.self_check()

    def test_command(self):
        status, said = check_command()
        self.assertEqual(status, 0, said)
        self.assertIn(f"{len(corpus.names())} dialogues", said)


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

    def test_missing_item(self):
        left = [name for name in corpus.names() if not name.startswith("14-")]
        with unittest.mock.patch.object(corpus, "names", lambda: left):
            status, said = check_command()
        self.assertEqual(status, 1)
        self.assertIn("no dialogue for item 14\n", said)

    def test_wrong_signatures(self):
        right = corpus_signature.signature_buffer
        wrong = {
            "a part is left out": lambda data, version: (right(data, version) or b"")[1:],
            "the same for all versions": lambda data, version: right(data, 3),
            "the same for all messages": lambda data, version: right(corpus_signature.EXAMPLE,
                                                                     version),
            "one where none is": lambda data, version: right(data, version) or b"<>",
        }
        for name, function in wrong.items():
            with self.subTest(name), \
                    unittest.mock.patch.object(corpus_signature, "signature_buffer", function):
                status, said = check_command()
                self.assertEqual(status, 1)
                self.assertIn("corpus_signature.py: ", said)


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


class Tap(unittest.TestResult):
    """A line for each case, and for each part of one (subTest)."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def line(self, ok, test, directive="", note=""):
        """One test point."""
        self.number += 1
        name = str(test.id()).removeprefix("__main__.").replace("#", "")
        print(f"{'ok' if ok else 'not ok'} {self.number} - {name}{directive}", flush=True)
        for line in note.splitlines():
            print(f"# {line}")

    def trace(self, error):
        """Where it failed, and why."""
        return "".join(traceback.format_exception(*error))

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(False, test, note=self.trace(err))

    def addError(self, test, err):
        super().addError(test, err)
        self.line(False, test, note=self.trace(err))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(True, test, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        self.line(err is None, subtest, note=self.trace(err) if err else "")


def main():
    """All of it; the status to exit with."""
    print("TAP version 13")
    result = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]).run(Tap())
    print(f"1..{result.number}")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
