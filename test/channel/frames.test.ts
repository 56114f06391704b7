/** The frames of a channel, and what reading a message costs before anything is allocated. */
import { describe, expect, test } from "vitest";
import { FrameReader } from "../../src/channel/frame_reader.ts";
import {
  type Frame,
  frame,
  handlesFrame,
  helloFrame,
  int32s,
  Kind,
  messageFrame,
  readHandles,
  readHello,
  readMessage,
  VERSION,
} from "../../src/channel/frames.ts";
import { concatenate } from "../../src/channel/frame_memory.ts";
import { decodeMessage, encodeMessage } from "../../src/channel/message.ts";
import { defaultLimits } from "../../src/channel/types.ts";
import { Random } from "../support/channel_fuzz.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const hello = helloFrame({ pid: 7, limits: { maxMessageBytes: 1000, maxHandles: 3 } });
const protocol = (what: string) =>
  expect.objectContaining({ code: "EPROTO", message: expect.stringContaining(what) as string });

/** What the chunks hold; the bodies are copied, as they are valid only until the next frame. */
function readAll(reader: FrameReader, chunks: readonly Uint8Array[]): Frame[] {
  return chunks.flatMap((chunk) => {
    const frames: Frame[] = [];
    for (const { kind, body } of reader.push(chunk)) frames.push({ kind, body: body.slice() });
    return frames;
  });
}

describe("a hello", () => {
  test("tells who it is of and what that side accepts", () => {
    expect(readHello(hello.subarray(5))).toEqual({
      pid: 7,
      limits: { maxMessageBytes: 1000, maxHandles: 3 },
    });
  });

  test("of another version is refused by the name of the version, whatever else it holds", () => {
    for (const rest of [[], [1, 2, 3], [1, 2, 3, 4, 5]]) {
      const body = int32s(0x4850_5544, VERSION + 1, ...rest);
      expect(() => readHello(body)).toThrow(protocol(`version ${VERSION + 1} of the wire format`));
    }
  });

  test("that is none is refused", () => {
    expect(() => readHello(int32s(1, VERSION, 1, 1, 1))).toThrow(protocol("other than a hello"));
    expect(() => readHello(new Uint8Array(0))).toThrow(protocol("other than a hello"));
    expect(() => readHello(int32s(0x4850_5544, VERSION, 1, 1))).toThrow(protocol("wrong size"));
    expect(() => readHello(int32s(0x4850_5544, VERSION, 1, -1, 1))).toThrow(protocol("invalid"));
  });
});

test("a batch of handles has a number, a count and a descriptor", () => {
  for (const number of [0, 1, -0x8000_0000, -1]) {
    const batch = { number, count: 2, descriptor: int32s(4, 8) };
    expect(readHandles(handlesFrame(number, 2, batch.descriptor).subarray(5))).toEqual(batch);
  }
  expect(() => readHandles(int32s(1))).toThrow(protocol("too short"));
});

describe("the reader", () => {
  const sent: readonly (readonly [kind: number, body: Uint8Array])[] = [
    [Kind.Hello, hello.slice(5)],
    [Kind.Bye, new Uint8Array(0)],
    [Kind.Ack, int32s(1, 2)],
    [Kind.Message, new Random(1).bytes(300)],
    [Kind.Message, new Random(2).bytes(200_000)],
    [Kind.Bye, new Uint8Array(0)],
  ];
  const stream = concatenate(sent.map(([kind, body]) => frame(kind, body)));
  const textOf = (kind: number, body: Uint8Array) =>
    `${kind} ${Buffer.from(body).toString("base64")}`;
  const wanted = sent.map(([kind, body]) => textOf(kind, body));

  test.each([1, 2, 4, 5, 6, 7, 305, 65_536, 100_000, 1 << 20])(
    "finds the frames in chunks of %i bytes",
    (size) => {
      const reader = new FrameReader(200_000);
      const chunks = Array.from(
        { length: Math.ceil(stream.length / size) },
        (_, at) => stream.subarray(at * size, (at + 1) * size),
      );
      expect(readAll(reader, chunks).map(({ kind, body }) => textOf(kind, body))).toEqual(wanted);
    },
  );

  test("gives no byte array that is the memory of a chunk", () => {
    const { json, parts } = encodeMessage([new Uint8Array(5000).fill(1), new Uint8Array(9)]);
    const bytes = messageFrame({ json, parts }, 0);
    for (const cut of [0, 3, 5, 6, bytes.length - 1]) {
      const reader = new FrameReader(10_000);
      readAll(reader, [hello]);
      for (const chunk of [bytes.slice(0, cut), bytes.slice(cut)]) {
        for (const { body } of reader.push(chunk)) {
          const message = readMessage(body, defaultLimits);
          chunk.fill(9);
          expect(decodeMessage(message)).toEqual([
            new Uint8Array(5000).fill(1),
            new Uint8Array(9),
          ]);
        }
      }
    }
  });

  test("reads a large body straight into its memory", () => {
    const message = new Uint8Array(3 << 20).map((_, at) => at * 31 >> 3);
    const stream = concatenate([hello, messageFrame(encodeMessage(message), 0), hello]);
    for (const most of [1000, 65_536, 300_001]) {
      const reader = new FrameReader(4 << 20);
      const [own, found] = [new Uint8Array(65_536), [] as Uint8Array[]];
      let readInPlace = 0;
      for (let at = 0; at < stream.length;) {
        const target = reader.target();
        const memory = (target ?? own).subarray(0, most);
        const piece = stream.subarray(at, at += memory.length);
        memory.set(piece);
        if (target !== undefined) readInPlace += piece.length;
        for (const { kind, body } of reader.push(memory.subarray(0, piece.length))) {
          if (kind !== Kind.Message) continue;
          found.push(decodeMessage(readMessage(body, defaultLimits)) as Uint8Array);
        }
      }
      expect(readInPlace).toBeGreaterThan(message.length - 300_000);
      expect(found.length).toBe(1);
      expect(Buffer.compare(found[0]!, message)).toBe(0);
    }
  });

  test("refuses a frame by its header", () => {
    const read = (...chunks: Uint8Array[]) => () => readAll(new FrameReader(10_000), chunks);
    const header = (length: number, kind: number) =>
      concatenate([int32s(length), utf8(String.fromCharCode(kind))]);
    expect(read(header(12, Kind.Message))).toThrow(protocol("before its hello"));
    expect(read(header(4097, Kind.Hello))).toThrow(protocol("too large"));
    expect(read(hello, header(10_001, Kind.Message))).toThrow(protocol("beyond the limit"));
    expect(read(hello, header(4097, Kind.Ack))).toThrow(protocol("too large"));
    expect(read(hello, header(0x8000_0000 | 0, Kind.Handles))).toThrow(protocol("too large"));
    expect(read(hello, header(10_000, Kind.Message))()).toHaveLength(1);
  });
});

