# Longer than 300 lines: one scenario after the other.
"""Hostile clients of a server. Each scenario gets the server's path and a random generator."""

import os
import socket
import struct
import time

import hostile_conversation
import hostile_messages
from hostile_scenarios import registrar
from hostile_wire import (
    BYE, BUSY, HELLO, MESSAGE, PATIENCE, RIGHTS, STREAM, Client, ack, connect, credentials, frame, hello, lot,
    memory_file, message, opened, preamble, rights, ring, slowly, u32,
)

CLIENTS = {}
scenario = registrar(CLIENTS)
SHORT = {"handshakeTimeout": 300}


def close_all(*sockets):
    for each in sockets:
        each.close()


def is_hung_up(connection):
    """Waits until the server hangs up a raw connection; what it said before is returned too."""
    said = b""
    try:
        while chunk := connection.recv(65536):
            said += chunk
    except ConnectionError:
        pass
    except TimeoutError:
        return None
    return said


def all_hung_up(*connections):
    return "not hung up" if any(is_hung_up(each) is None for each in connections) else "hung up"


# --- silent and slow -------------------------------------------------------------------------------------------------


@scenario("one connection and nothing said", "refused", **SHORT)
def one_connection(path, _):
    only = connect(path)
    ring(path)
    return all_hung_up(only)


@scenario("two connections and nothing said", "refused", **SHORT)
def two_connections(path, _):
    client = Client(path)
    ring(path)
    return all_hung_up(client.stream, client.handles)


@scenario("no ring", "any", **SHORT)
def no_ring(path, _):
    client = Client(path)
    client.handles.sendall(preamble(RIGHTS, client.token))
    client.stream.sendall(preamble(STREAM, client.token))
    time.sleep(0.2)
    return client.leave()


@scenario("half a preamble", "refused", **SHORT)
def half_a_preamble(path, _):
    client = Client(path)
    client.handles.sendall(preamble(RIGHTS, client.token)[:14])
    client.stream.sendall(preamble(STREAM, client.token)[:14])
    ring(path)
    return all_hung_up(client.stream, client.handles)


for side in ("stream", "handles"):
    @scenario(f"only the preamble of the {side}", "refused", **SHORT)
    def one_preamble(path, _, side=side):
        client = Client(path)
        role = STREAM if side == "stream" else RIGHTS
        getattr(client, side).sendall(preamble(role, client.token))
        ring(path)
        return all_hung_up(client.stream, client.handles)


@scenario("preambles and no hello", "refused", **SHORT)
def no_hello(path, _):
    client = Client(path)
    client.introduce()
    return client.gone()


@scenario("half a hello", "refused", **SHORT)
def half_a_hello(path, _):
    client = Client(path)
    client.introduce()
    client.say(hello()[:13])
    return client.gone()


@scenario("a preamble that is cut off at each byte", "refused")
def cut_preamble(path, _):
    for length in range(28):
        client = Client(path)
        client.handles.sendall(preamble(RIGHTS, client.token))
        client.stream.sendall(preamble(STREAM, client.token)[:length])
        ring(path)
        client.leave()
    return "left"


@scenario("a hello that is cut off at each byte", "refused")
def cut_hello(path, _):
    for length in range(25):
        client = Client(path)
        client.introduce()
        client.say(hello()[:length])
        client.leave()
    return "left"


@scenario("a preamble byte by byte", "any")
def slow_preamble(path, _):
    client = Client(path)
    slowly(client.handles.sendall, preamble(RIGHTS, client.token))
    for byte in preamble(STREAM, client.token):
        client.stream.sendall(bytes([byte]))
        ring(path)
    client.say(hello())
    client.hear()
    return client.leave()


@scenario("a hello and a message byte by byte", "works", "use")
def slow_words(path, _):
    client = Client(path)
    client.introduce()
    slowly(client.say, hello())
    client.offer("A", 2)
    slowly(client.say, message('{"file":"A"}', (), 2) + lot(0, 2) + frame(BYE))
    return client.gone()


