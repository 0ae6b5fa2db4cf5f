#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The corpus: dialogues of LCS clients and servers, written for this project.

    corpus.py check [NAME...]    is every dialogue exactly what the format says, and consistent
    corpus.py list               names and what each proves
    corpus.py show NAME          the messages as they go over the wire, and what must come of them
    corpus.py c-header OUT       constant arrays for tests in C (see corpus_case.h)
    corpus.py seeds DIR          raw messages and streams, as seeds for fuzzers

A test in Python does `import corpus` and calls load() or load("15-av-basic-wm5");
README.md beside this file says what the files mean.
"""

import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import corpus_check         # noqa: E402
import corpus_emit          # noqa: E402
import corpus_signature     # noqa: E402
from corpus_reader import Close, CorpusError, Message, Probe, read_dialogue     # noqa: E402

ITEMS = range(1, 37)        # the items of README.md


def names():
    return sorted(os.path.basename(p)[:-len(".txt")] for p in glob.glob(f"{HERE}/[0-9]*.txt"))


def load(name=None):
    """One dialogue by its name, or the list of all; each one checked."""
    if name is None:
        return [load(n) for n in names()]
    if name not in names():
        raise CorpusError(f"{name}.txt", 0, "there is no such dialogue")
    dialogue = read_dialogue(os.path.join(HERE, f"{name}.txt"))
    corpus_check.check(dialogue)
    return dialogue


def missing_items(dialogues):
    """The items of the list that none of these is for."""
    return sorted(set(ITEMS) - {d.item for d in dialogues})


def command_check(wanted):
    bad = 0
    dialogues = []
    for name in wanted or names():
        try:
            dialogues.append(load(name))
        except CorpusError as error:
            print(error, file=sys.stderr)
            bad += 1
    missing = missing_items(dialogues)
    if missing and not wanted and not bad:
        print(f"no dialogue for item {', '.join(map(str, missing))}", file=sys.stderr)
        bad += 1
    try:
        corpus_signature.self_check()
    except AssertionError as error:
        print(f"corpus_signature.py: {error}", file=sys.stderr)
        bad += 1
    messages = [m for d in dialogues for m in d.messages]
    print(f"{len(dialogues)} dialogues, {len(messages)} messages, "
          f"{sum(len(m.data) for m in messages)} bytes, "
          f"{sum(len(m.endpoints) for m in messages)} endpoints, "
          f"{sum(len(m.outcomes) for m in messages)} outcomes, "
          f"{sum(isinstance(e, Probe) for d in dialogues for e in d.events)} probes; {bad} bad")
    return 1 if bad else 0


def show_message(message):
    print(f"{message.stream}  ({len(message.data)} bytes{', joined' if message.joined else ''})")
    text = message.data if len(message.data) < 20000 else message.data[:2000] + b"..."
    print("    " + text.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\n", "\n    "))
    for e in message.endpoints[:100]:
        print(f"  = {e.kind} {e.proto} {e.address} port {e.port} at {e.addr_at} {e.port_at} flags {e.flags:#x}")
    for flag in sorted(message.flags) + ([f"gives up: {message.gives_up}"] if message.gives_up else []):
        print(f"  = {flag}")
    for o in message.outcomes:
        print(f"  + {o.verb} {o.kind or ''} {o.key() if o.kind else ''} {o.reason or ''}")


def command_show(name):
    dialogue = load(name)
    print(f"{dialogue.name}: {dialogue.title}\n")
    for event in dialogue.events:
        if isinstance(event, Message):
            show_message(event)
        elif isinstance(event, Probe):
            print(f"? {event.proto} {event.source} -> {event.target}: "
                  f"{'related' if event.related else 'shut'}\n")
        elif isinstance(event, Close):
            print(f"* {event.connection.name} closed by the {'client' if event.by_client else 'server'}\n")
    return 0


def main(arguments):
    command, *rest = arguments or [""]
    try:
        if command == "check":
            return command_check(rest)
        if command == "list" and not rest:
            for dialogue in load():
                print(f"{dialogue.name}: {dialogue.title}")
            return 0
        if command == "show" and len(rest) == 1:
            return command_show(rest[0])
        if command == "c-header" and len(rest) == 1:
            corpus_emit.c_header(load(), rest[0])
            return 0
        if command == "seeds" and len(rest) == 1:
            print(f"{corpus_emit.seeds(load(), rest[0])} files")
            return 0
    except (CorpusError, OSError) as error:
        print(f"corpus.py: {error}", file=sys.stderr)
        return 1
    print("usage: corpus.py check [NAME...] | list | show NAME | c-header OUT | seeds DIR", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
