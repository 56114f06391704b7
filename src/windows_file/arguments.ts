/** The forms in which the methods of a `FileHandle` take their arguments. */
import { show } from "../../ffi/check.ts";
import { builtin } from "../../ffi/host.ts";
import type { Offset } from "../../ffi/win32/async_file.ts";

/** How many bytes `read()` makes room for when it gets no buffer, as Node does. */
const DEFAULT_SIZE = 16_384;

const TEXT_OR_VIEW = "a string, a Buffer, a TypedArray or a DataView";

/** What is to be read or written. */
export interface Transfer<Buffer> {
  /** The buffer as it was given, which the result holds. */
  readonly buffer: Buffer;
  /** The part of it that is meant. */
  readonly bytes: Uint8Array;
  readonly position: Offset;
}

/** `node:buffer`'s own class, found without an import. */
export function nodeBuffer(): typeof Buffer {
  return builtin<typeof import("node:buffer")>("node:buffer")!.Buffer;
}

/** `read(buffer, offset, length, position)`, `read(buffer, options)`, `read(options)`, `read()`. */
export function readTransfer(
  first: unknown,
  second: unknown,
  length: unknown,
  position: unknown,
): Transfer<ArrayBufferView> {
  if (ArrayBuffer.isView(first)) {
    const place = isObject(second) ? second : { offset: second, length, position };
    return transfer(first, place);
  }
  if (first !== undefined && first !== null && !isObject(first)) {
    throw wrongType("buffer", first, "a Buffer, a TypedArray, a DataView or an object of options");
  }
  const { buffer = nodeBuffer().alloc(DEFAULT_SIZE), ...place } = (first ?? {}) as {
    buffer?: unknown;
  };
  return transfer(checkView(buffer), place);
}

/** `write(buffer, offset, length, position)`, `write(buffer, options)`, `write(text, position, encoding)`. */
export function writeTransfer(
  first: unknown,
  second: unknown,
  third: unknown,
  position: unknown,
): Transfer<ArrayBufferView | string> {
  if (typeof first === "string") {
    const bytes = nodeBuffer().from(first, checkEncoding(third) ?? "utf8");
    return { buffer: first, bytes, position: checkPosition(second) };
  }
  const view = checkView(first, TEXT_OR_VIEW);
  return transfer(view, isObject(second) ? second : { offset: second, length: third, position });
}

/** What `writeFile` writes, in pieces: one, or those of an iterable. */
export function checkPieces(data: unknown): Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof data === "string" || ArrayBuffer.isView(data)) return [data];
  if (isObject(data) && (Symbol.asyncIterator in data || Symbol.iterator in data)) {
    return data as Iterable<unknown>;
  }
  throw wrongType("data", data, "a string, a buffer or an iterable of them");
}

/** A piece of what `writeFile` writes, as bytes. */
export function checkPiece(piece: unknown, encoding: BufferEncoding): Uint8Array {
  if (typeof piece === "string") return nodeBuffer().from(piece, encoding);
  return bytesOf(checkView(piece, TEXT_OR_VIEW));
}

function transfer<View extends ArrayBufferView>(
  buffer: View,
  place: { offset?: unknown; length?: unknown; position?: unknown },
): Transfer<View> {
  const offset = place.offset ?? 0;
  checkRange("offset", offset, buffer.byteLength);
  const room = buffer.byteLength - offset;
  const length = place.length ?? room;
  checkRange("length", length, room);
  return {
    buffer,
    bytes: new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length),
    position: checkPosition(place.position),
  };
}

/** The buffers of `readv` and `writev`, as bytes. */
export function checkViews(buffers: unknown): Uint8Array[] {
  if (!Array.isArray(buffers)) throw wrongType("buffers", buffers, "an array of buffers");
  return buffers.map((buffer) => bytesOf(checkView(buffer)));
}

/** The bytes of any view. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** An offset in the file; `null`, `undefined` and −1 are the position of the open file. */
export function checkPosition(position: unknown): Offset {
  if (position === undefined || position === null) return null;
  if (typeof position === "bigint") {
    if (position >= -1n && position < 1n << 63n) return position === -1n ? null : position;
  } else if (typeof position !== "number") {
    throw wrongType("position", position, "a number, a bigint or null");
  } else if (Number.isSafeInteger(position) && position >= -1) {
    return position === -1 ? null : position;
  }
  throw outOfRange("position", position, "an integer from -1 to 2^53 - 1, or a bigint below 2^63");
}

/** The length to truncate to; a negative one is 0, as in Node. */
export function checkLength(length: unknown): number {
  if (typeof length !== "number") throw wrongType("len", length, "a number");
  if (!Number.isSafeInteger(length)) throw outOfRange("len", length, "an integer");
  return Math.max(0, length);
}

/** The options of `readFile`, `writeFile` and `appendFile`. */
export interface WholeOptions {
  readonly encoding: BufferEncoding | undefined;
  readonly signal: AbortSignal | undefined;
  readonly flush: boolean;
}

/** `"utf8"`, `{ encoding, signal, flush }` or nothing. */
export function checkWholeOptions(options: unknown): WholeOptions {
  const given = typeof options === "string" ? { encoding: options } : options ?? {};
  if (!isObject(given)) throw wrongType("options", options, "an encoding or an object");
  const { encoding, signal, flush = false } = given as Record<string, unknown>;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongType("signal", signal, "an AbortSignal");
  }
  if (typeof flush !== "boolean") throw wrongType("flush", flush, "true or false");
  return { encoding: checkEncoding(encoding), signal, flush };
}

function checkEncoding(encoding: unknown): BufferEncoding | undefined {
  if (encoding === undefined || encoding === null || encoding === "buffer") return undefined;
  if (typeof encoding === "string" && nodeBuffer().isEncoding(encoding)) return encoding;
  throw refusal(TypeError, "ERR_INVALID_ARG_VALUE", "encoding", encoding, "a known encoding");
}

/** Throws what Node throws for a signal that was raised. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const error = new Error("The operation was aborted", { cause: signal.reason });
  throw Object.assign(error, { name: "AbortError", code: "ABORT_ERR" });
}

/** The error for an argument of a wrong kind, with Node's code. */
export function wrongType(name: string, value: unknown, wanted: string): TypeError {
  return refusal(TypeError, "ERR_INVALID_ARG_TYPE", name, value, wanted);
}

function checkView(
  value: unknown,
  wanted = "a Buffer, a TypedArray or a DataView",
): ArrayBufferView {
  if (ArrayBuffer.isView(value)) return value;
  throw wrongType("buffer", value, wanted);
}

function checkRange(name: string, value: unknown, most: number): asserts value is number {
  if (typeof value !== "number") throw wrongType(name, value, "a number");
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  throw outOfRange(name, value, `an integer from 0 to ${most}`);
}

function outOfRange(name: string, value: unknown, wanted: string): RangeError {
  return refusal(RangeError, "ERR_OUT_OF_RANGE", name, value, wanted);
}

function refusal<Kind extends Error>(
  Kind: new (message: string) => Kind,
  code: string,
  name: string,
  value: unknown,
  wanted: string,
): Kind {
  const message = `Cannot use ${show(value)} as ${name}: it must be ${wanted}`;
  return Object.assign(new Kind(message), { code });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