@scenario("a hello and then nothing", "end", "close", closeTimeout=300)
def hello_only(path, _):
    return opened(path).gone()


for blocks in (False, True):
    @scenario("nothing is read" + ", and its own ends block" * blocks, "end", "flood", closeTimeout=300)
    def reads_nothing(path, _, blocks=blocks):
        client = opened(path)
        # It waits for the end without a read: the library's socket is full.
        if blocks:
            client.stream.setblocking(True)
        client.handles.settimeout(None if blocks else PATIENCE)
        time.sleep(1)
        return client.gone()


@scenario("everything is read and nothing answered", "end", "close", closeTimeout=300)
def no_answer(path, _):
    client = opened(path)
    ended = client.gone()
    assert BYE in client.heard, client.heard
    return ended


@scenario("a bye and an answer, and nobody hangs up", "end", "use", closeTimeout=300)
def stays_after_bye(path, _):
    client = opened(path)
    client.say(frame(BYE))
    client.has_said_bye = False
    return client.gone()


@scenario("everything is acknowledged but the bye", "end", "close", closeTimeout=300)
def no_bye(path, _):
    client = opened(path)
    while (next_ := client.hear()) is not None:
        if next_[0] == MESSAGE:
            client.say(ack(1, 0))
    return "hung up"


# --- preambles -------------------------------------------------------------------------------------------------------


def introduces(name, expect, stream, handles):
    @scenario(name, expect, **SHORT)
    def play(path, _):
        client = Client(path)
        client.handles.sendall(handles(client.token))
        client.stream.sendall(stream(client.token))
        ring(path)
        client.stream.sendall(hello())
        return all_hung_up(client.stream, client.handles)


