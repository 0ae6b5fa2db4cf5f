# SPDX-License-Identifier: GPL-2.0
"""A client and its server that speak SIP over UDP, which nf_conntrack_sip serves.

    sipudp.py PORT      the client registers with a Contact of this port, the
                        server answers, and calls it there (sip_beside.sh)
"""

import select
import socket
import sys

from lcspeer import (ADDRESS, SIP_PORT, Failed, Rig, check, message, wait_fd)

CLIENT, SERVER = (ADDRESS[4][host] for host in ("client", "server"))


def end(rig, host, port):
    sock = rig.socket(host, 4, socket.SOCK_DGRAM)
    sock.bind((ADDRESS[4][host], port))
    return sock


def send(data, sender, receiver):
    """It arrives, as it was."""
    sender.sendto(data, receiver.getsockname())
    wait_fd(receiver, select.POLLIN, data.split(b"\r\n")[0].decode())
    check(receiver.recv(65536) == data, "other bytes")


def texts(port):
    """REGISTER, its answer, and a request of the server's."""
    common = [f"Via: SIP/2.0/UDP {CLIENT}:{port};branch=z9hG4bK{port}",
              "From: <sip:bob@example.com>;tag=0a1b", f"Call-ID: udp{port}",
              "To: <sip:bob@example.com>", "CSeq: 1 REGISTER",
              f"Contact: <sip:bob@{CLIENT}:{port}>", "Expires: 600"]
    return (message("REGISTER sip:example.com SIP/2.0", common),
            message("SIP/2.0 200 OK", common),
            message(f"OPTIONS sip:bob@{CLIENT}:{port} SIP/2.0", [
                f"Via: SIP/2.0/UDP {SERVER}:3217;branch=z9hG4bK1",
                "From: <sip:example.com>;tag=1", "To: <sip:bob@example.com>",
                f"Call-ID: back{port}", "CSeq: 1 OPTIONS"]))


def register(rig, port):
    """Nothing but the expectation that follows from it lets the last one in."""
    asks, answers, calls = texts(port)
    asking, listening = end(rig, "client", port + 1), end(rig, "client", port)
    server, calling = end(rig, "server", SIP_PORT), end(rig, "server", 3217)
    before = rig.counters()["messages"]
    send(asks, asking, server)
    said = rig.run("fw", "conntrack", "-L", "expect")
    check(any("proto=17 " in line and f" dport={port} " in line
              and "helper=sip" in line for line in said.splitlines()), said)
    send(answers, server, asking)
    send(calls, calling, listening)
    check(rig.counters()["messages"] == before, "ours has read it")


if __name__ == "__main__":
    try:
        register(Rig(rules=False), int(sys.argv[1]))
    except (Failed, OSError) as error:
        sys.exit(str(error))
