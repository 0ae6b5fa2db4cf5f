#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The torture messages of RFC 4475 through the protocol library; prints TAP.

Reads ../shared/rfc4475/*.dat beside the repository, where that is present. Each message has an
expectation here: the endpoints with an address, and then "passes" (read to its end), "opens
nothing" (read to its end, but a header that decides cannot be read), "more to come" (the body is
shorter than its Content-Length), or why the library stops inspecting.
"""
import glob
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(os.path.dirname(TOP), "shared", "rfc4475")
PROGRAM = os.path.join(TOP, "build", "user", "read")
ROOMS = ("text", "uri", "sip", "body", "sdp", "invitation", "stream")


def call(address, *ports):
    """What an offer of media at these ports says."""
    pairs = [(kind, port + more) for port in ports for kind, more in (("media", 0), ("rtcp", 1))]
    return [f"origin {address} 0"] + [f"{kind} {address} {port}" for kind, port in pairs]


EXPECTED = {
    "badaspec": ([], "passes"),
    "badbranch": ([], "passes"),
    "baddate": (call("192.0.2.5", 49217, 3227), "passes"),
    "baddn": ([], "passes"),
    "badinv01": (call("192.0.2.15", 49217, 3227), "passes"),
    "badvers": ([], "stops: not-sip"),
    "bcast": (call("192.0.2.198", 49217, 3227), "passes"),
    "bext01": ([], "passes"),
    "bigcode": ([], "stops: not-sip"),
    "clerr": (call("192.0.2.155", 49217), "more to come"),
    "cparam01": ([], "passes"),
    "cparam02": ([], "passes"),
    "dblreq": (call("192.0.2.15", 49217), "stops: bad-start"),
    "esc01": (call("192.0.2.1", 49217, 3227), "passes"),
    "esc02": ([], "passes"),
    "escnull": ([], "passes"),
    "escruri": (call("192.0.2.1", 49217, 3227), "passes"),
    "insuf": ([], "opens nothing"),
    "intmeth": ([], "passes"),
    "inv2543": ([], "stops: bad-length"),
    "invut": ([], "passes"),
    "longreq": (call("192.0.2.1", 49217, 3227), "passes"),
    "ltgtruri": (call("192.0.2.5", 49217, 3227), "passes"),
    "lwsdisp": ([], "passes"),
    "lwsruri": (call("192.0.2.1", 49217, 3227), "passes"),
    "lwsstart": (call("192.0.2.1", 49217, 3227), "passes"),
    "mcl01": ([], "stops: bad-length"),
    "mismatch01": ([], "opens nothing"),
    "mismatch02": ([], "opens nothing"),
    "mpart01": (["contact 127.0.0.1 5070"], "passes"),
    "multi01": ([], "opens nothing"),
    "ncl": ([], "stops: bad-length"),
    "noreason": ([], "passes"),
    "novelsc": ([], "passes"),
    "quotbal": (call("192.0.2.15", 49217, 3227), "passes"),
    "regaut01": ([], "passes"),
    "regbadct": ([], "passes"),
    "regescrt": ([], "passes"),
    "scalar02": ([], "opens nothing"),
    "scalarlg": ([], "opens nothing"),
    "sdp01": (call("192.0.2.5", 49217, 3227), "passes"),
    "semiuri": ([], "passes"),
    "transports": ([], "passes"),
    "trws": ([], "passes"),
    "unkscm": ([], "passes"),
    "unksm2": ([], "passes"),
    "unreason": (call("192.0.2.198", 49217, 3227), "passes"),
    "wsinv": (["origin 192.0.2.3 0"] + call("192.0.2.4", 49217, 3227)[1:], "passes"),
    "zeromf": ([], "passes"),
}


def build():
    """The reader, under sanitizers."""
    os.makedirs(os.path.dirname(PROGRAM), exist_ok=True)
    sources = [f"{TOP}/selftests/corpus/read.c"] + [f"{TOP}/lcs/proto/{r}.c" for r in ROOMS]
    done = subprocess.run(["gcc", "-std=gnu11", "-g", "-O1", "-fsanitize=address,undefined",
                           "-fno-sanitize-recover=undefined", f"-I{TOP}/include", *sources,
                           "-o", PROGRAM], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"rfc4475: read.c does not compile: {done.stderr[-800:]}")


def read(path):
    """(endpoints with an address, what became of the stream)"""
    done = subprocess.run([PROGRAM, path], capture_output=True, text=True, errors="replace")
    if done.returncode:
        return [], f"crashed: {done.stderr[:400]}"
    found = []
    end = None
    for line in done.stdout.splitlines():
        words = line.split()
        if words[0] == "endpoint" and words[2].startswith("address="):
            found.append(f"{words[1]} {words[2][8:]} {words[3][5:]}")
        elif words[0] == "message":
            end = "opens nothing" if words[-1] == "unreadable" else "passes"
        elif words[0] == "gives":
            end = f"stops: {words[-1]}"
        elif words[0] == "in":
            end = "more to come"
    return found, end


def main():
    """One test for each message."""
    print("TAP version 13")
    paths = sorted(glob.glob(os.path.join(FOLDER, "*.dat")))
    if not paths:
        print("1..0 # SKIP the messages of RFC 4475 are not beside the repository "
              "(../shared/rfc4475)")
        return 0
    build()
    failed = 0
    names = [os.path.basename(p)[:-4] for p in paths]
    for number, name in enumerate(sorted(set(names) | set(EXPECTED)), 1):
        if name not in EXPECTED:
            good, note = False, "nothing is stated for it"
        elif name not in names:
            good, note = False, "the file is absent"
        else:
            got = read(os.path.join(FOLDER, f"{name}.dat"))
            good, note = got == EXPECTED[name], f"expected {EXPECTED[name]}, got {got}"
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            print(f"# {note}")
    print(f"1..{len(set(names) | set(EXPECTED))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
