"""A good conversation that is cut off at each step, changed here and there, or half shut."""

import socket
import time

from hostile_wire import (
    BYE, MESSAGE, RIGHTS, STREAM, Client, ack, frame, hello, kill_myself, lot, memory_file, message,
    preamble, rights, ring, u32,
)


def steps(path):
    """The steps of a client, one after the other; what it says is right."""
    client = Client(path)
    yield "connected"
    client.handles.sendall(preamble(RIGHTS, client.token))
    yield "half introduced"
    client.stream.sendall(preamble(STREAM, client.token))
    yield "introduced"
    ring(path)
    yield "rung"
    client.say(hello())
    yield "hello said"
    client.hear()
    yield "hello heard"
    client.offer("A", 3)
    yield "handles offered"
    client.say(message('{"file":"A"}', (), 3))
    yield "message said"
    client.say(lot(0, 3)[:7])
    yield "half announced"
    client.say(lot(0, 3)[7:])
    yield "announced"
    client.offer("B", 253)
    client.say(message('{"file":"B"}', [], 300) + lot(1, 253))
    yield "a part of the handles"
    client.offer("B", 47, first=253)
    client.say(lot(2, 47))
    yield "all handles"
    while (heard := client.hear()) is not None and heard[0] != MESSAGE:
        pass
    yield "message heard"
    while heard is not None and client.heard.count(MESSAGE) < 3:
        heard = client.hear()
    data, texts = client.take()
    assert (data, texts) == (u32(0, 2), ["library", "library"]), (data, texts)
    client.say(ack(3, 2))
    yield "acknowledged"
    client.say(frame(BYE))
    yield "bye"


NAMES = [
    "connected", "half introduced", "introduced", "rung", "hello said", "hello heard", "handles offered",
    "message said", "half announced", "announced", "a part of the handles", "all handles", "message heard",
    "acknowledged", "bye",
]


def advance(path, until):
    """Plays until a step; gives what it plays with, which stays open."""
    playing = steps(path)
    for name in playing:
        if name == until:
            return playing
    raise AssertionError(until)


def add(scenario):
    @scenario("a good conversation", "works", "use")
    def good(path, _):
        playing = advance(path, "bye")
        return playing.gi_frame.f_locals["client"].gone()

    for name in NAMES:
        @scenario(f"killed when: {name}", "any", "use")
        def killed(path, _, name=name):
            playing = advance(path, name)
            kill_myself()

        @scenario(f"gone when: {name}", "any", "use")
        def left(path, _, name=name):
            return advance(path, name).gi_frame.f_locals["client"].leave()

    for side in ("stream", "handles"):
        for how, name in ((socket.SHUT_RD, "reading"), (socket.SHUT_WR, "writing"), (socket.SHUT_RDWR, "both")):
            for when in ("introduced", "hello heard", "handles offered", "all handles"):
                @scenario(f"the {side} shut for {name} when: {when}", "any", "use", handshakeTimeout=300,
                          closeTimeout=300)
                def shut(path, _, side=side, how=how, when=when):
                    playing = advance(path, when)
                    client = playing.gi_frame.f_locals["client"]
                    getattr(client, side).shutdown(how)
                    ring(path)
                    if side == "handles":
                        client.say(frame(BYE))
                    # Nobody can hear the end on a half that is shut: it waits a moment and leaves.
                    time.sleep(0.2)
                    return client.leave()

    @scenario("changed bytes", "any", "use", handshakeTimeout=300, closeTimeout=300)
    def changed(path, random):
        for _ in range(10):
            client = Client(path)
            said = [preamble(STREAM, client.token), hello(), message('{"file":"A"}', [b"x" * 9], 2) + lot(0, 2),
                    ack(random.randrange(4), random.randrange(3)), message('[{"\x7f":0}]', [b"abc"]), frame(BYE)]
            beside = [preamble(RIGHTS, client.token), u32(0, 2)]
            spoil(random, random.choice([said, said, beside]))
            try:
                client.handles.sendall(beside[0])
                client.handles.sendmsg([beside[1]], [rights([memory_file("A0"), memory_file("A1")])])
                for at, data in enumerate(said):
                    client.say(data)
                    if at == 0:
                        ring(path)
                    if random.random() < 0.3:
                        time.sleep(random.random() / 500)
                if random.random() < 0.1:
                    client.gone()
            except ConnectionError:
                pass
            client.leave()
        return "left"


def spoil(random, pieces):
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(pieces))
        piece = bytearray(pieces[at])
        if not piece:
            continue
        where = random.randrange(len(piece))
        choice = random.random()
        if choice < 0.6:
            piece[where] = random.choice([0, 1, 2, 127, 128, 255, random.randrange(256)])
        elif choice < 0.8:
            del piece[where:]
        else:
            piece[where:where] = random.randbytes(random.randrange(1, 40))
        pieces[at] = bytes(piece)
