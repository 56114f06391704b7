"""The wire format of channels, version 2, as docs/channels.md has it: for a peer that breaks it.

Nothing here comes from the library, so a mistake in it is not made twice.
"""

import os
import signal
import socket
import struct
import time

HELLO, MESSAGE, HANDLES, ACK, BYE, CHALLENGE, PROOF, BUSY = range(1, 9)
STREAM, RIGHTS = 1, 2
VERSION = 2
# How long the peer waits for the library: longer than any limit that a test sets.
PATIENCE = 30


def u32(*values):
    return struct.pack("<%dI" % len(values), *[value & 0xFFFFFFFF for value in values])


def frame(kind, body=b""):
    return struct.pack("<IB", len(body), kind) + body


def hello(version=VERSION, pid=None, size=16 << 20, handles=10_000, magic=b"DUPH"):
    return frame(HELLO, magic + u32(version, os.getpid() if pid is None else pid, size, handles))


def message(json, parts=(), handles=0):
    text = json if isinstance(json, bytes) else json.encode()
    lengths = u32(*[len(part) for part in parts])
    head = u32(handles, len(text), len(parts))
    return frame(MESSAGE, head + lengths + text + b"".join(parts))


def lot(number, count):
    return frame(HANDLES, u32(number, count))


def ack(messages, handles):
    return frame(ACK, u32(messages, handles))


def preamble(role, token, version=VERSION, magic=b"DUPH"):
    return magic + u32(version, role) + token


def connect(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(PATIENCE)
    while True:
        try:
            connection.connect(path)
            return connection
        except BlockingIOError:  # as many wait as may
            time.sleep(0.001)


def ring(path):
    connect(path + ".bell").close()


def memory_file(text):
    """A file with this text, whose position is at its start."""
    fd = os.memfd_create("hostile")
    os.pwrite(fd, text.encode(), 0)
    return fd


def rights(fds):
    return (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("%di" % len(fds), *fds))


def credentials():
    body = struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
    return (socket.SOL_SOCKET, socket.SCM_CREDENTIALS, body)


def kill_myself():
    os.kill(os.getpid(), signal.SIGKILL)


def is_gone(error):
    return isinstance(error, (BrokenPipeError, ConnectionError))


class Peer:
    """One end of a channel: two connections."""

    def __init__(self, stream, handles):
        self.stream = stream
        self.handles = handles
        self.lots = 0
        self.read = b""
        self.heard = []
        self.has_said_bye = False

    def say(self, data):
        self.has_said_bye = data.endswith(frame(BYE)) or (len(data) == 1 and data[0] == BYE)
        self.stream.sendall(data)

    def offer(self, text="", count=1, number=None, data=None, extra=tuple, first=0):
        """Sends a lot of handles: files with the texts `text0`, `text1`, …"""
        files = [memory_file(f"{text}{first + at}") for at in range(count)]
        if data is None:
            data = u32(self.lots if number is None else number, count)
        ancillary = [rights(files)] if files else []
        self.handles.sendmsg([data], ancillary + list(extra()))
        self.lots += 1
        for file in files:
            os.close(file)

    def give(self, text, count=1):
        """A correct message with handles."""
        number = self.lots
        self.offer(text, count)
        self.say(message('{"file":"%s"}' % text, (), count) + lot(number, count))

    def hear(self):
        """The next frame; `None` at the end."""
        while True:
            if len(self.read) >= 5:
                end = 5 + struct.unpack_from("<I", self.read)[0]
                if len(self.read) >= end:
                    kind, body, self.read = self.read[4], self.read[5:end], self.read[end:]
                    self.heard.append(kind)
                    return kind, body
            try:
                chunk = self.stream.recv(1 << 16)
            except ConnectionError:
                chunk = b""
            if chunk == b"":
                return None
            self.read += chunk

    def take(self):
        """Receives a lot of handles; gives its data and the texts of the files."""
        data, ancillary, _, _ = self.handles.recvmsg(8, socket.CMSG_LEN(4 * 253))
        texts = []
        for _, _, body in ancillary:
            for (fd,) in struct.iter_unpack("i", body[: len(body) // 4 * 4]):
                texts.append(os.pread(fd, 100, 0).decode())
                os.close(fd)
        return data, texts

    def gone(self):
        """Waits until the library hangs up, or has answered the bye: then it is this side that does."""
        try:
            while (heard := self.hear()) is not None:
                if heard[0] == BYE and self.has_said_bye:
                    return self.leave()
            return "hung up"
        except TimeoutError:
            return "not hung up"

    def leave(self):
        self.stream.close()
        self.handles.close()
        return "left"


class Client(Peer):
    """A client of a server of the library."""

    def __init__(self, path):
        self.path = path
        self.token = os.urandom(16)
        super().__init__(connect(path), connect(path))

    def introduce(self):
        self.handles.sendall(preamble(RIGHTS, self.token))
        self.stream.sendall(preamble(STREAM, self.token))
        ring(self.path)

    def open(self, **lies):
        """All that a client does until it is one."""
        self.introduce()
        self.say(hello(**lies))
        while True:
            first = self.hear()
            if first is None:
                raise ConnectionError("the server hung up instead of a hello")
            if first[0] == HELLO:
                return self


def opened(path, **lies):
    return Client(path).open(**lies)


class Listener:
    """A listener at the two places of a server."""

    def __init__(self, path, backlog=64, bell=True):
        self.path = path
        self.bell = self.listen(path + ".bell", backlog) if bell else None
        self.door = self.listen(path, backlog)

    def listen(self, path, backlog):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.settimeout(PATIENCE)
        listener.bind(path)
        listener.listen(backlog)
        return listener

    def accept(self):
        connection, _ = self.door.accept()
        connection.settimeout(PATIENCE)
        return connection

    def both(self):
        return self.accept(), self.accept()

    def meet(self):
        """Accepts both connections of a client and reads who they are."""
        found = {}
        while len(found) < 2:
            connection = self.accept()
            head = b""
            while len(head) < 28:
                more = connection.recv(28 - len(head))
                if more == b"":
                    raise ConnectionError("the client hung up")
                head += more
            found[struct.unpack_from("<I", head, 8)[0]] = connection
        return Peer(found[STREAM], found[RIGHTS])

    def close(self):
        for socket_ in (self.door, self.bell):
            if socket_ is not None:
                socket_.close()


def slowly(send, data, pause=0.001):
    for at in range(len(data)):
        send(data[at : at + 1])
        time.sleep(pause)
