"""What a client says after a good hello: frames, lots of handles and JSON that no correct peer sends."""

import json
import os

from hostile_wire import (
    ACK, BUSY, BYE, HANDLES, HELLO, MESSAGE, ack, credentials, frame, hello, lot, memory_file, message, opened, rights,
    u32,
)

# In the JSON an object with this key alone refers to bytes.
BYTES = '{"\x7f":%s}'
LIMIT = 16 << 20


def add(scenario):
    def says(name, expect, *said, app="quiet", offers=()):
        """Offers lots of handles, then says frames, some made when they are needed, then waits for the end."""

        @scenario(name, expect, app)
        def play(path, _):
            client = opened(path)
            for offer in offers:
                client.offer(**offer)
            for each in said:
                client.say(each() if callable(each) else each)
            return client.gone()

    frames(says)
    handles(scenario, says)
    flow(scenario, says)
    texts(says)


def frames(says):
    says("a second hello", "protocol", hello())
    for kind in (0, 6, 7, 8, 9, 77, 255):
        says(f"a frame of kind {kind}", "protocol", frame(kind))
        says(f"a frame of kind {kind} with 8 bytes", "protocol", frame(kind, u32(1, 1)))
    for kind, length in ((1, 0xFFFFFFFF), (2, 0xFFFFFFFF), (2, 0x7FFFFFFF), (2, LIMIT + 1), (4, 0x80000000)):
        says(f"a frame of kind {kind} and {length} bytes", "protocol", u32(length) + bytes([kind]))
    for kind in (HANDLES, ACK, BYE):
        says(f"a frame of kind {kind} and 5,000 bytes", "protocol", frame(kind, bytes(5000)))
    for length in (0, 1, 4, 7, 11):
        says(f"a message of {length} bytes", "protocol", frame(MESSAGE, bytes(length)))
    for length in (0, 4, 7, 9, 12):
        says(f"handles in {length} bytes", "protocol", message("1", (), 1), frame(HANDLES, (u32(0, 1) * 2)[:length]),
             offers=[{}])
        says(f"an ack of {length} bytes", "protocol", frame(ACK, (u32(1, 0) * 2)[:length]), app="use")
    says("a bye with a byte", "any", frame(BYE, b"x"))
    for name, numbers in {
        "more JSON than there is": (0, 2, 0),
        "less JSON than there is": (0, 0, 0),
        "negative JSON": (0, -1, 0),
        "more parts than there are": (0, 1, 1),
        "4 Gi parts": (0, 1, -1),
        "parts whose lengths fill 4 GiB": (0, 1, 1 << 30),
        "10,001 handles": (10_001, 1, 0),
        "4 Gi handles": (-1, 1, 0),
    }.items():
        says(f"a message with {name}", "protocol", frame(MESSAGE, u32(*numbers) + b"1"))
    for name, lengths in {"long": (2,), "short": (0,), "huge": (-1,), "wrapping": (-1, 2)}.items():
        body = u32(0, 1, len(lengths)) + u32(*lengths) + b"1x"
        says(f"a message with a part of a {name} length", "protocol", frame(MESSAGE, body[:-1] + b"x"))
    says("a message after the bye", "any", frame(BYE), message("1"))
    says("handles after the bye", "any", frame(BYE), lot(0, 1), offers=[{}])
    says("two byes and a hello", "any", frame(BYE), frame(BYE), hello())


