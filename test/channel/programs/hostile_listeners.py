# Longer than 300 lines: one scenario after the other.
"""Hostile listeners, to which the library connects. Each gets a path and tells when it listens."""

import socket
import time

from hostile_conversation import spoil
from hostile_scenarios import registrar
from hostile_wire import (
    BUSY, BYE, HELLO, PATIENCE, Listener, ack, frame, hello, kill_myself, lot, memory_file, message, rights, slowly, u32,
)

LISTENERS = {}
scenario = registrar(LISTENERS)
SHORT = {"handshakeTimeout": 400}


def listens(name, expect, app="quiet", backlog=64, bell=True, **options):
    """A scenario whose listener is there before the library connects, and closed in the end."""

    def register(play):
        @scenario(name, expect, app, **options)
        def begin(path, random, ready):
            listener = Listener(path, backlog, bell)
            ready()
            return play(listener, random)

    return register


def gone(*connections):
    """Waits until the library hangs up raw connections."""
    for each in connections:
        try:
            while each.recv(65536) != b"":
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return "not hung up"
    return "hung up"


# --- no server -------------------------------------------------------------------------------------------------------


@listens("a listener that accepts nobody", "refused", **SHORT)
def accepts_nobody(listener, _):
    time.sleep(0.1)
    first, second = listener.both()
    return gone(first, second)


@listens("a listener whose queue is full", "refused", backlog=0, **SHORT)
def full_queue(listener, _):
    held = []
    try:
        while len(held) < 5:
            each = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            each.setblocking(False)
            each.connect(listener.path)
            held.append(each)
    except BlockingIOError:
        pass
    time.sleep(1.5)
    return "left"


@listens("a bell whose queue is full", "any", **SHORT)
def full_bell(listener, _):
    held = []
    try:
        while True:
            each = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            each.setblocking(False)
            each.connect(listener.path + ".bell")
            held.append(each)
    except BlockingIOError:
        pass
    return gone(*listener.both())


@listens("a listener that closes at once", "refused")
def closes_at_once(listener, _):
    for each in listener.both():
        each.close()
    return "left"


@listens("a listener that closes one of the two", "refused")
def closes_one(listener, _):
    first, second = listener.both()
    first.close()
    return gone(second)


@listens("a listener that closes the other of the two", "refused")
def closes_other(listener, _):
    first, second = listener.both()
    second.close()
    return gone(first)


@listens("a listener that closes before it accepts", "refused")
def closes_before(listener, _):
    listener.door.accept()
    listener.close()
    return "left"


@listens("a listener that says nothing", "refused", **SHORT)
def says_nothing(listener, _):
    return gone(*listener.both())


@listens("a listener that reads nothing and says nothing, and is given up by a signal", "refused", abort=200)
def given_up(listener, _):
    return gone(*listener.both())


def left_alone(listener):
    """Whoever listens here is no server: nothing is written to it."""
    first = listener.accept()
    said = first.recv(1000)
    assert said == b"", said
    return "hung up"


@listens("a listener without a bell", "refused", bell=False)
def no_bell(listener, _):
    return left_alone(listener)


@listens("a listener with a file as its bell", "refused", bell=False)
def file_as_bell(listener, _):
    with open(listener.path + ".bell", "w"):
        pass
    return left_alone(listener)


@listens("the bell of one that has ended", "refused", bell=False)
def dead_bell(listener, _):
    listener.listen(listener.path + ".bell", 1).close()
    return left_alone(listener)


# --- before the hello ------------------------------------------------------------------------------------------------

def answers(name, said, expect="refused", **options):
    """Says something on the stream instead of a hello."""

    @listens(name, expect, **(options or SHORT))
    def play(listener, _):
        peer = listener.meet()
        peer.say(said() if callable(said) else said)
        return peer.gone()


answers("a hello of version 1", hello(1))
answers("a hello of version 3", hello(3))
answers("a hello with another magic", hello(magic=b"HPUD"))
answers("a hello that is too short", frame(HELLO, b"DUPH"))
answers("a message before the hello", message("1"))
answers("handles before the hello", lot(0, 1))
answers("a bye before the hello", frame(BYE))
answers("4 GiB before the hello", u32(0xFFFFFFFF) + b"\1")
answers("an answer of HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n")
answers("half a hello", hello()[:13])
answers("32 MiB of zeros", lambda: bytes(32 << 20))
answers("busy with a body", frame(BUSY, bytes(5000)), "any")


@listens("busy for ever", "refused", handshakeTimeout=700)
def busy_for_ever(listener, _):
    end = time.monotonic() + PATIENCE
    listener.door.settimeout(1.5)
    met = 0
    try:
        while time.monotonic() < end:
            connection = listener.accept()
            met += 1
            try:
                connection.sendall(frame(BUSY))
            except ConnectionError:
                pass  # it has heard it on the other connection
            connection.close()
    except TimeoutError:
        pass
    assert met >= 4, met
    return "left"


