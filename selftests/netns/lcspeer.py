# SPDX-License-Identifier: GPL-2.0
"""The hosts of the selftests: real TCP between the namespaces of lib.sh.

One process holds both ends of every connection (it enters a namespace only to
create a socket), so a test reads as a story: the client sends, the server got
exactly that, the server calls back, the client accepted it. Every byte that is
sent is compared with what arrived at the other end.

Nothing here waits for a time to pass. Whether a packet was dropped is known
from a packet sent after it on the same path (Rig.barrier): once that one has
been there and back, what has not arrived will not arrive.

    lcspeer.py sign-in [--ipv6] [--port N]   used by the shell tests
"""

import atexit
import contextlib
import ctypes
import errno
import functools
import glob
import ipaddress
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Seconds until a condition counts as never to come. Whoever runs this on a kernel
# that is slower than a stock one says how many times (scripts/guest/run-sanitized).
LIMIT = 60 * int(os.environ.get("LCS_SLOWER", "1"))
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
TCP_SEND_QUEUE, TCP_REPAIR_OFF_NO_WP = 2, -1
TCP_SAVE_SYN = 27
TCP_SAVED_SYN = 28
SIP_PORT = 5060
SLAB = "/sys/kernel/slab"

ADDRESS = {
    4: {"client": "10.0.0.5", "second": "10.0.0.6",
        "server": "192.0.2.10", "stranger": "192.0.2.66"},
    6: {"client": "2001:db8::5", "second": "2001:db8::6",
        "server": "2001:db8:1::10", "stranger": "2001:db8:1::66"},
}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
# What lcs_watch writes into the DSCP field of a SYN that was let through.
CT_STATE = {0x0a: "NEW", 0x12: "RELATED"}


class Failed(Exception):
    """A condition of the test does not hold."""


def check(condition, text):
    if not condition:
        raise Failed(text)


# ---- TAP ----------------------------------------------------------------

