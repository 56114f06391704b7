/** What a message may be, how it is encoded, and what a peer's bytes can make of it. */
import { createContext, runInContext } from "node:vm";
import type { JsonValue } from "duphandle";
import { describe, expect, test } from "vitest";
import { messageFrame, readMessage } from "../../src/channel/frames.ts";
import { decodeMessage, encodeMessage } from "../../src/channel/message.ts";
import { defaultLimits } from "../../src/channel/types.ts";
import { Random } from "../support/channel_fuzz.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const unlimited = { maxMessageBytes: 0x7fff_ffff, maxHandles: 0 };
const read = (bytes: Uint8Array) => readMessage(bytes.subarray(5), unlimited);
const roundTrip = (message: unknown) =>
  decodeMessage(read(messageFrame(encodeMessage(message as JsonValue), 0)));
const textOf = (message: unknown) =>
  new TextDecoder().decode(encodeMessage(message as JsonValue).json);
const received = (json: string, ...parts: Uint8Array[]) => () =>
  decodeMessage(read(messageFrame({ json: utf8(json), parts }, 0)));

describe("bytes", () => {
  test("are those that the engine knows of, whatever an object says about itself", () => {
    class Lie extends Uint8Array {
      override get length(): 4 {
        return 4;
      }
      override get byteLength(): 4 {
        return 4;
      }
      override get byteOffset(): 4 {
        return 4;
      }
      override get buffer(): ArrayBuffer {
        return new ArrayBuffer(100);
      }
      override slice(): never {
        throw new Error("is not called");
      }
    }
    const lie = new Lie([1, 2, 3, 4, 5, 6, 7, 8]);
    Object.defineProperty(lie, "length", { value: 1e9 });
    expect(roundTrip({ x: lie })).toEqual({ x: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) });
  });

  test("may be of another realm, of a Buffer, of a part of a buffer, or detached", () => {
    const foreign: unknown = runInContext("new Uint8Array([1, 2, 3])", createContext());
    const detached = new Uint8Array(5);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const part = new Uint8Array([0, 4, 5, 0]).subarray(1, 3);
    expect(roundTrip([foreign, Buffer.from("ab"), part, detached])).toEqual([
      new Uint8Array([1, 2, 3]),
      new Uint8Array([97, 98]),
      new Uint8Array([4, 5]),
      new Uint8Array(0),
    ]);
  });

  test("may be in 130,000 places", () => {
    const arrays = Array.from({ length: 130_000 }, (_, at) => new Uint8Array([at & 255]));
    const message = roundTrip(arrays) as Uint8Array[];
    expect(message).toHaveLength(130_000);
    expect(message.every((each, at) => each.length === 1 && each[0] === (at & 255))).toBe(true);
  });

  test("of a received message are no memory of another's", () => {
    const [one, other] = roundTrip([new Uint8Array(9000), new Uint8Array(10)]) as Uint8Array[];
    one!.fill(7);
    expect(other).toEqual(new Uint8Array(10));
    expect(other!.buffer.byteLength).toBe(10);
  });
});

describe("a property", () => {
  test("is read once", () => {
    let reads = 0;
    const message = {
      get a() {
        return ++reads;
      },
      list: new Proxy([5, 6], {
        get(target, name, receiver): unknown {
          if (name !== "length") reads++;
          return Reflect.get(target, name, receiver);
        },
      }),
    };
    expect(roundTrip(message)).toEqual({ a: 1, list: [5, 6] });
    expect(reads).toBe(3);
  });

  test("toJSON that is a method is refused, wherever it is", () => {
    const toJSON = () => 5;
    const hidden = Object.defineProperty({ a: 1 }, "toJSON", { value: toJSON });
    const hiddenInArray = Object.defineProperty([1], "toJSON", { value: toJSON });
    const got = Object.defineProperty({}, "toJSON", { get: () => toJSON });
    const inherited = Object.create(Object.assign(Object.create(null) as object, { toJSON }));
    class List extends Array<number> {
      toJSON = toJSON;
    }
    const refused: unknown[] = [{ toJSON }, hidden, hiddenInArray, got, inherited, new List(3)];
    for (const each of refused) {
      for (const message of [each, [each], { each }]) {
        expect(() => textOf(message)).toThrow(TypeError);
      }
    }
    expect(roundTrip({ toJSON: "a key" })).toEqual({ toJSON: "a key" });
  });

  test("toJSON of every object, array or string changes nothing", () => {
    const prototypes = [Object.prototype, Array.prototype, String.prototype, Number.prototype];
    const message = { a: [1, "b", [{}]], bytes: new Uint8Array([1]), c: "d" };
    const before = textOf(message);
    for (const prototype of prototypes) {
      Object.defineProperty(prototype, "toJSON", { value: () => "polluted", configurable: true });
      try {
        expect(textOf(message) === before, "the same text").toBe(true);
      } finally {
        delete (prototype as { toJSON?: unknown }).toJSON;
      }
    }
  });

  test("setter of every object is not called", () => {
    Object.defineProperty(Object.prototype, "polluted", {
      set: () => expect.unreachable(),
      configurable: true,
    });
    try {
      const message = Object.defineProperty({}, "polluted", { value: 1, enumerable: true });
      expect(textOf(message)).toBe('{"polluted":1}');
    } finally {
      delete (Object.prototype as { polluted?: unknown }).polluted;
    }
  });
});