@listens("busy ten times, then a server", "works", "use")
def busy_first(listener, _):
    for _ in range(10):
        for each in listener.both():
            try:
                each.sendall(frame(BUSY))
            except ConnectionError:
                pass
            each.close()
    return converse(listener.meet())


@listens("a hello on both connections", "any", **SHORT)
def two_streams(listener, _):
    both = listener.both()
    for each in both:
        each.sendall(hello() + message("1"))
    time.sleep(0.1)
    for each in both:
        each.close()
    return "left"


for count in (1, 253):
    for when in ("at once", "after the preamble"):
        for then in ("stays", "closes"):
            @listens(f"{count} rights into both connections {when}, then it {then}", "refused", **SHORT)
            def rights_for_both(listener, _, count=count, when=when, then=then):
                both = listener.both()
                for each in both:
                    if when != "at once":
                        each.recv(28)
                    for data in (b"\0", u32(0, count)):
                        try:
                            each.sendmsg([data], [rights([memory_file("rights") for _ in range(count)])])
                        except ConnectionError:
                            pass
                if then == "stays":
                    return gone(*both)
                for each in both:
                    each.close()
                return "left"


# --- a channel -------------------------------------------------------------------------------------------------------


def converse(peer):
    peer.say(hello())
    peer.give("A", 2)
    peer.say(frame(BYE))
    return peer.gone()


@listens("a good conversation with a listener", "works", "use")
def good(listener, _):
    return converse(listener.meet())


@listens("a listener with the pid of another", "works", "use")
def another_pid(listener, _):
    peer = listener.meet()
    peer.say(hello(pid=1))
    peer.give("A")
    peer.say(frame(BYE))
    return peer.gone()


@listens("a listener that speaks byte by byte", "works", "use")
def slow_words(listener, _):
    peer = listener.meet()
    slowly(peer.say, hello())
    peer.offer("A", 2)
    slowly(peer.say, message('{"file":"A"}', (), 2) + lot(0, 2) + frame(BYE))
    return peer.gone()


@listens("a listener that says hello twice", "protocol")
def two_hellos(listener, _):
    peer = listener.meet()
    peer.say(hello() + hello())
    return peer.gone()


@listens("a listener that is busy after its hello", "protocol")
def busy_later(listener, _):
    peer = listener.meet()
    peer.say(hello())
    peer.say(frame(BUSY))
    return peer.gone()


@listens("a listener that says hello and reads nothing", "end", "flood", closeTimeout=300)
def reads_nothing(listener, _):
    peer = listener.meet()
    peer.stream.setblocking(True)
    peer.handles.setblocking(True)
    peer.say(hello())
    time.sleep(1)
    return peer.gone()


@listens("a listener that reads and never answers the bye", "end", "close", closeTimeout=300)
def no_bye(listener, _):
    peer = listener.meet()
    peer.say(hello())
    return peer.gone()


@listens("a listener whose handles are others than it announces", "protocol")
def other_handles(listener, _):
    peer = listener.meet()
    peer.say(hello())
    peer.offer("A", 2)
    peer.say(message("[]", (), 1) + lot(0, 1))
    return peer.gone()


STEPS = ("accepted", "met", "hello", "handles", "message", "announced", "bye")


def speak(listener, until):
    if until == "accepted":
        return listener.accept()
    peer = listener.meet()
    for name, act in (
        ("met", lambda: None),
        ("hello", lambda: peer.say(hello())),
        ("handles", lambda: peer.offer("A", 3)),
        ("message", lambda: peer.say(message('{"file":"A"}', (), 3))),
        ("announced", lambda: peer.say(lot(0, 3))),
        ("bye", lambda: peer.say(frame(BYE))),
    ):
        act()
        if name == until:
            return peer


for step in STEPS:
    @listens(f"a listener that is killed when: {step}", "any", "use")
    def killed(listener, _, step=step):
        held = speak(listener, step)
        kill_myself()
        return held

    if step != "accepted":
        for side in ("stream", "handles"):
            for how, name in ((socket.SHUT_RD, "reading"), (socket.SHUT_WR, "writing"), (socket.SHUT_RDWR, "both")):
                @listens(f"a listener whose {side} is shut for {name} when: {step}", "any", "use",
                         handshakeTimeout=400, closeTimeout=300)
                def shut(listener, _, step=step, side=side, how=how):
                    peer = speak(listener, step)
                    getattr(peer, side).shutdown(how)
                    time.sleep(0.2)
                    return peer.leave()


@listens("changed bytes of a listener", "any", "use", handshakeTimeout=400, closeTimeout=300)
def changed(listener, random):
    peer = listener.meet()
    said = [hello(), message('{"file":"A"}', [b"x" * 9], 2) + lot(0, 2), ack(0, 0), frame(BYE)]
    beside = [u32(0, 2)]
    spoil(random, random.choice([said, said, beside]))
    peer.handles.sendmsg(beside, [rights([memory_file("A0"), memory_file("A1")])])
    for each in said:
        peer.say(each)
    peer.stream.settimeout(0.5)
    peer.gone()
    return peer.leave()
