/** The arguments of the methods of a `FileHandle`, checked, in all forms that Node accepts. */
import { bytesOf, show } from "../../ffi/check.ts";
import { builtin } from "../../ffi/host.ts";
import type { Offset } from "../../ffi/win32/async_file.ts";

/** The size in bytes of the buffer that `read()` allocates when it gets none, as in Node. */
const DEFAULT_BUFFER_SIZE = 16_384;

const TEXT_OR_VIEW = "a string, a Buffer, a TypedArray or a DataView";

/** One read or write. */
export interface Transfer<Buffer> {
  /** The buffer that the caller passed, which is part of the result. */
  readonly buffer: Buffer;
  /** The part of the buffer that is read into or written. */
  readonly bytes: Uint8Array;
  readonly position: Offset;
}

/** The class `Buffer` of `node:buffer`, found without an import that a bundler would follow. */
export function nodeBuffer(): typeof Buffer {
  return builtin<typeof import("node:buffer")>("node:buffer")!.Buffer;
}

/**
 * The arguments of `read(buffer, offset, length, position)`, `read(buffer, options)`,
 * `read(options)` and `read()`.
 */
export function readTransfer(
  first: unknown,
  second: unknown,
  length: unknown,
  position: unknown,
): Transfer<ArrayBufferView> {
  if (ArrayBuffer.isView(first)) {
    const range = isObject(second) ? second : { offset: second, length, position };
    return transfer(first, range);
  }
  if (first !== undefined && first !== null && !isObject(first)) {
    throw wrongType("buffer", first, "a Buffer, a TypedArray, a DataView or an object of options");
  }
  const { buffer = nodeBuffer().alloc(DEFAULT_BUFFER_SIZE), ...range } = (first ?? {}) as {
    buffer?: unknown;
  };
  return transfer(checkView(buffer), range);
}

/**
 * The arguments of `write(buffer, offset, length, position)`, `write(buffer, options)` and
 * `write(text, position, encoding)`.
 */
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

/** The data of `writeFile` as pieces: a string or a buffer is one, an iterable gives several. */
export function checkPieces(data: unknown): Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof data === "string" || ArrayBuffer.isView(data)) return [data];
  if (isObject(data) && (Symbol.asyncIterator in data || Symbol.iterator in data)) {
    return data as Iterable<unknown>;
  }
  throw wrongType("data", data, "a string, a buffer or an iterable of them");
}

/** One piece of the data of `writeFile`, as bytes. */
export function checkPiece(piece: unknown, encoding: BufferEncoding): Uint8Array {
  if (typeof piece === "string") return nodeBuffer().from(piece, encoding);
  return bytesOf(checkView(piece, TEXT_OR_VIEW));
}

function transfer<View extends ArrayBufferView>(
  buffer: View,
  range: { offset?: unknown; length?: unknown; position?: unknown },
): Transfer<View> {
  const offset = range.offset ?? 0;
  const position = checkPosition(range.position);
  // Read before the size of the buffer, which a getter may change.
  const wanted = range.length;
  const whole = bytesOf(buffer);
  checkRange("offset", offset, whole.length);
  const remaining = whole.length - offset;
  const length = wanted ?? remaining;
  checkRange("length", length, remaining);
  return { buffer, bytes: whole.subarray(offset, offset + length), position };
}

/** The buffers of `readv` and `writev`, as bytes. */
export function checkViews(buffers: unknown): Uint8Array[] {
  if (!Array.isArray(buffers)) throw wrongType("buffers", buffers, "an array of buffers");
  return buffers.map((buffer) => bytesOf(checkView(buffer)));
}

/** An offset in the file; `null`, `undefined` and −1 mean the current position. */
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

/** An encoding such as `"utf8"`, an object `{ encoding, signal, flush }`, or `undefined`. */
export function checkWholeOptions(options: unknown): WholeOptions {
  const object = typeof options === "string" ? { encoding: options } : options ?? {};
  if (!isObject(object)) throw wrongType("options", options, "an encoding or an object");
  const { encoding, signal, flush = false } = object as Record<string, unknown>;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw wrongType("signal", signal, "an AbortSignal");
  }
  if (typeof flush !== "boolean") throw wrongType("flush", flush, "true or false");
  return { encoding: checkEncoding(encoding), signal, flush };
}

function checkEncoding(encoding: unknown): BufferEncoding | undefined {
  if (encoding === undefined || encoding === null || encoding === "buffer") return undefined;
  if (typeof encoding === "string" && nodeBuffer().isEncoding(encoding)) return encoding;
  throw invalid(TypeError, "ERR_INVALID_ARG_VALUE", "encoding", encoding, "a known encoding");
}

/** Throws Node's `AbortError` when the signal was aborted. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const error = new Error("The operation was aborted", { cause: signal.reason });
  throw Object.assign(error, { name: "AbortError", code: "ABORT_ERR" });
}

/** The error for an argument of a wrong kind, with Node's code. */
export function wrongType(name: string, value: unknown, wanted: string): TypeError {
  return invalid(TypeError, "ERR_INVALID_ARG_TYPE", name, value, wanted);
}

function checkView(
  value: unknown,
  wanted = "a Buffer, a TypedArray or a DataView",
): ArrayBufferView {
  if (ArrayBuffer.isView(value)) return value;
  throw wrongType("buffer", value, wanted);
}

function checkRange(name: string, value: unknown, max: number): asserts value is number {
  if (typeof value !== "number") throw wrongType(name, value, "a number");
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw outOfRange(name, value, `an integer from 0 to ${max}`);
}

function outOfRange(name: string, value: unknown, wanted: string): RangeError {
  return invalid(RangeError, "ERR_OUT_OF_RANGE", name, value, wanted);
}

function invalid<Kind extends Error>(
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