test("a key arrives as it is, whichever other objects there are", () => {
  // V8 remembers the keys of objects by what its JSON.parse has seen.
  const keys = [
    "\\",
    '"',
    "\n",
    "\u0001",
    "\u0001\u0001",
    "\u007f",
    "\u007f\u007fu0001",
    "%0001",
    "\ud800",
    "😀",
  ];
  const messages = keys.flatMap((
    key,
  ) => [{ [key]: 1 }, { x: 1, [key]: 2 }, { [key]: 1, [`${key}x`]: 2 }]);
  JSON.parse('[{"x":1,"\\\\":2}]');
  JSON.parse('{"\\\\":2}');
  for (const message of messages) expect(roundTrip(message)).toEqual(message);
  expect(roundTrip(new Uint8Array(2))).toEqual(new Uint8Array(2));
  expect(roundTrip([...messages, new Uint8Array(1)])).toEqual([...messages, new Uint8Array(1)]);
});

describe("JSON of a peer", () => {
  const one = new Uint8Array([1]);

  test.each([
    ['"__proto__"'],
    ['"constructor"'],
    ['"map"'],
    ['"length"'],
    ['"0"'],
    ["-1"],
    ["-0"],
    ["0.5"],
    ["1"],
    ["1e300"],
    ["null"],
    ["true"],
    ["[0]"],
    ['{"\u007f":0}'],
    ['0,"a":1'],
    ['0,"\u007fa":1'],
  ])("that refers to the bytes %s is refused", (reference) => {
    const refused = expect.objectContaining({ code: "EPROTO" });
    expect(received(`{"user":{"\u007f":${reference}}}`, one)).toThrow(refused);
    expect(received(`[{"\u007f":${reference}}]`, one)).toThrow(refused);
  });

  test("refers to bytes once", () => {
    expect(received('[{"\u007f":1},{"\u007f":0}]', one, new Uint8Array(2))()).toEqual([
      new Uint8Array(2),
      one,
    ]);
    expect(received('[{"\u007f":0},{"\u007f":0}]', one)).toThrow(
      expect.objectContaining({ code: "EPROTO" }),
    );
    expect(received("[1]", one)()).toEqual([1]);
  });

  test("may have a key __proto__, which is a key like any other", () => {
    const value = received(
      '{"__proto__":{"a":{"\u007f":0}},"\u007f\u007fu0001":2}',
      one,
    )() as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.entries(value)).toEqual([["__proto__", { a: one }], ["\u0001", 2]]);
  });

  test.each(["{", "", "1 2", "\ufeff1", '"\u0001"', "[1,]", "undefined"])(
    "that is %j is refused as no JSON",
    (json) => {
      expect(received(json)).toThrow(
        expect.objectContaining({ code: "EPROTO", message: expect.stringContaining("not JSON") }),
      );
    },
  );

  test("that is no UTF-8 is refused", () => {
    const bytes = messageFrame({ json: new Uint8Array([34, 0xc3, 34]), parts: [] }, 0);
    expect(() => decodeMessage(read(bytes))).toThrow(expect.objectContaining({ code: "EPROTO" }));
  });
});

/** Any message, with what is special in JSON and in this encoding. */
function anyMessage(random: Random, depth = 0): JsonValue {
  const texts = [
    "",
    "a",
    '"',
    "\\",
    '\\"',
    "\u0001",
    "\u0001a",
    "[{,",
    "é€😀",
    "\ud800",
    "\n\0",
    "__proto__",
  ];
  const count = () => random.below(5);
  switch (random.below(depth > 5 ? 6 : 8)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return random.of([0, 1.5, -1e300, 5e-324, random.below(1e9)]);
    case 3:
      return random.of(texts);
    case 4:
      return random.of(texts) + random.of(texts) + "x".repeat(random.below(90));
    case 5:
      return random.bytes(random.below(80));
    case 6:
      return Array.from({ length: count() }, () => anyMessage(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: count() }, () => [random.of(texts), anyMessage(random, depth + 1)]),
      );
  }
}

test("the sender and the receiver of a message agree about its size", () => {
  const seed = Math.trunc(Math.random() * 2 ** 32);
  const random = new Random(seed);
  for (let round = 0; round < 3000; round++) {
    const message = anyMessage(random);
    const encoded = encodeMessage(message);
    const bytes = messageFrame(encoded, 0);
    expect(encoded.bodyLength, `seed ${seed}`).toBe(bytes.length - 5);
    const body = readMessage(bytes.subarray(5), defaultLimits);
    expect(body.size, `seed ${seed}`).toBe(encoded.size);
    expect(decodeMessage(body), `seed ${seed}`).toEqual(message);
  }
});
