# SPDX-License-Identifier: GPL-2.0
"""Many connections that speak as fast as they can, in one process.

Nobody here waits for anything: a client end says its next message when it has
heard something, a server end answers what it reads, calls back the Contact of a
REGISTER, sends media where an INVITE says, and offers a call itself now and
then. An end that is closed, or hears nothing for too long, is replaced.
"""

import errno
import random
import re
import select
import socket
import time

from lcscall import (INVITATION, Call, audio, listen_for_file, offer_file, sdp)
from lcspeer import (ADDRESS, LIMIT, SIP_PORT, Client, message, ntlm, reset)
from natcheck import split_messages
from natrig import OUTSIDE

SILENCE = LIMIT         # seconds
TEXT_MAX = 65536        # bytes of an unfinished message: somebody lost the thread
MEDIA = re.compile(rb"c=IN IP4 (\S+)\r?\n(?s:.*?)m=audio (\d+) ")
CONTACT = re.compile(rb"(?m)^Contact: <sip:([\d.]+):(\d+)")
KEPT = re.compile(rb"(?m)^(?:Via|From|To|Call-ID|CSeq|Contact):[^\r\n]*")


def script(user, port):
    """What a client says, without end."""
    yield user.register_text(port)
    yield user.register_text(port, ntlm(600))
    while True:
        call = Call(user)
        media = random.choice((5350, 5352, 20000 + 2 * random.randrange(5000)))
        yield call.request_text("INVITE", call.own(*audio(media)))
        yield call.request_text("ACK", cseq=1)
        yield b"\r\n\r\n"
        yield call.request_text("MESSAGE", offer_file(), INVITATION)
        yield call.request_text("MESSAGE", listen_for_file(
            user.address, random.randrange(6891, 6901)), INVITATION)
        if random.random() < 0.7:
            yield call.request_text("BYE")
        yield user.register_text(port)


def answer(request, body):
    """200 for any request, with its own Contact."""
    lines = ["SIP/2.0 200 OK"]
    kept = [line.decode() for line in KEPT.findall(request)]
    if request.startswith(b"INVITE"):
        return message(lines[0], kept + ["Content-Type: application/sdp"],
                       body)
    return message(lines[0], kept + ["Expires: 600"])


class End:
    """One end of a connection."""

    def __init__(self, sock, address, say=None, server=False):
        sock.setblocking(False)
        self.sock, self.address, self.say = sock, address, say
        self.server = server
        self.text, self.out = b"", b""
        self.heard = time.monotonic()
        self.waits = False

    def flush(self):
        """Send what there is; sometimes only a part, so that lines are cut."""
        while self.out:
            size = len(self.out)
            if random.random() < 0.2:
                size = random.randrange(1, size + 1)
            try:
                self.out = self.out[self.sock.send(self.out[:size]):]
            except BlockingIOError:
                return
            if random.random() < 0.2:
                return


