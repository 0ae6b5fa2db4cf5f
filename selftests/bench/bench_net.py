# SPDX-License-Identifier: GPL-2.0
"""The benchmark's network, ruleset and messages; selftests/bench/bench.py measures with them.

    clients 10.96.0.0/11 -- lan0 [ firewall ] wan0 -- server 192.0.2.10

Three network namespaces, two veth pairs without offloads, the README's ruleset with one helper
or another in it. Every TCP segment is one packet of at most 1500 bytes, acknowledged at once."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "selftests", "corpus"))
import corpus  # noqa: E402

CLIENT, FW, SERVER = "bench-client", "bench-fw", "bench-server"
SERVER_ADDR = "192.0.2.10"
CLIENTS_NET = "10.96.0.0/11"
# As many characters as what talk.c puts in: a client's address, and that of its own peer.
WIDTHS = {b"{addr}": b"10.100.100.100", b"{peer}": b"198.100.100.100"}
MAC = "02:00:00:00:00"
ROUTE = "quickack 1 initcwnd 100"
MASQUERADE = """
table ip bench_nat {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan0" masquerade
	}
}
"""


def run(command, text=None):
    """A command that must succeed."""
    done = subprocess.run(command, input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


def sysctl(netns, values):
    """Sets names below /proc/sys/net in a namespace."""
    script = "".join(f"echo {value} >/proc/sys/net/{name}\n" for name, value in values.items())
    run(["ip", "netns", "exec", netns, "sh", "-ec", script])


def up():
    """Makes the network drawn above. Neighbours are permanent: in a guest that counts instructions
    the clock runs ahead whenever it waits, and they would go stale in the middle."""
    run(["ip", "-batch", "-"], f"netns add {FW}\nnetns add {CLIENT}\nnetns add {SERVER}\n"
        f"link add lan0 address {MAC}:1 netns {FW} type veth peer name eth0 address {MAC}:5 "
        f"netns {CLIENT}\n"
        f"link add wan0 address {MAC}:2 netns {FW} type veth peer name eth0 address {MAC}:10 "
        f"netns {SERVER}\n")
    run(["ip", "-n", FW, "-batch", "-"], "link set lo up\nlink set lan0 up\nlink set wan0 up\n"
        "addr add 10.0.0.1/24 dev lan0\naddr add 192.0.2.1/24 dev wan0\n"
        f"route add {CLIENTS_NET} via 10.0.0.5\n"
        f"neigh add 10.0.0.5 lladdr {MAC}:5 dev lan0\n"
        f"neigh add {SERVER_ADDR} lladdr {MAC}:10 dev wan0\n")
    for netns, addr, router, mac in ((CLIENT, "10.0.0.5", "10.0.0.1", 1),
                                     (SERVER, SERVER_ADDR, "192.0.2.1", 2)):
        # One segment a packet: what a firewall sees whose network cards do not merge them.
        run(["ip", "-n", netns, "-batch", "-"],
            f"link set lo up\nlink set eth0 gso_max_segs 1\nlink set eth0 up\n"
            f"addr add {addr}/24 dev eth0\nneigh add {router} lladdr {MAC}:{mac} dev eth0\n"
            f"route replace {router}/32 dev eth0 src {addr} {ROUTE}\n"
            f"route add default via {router} {ROUTE}\n")
        sysctl(netns, {"ipv4/tcp_autocorking": 0, "ipv4/tcp_timestamps": 0,
                       "ipv4/tcp_slow_start_after_idle": 0, "ipv4/tcp_no_metrics_save": 1,
                       "ipv4/tcp_moderate_rcvbuf": 0, "ipv6/conf/all/disable_ipv6": 1})
    run(["ip", "-n", CLIENT, "route", "add", "local", CLIENTS_NET, "dev", "lo"])
    sysctl(FW, {"ipv4/ip_forward": 1})


def down():
    """Takes it away."""
    for netns in (CLIENT, FW, SERVER):
        run(["ip", "netns", "del", netns])


def ruleset(helper, port, masquerade):
    """The README's ruleset with another helper, or none; otherwise the same rules."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        text = re.search(r"<!-- ruleset -->\s*```(.*?)```", file.read(), re.S)
    if not text or 'ct helper set "lcs"' not in text[1] or "5060" not in text[1]:
        sys.exit("bench: README.md has no ruleset that sets the helper for port 5060")
    rules = re.sub(r'ct helper lcs \{\s*type "lcs" protocol tcp;\s*\}',
                   f'ct helper {helper} {{ type "{helper}" protocol tcp; }}' if helper else "",
                   text[1])
    rules = rules.replace('ct helper set "lcs"', f'ct helper set "{helper}"' if helper
                          else "counter")
    rules = rules.replace('"lcs"', f'"{helper or "lcs"}"').replace("5060", str(port))
    return rules + (MASQUERADE if masquerade else "")


