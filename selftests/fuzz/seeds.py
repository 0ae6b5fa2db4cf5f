#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Seeds for the fuzz targets out of the corpus: streams, Contacts, bodies, invitations.

    seeds.py FOLDER
"""
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "corpus"))
import corpus  # noqa: E402

LARGEST = 20000


def pieces(data):
    """(target, seed) of one message."""
    yield "stream", data
    head, _, body = data.partition(b"\r\n\r\n")
    for line in re.findall(rb"^(?:Contact|m) *:((?:[^\r]|\r\n[ \t])*)", head, re.M | re.I):
        yield "uri", line
    first = head.split(b"\r\n")[0].split(b" ")
    if len(first) == 3 and first[2] == b"SIP/2.0":
        yield "uri", first[1]
    kind = re.search(rb"^(?:Content-Type|c) *: *([^;\r]*)", head, re.M | re.I)
    kind = kind[1].strip().lower() if kind else b""
    if kind == b"application/sdp":
        yield "sdp", body
    elif kind.startswith(b"multipart/"):
        delimiter = re.match(rb"(--[^\r\n]*)", body)
        yield "sdp", body.replace(delimiter[1], b"--B") if delimiter else body
    elif kind == b"text/x-msmsgsinvite":
        yield "invitation", body


def main():
    """Writes each seed once, under the hash of its bytes."""
    if len(sys.argv) != 2:
        print("usage: seeds.py FOLDER", file=sys.stderr)
        return 2
    streams = {}
    for dialogue in corpus.load():
        for message in dialogue.messages:
            key = (dialogue.name, message.stream)
            streams[key] = streams.get(key, b"") + message.data
            for target, seed in pieces(message.data):
                write(target, seed)
    for data in streams.values():
        write("stream", data)
    return 0


def write(target, seed):
    """One file, where it is neither empty nor too large."""
    if not 0 < len(seed) <= LARGEST:
        return
    folder = os.path.join(sys.argv[1], target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha1(seed).hexdigest()), "wb") as file:
        file.write(seed)


if __name__ == "__main__":
    sys.exit(main())