class Crowd:
    """So many connections of the two hosts inside to the server."""

    def __init__(self, rig, count, said=()):
        self.rig, self.count, self.said = rig, count, said
        self.poll = select.epoll()
        self.ends, self.listeners = {}, {}
        self.messages = self.serial = 0
        self.translated = 0     # REGISTERs that came with an outside Contact
        self.next_look = 0
        self.listen("server", SIP_PORT)
        self.ports = {host: [random.randrange(7000, 7800) for _ in range(8)]
                      for host in ("client", "second")}
        for host, ports in self.ports.items():
            for port in set(ports):
                self.listen(host, port)
        self.media = {host: self.datagrams(host)
                      for host in ("client", "second", "stranger")}

    def listen(self, host, port):
        """Other processes listen on the same port: whoever is asked answers."""
        sock = self.rig.socket(host)
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind((ADDRESS[4][host], port))
        sock.listen(256)
        sock.setblocking(False)
        self.listeners[sock.fileno()] = sock, host
        self.poll.register(sock, select.EPOLLIN)

    def datagrams(self, host):
        sock = self.rig.socket(host, 4, socket.SOCK_DGRAM)
        sock.setblocking(False)
        return sock

    # ---- ends come and go

    def add(self, end):
        self.ends[end.sock.fileno()] = end
        self.poll.register(end.sock, select.EPOLLIN | select.EPOLLOUT)

    def dial(self, host, to):
        """A socket that is about to be connected, None if it never will be."""
        sock = self.rig.socket(host)
        sock.setblocking(False)
        sock.bind((ADDRESS[4][host], 0))
        code = sock.connect_ex(to)
        if code in (0, errno.EINPROGRESS):
            return sock
        sock.close()
        return None

    def fill(self):
        """As many clients as there should be."""
        clients = sum(end.say is not None for end in self.ends.values())
        for _ in range(self.count - clients):
            self.serial += 1
            host = ("client", "second")[self.serial % 2]
            sock = self.dial(host, (ADDRESS[4]["server"], SIP_PORT))
            if sock:
                user = Client(self.rig, host=host, connect=False)
                port = random.choice(self.ports[host])
                self.add(End(sock, user.address, script(user, port)))

    def drop(self, end, hard=True):
        self.ends.pop(end.sock.fileno(), None)
        self.poll.unregister(end.sock)
        if hard:
            reset(end.sock)
        else:
            end.sock.close()

    def look(self):
        """Now and then: who has heard nothing, and who is missing?"""
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + 1
        for end in list(self.ends.values()):
            if now - end.heard > SILENCE or random.random() < 0.005:
                self.drop(end, random.random() < 0.5)
        self.fill()
        self.tell()

    def tell(self):
        """Whoever started this process looks at that."""
        for value, count in zip(self.said, (self.messages, self.translated)):
            value.value = count

    # ---- what an end does

    def accept(self, listener, host):
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        self.add(End(sock, ADDRESS[4][host], server=host == "server"))

    def read(self, end):
        try:
            data = end.sock.recv(65536)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError
        end.heard = time.monotonic()
        found, end.text = split_messages(end.text + data)
        if len(end.text) > TEXT_MAX:
            raise ConnectionResetError
        self.messages += len(found)
        for one in found:
            self.hear(end, one)
        if end.say and len(end.out) < 4096:
            for _ in range(random.choice((1, 1, 1, 3))):
                end.out += next(end.say)

    def hear(self, end, one):
        """A whole message: an answer says enough by itself."""
        if one.startswith(b"SIP/2.0"):
            return
        where = ADDRESS[4]["stranger"] if end.server else end.address
        end.out += answer(one, sdp(where, *audio(30000 if end.server
                                                 else 5350)))
        if not end.server:
            return
        if one.startswith(b"REGISTER"):
            found = CONTACT.search(one)
            self.translated += bool(found) and found[1] == OUTSIDE[4].encode()
            if found and random.random() < 0.3:
                self.call_back(found)
        elif one.startswith(b"INVITE"):
            self.send_media(one)
        if random.random() < 0.1:
            call = Call(Client(self.rig, connect=False), by_peer=True)
            end.out += call.request_text(
                "INVITE", sdp(where, *audio(30000)), by_client=False)

    def call_back(self, contact):
        sock = self.dial("server", (contact[1].decode(), int(contact[2])))
        if sock:
            end = End(sock, ADDRESS[4]["server"], server=True)
            end.out = Client(self.rig, connect=False).notify_text(
                int(contact[2]))
            self.add(end)

    def send_media(self, invite):
        """From the peer to the client, and from both clients to the peer."""
        found = MEDIA.search(invite)
        outside = ADDRESS[4]["stranger"], 30000
        for host, to in (("stranger", found and (found[1].decode(),
                                                 int(found[2]))),
                         ("client", outside), ("second", outside)):
            try:
                if to:
                    self.media[host].sendto(b"\x80\0", to)
            except OSError:
                pass

    def turn(self, end, event):
        try:
            if event & select.EPOLLIN:
                self.read(end)
            elif end.say and not end.out and event & select.EPOLLOUT and \
                    not end.waits:
                end.out = next(end.say)
            if event & (select.EPOLLHUP | select.EPOLLERR):
                raise ConnectionResetError
            end.flush()
        except OSError:
            self.drop(end)
            return
        end.waits = True
        wanted = select.EPOLLIN | (select.EPOLLOUT if end.out else 0)
        self.poll.modify(end.sock, wanted)

    def run(self, until):
        """Speak until then."""
        while time.monotonic() < until:
            self.look()
            for fd, event in self.poll.poll(0.2):
                if fd in self.listeners:
                    self.accept(*self.listeners[fd])
                elif fd in self.ends:
                    self.turn(self.ends[fd], event)

    def close(self):
        for end in list(self.ends.values()):
            self.drop(end)
        for sock, _ in self.listeners.values():
            sock.close()
        for sock in self.media.values():
            sock.close()
        self.poll.close()