def handles(scenario, says):
    one, two = message("[]", (), 1), message("[]", (), 2)
    says("handles of no message", "protocol", lot(0, 1), offers=[{}])
    says("handles before their message", "protocol", lot(0, 1), one, offers=[{}])
    says("handles of a message that has them all", "protocol", one, lot(0, 1), lot(1, 1), offers=[{}, {}])
    says("a message before all handles of the last one", "protocol", two, lot(0, 1), message("2"), offers=[{}])
    says("a bye before all handles of the last one", "any", two, lot(0, 1), frame(BYE), offers=[{}])
    for count in (0, -1, 254, 2):
        says(f"{count} handles announced of 1", "protocol", one, lot(0, count), offers=[{}])
    says("254 handles announced of 300", "protocol", message("[]", (), 300), lot(0, 254), offers=[{"count": 253}])
    for number in (1, 2, -1):
        says(f"lot {number} announced first", "protocol", one, lot(number, 1), offers=[{}])
    says("lot 0 announced twice", "protocol", two, lot(0, 1), lot(0, 1), offers=[{}, {}])
    says("an announcement without handles", "protocol", one, lot(0, 1))
    says("two handles instead of one", "protocol", one, lot(0, 1), offers=[{"count": 2}])
    says("one handle instead of two", "protocol", two, lot(0, 2), offers=[{}])
    for number in (1, 7, -1):
        says(f"lot {number} instead of lot 0", "protocol", one, lot(0, 1), offers=[{"number": number}])
    says("a count of two beside one handle", "protocol", one, lot(0, 1), offers=[{"data": u32(0, 2)}])
    for length in (1, 4, 7, 9, 12, 16):
        data = (u32(0, 1) * 2)[:length]
        says(f"one handle with {length} bytes", "protocol", two, lot(0, 1), lot(1, 1), offers=[{"data": data}, {}])
    says("8 bytes without a handle", "protocol", one, lot(0, 1), offers=[{"count": 0, "data": u32(0, 1)}])
    says("the number first and the handle later", "any", one, lot(0, 1), frame(BYE),
         offers=[{"count": 0, "data": u32(0)}, {"data": u32(1)}])
    says("handles twice before one announcement", "any", one, lot(0, 1), frame(BYE), offers=[{}, {"number": 0}])
    says("253 handles that are never announced", "any", message("1"), frame(BYE), offers=[{"count": 253}] * 3)
    says("a good lot after one that was not announced", "protocol", one, lot(0, 1), frame(BYE),
         offers=[{"text": "X", "number": 5}, {"text": "A"}])
    says("credentials beside the handle", "any", message('{"file":"A"}', (), 1), lot(0, 1), frame(BYE),
         offers=[{"text": "A", "extra": lambda: [credentials()]}])
    says("credentials instead of the handle", "protocol", one, lot(0, 1),
         offers=[{"count": 0, "data": u32(0, 1), "extra": lambda: [credentials()]}])
    says("handles in two pieces of one message", "any", message('{"file":"A"}', (), 3), lot(0, 3), frame(BYE),
         offers=[{"count": 1, "text": "A", "data": u32(0, 3),
                  "extra": lambda: [rights([memory_file("A1"), memory_file("A2")])]}])
    says("254 handles in two pieces", "any", message("[]", (), 254), lot(0, 253), lot(1, 1), frame(BYE),
         offers=[{"count": 253}, {}])

    @scenario("rights on the stream", "works")
    def rights_on_the_stream(path, _):
        client = opened(path)
        for at in range(20):
            files = [memory_file("stray") for _ in range(253)]
            client.stream.sendmsg([message(str(at))], [rights(files)])
            for file in files:
                os.close(file)
        client.give("A")
        client.say(frame(BYE))
        return client.gone()

    @scenario("rights on the stream instead of its own place", "protocol")
    def rights_in_the_wrong_place(path, _):
        client = opened(path)
        client.stream.sendmsg([message("[]", (), 1) + lot(0, 1)], [rights([memory_file("stray")])])
        return client.gone()

    @scenario("its own channel as a handle", "any")
    def its_own_channel(path, _):
        client = opened(path)
        fds = [client.stream.fileno(), client.handles.fileno()]
        client.handles.sendmsg([u32(0, 2)], [rights(fds)])
        client.say(message("[]", (), 2) + lot(0, 2) + frame(BYE))
        return client.gone()

    @scenario("a flood of handles that are never announced", "any")
    def flood_of_handles(path, _):
        client = opened(path)
        client.handles.setblocking(False)
        try:
            while True:
                client.offer("flood", 253)
        except (BlockingIOError, OSError):
            pass
        client.say(message("1") + frame(BYE))
        return client.gone()


def flow(scenario, says):
    for messages, handles_ in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (0x7FFFFFFF, 0)):
        says(f"an ack of {messages} messages and {handles_} handles", "protocol", ack(messages, handles_))
    says("an ack of one more than was sent", "protocol", ack(4, 0), app="use")
    says("an ack of one handle more than was sent", "protocol", ack(0, 3), app="use")
    says("65 messages at once", "protocol", message("1") * 65, app="idle")
    says("two messages of 700 kB at once", "protocol", message("0", [bytes(700_000)]) * 2, app="idle")
    says("six lots of handles at once", "protocol", message("[]", (), 1300), *[lot(at, 253) for at in range(5)],
         app="idle", offers=[{"count": 253}] * 2)
    for kind, body in ((0, b""), (HELLO, hello()[5:]), (MESSAGE, b""), (HANDLES, u32(0, 1)), (ACK, u32(0, 0)),
                       (ACK, u32(1, 0)), (BYE, b""), (6, u32(4)), (7, b""), (BUSY, b""), (99, b"")):
        said = lambda kind=kind, body=body: frame(kind, body) * 100_000
        says(f"a flood of frames of kind {kind} with {len(body)} bytes {body[:1].hex()}",
             "any" if kind == BYE else "protocol", said)

    @scenario("50,000 messages as fast as they are acknowledged", "works")
    def fast_messages(path, _):
        client = opened(path)
        flying = 0
        for _ in range(50_000):
            while flying >= 64:
                kind, body = client.hear() or (ACK, u32(64, 0))
                if kind == ACK:
                    flying -= int.from_bytes(body[:4], "little")
            client.say(message("1"))
            flying += 1
        client.say(frame(BYE))
        return client.gone()