class Tap:
    """Test points; each `with tap.case(text):` is one."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def _say(self, verdict, text):
        self.count += 1
        print(f"{verdict} {self.count} - {text}", flush=True)

    @contextlib.contextmanager
    def case(self, text):
        try:
            yield
        except (Failed, OSError, subprocess.SubprocessError) as error:
            self.failed += 1
            self._say("not ok", text)
            for line in str(error).splitlines():
                print("#", line, flush=True)
        else:
            self._say("ok", text)

    def skip(self, text, reason):
        self._say("ok", f"{text} # SKIP {reason}")

    def done(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


# ---- waiting ------------------------------------------------------------

def wait_until(condition, text, limit=LIMIT):
    """Poll for what no file descriptor announces."""
    end = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        check(time.monotonic() < end, f"never came: {text}")
        time.sleep(0.05)


def is_ready(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def wait_fd(sock, event, text):
    poll = select.poll()
    poll.register(sock, event)
    check(poll.poll(LIMIT * 1000), f"never came: {text}")


# ---- a connection -------------------------------------------------------

class Link:
    """A TCP connection with both ends in our hands: a opened it, b accepted."""

    def __init__(self, a, b, state=None):
        self.a, self.b = a, b
        self.state = state      # ct state of its SYN on the firewall
        self.lossy = False      # a path on which TCP repeats and merges
        for sock in (a, b):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def forth(self, data, cuts=()):
        """a sends data, b must receive exactly that."""
        self._deliver(self.a, self.b, data, cuts)

    def back(self, data, cuts=()):
        """b sends data, a must receive exactly that."""
        self._deliver(self.b, self.a, data, cuts)

    def _deliver(self, sender, receiver, data, cuts):
        edges = [0, *cuts, len(data)]
        before = segments_sent(sender) if cuts else 0
        got = bytearray()
        for start, end in zip(edges, edges[1:]):
            piece = data[start:end]
            while piece:
                piece = piece[self._send(sender, receiver, piece, got):]
            # The next one must not be merged with it for want of an ACK.
            while cuts and len(got) < end and not self.lossy:
                wait_fd(receiver, select.POLLIN, f"byte {end}")
                self._receive(receiver, got)
        while len(got) < len(data):
            wait_fd(receiver, select.POLLIN,
                    f"{len(data) - len(got)} of {len(data)} bytes")
            self._receive(receiver, got)
        if got != data:
            raise Failed(difference(data, got))
        if cuts and not self.lossy:
            sent = segments_sent(sender) - before
            check(sent >= len(edges) - 1,
                  f"{len(edges) - 1} pieces left in {sent} segments")

    def _send(self, sender, receiver, piece, got):
        try:
            return sender.send(piece)
        except BlockingIOError:
            wait_fd(receiver, select.POLLIN, "room to send")
            self._receive(receiver, got)
            return 0

    @staticmethod
    def _receive(receiver, got):
        data = receiver.recv(1 << 20)
        check(data, "the connection was closed")
        got += data

    def close(self):
        """Both ends end it with a reset: no TIME_WAIT holds the ports."""
        for sock in (self.a, self.b):
            if sock.fileno() >= 0:
                reset(sock)

    def finish(self):
        """Both ends say FIN, in order."""
        for sender, receiver in ((self.a, self.b), (self.b, self.a)):
            sender.shutdown(socket.SHUT_WR)
            wait_fd(receiver, select.POLLIN, "the FIN")
            check(receiver.recv(1) == b"", "bytes nobody sent")
        self.a.close()
        self.b.close()

    def vanish(self, sock):
        """One end is gone without a word: no FIN, no RST (a crash)."""
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        sock.close()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def segments_sent(sock):
    """tcpi_data_segs_out, linux/tcp.h"""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return struct.unpack_from("I", info, 156)[0]


def next_seq(sock):
    """The sequence number of the next byte that this end will send."""
    for option, value in ((TCP_REPAIR, 1), (TCP_REPAIR_QUEUE, TCP_SEND_QUEUE)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    seq = sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)
    # The end of repair takes that away.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return seq & 0xffffffff


def difference(sent, got):
    at = next((i for i, (x, y) in enumerate(zip(sent, got)) if x != y),
              min(len(sent), len(got)))
    return (f"bytes differ at {at} of {len(sent)} (got {len(got)}):\n"
            f"sent {bytes(sent[at:at + 40])!r}\ngot  {bytes(got[at:at + 40])!r}")


# ---- the network --------------------------------------------------------

class Rig:
    """The network of lib.sh, with the README's ruleset loaded."""

    def __init__(self, *options, rules=True):
        self.fds = {}
        self.barriers = {}
        self.made = "LCS_NS" not in os.environ
        if self.made:
            self._make(options, rules)
        # One CPU: packets sent one after the other stay in that order.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        for host in ("fw", *ADDRESS[4]):
            self.fds[host] = os.open(
                f"/run/netns/{os.environ['LCS_NS']}-{host}", os.O_RDONLY)
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    def _make(self, options, rules):
        os.environ["LCS_NS"] = f"lcs{os.getpid()}"
        atexit.register(self._down)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            self.shell("lcs_up", *options)
            if rules:
                self.shell("lcs_rules")
        except Failed as error:
            print("Bail out!", str(error).replace("\n", " "))
            sys.exit(1)

    @staticmethod
    def shell(*words):
        """Run a function of lib.sh."""
        done = subprocess.run(
            ["bash", "-c", '. "$0"; "$@"', f"{HERE}/lib.sh", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(done.returncode == 0, f"{' '.join(words)}: {done.stdout}")
        return done.stdout

    def _down(self):
        for fd in self.fds.values():
            os.close(fd)
        self.shell("lcs_down")

    @contextlib.contextmanager
    def inside(self, host):
        if LIBC.setns(self.fds[host], CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {host}")
        try:
            yield
        finally:
            LIBC.setns(self.home, CLONE_NEWNET)

    def run(self, host, *words, text=None, fail=True):
        """Run a command on a host, return what it says."""
        with self.inside(host):
            done = subprocess.run(words, input=text, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        if fail:
            check(done.returncode == 0,
                  f"{' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def socket(self, host, family=4, kind=socket.SOCK_STREAM, proto=0):
        with self.inside(host):
            return socket.socket(FAMILY.get(family, family), kind, proto)

    def listen(self, host, port, family=4):
        sock = self.socket(host, family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        sock.bind((ADDRESS[family][host], port))
        sock.listen(256)
        sock.setblocking(False)
        return sock

    def dial(self, host, listener, to=None, sport=0, address=None):
        """Start a connection to a listener; nothing is known yet."""
        family = 4 if listener.family == socket.AF_INET else 6
        sock = self.socket(host, family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((address or ADDRESS[family][host], sport))
        code = sock.connect_ex(to or listener.getsockname()[:2])
        check(code in (0, errno.EINPROGRESS), os.strerror(code))
        return sock

    def connect(self, host, listener, sport=0):
        """A connection that must come about."""
        sock = self.dial(host, listener, sport=sport)
        wait_fd(listener, select.POLLIN, f"connection from {host}")
        return self._accept(sock, listener)

    @staticmethod
    def _accept(sock, listener):
        wait_fd(listener, select.POLLIN, "the end of the handshake")
        peer, name = listener.accept()
        check(name == sock.getsockname(), f"another one called: {name}")
        return Link(sock, peer, ct_state(peer))

    def knock(self, host, listener, sport=0):
        """Try a connection: a Link when it came about, None when refused."""
        sock = self.dial(host, listener, sport=sport)
        if is_ready(listener):
            return self._accept(sock, listener)
        family = 4 if listener.family == socket.AF_INET else 6
        self.barrier(self.host_of(listener), host, family)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        check(error == 0, f"somebody answered: {os.strerror(error)}")
        try:
            sock.getpeername()
        except OSError:
            sock.close()
            return None
        return self._accept(sock, listener)

    @staticmethod
    def host_of(sock):
        address = sock.getsockname()[0]
        return next(host for names in ADDRESS.values()
                    for host, name in names.items() if name == address)

    def barrier(self, inner, outer, family=4):
        """Return when all that outer has sent to inner so far, and the
        answers to it, are delivered or dropped."""
        key = inner, outer, family
        if key not in self.barriers:
            listener = self.listen(outer, SIP_PORT, family)
            self.barriers[key] = self.connect(inner, listener)
            listener.close()
        link = self.barriers[key]
        for _ in range(2):
            link.back(b"\r\n\r\n")
            link.forth(b"\r\n\r\n")

    # ---- what the firewall knows

    def expectations(self, *, dport=None, dst=None):
        text = ""
        if names_classes():
            with self.inside("fw"), \
                    open("/proc/thread-self/net/nf_conntrack_expect",
                         encoding="ascii") as table:
                text = table.read()
        else:
            for family in ("ipv4", "ipv6"):
                text += self.run("fw", "conntrack", "-f", family, "-L",
                                 "expect")
        found = [Expectation(line) for line in text.splitlines()]
        return [e for e in found if dport in (None, e.dport)
                and dst in (None, e.dst)]

    def expectation(self, **which):
        """The one expectation that there must be."""
        found = self.expectations(**which)
        check(len(found) == 1, f"expectations {which}: {len(found)}, not 1\n"
              + "\n".join(e.line for e in found))
        return found[0]

    def counters(self):
        """/proc/net/stat/nf_conntrack_lcs of the firewall."""
        with self.inside("fw"):
            with open("/proc/thread-self/net/stat/nf_conntrack_lcs",
                      encoding="ascii") as lines:
                return {name: int(value)
                        for name, value in map(str.split, lines)}

    def must_hold_nothing(self):
        """What ended with bytes in flight is let go by the next sweep."""
        wait_until(lambda: self.counters()["held_bytes"] == 0,
                   "the end of held_bytes")


KINDS = ("callback", "media", "file-transfer", "app-sharing")


@functools.cache
def names_classes():
    """Does /proc name the class of every expectation? Where there is no
    such table, and where a kernel has one field for the helper of an
    expectation and that of its connection (6.1.170: only callbacks have
    the second), conntrack knows at least its number. The types tell."""
    types = [path for path in ("/sys/kernel/btf/vmlinux",
                               "/sys/kernel/btf/nf_conntrack")
             if os.path.exists(path)]
    if not os.path.exists("/proc/net/nf_conntrack_expect"):
        return False
    return not types or any(b"\0assign_helper\0" in open(path, "rb").read()
                            for path in types)


class Expectation:
    """A line of /proc/net/nf_conntrack_expect or of conntrack -L expect."""

    def __init__(self, line):
        self.line = line
        self.timeout = int(line.split()[0])
        self.proto = int(re.search(r"\bproto ?= ?(\d+)", line)[1])
        self.src, self.dst = (
            str(ipaddress.ip_address(re.search(rf"\b{key}=(\S+)", line)[1]))
            for key in ("src", "dst"))
        self.dport = int(re.search(r"\bdport=(\d+)", line)[1])
        name = re.search(r"\blcs/(\S+)", line)
        number = re.search(r"\bclass=(\d+)", line)
        self.kind = name[1] if name else number and KINDS[int(number[1])]
        self.inactive = "INACTIVE" in line
        self.permanent = "PERMANENT" in line


def ct_state(sock):
    """What the firewall's conntrack called the SYN of an accepted socket."""
    syn = sock.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, 128)
    if not syn:
        return None
    if syn[0] >> 4 == 4:
        dscp = syn[1] >> 2
    else:
        dscp = (struct.unpack_from("!H", syn)[0] >> 6) & 0x3f
    return CT_STATE.get(dscp)


# ---- memory -------------------------------------------------------------

def objects():
    """Objects in use in our slab caches, by name. A kernel that merges caches
    (before 6.5 it cannot be asked not to) counts all of that size here."""
    found = {}
    for path in filter(os.path.exists, glob.glob(f"{SLAB}/lcs_*")):
        with open(f"{path}/shrink", "w", encoding="ascii") as value:
            value.write("1")
        with open(f"{path}/objects", encoding="ascii") as value:
            found[os.path.basename(path)] = int(value.read().split()[0])
    return found


def grown(before):
    """How many more of each there are than before."""
    now = objects()
    check(now, f"no cache {SLAB}/lcs_*")
    return {name: count - before.get(name, 0) for name, count in now.items()}


# ---- SIP ----------------------------------------------------------------

METHODS = ('methods="INVITE, MESSAGE, INFO, SUBSCRIBE, OPTIONS, BYE, CANCEL, '
           'NOTIFY, ACK, REFER, BENOTIFY"')


def message(start, headers, body=b""):
    """A SIP message; Content-Length comes last, as these clients write it."""
    lines = [start, *headers]
    if not any(re.match(r"(?i)(content-length|l)\s*:", h) for h in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def host_text(address):
    return f"[{address}]" if ":" in address else address


def contact(address, port):
    """As Windows Messenger 5.1 and Communicator 2005 write it over TCP."""
    return (f"<sip:{host_text(address)}:{port};transport=tcp>;{METHODS};"
            "proxy=replace")


def ntlm(size):
    """A Proxy-Authorization line of about this size."""
    return ('Proxy-Authorization: NTLM qop="auth", realm="SIP Communications '
            'Service", opaque="9C55D687", targetname="fe1.example.com", '
            f'gssapi-data="TlRMTVNTUAADAAAA{"Ab9+/x" * (size // 6)}=="')


class Client:
    """A user agent inside, its connection to the server, and the server."""

    serial = 0

    def __init__(self, rig, family=4, host="client", server="server",
                 connect=True):
        Client.serial += 1
        self.rig, self.family = rig, family
        self.host, self.server = host, server
        self.address = ADDRESS[family][host]
        self.call_id = f"91c6c88de3c04d5180d9a2e1{Client.serial:08x}"
        self.cseq = 0
        self.listeners = {}
        self.links, self.ports = [], []
        self.main = None
        if connect:
            self.connect()

    def connect(self, sport=0):
        listener = self.rig.listen(self.server, SIP_PORT, self.family)
        self.main = self.rig.connect(self.host, listener, sport)
        self.links.append(self.main)
        self.ports.append(self.main.a.getsockname()[1])
        listener.close()

    def lose_main(self):
        """Both ends of the main connection are gone without a word."""
        for end in (self.main.a, self.main.b):
            self.main.vanish(end)
        self.links.remove(self.main)

    def register_text(self, where, *extra, headers=()):
        """A REGISTER. where: a port, the text of a Contact, or None."""
        self.cseq += 1
        if isinstance(where, int):
            where = contact(self.address, where)
        lines = [f"Via: SIP/2.0/TCP {host_text(self.address)}:14423",
                 "Max-Forwards: 70",
                 "From: <sip:bob@example.com>;tag=0a1b;epid=62ccbeb808",
                 "To: <sip:bob@example.com>",
                 f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} REGISTER"]
        if where is not None:
            lines.append(f"Contact: {where}")
        lines += [*headers, "User-Agent: RTC/1.3.5470 (Messenger 5.1.0680)",
                  "Supported: com.microsoft.msrtc.presence, adhoclist",
                  "ms-keep-alive: UAC;hop-hop=yes", "Event: registration",
                  *extra]
        return message("REGISTER sip:example.com SIP/2.0", lines)

    def register(self, where, *extra, cuts=()):
        self.main.forth(self.register_text(where, *extra), cuts)

    def answer_text(self, code, *headers, cseq=None, call_id=None):
        reason = {200: "OK", 401: "Unauthorized", 403: "Forbidden",
                  407: "Proxy Authentication Required"}.get(code, "Answer")
        return message(f"SIP/2.0 {code} {reason}", [
            'Authentication-Info: NTLM rspauth="01000000", srand="0878F41B"',
            "From: <sip:bob@example.com>;tag=0a1b;epid=62ccbeb808",
            "To: <sip:bob@example.com>;tag=5A8D5A8D",
            f"Call-ID: {call_id or self.call_id}",
            f"CSeq: {cseq or self.cseq} REGISTER",
            f"Via: SIP/2.0/TCP {host_text(self.address)}:14423"
            ";ms-received-port=1677;ms-received-cid=13000", *headers])

    def answer(self, code, *headers, cuts=(), **key):
        self.main.back(self.answer_text(code, *headers, **key), cuts)

    def challenge(self, code=401):
        name = "WWW" if code == 401 else "Proxy"
        self.answer(code, f'{name}-Authenticate: NTLM realm="SIP '
                    'Communications Service", targetname="fe1.example.com"')

    def accept(self, where, *headers, expires=3600):
        """The 200 that keeps the Contact as it was."""
        if isinstance(where, int):
            where = contact(self.address, where)
        lines = [f"Contact: {where}"]
        if expires is not None:
            lines.append(f"Expires: {expires}")
        self.answer(200, *lines, *headers)

    def sign_in(self, where, *headers, expires=3600):
        """401, credentials, 200: as every one of these clients does it."""
        self.register(where)
        self.challenge()
        self.register(where, ntlm(600))
        self.accept(where, *headers, expires=expires)

    def sign_out(self, where):
        self.register(where, "Expires: 0")
        self.answer(200, "Expires: 0")

    def listener(self, port):
        if port not in self.listeners:
            self.listeners[port] = self.rig.listen(self.host, port,
                                                   self.family)
        return self.listeners[port]

    def called(self, port, by=None, sport=0):
        """The server, or who else, calls this port: a Link, or None."""
        link = self.rig.knock(by or self.server, self.listener(port), sport)
        if link:
            self.links.append(link)
        return link

    def must_get_through(self, port, **how):
        """The callback arrives, as RELATED."""
        link = self.called(port, **how)
        check(link, f"callback to {port} refused")
        check(link.state == "RELATED", f"callback to {port} is {link.state}")
        return link

    def must_be_called(self, port, **how):
        """And it carries SIP both ways."""
        link = self.must_get_through(port, **how)
        link.forth(self.notify_text(port))
        link.back(self.answer_text(200))
        return link

    def must_not_be_called(self, port, **how):
        check(not self.called(port, **how), f"port {port} is open")

    def notify_text(self, port):
        return message(
            f"NOTIFY sip:{host_text(self.address)}:{port};transport=tcp "
            "SIP/2.0", [
                "Via: SIP/2.0/TCP 192.0.2.10:5060;branch=z9hG4bK1",
                "From: <sip:alice@example.com>;tag=1;epid=1",
                "To: <sip:bob@example.com>;tag=0a1b;epid=62ccbeb808",
                "Call-ID: 5d0f", "CSeq: 1 NOTIFY", "Event: presence",
                "Content-Type: text/plain"], b"online")

    def close(self):
        """End it, and on the firewall too: the next case starts afresh."""
        for link in self.links:
            link.close()
        for port in self.ports:
            self.rig.run("fw", "conntrack", "-f", f"ipv{self.family}", "-D",
                         "-p", "tcp", "--orig-port-src", str(port),
                         "--orig-port-dst", str(SIP_PORT), fail=False)
        for listener in self.listeners.values():
            listener.close()
        self.links, self.ports, self.listeners = [], [], {}


@contextlib.contextmanager
def client(rig, *args, **how):
    """A client for one case."""
    user = Client(rig, *args, **how)
    try:
        yield user
    finally:
        user.close()


def main(words):
    if not words or words[0] != "sign-in":
        print("usage: lcspeer.py sign-in [--ipv6] [--port N]", file=sys.stderr)
        return 2
    port = 14423
    if "--port" in words:
        port = int(words[words.index("--port") + 1])
    try:
        with client(Rig(rules=False), 6 if "--ipv6" in words else 4) as user:
            user.sign_in(port)
            user.must_be_called(port)
    except (Failed, OSError) as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
