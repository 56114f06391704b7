/** The frames on the stream of a channel. docs/channels.md describes the wire format. */
import { failure } from "../../ffi/error.ts";

/** The version of the wire format. */
const VERSION = 1;
/** The first bytes of a hello, "DUPH". */
const MAGIC = 0x4850_5544;

/** The kinds of frame. */
export const Kind = {
  /** The pid and the limits of a side; its first frame. */
  Hello: 1,
  /** A message, without its handles. */
  Message: 2,
  /** Announces a batch of handles of the last message. */
  Handles: 3,
  /** How many messages and handles were received since the last frame of this kind. */
  Ack: 4,
  /** The last frame of a side. */
  Bye: 5,
  /** Windows: the value of an event of the sender, which the peer takes to prove its identity. */
  Challenge: 6,
  /** Windows: the value of the event that was taken; an empty body acknowledges that proof. */
  Proof: 7,
} as const;

/** A frame as it was received. */
export interface Frame {
  readonly kind: number;
  readonly body: Uint8Array;
}

/** The first frame of each side. */
export interface Hello {
  readonly pid: number;
  readonly limits: Limits;
}

/** What a side accepts. */
export interface Limits {
  /** The most bytes of a message. */
  readonly maxMessageBytes: number;
  /** The most handles of a message. */
  readonly maxHandles: number;
}

/** The size of a frame's header in bytes: the length of the body, and the kind. */
const HEADER_SIZE = 5;
/** The size of the three counts at the start of a message, in bytes. */
const MESSAGE_HEADER_SIZE = 12;
const HELLO_SIZE = 20;

/** The error for what no correct peer sends. It ends the channel. */
export function protocolError(what: string): Error {
  return failure("EPROTO", "receive", {
    message: `Cannot receive: the other process sent ${what}; connect to processes that use this ` +
      "library, in a version with the same protocol",
  });
}

/** Encodes a frame. */
export function frame(kind: number, ...body: readonly Uint8Array[]): Uint8Array {
  const bytes = concatenate([new Uint8Array(HEADER_SIZE), ...body]);
  dataViewOf(bytes).setUint32(0, bytes.length - HEADER_SIZE, true);
  bytes[4] = kind;
  return bytes;
}

/** Copies several pieces into one array. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Encodes 32-bit numbers, little-endian. */
export function int32s(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const data = new DataView(bytes.buffer);
  values.forEach((value, at) => data.setInt32(at * 4, value, true));
  return bytes;
}

/** Decodes 32-bit numbers; bytes after the last whole number are ignored. */
export function readInt32s(bytes: Uint8Array): number[] {
  const data = dataViewOf(bytes);
  return Array.from({ length: bytes.length >> 2 }, (_, at) => data.getInt32(at * 4, true));
}

/** Encodes a hello as a frame. */
export function helloFrame({ pid, limits }: Hello): Uint8Array {
  const { maxMessageBytes, maxHandles } = limits;
  return frame(Kind.Hello, int32s(MAGIC, VERSION, pid, maxMessageBytes, maxHandles));
}

/** Decodes the body of a hello. */
export function readHello(body: Uint8Array): Hello {
  if (body.length !== HELLO_SIZE) throw protocolError("a hello of the wrong size");
  const [magic, version, pid, maxMessageBytes, maxHandles] = readInt32s(body) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (magic !== MAGIC) throw protocolError("something other than a hello");
  if (version !== VERSION) throw protocolError(`version ${version} of the wire format`);
  if (pid <= 0 || maxMessageBytes < 0 || maxHandles < 0) throw protocolError("an invalid hello");
  return { pid, limits: { maxMessageBytes, maxHandles } };
}

/** Encodes a message as a frame, without its handles. */
export function messageFrame(
  json: Uint8Array,
  parts: readonly Uint8Array[],
  handles: number,
): Uint8Array {
  const lengths = int32s(...parts.map(({ length }) => length));
  return frame(
    Kind.Message,
    int32s(handles, json.length, parts.length),
    lengths,
    json,
    ...parts,
  );
}

/** The size of a message's frame body in bytes. */
export function messageSize(json: Uint8Array, parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + 4 + length, MESSAGE_HEADER_SIZE + json.length);
}

/** The decoded body of a message frame. */
export interface MessageBody {
  /** How many handles the message has. */
  readonly handles: number;
  readonly json: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

/** Decodes the body of a message frame. */
export function readMessage(body: Uint8Array): MessageBody {
  if (body.length < MESSAGE_HEADER_SIZE) throw protocolError("a message that is too short");
  const data = dataViewOf(body);
  const handles = data.getUint32(0, true);
  const jsonLength = data.getUint32(4, true);
  const count = data.getUint32(8, true);
  let at = MESSAGE_HEADER_SIZE + count * 4;
  if (at + jsonLength > body.length) throw protocolError("a message whose lengths do not fit");
  const json = body.slice(at, at += jsonLength);
  const parts: Uint8Array[] = [];
  for (let part = 0; part < count; part++) {
    const length = data.getUint32(MESSAGE_HEADER_SIZE + part * 4, true);
    if (at + length > body.length) throw protocolError("a message whose lengths do not fit");
    parts.push(body.slice(at, at += length));
  }
  if (at !== body.length) throw protocolError("a message whose lengths do not fit");
  return { handles, json, parts };
}

/** Assembles frames from the chunks of a stream. It keeps at most one unfinished frame. */
export class FrameReader {
  /** Its first `#length` bytes are the unfinished frame. */
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;

  readonly #maxBody: number;

  /** @param maxBody the longest body that is accepted, in bytes */
  constructor(maxBody: number) {
    this.#maxBody = maxBody;
  }

  /** Yields each frame that the chunk completes. */
  *push(chunk: Uint8Array): Generator<Frame> {
    let rest = this.#length === 0 ? chunk : this.#append(chunk);
    for (;;) {
      if (rest.length < HEADER_SIZE) break;
      const length = dataViewOf(rest).getUint32(0, true);
      if (length > this.#maxBody) {
        throw protocolError(`a frame of ${length} bytes, beyond the limit`);
      }
      const end = HEADER_SIZE + length;
      if (rest.length < end) break;
      yield { kind: rest[4]!, body: rest.subarray(HEADER_SIZE, end) };
      rest = rest.subarray(end);
    }
    if (rest.length === 0) this.#buffer = new Uint8Array(0); // frees the memory of a large frame
    else if (rest.buffer !== this.#buffer.buffer) this.#append(rest, 0);
    else if (rest.byteOffset > 0) this.#buffer.set(rest);
    this.#length = rest.length;
  }

  /** Appends a chunk to the unfinished frame and returns both. A full buffer doubles. */
  #append(chunk: Uint8Array, at = this.#length): Uint8Array {
    const length = at + chunk.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      grown.set(this.#buffer.subarray(0, at));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, at);
    this.#length = length;
    return this.#buffer.subarray(0, length);
  }
}

function dataViewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
