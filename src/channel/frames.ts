/** What goes over the stream of a channel: frames. docs/channels.md describes them. */
import { failure } from "../../ffi/error.ts";

/** The version of the wire format. */
const VERSION = 1;
/** The first bytes of a hello, "DUPH". */
const MAGIC = 0x4850_5544;

/** The kinds of frame. */
export const Kind = {
  /** Who is there and what it accepts; the first frame of either side. */
  Hello: 1,
  /** A message, without its handles. */
  Message: 2,
  /** Some of the handles of the last message are on their way. */
  Handles: 3,
  /** So many messages and handles were taken. */
  Taken: 4,
  /** There will be no more messages. */
  Bye: 5,
  /** Windows: the number of an event of this side, which the other takes to prove who it is. */
  Prove: 6,
  /** Windows: the number of what was taken; then, without one, that it was the event. */
  Proved: 7,
} as const;

/** A frame as it was received. */
export interface Frame {
  readonly kind: number;
  readonly body: Uint8Array;
}

/** What each side tells first. */
export interface Hello {
  readonly pid: number;
  readonly limits: Limits;
}

/** What a side accepts. */
export interface Limits {
  /** The bytes of a message. */
  readonly maxMessageBytes: number;
  /** The handles of a message. */
  readonly maxHandles: number;
}

/** The length and the kind. */
const HEADER = 5;
/** The counts at the start of a message. */
const MESSAGE_HEADER = 12;
const HELLO_SIZE = 20;

/** The error for what no well-behaved peer sends. It ends the channel. */
export function malformed(what: string): Error {
  return failure("EPROTO", "receive", {
    message: `Cannot receive: the other process sent ${what}; it is not using this library, or ` +
      "another version of it",
  });
}

/** A frame as bytes. */
export function frame(kind: number, ...body: readonly Uint8Array[]): Uint8Array {
  const bytes = joined([new Uint8Array(HEADER), ...body]);
  viewOf(bytes).setUint32(0, bytes.length - HEADER, true);
  bytes[4] = kind;
  return bytes;
}

/** Pieces as one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Numbers of 32 bits as bytes. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const data = new DataView(bytes.buffer);
  values.forEach((value, at) => data.setInt32(at * 4, value, true));
  return bytes;
}

/** The numbers of 32 bits that such bytes are. */
export function readWords(bytes: Uint8Array): number[] {
  const data = viewOf(bytes);
  return Array.from({ length: bytes.length >> 2 }, (_, at) => data.getInt32(at * 4, true));
}

/** A hello as a frame. */
export function helloFrame({ pid, limits }: Hello): Uint8Array {
  const { maxMessageBytes, maxHandles } = limits;
  return frame(Kind.Hello, words(MAGIC, VERSION, pid, maxMessageBytes, maxHandles));
}

/** What a hello says. */
export function readHello(body: Uint8Array): Hello {
  if (body.length !== HELLO_SIZE) throw malformed("a hello of another size");
  const [magic, version, pid, maxMessageBytes, maxHandles] = readWords(body) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (magic !== MAGIC) throw malformed("something else than a hello");
  if (version !== VERSION) throw malformed(`version ${version} of the wire format`);
  if (pid <= 0 || maxMessageBytes < 0 || maxHandles < 0) throw malformed("a hello without sense");
  return { pid, limits: { maxMessageBytes, maxHandles } };
}

/** A message as a frame, without its handles. */
export function messageFrame(
  json: Uint8Array,
  parts: readonly Uint8Array[],
  handles: number,
): Uint8Array {
  const lengths = words(...parts.map(({ length }) => length));
  return frame(
    Kind.Message,
    words(handles, json.length, parts.length),
    lengths,
    json,
    ...parts,
  );
}

/** The number of bytes that a message takes. */
export function messageSize(json: Uint8Array, parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + 4 + length, MESSAGE_HEADER + json.length);
}

/** What a message is made of. */
export interface MessageBody {
  readonly handles: number;
  readonly json: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

/** What a message is made of. */
export function readMessage(body: Uint8Array): MessageBody {
  if (body.length < MESSAGE_HEADER) throw malformed("a message that is too short");
  const data = viewOf(body);
  const handles = data.getUint32(0, true);
  const jsonLength = data.getUint32(4, true);
  const count = data.getUint32(8, true);
  let at = MESSAGE_HEADER + count * 4;
  if (at + jsonLength > body.length) throw malformed("a message whose lengths do not fit");
  const json = body.slice(at, at += jsonLength);
  const parts: Uint8Array[] = [];
  for (let part = 0; part < count; part++) {
    const length = data.getUint32(MESSAGE_HEADER + part * 4, true);
    if (at + length > body.length) throw malformed("a message whose lengths do not fit");
    parts.push(body.slice(at, at += length));
  }
  if (at !== body.length) throw malformed("a message whose lengths do not fit");
  return { handles, json, parts };
}

/** Puts frames together from what a stream delivers. It holds at most one unfinished frame. */
export class FrameReader {
  /** The unfinished frame is the first `#length` bytes of it. */
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;

  readonly #maxBody: number;

  /** @param maxBody the longest body that is accepted, in bytes */
  constructor(maxBody: number) {
    this.#maxBody = maxBody;
  }

  /** Gives the frames that the bytes complete, one by one. */
  *push(bytes: Uint8Array): Generator<Frame> {
    let rest = this.#length === 0 ? bytes : this.#append(bytes);
    for (;;) {
      if (rest.length < HEADER) break;
      const length = viewOf(rest).getUint32(0, true);
      if (length > this.#maxBody) throw malformed(`${length} bytes at once, beyond the limit`);
      const end = HEADER + length;
      if (rest.length < end) break;
      yield { kind: rest[4]!, body: rest.subarray(HEADER, end) };
      rest = rest.subarray(end);
    }
    if (rest.length === 0) this.#buffer = new Uint8Array(0); // nothing is kept of a large frame
    else if (rest.buffer !== this.#buffer.buffer) this.#append(rest, 0);
    else if (rest.byteOffset > 0) this.#buffer.set(rest);
    this.#length = rest.length;
  }

  /** Puts bytes behind what there is, and gives all of it. The room doubles when it is used up. */
  #append(bytes: Uint8Array, at = this.#length): Uint8Array {
    const length = at + bytes.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, at);
    this.#length = length;
    return this.#buffer.subarray(0, length);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
