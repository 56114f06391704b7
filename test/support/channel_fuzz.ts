/** Bytes that no well-behaved peer sends, and a peer on raw sockets that sends them. */
import * as posix from "duphandle/posix";
import { sendRights } from "../../ffi/posix/rights.ts";
import type { HandleChannel } from "duphandle";
import { createChannel } from "../../src/channel/channel.ts";
import { Connection } from "../../src/channel/connection.ts";
import {
  frame,
  helloFrame,
  int32s,
  Kind,
  type Limits,
  messageFrame,
} from "../../src/channel/frames.ts";
import { createEnd } from "../../src/channel/posix_transport.ts";
import { defaultSettings } from "../../src/channel/options.ts";
import { defaultLimits } from "../../src/channel/types.ts";

/** Numbers that are the same for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, and without, the limit. */
  below(limit: number): number {
    let bits = this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) % limit;
  }

  /** One of them. */
  of<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}

/** Numbers at which something may go wrong. */
const edges = [0, 1, 2, 3, 5, 64, 253, 254, 255, 4096, 65_536, 0x7fff_ffff, -1, -2, -0x8000_0000];
const texts = ["null", "{}", "[1,2]", '{"\u007f":0}', '{"\u007f":9}', "{", "", "[".repeat(5000)];

/** One input: bytes for the stream, and how many handles go beside them. */
export interface Input {
  readonly bytes: Uint8Array;
  readonly handles: number;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const hello = helloFrame({ pid: 1, limits: { maxMessageBytes: 1 << 20, maxHandles: 100 } });

/** Makes the descriptor of a batch of handles: nothing on Linux, numbers on Windows. */
type DescribeBatch = (count: number) => Uint8Array;
const none: DescribeBatch = () => new Uint8Array(0);

/** An input as a peer would send it. */
function good(random: Random, lot: number, describe: DescribeBatch = none): Input {
  switch (random.below(5)) {
    case 0:
      return {
        bytes: messageFrame({ json: utf8(random.of(texts)), parts: [random.bytes(9)] }, 0),
        handles: 0,
      };
    case 1: {
      const handles = 1 + random.below(3);
      const message = messageFrame({ json: utf8("[]"), parts: [] }, handles);
      return {
        bytes: join(message, frame(Kind.Handles, int32s(lot, handles), describe(handles))),
        handles,
      };
    }
    case 2:
      return { bytes: frame(Kind.Ack, int32s(random.below(3), random.below(2))), handles: 0 };
    case 3:
      return { bytes: random.below(4) === 0 ? frame(Kind.Bye) : hello, handles: 0 };
    default:
      return { bytes: messageFrame({ json: utf8("{}"), parts: [] }, 0), handles: 0 };
  }
}

type Spoil = (input: Input, random: Random) => Input;

const spoil: readonly Spoil[] = [
  // Some bytes are others.
  ({ bytes, handles }, random) => {
    const mutated = bytes.slice();
    for (let more = 1 + random.below(4); more > 0; more--) {
      mutated[random.below(mutated.length)] = random.below(256);
    }
    return { bytes: mutated, handles };
  },
  // One number is another.
  ({ bytes, handles }, random) => {
    const mutated = bytes.slice();
    const at = random.of([0, 5, 9, 13].filter((each) => each + 4 <= mutated.length));
    new DataView(mutated.buffer).setInt32(at, random.of(edges), true);
    return { bytes: mutated, handles };
  },
  // It is cut off, or goes on.
  ({ bytes, handles }, random) => ({
    bytes: bytes.subarray(0, random.below(bytes.length)),
    handles,
  }),
  ({ bytes, handles }, random) => ({ bytes: join(bytes, random.bytes(random.below(40))), handles }),
  // Handles of nothing.
  (_, random) => ({
    bytes: frame(Kind.Handles, int32s(random.of(edges), random.of(edges))),
    handles: 1,
  }),
  // Frames of every kind with numbers that make no sense.
  (_, random) => ({
    bytes: frame(random.below(256), int32s(random.of(edges), random.of(edges), random.of(edges))),
    handles: random.below(2),
  }),
  (_, random) => ({
    bytes: frame(random.below(9), random.bytes(random.below(6000))),
    handles: 0,
  }),
  // No frame at all.
  (_, random) => ({ bytes: random.bytes(1 + random.below(200)), handles: random.below(2) }),
];

/** Linux: too few handles beside the bytes, or too many. */
const spoilRights: readonly Spoil[] = [
  ({ bytes, handles }, random) => ({ bytes, handles: Math.max(0, handles - 1 - random.below(2)) }),
  ({ bytes, handles }, random) => ({ bytes, handles: handles + 1 + random.below(5) }),
];

/** Windows: any numbers for handles, and for events. */
function spoilDescriptors(raw: number): readonly Spoil[] {
  const any = (random: Random, count: number) =>
    int32s(...Array.from({ length: count }, () => anyNumber(random, raw)));
  return [
    (_, random) => {
      const handles = 1 + random.below(3);
      const descriptor = any(random, handles);
      const message = messageFrame({ json: utf8("[]"), parts: [] }, handles);
      return { bytes: join(message, frame(Kind.Handles, int32s(0, handles), descriptor)), handles };
    },
    (_, random) => {
      const handles = 1 + random.below(3);
      const descriptor = any(random, random.below(6));
      const message = messageFrame({ json: utf8("[]"), parts: [] }, handles);
      return { bytes: join(message, frame(Kind.Handles, int32s(0, handles), descriptor)), handles };
    },
    (_, random) => ({ bytes: frame(Kind.Challenge, any(random, random.below(3))), handles: 0 }),
    (_, random) => ({ bytes: frame(Kind.Proof, any(random, random.below(3))), handles: 0 }),
  ];
}

/** The number of an event, of any handle, of one that is closed, or of none. */
function anyNumber(random: Random, raw: number): number {
  return random.of([raw, raw, 4 * (1 + random.below(250)), 0x7ff0, random.of(edges)]);
}

/** A hello, mostly a good one. */
export function anyHello(random: Random): Uint8Array {
  return random.below(8) > 0 ? hello : badHello(random);
}

/** A hello that is none, or of another process. */
export function badHello(random: Random): Uint8Array {
  return random.of(spoil)({ bytes: hello, handles: 0 }, random).bytes;
}

/** An input, of which every other one is spoiled. Its handles, if it has any, are the lot of this number. */
export function anyInput(random: Random, lot: number): Input {
  const input = good(random, lot);
  return random.below(2) === 0 ? input : random.of([...spoil, ...spoilRights])(input, random);
}

/** Windows: an input as a peer would send it that has a handle of this number. */
export function goodInput(random: Random, raw: number): Uint8Array {
  return good(random, 0, (count) => int32s(...Array.from({ length: count }, () => raw))).bytes;
}

/** The same, spoiled. */
export function badInput(random: Random, raw: number): Uint8Array {
  const input = { bytes: goodInput(random, raw), handles: 0 };
  return random.of([...spoil, ...spoilDescriptors(raw)])(input, random).bytes;
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array {
  const joined = new Uint8Array(one.length + other.length);
  joined.set(one);
  joined.set(other, one.length);
  return joined;
}

/** A channel whose other end is two raw sockets. */
export class RawPeer {
  readonly channel: HandleChannel;
  readonly #stream: number;
  readonly #raw: number;
  /** How many lots of handles were sent. */
  lots = 0;

  constructor(limits: Limits = defaultLimits, closeTimeout: number = defaultSettings.closeTimeout) {
    const { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } = posix;
    const type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const [stream, theirStream] = posix.socketpair(AF_UNIX, type, 0);
    const [raw, theirRaw] = posix.socketpair(AF_UNIX, type, 0);
    const connection = new Connection(createEnd(stream, raw, process.pid), limits);
    this.channel = createChannel(connection, { limits, closeTimeout });
    this.#stream = theirStream;
    this.#raw = theirRaw;
  }

  /** Says a good hello. */
  sayHello(): void {
    this.say(hello);
  }

  /** Sends bytes and handles, as far as there is room and somebody who listens. */
  say(bytes: Uint8Array, handles: readonly number[] = []): void {
    try {
      const { length } = handles;
      if (length > 0) sendRights(this.#raw, handles, 0, length, int32s(this.lots++, length));
      for (let at = 0; at < bytes.length;) at += posix.write(this.#stream, bytes.subarray(at));
    } catch {
      // The channel is closed, or full: what it does then is what the test asks.
    }
  }

  close(): void {
    posix.close(this.#stream);
    posix.close(this.#raw);
  }
}