def load_rules(helper, port=5060, masquerade=False):
    """Loads it; nft loads the helper's module by itself."""
    run(["ip", "netns", "exec", FW, "nft", "-f", "-"], ruleset(helper, port, masquerade))


# ---- messages -------------------------------------------------------------------


def template(message, changes):
    """A message of the corpus as talk.c wants it, with some places changed."""
    data = message.data
    head, _, body = data.partition(b"\r\n\r\n")
    for old, new in [(rb"(?m)^CSeq: \d+", b"CSeq: {cseq}"),
                     (rb"(?m)^Call-ID: .*\r$", b"Call-ID: 5060f00d000000000000000000{client}\r")]:
        head = re.sub(old, new, head)
    text = (head + b"\r\n\r\n" + body).replace(b"10.0.0.5", b"{addr}")
    for old, new in changes:
        if not re.search(old, text):
            sys.exit(f"bench: no {old!r} in a message of the corpus")
        text = re.sub(old, new, text)
    head, _, body = text.partition(b"\r\n\r\n")
    size = len(re.sub(rb"\{(addr|peer)\}", lambda place: WIDTHS[place[0]], body))
    head = re.sub(rb"(?m)^Content-Length: \d+", b"Content-Length: %d" % size, head)
    return head + b"\r\n\r\n" + body


def templates():
    """name: text, for talk's command `message`."""
    sign_in = corpus.load("06a-reg-refresh-dereg").messages
    call = corpus.load("15a-av-basic-wm5").messages
    offer = next(m for m in call if m.data.startswith(b"INVITE"))
    agreed = next(m for m in call if m.data.startswith(b"SIP/2.0 200"))
    notify = next(m for m in corpus.load("37a-presence-notify-20k").messages
                  if m.data.startswith(b"NOTIFY"))
    via = (rb"(?m)^Via: .*\r$", b"Via: {Via};ms-received-port=1677;ms-received-cid=BC77\r")
    # nf_conntrack_sip does nothing without Expires. An NTLM message as long as a domain's is.
    register = template(sign_in[0], [
        (rb"(?m)^Event: registration\r\n", b"Event: registration\r\nExpires: 3600\r\n"),
        (rb'(gssapi-data="[^"=]*)', rb"\1" + b"AGMAbwByAHAALgBlAHgA" * 10)])
    # It expects media only from the signalling hosts: so the server itself is the peer. A refresh
    # of one dialog, again and again: both tags are there from the beginning.
    to = rb"(?m)^To: <sip:bob@example.com>(;tag=\w+)?\r$"
    tag = b"To: <sip:bob@example.com>;tag=ea10014b10\r"
    return {
        "register": register,
        "registered": template(sign_in[1], [
            via, (rb"(?m)^Contact: <[^>]*>", b"Contact: <{Contact}>")]),
        "invite": template(offer, [(to, tag)]),
        "agreed": template(agreed, [via, (to, tag),
                                    (rb"192\.0\.2\.66", SERVER_ADDR.encode())]),
        "agreed-apart": template(agreed, [via, (to, tag), (rb"192\.0\.2\.66", b"{peer}")]),
        "notify": template(notify, [(rb"^NOTIFY \S+", b"NOTIFY {Contact}")]),
        "keepalive": b"\r\n\r\n",
        "user": b"USER anonymous\r\n",
        "eprt": b"EPRT |1|{addr}|7100|\r\n",
        "ok": b"200 OK\r\n",
    }


class Lost(Exception):
    """talk has ended: a message did not arrive."""


class Talk:
    """talk.c, running: clients and their server."""

    def __init__(self, program, folder, port=5060):
        self.process = subprocess.Popen([program, CLIENT, SERVER, SERVER_ADDR, str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        clock = int(self("clock"))
        if not 1000000 <= clock <= 1001000:
            sys.exit(f"bench: the clock does not count instructions ({clock} for 1,000,000): "
                     "run scripts/bench")
        for name, text in templates().items():
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(text)
            self(f"message {name} {path}")

    def __call__(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.process.wait()
            raise Lost(f"talk ended at: {command}")
        return answer.strip()

    def cost(self, command):
        """Instructions of one round: (median, lowest, highest)."""
        return tuple(int(word) for word in self(command).split())

    def close(self):
        """Ends it."""
        self.process.stdin.close()
        self.process.wait()
