/** The frames on the stream of a channel. docs/channels.md describes the wire format. */
import { failure } from "../../ffi/error.ts";
import { allocateFrame, HEADER_SIZE, readInt32, writeInt32 } from "./frame_memory.ts";
import { largestSize, MESSAGE_HEADER_SIZE, weighJson, Weight } from "./json_size.ts";
import { decodeShort } from "./short_text.ts";

/** The version of the wire format. */
export const VERSION = 2;
/** The first bytes of a hello, "DUPH". */
export const MAGIC = 0x4850_5544;

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
  /** Linux: a server has too many clients that have not said hello; this one may try again. */
  Busy: 8,
} as const;

/** A frame as it was received. */
export interface Frame {
  readonly kind: number;
  /** A view of the runtime's chunk, valid until the next frame is read; or all of a buffer of its own. */
  readonly body: Uint8Array;
}

/** The first frame of each side. */
export interface Hello {
  readonly pid: number;
  readonly limits: Limits;
}

/** What a side accepts. */
export interface Limits {
  /** The most bytes of a message. It bounds the size of a message, too: json_size.ts. */
  readonly maxMessageBytes: number;
  /** The most handles of a message. */
  readonly maxHandles: number;
}

const HELLO_SIZE = 20;

/** The error for what no correct peer sends. It ends the channel. */
export function protocolError(what: string, cause?: unknown): Error {
  return failure("EPROTO", "receive", {
    message: `Cannot receive: the other process sent ${what}; connect to processes that use this ` +
      "library, in a version with the same protocol",
    ...cause === undefined ? {} : { cause },
  });
}

/** Encodes a frame. */
export function frame(kind: number, ...body: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const { length } of body) size += length;
  const bytes = allocateFrame(kind, size);
  let at = HEADER_SIZE;
  for (const piece of body) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

const emptyBody = /* @__PURE__ */ new Uint8Array(0);

/** Encodes 32-bit numbers, little-endian. */
export function int32s(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  for (let at = 0; at < values.length; at++) writeInt32(bytes, 4 * at, values[at]!);
  return bytes;
}

/** Decodes 32-bit numbers; bytes after the last whole number are ignored. */
export function readInt32s(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length >> 2 }, (_, at) => readInt32(bytes, 4 * at));
}

/** Encodes a hello as a frame. */
export function helloFrame({ pid, limits }: Hello): Uint8Array {
  const { maxMessageBytes, maxHandles } = limits;
  return frame(Kind.Hello, int32s(MAGIC, VERSION, pid, maxMessageBytes, maxHandles));
}

/** Decodes the body of a hello. Magic and version are where they are in every version. */
export function readHello(body: Uint8Array): Hello {
  const [magic, version, pid = 0, maxMessageBytes = -1, maxHandles = -1] = readInt32s(body);
  if (magic !== MAGIC) throw protocolError("something other than a hello");
  if (version !== VERSION) throw protocolError(`version ${version} of the wire format`);
  if (body.length !== HELLO_SIZE) throw protocolError("a hello of the wrong size");
  if (pid <= 0 || maxMessageBytes < 0 || maxHandles < 0) throw protocolError("an invalid hello");
  return { pid, limits: { maxMessageBytes, maxHandles } };
}

/** A batch of handles as the stream announces it. */
export interface HandlesFrame {
  readonly number: number;
  readonly count: number;
  /** The rest of the body, a copy. */
  readonly descriptor: Uint8Array;
}

/** Encodes the announcement of a batch of handles as a frame. */
export function handlesFrame(number: number, count: number, descriptor: Uint8Array): Uint8Array {
  const bytes = pairFrame(Kind.Handles, number, count, descriptor.length);
  if (descriptor.length > 0) bytes.set(descriptor, HEADER_SIZE + PAIR_SIZE);
  return bytes;
}

/** Decodes the body of the announcement of a batch of handles. */
export function readHandles(body: Uint8Array): HandlesFrame {
  if (body.length < PAIR_SIZE) throw protocolError("a frame that is too short");
  const descriptor = body.length === PAIR_SIZE ? emptyBody : body.slice(PAIR_SIZE);
  return { number: readInt32(body, 0), count: readInt32(body, 4), descriptor };
}

/** Encodes an ack as a frame. */
export function ackFrame(messages: number, handles: number): Uint8Array {
  return pairFrame(Kind.Ack, messages, handles, 0);
}

/** The size of two numbers, in bytes. */
const PAIR_SIZE = 8;

function pairFrame(kind: number, first: number, second: number, more: number): Uint8Array {
  const bytes = allocateFrame(kind, PAIR_SIZE + more);
  writeInt32(bytes, HEADER_SIZE, first);
  writeInt32(bytes, HEADER_SIZE + 4, second);
  return bytes;
}

/** A message as it is sent. */
export interface EncodedMessage {
  readonly json: Uint8Array;
  /** The contents of the `Uint8Array`s: views of the sender's memory. */
  readonly parts: readonly Uint8Array[];
  /** What the limit of the peer bounds, as json_size.ts defines it. */
  readonly size: number;
  /** The length of the frame's body, which flow control counts. */
  readonly bodyLength: number;
}