def texts(says):
    """JSON, each with how much there is of it: what is accepted must not cost much either."""
    end = frame(BYE)
    made = lambda value: value() if callable(value) else value

    def refused(name, text, parts=(b"part",)):
        says(f"JSON: {name}", "protocol", lambda: message(made(text), made(parts)))

    def accepted(name, text, parts=()):
        says(f"JSON: {name}", "works", lambda: message(made(text), made(parts)), end)

    for name in ("__proto__", "constructor", "map", "length", "0", "-1", "toString", "at", ""):
        refused(f"bytes by the name {name or 'of nothing'}", BYTES % json.dumps(name))
    for index in ("-1", "1", "0.5", "1e9", "4294967296", "null", "true", "[0]", "{}", '["length"]', BYTES % "0"):
        refused(f"bytes number {index}", BYTES % index)
    refused("a key with an escape", '{"\\u0001":"__proto__"}')
    refused("the key of bytes as an escape", '{"\\u007f":"__proto__"}')
    refused("bytes twice", "[%s,%s]" % (BYTES % 0, BYTES % 0))
    accepted("escaped prototypes as keys", '{"\x7f__proto__":{"polluted":1},"\x7f%%0061":1,"b":%s}' % (BYTES % 0), [b"x"])
    refused("bytes deep in an array", '[[{"a":%s}]]' % (BYTES % '"__proto__"'))
    for name, text in {"nothing": "", "a bracket": "{", "two values": "1 2", "undefined": "undefined", "NaN": "NaN",
                       "no UTF-8": b'"\xff"', "a surrogate": b'"\xed\xa0\x80"', "a NUL": b"\0"}.items():
        refused(name, text)
    says("JSON: Infinity and a mark", "any", message("[1e999]"), message(b"\xef\xbb\xbf1"), end)
    accepted("prototypes as keys", '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"b":%s}'
             % (BYTES % "0"), [b"x"])
    refused("1,003 arrays in each other", "[" * 1003 + "]" * 1003)
    refused("100,000 objects in each other", '{"a":' * 100_000 + "1" + "}" * 100_000)
    accepted("1,000 arrays in each other", "[" * 1000 + "]" * 1000)

    # More than the limit of memory allows, in 16 MiB.
    whole = LIMIT - 12
    refused("4 million parts without a byte", "0", lambda: [b""] * (whole // 4 - 1))
    refused("16 MiB of [", lambda: "[" * whole, ())
    refused("16 MiB of empty arrays", lambda: "[%s]" % ("[]," * (whole // 3 - 1))[:-1], ())
    refused("16 MiB of empty strings", lambda: "[%s]" % ('"",' * (whole // 3 - 1))[:-1], ())
    refused("16 MiB of keys", lambda: "{%s}" % ",".join(f'"{at:x}":0' for at in range(1_500_000)), ())
    # As much as it allows: what is accepted has to be cheap.
    most = lambda each: LIMIT // each - 10
    accepted("as many empty arrays as may be", lambda: "[%s]" % ("[]," * most(64 + 8 + 3))[:-1])
    accepted("as many objects as may be", lambda: "[%s]" % ('{"a":0},' * most(64 + 128 + 8 + 8))[:-1])
    accepted("as many objects of one key each as may be",
             lambda: "[%s]" % ",".join('{"%06x":0}' % at for at in range(most(64 + 128 + 8 + 13))))
    accepted("as many keys as may be, and bytes",
             lambda: "{%s}" % ",".join([f'"{at:06x}":0' for at in range(most(128 + 8 + 11) - 30)] + ['"b":' + BYTES % 0]),
             [b"x"])
    accepted("as many strings as may be", lambda: "[%s]" % ('"abc",' * most(64 + 8 + 6))[:-1])
    accepted("as many keys as may be", lambda: "{%s}" % ",".join(f'"{at:06x}":0' for at in range(most(128 + 8 + 11))))
    accepted("as many numbers as may be", lambda: "[%s]" % ("7," * most(8 + 2))[:-1])
    accepted("as many parts as may be", lambda: "[%s]" % ",".join(BYTES % at for at in range(12_100)), [b""] * 12_100)
    # A number that lies between two doubles but for its last digit.
    hard = "9007199254740993" + "0" * 750 + "1"
    accepted("as many hard numbers as may be", lambda: "[%s]" % ((hard + ",") * most(len(hard) + 9))[:-1])
    accepted("a number of 16 MiB", lambda: "1" * (LIMIT - 100))
    accepted("a text of 16 MiB", lambda: '"%s"' % ("x" * (LIMIT - 200)))
    accepted("a text of escapes", lambda: '"%s"' % ("\\u20ac" * ((LIMIT // 2 - 200) // 6)))
    accepted("16 MiB of spaces", lambda: " " * (LIMIT - 100) + "1")
    # Numbers as texts, which the tables of some engines put into one place.
    same = [str(0x8000_0000 + (at << 17)) for at in range(16_000)]
    accepted("texts and keys that meet in a table", lambda: "{%s}" % ",".join(f'"{each}":"{each}"' for each in same))
    accepted("keys far from each other", lambda: "{%s}" % ",".join(f'"{each}":0' for each in range(1 << 31, 7, -(1 << 15))))