is_stream = lambda token: preamble(STREAM, token)
is_handles = lambda token: preamble(RIGHTS, token)
introduces("two streams", "refused", is_stream, is_stream)
introduces("two sockets of handles", "refused", is_handles, is_handles)
introduces("two tokens", "refused", is_stream, lambda _: preamble(RIGHTS, os.urandom(16)))
introduces("another magic", "refused", lambda token: preamble(STREAM, token, magic=b"HTTP"), is_handles)
introduces("a request of HTTP", "refused", lambda _: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", is_handles)
for role in (0, 3, 0xFFFFFFFF):
    introduces(f"role {role}", "refused", lambda token, role=role: preamble(role, token), is_handles)

for version in (0, 1, 3, 0xFFFFFFFF):
    @scenario(f"a preamble of version {version}", "refused")
    def other_version(path, _, version=version):
        client = Client(path)
        client.stream.sendall(preamble(STREAM, client.token, version))
        client.handles.sendall(preamble(RIGHTS, client.token, version))
        ring(path)
        for connection in (client.stream, client.handles):
            said = is_hung_up(connection)
            assert said is not None and len(said) == 25, said
            assert struct.unpack_from("<IB4sI", said) == (20, HELLO, b"DUPH", 2), said
        return "hung up"


@scenario("the token of another process", "refused", **SHORT)
def stolen_token(path, _):
    token = os.urandom(16)
    first = connect(path)
    first.sendall(preamble(RIGHTS, token))
    child = os.fork()
    if child == 0:
        try:
            thief = connect(path)
            thief.sendall(preamble(STREAM, token) + hello())
            ring(path)
            is_hung_up(thief)
        finally:
            os._exit(0)
    ended = all_hung_up(first)
    os.waitpid(child, 0)
    return ended


@scenario("three connections with one token", "any", **SHORT)
def three_of_a_token(path, _):
    client = Client(path)
    third = connect(path)
    client.handles.sendall(preamble(RIGHTS, client.token))
    third.sendall(preamble(RIGHTS, client.token))
    client.stream.sendall(preamble(STREAM, client.token) + hello())
    ring(path)
    time.sleep(0.1)
    ended = all_hung_up(third)
    client.leave()
    return ended


@scenario("everything in one write", "works", "use")
def one_write(path, _):
    client = Client(path)
    client.handles.sendall(preamble(RIGHTS, client.token))
    client.offer("A")
    said = hello() + message('{"file":"A"}', (), 1) + lot(0, 1) + frame(BYE)
    client.say(preamble(STREAM, client.token) + said)
    ring(path)
    return client.gone()


for side in ("stream", "handles"):
    for count in (1, 253):
        for cut in (0, 27):
            when = "with" if cut == 0 else "before the end of"
            @scenario(f"{count} rights {when} the preamble of the {side}", "refused", **SHORT)
            def early_rights(path, _, side=side, count=count, cut=cut):
                client = Client(path)
                role = {"stream": STREAM, "handles": RIGHTS}
                for each in ("stream", "handles"):
                    data, to = preamble(role[each], client.token), getattr(client, each)
                    if each != side:
                        to.sendall(data)
                        continue
                    files = [memory_file("early") for _ in range(count)]
                    to.sendall(data[:cut])
                    to.sendmsg([data[cut:]], [rights(files)])
                ring(path)
                return all_hung_up(getattr(client, side))


def lingering_socket():
    """A socket that waits 40 s for its peer when it is closed, and the peer, which reads nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(listener.getsockname())
    peer, _ = listener.accept()
    listener.close()
    sender.setblocking(False)
    try:
        while True:
            sender.send(bytes(65536))
    except BlockingIOError:
        pass
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("2i", 1, 40))
    return sender, peer


@scenario("a socket that lingers, with the preamble", "refused", **SHORT)
def lingering_preamble(path, _):
    client = Client(path)
    sender, peer = lingering_socket()
    client.stream.sendmsg([preamble(STREAM, client.token)], [rights([sender.fileno()])])
    sender.close()
    ring(path)
    ended = all_hung_up(client.stream)
    time.sleep(0.3)
    close_all(peer)
    return ended


@scenario("a socket that lingers and is never announced", "any", "use")
def lingering_lot(path, _):
    client = opened(path)
    sender, peer = lingering_socket()
    client.handles.sendmsg([struct.pack("<2I", 0, 1)], [rights([sender.fileno()])])
    sender.close()
    client.leave()
    time.sleep(0.3)
    close_all(peer)
    return "left"


@scenario("credentials with the preamble", "any", **SHORT)
def early_credentials(path, _):
    client = Client(path)
    client.handles.sendmsg([preamble(RIGHTS, client.token)], [credentials()])
    client.stream.sendmsg([preamble(STREAM, client.token)], [credentials()])
    ring(path)
    client.say(hello())
    client.hear()
    return client.leave()


# --- the bell --------------------------------------------------------------------------------------------------------


@scenario("rights, bytes and silence on the bell", "refused")
def noisy_bell(path, _):
    bells = [connect(path + ".bell") for _ in range(20)]
    for bell in bells[:10]:
        try:
            bell.sendmsg([b"ding"], [rights([memory_file("bell") for _ in range(253)])])
            bell.sendall(bytes(1000))
        except ConnectionError:
            pass
    close_all(*bells)
    return "left"


@scenario("a thousand rings for nobody", "refused")
def many_rings(path, _):
    for _ in range(1000):
        ring(path)
    return "left"


# --- floods of clients -----------------------------------------------------------------------------------------------


@scenario("300 silent clients beside 16 that may be", "refused", handshakeTimeout=3000, maxPendingClients=16)
def silent_crowd(path, _):
    silent = []
    for at in range(300):
        only = connect(path)
        ring(path)
        silent.append(only)
    heard = [is_hung_up(each) for each in silent]
    assert None not in heard, "some are not hung up"
    busy = sum(said == frame(BUSY) for said in heard)
    assert busy >= 200, f"{busy} of 300 heard busy"
    return "hung up"


@scenario("300 clients without a hello beside 16 that may be", "refused", handshakeTimeout=3000, maxPendingClients=16)
def mute_crowd(path, _):
    mute = [Client(path) for _ in range(150)]
    for client in mute:
        client.introduce()
    assert all(client.gone() == "hung up" for client in mute)
    busy = sum(BUSY in client.heard for client in mute)
    assert busy >= 100, f"{busy} of 150 heard busy"
    return "hung up"


# --- version 1 -------------------------------------------------------------------------------------------------------


def first_message(path, fds, data=b"\0"):
    client = connect(path)
    client.sendmsg([data], [rights(fds)])
    ring(path)
    return client


@scenario("a client of version 1 hears version 2", "refused")
def version_one(path, _):
    ours, theirs = socket.socketpair()
    client = first_message(path, [theirs.fileno()])
    theirs.close()
    ours.settimeout(PATIENCE)
    said = is_hung_up(ours)
    assert said is not None and struct.unpack_from("<IB4sI", said) == (20, HELLO, b"DUPH", 2), said
    return all_hung_up(client)


@scenario("a client of version 1 whose stream is full and blocks", "refused")
def version_one_full(path, _):
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    try:
        while True:
            theirs.send(bytes(4096))
    except BlockingIOError:
        theirs.setblocking(True)
    return all_hung_up(first_message(path, [theirs.fileno()]))


@scenario("a client of version 1 whose stream is something else", "refused")
def version_one_else(path, _):
    file = memory_file("as it was")
    reader, writer = os.pipe()
    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind("")
    listener.listen()
    door = connect(path)
    folder = os.open("/", os.O_RDONLY)
    for fd in (file, reader, writer, one.fileno(), listener.fileno(), door.fileno(), folder):
        assert all_hung_up(first_message(path, [fd])) == "hung up"
    assert os.pread(file, 100, 0) == b"as it was"
    return "hung up"


@scenario("a client of version 1 with 253 streams, or with two bytes", "refused")
def version_one_many(path, _):
    pairs = [socket.socketpair() for _ in range(253)]
    many = first_message(path, [theirs.fileno() for _, theirs in pairs])
    two = first_message(path, [pairs[0][1].fileno()], b"\0\0")
    return all_hung_up(many, two)


# --- hellos ----------------------------------------------------------------------------------------------------------


def begins(name, said, expect="refused"):
    @scenario(name, expect, **SHORT)
    def play(path, _):
        client = Client(path)
        client.introduce()
        client.say(said() if callable(said) else said)
        return client.gone()


good = hello(pid=1)
begins("a hello that is one byte short", frame(HELLO, good[5:-1]))
begins("a hello that is one byte long", frame(HELLO, good[5:] + b"\0"))
begins("an empty hello", frame(HELLO))
begins("a hello with another magic", hello(magic=b"HPUD"))
for version in (0, 1, 3, 0xFFFFFFFF):
    begins(f"a hello of version {version}", hello(version))
begins("a hello with negative limits", hello(size=-1, handles=-1))
for kind in (0, 2, 3, 4, 5, 6, 7, 8, 9, 255):
    begins(f"a frame of kind {kind} before the hello", frame(kind, u32(1, 0)))
begins("a frame of 4 GiB before the hello", u32(0xFFFFFFFF) + bytes([HELLO]))
begins("32 MiB of zeros before the hello", lambda: bytes(32 << 20))
begins("a hello of 16 MiB", lambda: frame(HELLO, bytes((16 << 20) - 5)))


@scenario("a hello with the pid of another", "works", "use")
def another_pid(path, _):
    client = opened(path, pid=1)
    client.give("A")
    client.say(frame(BYE))
    return client.gone()


@scenario("a hello with pid 0", "any", "use")
def no_pid(path, _):
    client = opened(path, pid=0)
    client.say(frame(BYE))
    return client.gone()


@scenario("a hello that accepts nothing", "any", "use")
def accepts_nothing(path, _):
    client = opened(path, size=0, handles=0)
    client.say(frame(BYE))
    return client.gone()


hostile_messages.add(scenario)
hostile_conversation.add(scenario)