describe("reading a message", () => {
  const read = (json: string, sizes: readonly number[], maxMessageBytes: number) => {
    const parts = sizes.map((size) => new Uint8Array(size));
    const bytes = messageFrame({ json: utf8(json), parts }, 0);
    return () => readMessage(bytes.subarray(5), { maxMessageBytes, maxHandles: 0 });
  };

  test.each([
    ["null", [], 12 + 4],
    ['"a"', [], 12 + 3 + 64],
    [String.raw`"\"[{,\\"`, [], 12 + 9 + 64],
    ["[]", [], 12 + 2 + 64],
    ["[1,2,3]", [], 12 + 7 + 64 + 2 * 8],
    ['{"a":[{}]}', [], 12 + 10 + 3 * 64 + 2 * 64],
    ['"\u007fé"', [], 12 + 2 * 5 + 64 + 128],
    ["0", [0, 5], 12 + 1 + 2 * (1024 + 4) + 5],
  ])("counts %s with parts of %j bytes as %i", (json, sizes, size) => {
    const bytes = 12 + utf8(json).length + sizes.reduce((sum, each) => sum + 4 + each, 0);
    expect(read(json, sizes, bytes)()).toMatchObject({ handles: 0, size });
    expect(read(json, sizes, bytes - 1)).toThrow(protocol("beyond the limit"));
  });

  test("bounds what many values take in memory, and leaves small limits 1 MiB for it", () => {
    const arrays = (count: number) => `[${"[],".repeat(count)}0]`;
    const empty = 12 + 3 + 64;
    const most = Math.floor(((1 << 20) - empty) / (3 + 64 + 8));
    expect(read(arrays(most), [], 100_000)().handles).toBe(0);
    expect(read(arrays(most + 1), [], 100_000)).toThrow(protocol("beyond the limit"));
    expect(read(arrays(most + 1), [], 2 << 20)().handles).toBe(0);
  });

  test("refuses more parts than the limit allows, and lengths that do not fit", () => {
    const limits = { ...defaultLimits, maxMessageBytes: 100_000 };
    const of = (...values: number[]) => () => readMessage(int32s(...values), limits);
    expect(() => readMessage(new Uint8Array(11), limits)).toThrow(protocol("too short"));
    expect(of(0, 0, 1)).toThrow(protocol("do not fit"));
    expect(of(0, -1, 0)).toThrow(protocol("do not fit"));
    expect(of(0, 0, -1)).toThrow(protocol("do not fit"));
    expect(of(0, 0, 1, -1)).toThrow(protocol("do not fit"));
    expect(of(0, 0, 2, -1, 5, 0)).toThrow(protocol("do not fit"));
    expect(of(0, 0, 0, 0)).toThrow(protocol("do not fit"));
    expect(of(10_001, 0, 0)).toThrow(protocol("too many handles"));
    const many = new Uint8Array(12 + 4 * 20_000);
    new DataView(many.buffer).setUint32(8, 20_000, true);
    expect(() => readMessage(many, limits)).toThrow(protocol("beyond the limit"));
  });

  test("refuses what is nested too deep before it is parsed", () => {
    const deep = (levels: number) => read("[".repeat(levels) + "]".repeat(levels), [], 1 << 20);
    expect(deep(1002)().handles).toBe(0);
    for (const levels of [1003, 8000]) expect(deep(levels)).toThrow(protocol("too deep"));
  });
});