/** The most bytes that are copied one by one: a call costs more. */
const MAX_LOOP_COPY = 64;

/** Encodes a message as a frame, without its handles. Each part is copied once. */
export function messageFrame(
  { json, parts }: Pick<EncodedMessage, "json" | "parts">,
  handles: number,
): Uint8Array {
  let size = MESSAGE_HEADER_SIZE + 4 * parts.length + json.length;
  for (const { length } of parts) size += length;
  const bytes = allocateFrame(Kind.Message, size);
  writeInt32(bytes, HEADER_SIZE, handles);
  writeInt32(bytes, HEADER_SIZE + 4, json.length);
  writeInt32(bytes, HEADER_SIZE + 8, parts.length);
  const lengthsAt = HEADER_SIZE + MESSAGE_HEADER_SIZE;
  let at = lengthsAt + 4 * parts.length;
  if (json.length > MAX_LOOP_COPY) bytes.set(json, at);
  else for (let byte = 0; byte < json.length; byte++) bytes[at + byte] = json[byte]!;
  at += json.length;
  for (let part = 0; part < parts.length; part++) {
    const each = parts[part]!;
    writeInt32(bytes, lengthsAt + 4 * part, each.length);
    bytes.set(each, at);
    at += each.length;
  }
  return bytes;
}

/** The decoded body of a message frame. */
export interface MessageBody {
  /** How many handles the message has. */
  readonly handles: number;
  /** As json_size.ts defines it. */
  readonly size: number;
  /** Its text where that is short, else its bytes. */
  readonly json: string | Uint8Array;
  readonly parts: MessageParts;
}

/** The `Uint8Array`s of a received message. None of them exists before it is taken. */
export class MessageParts {
  readonly #body: Uint8Array;
  /** Where each part ends; the first one starts where the JSON ends. */
  readonly #ends: Uint32Array;
  readonly #start: number;
  readonly #taken: Uint8Array;

  constructor(body: Uint8Array, start: number, ends: Uint32Array) {
    this.#body = body;
    this.#start = start;
    this.#ends = ends;
    this.#taken = new Uint8Array(ends.length);
  }

  /**
   * Takes the part with this index out. A part that is most of the body stays in its memory, since a
   * copy would cost more than the rest does; any other is a copy.
   *
   * @returns `undefined` when there is no such part, or it was taken before
   */
  take(index: unknown): Uint8Array | undefined {
    if (typeof index !== "number" || !Number.isSafeInteger(index) || Object.is(index, -0)) return;
    if (index < 0 || index >= this.#ends.length || this.#taken[index] !== 0) return;
    this.#taken[index] = 1;
    const start = index === 0 ? this.#start : this.#ends[index - 1]!;
    const end = this.#ends[index]!;
    return 2 * (end - start) >= this.#body.length
      ? this.#body.subarray(start, end)
      : this.#body.slice(start, end);
  }
}

const noEnds = /* @__PURE__ */ new Uint32Array(0);
const noParts = /* @__PURE__ */ new MessageParts(emptyBody, 0, noEnds);

/**
 * Decodes the body of a message frame, as far as its JSON. It checks the message against the limits
 * before it does any other work.
 */
export function readMessage(
  body: Uint8Array,
  { maxMessageBytes, maxHandles }: Limits,
): MessageBody {
  if (body.length < MESSAGE_HEADER_SIZE) throw protocolError("a message that is too short");
  const handles = readInt32(body, 0) >>> 0;
  const jsonLength = readInt32(body, 4) >>> 0;
  const count = readInt32(body, 8) >>> 0;
  if (handles > maxHandles) throw protocolError("too many handles in a message");
  const jsonStart = MESSAGE_HEADER_SIZE + count * 4;
  const jsonEnd = jsonStart + jsonLength;
  if (jsonEnd > body.length) throw protocolError("a message whose lengths do not fit");
  const size = body.length + Weight.Part * count;
  const most = largestSize(maxMessageBytes);
  if (body.length > maxMessageBytes || size > most) {
    throw protocolError("a message beyond the limit");
  }
  const ends = count === 0 ? noEnds : new Uint32Array(count);
  let at = jsonEnd;
  for (let part = 0; part < count; part++) {
    at += readInt32(body, MESSAGE_HEADER_SIZE + part * 4) >>> 0;
    ends[part] = at;
  }
  if (at !== body.length) throw protocolError("a message whose lengths do not fit");
  const weight = weighJson(body, jsonStart, jsonEnd);
  if (weight === undefined) {
    throw protocolError("a message that is nested too deep, or has an escape in a key");
  }
  if (size + weight > most) throw protocolError("a message beyond the limit");
  if (count === 0) {
    const json = decodeShort(body, jsonStart, jsonEnd);
    if (json !== undefined) return { handles, size: size + weight, json, parts: noParts };
  }
  const own = body.length === body.buffer.byteLength ? body : body.slice();
  return {
    handles,
    size: size + weight,
    json: own.subarray(jsonStart, jsonEnd),
    parts: new MessageParts(own, jsonEnd, ends),
  };
}
