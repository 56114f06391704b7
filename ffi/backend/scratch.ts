/**
 * One block of memory per thread for the data of a call: a path, a structure, a result.
 *
 * It is one long-lived `ArrayBuffer`. It is much larger than what an engine keeps inside its
 * garbage-collected heap, so its address never changes (oven-sh/bun#32054). Calls are synchronous, so
 * no other call uses the block between filling it and reading it.
 */
import { addressOf } from "./mod.ts";

/** The thread's block. */
export interface Scratch {
  /** The address of the first byte. */
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly data: DataView;
  readonly int32: Int32Array;
}

/** The size in bytes of the part for strings and byte data. */
export const SCRATCH_SIZE = 65_536;

/** The size in bytes of the part after it, for what a call needs in addition: a count, a structure. */
const TAIL_SIZE = 64;

let made: Scratch | undefined;

/** The block of this thread, made at the first call. */
export function scratch(): Scratch {
  return made ??= make();
}

const LONE_SURROGATE = /\p{Surrogate}/u;

let encoder: TextEncoder | undefined;
let decoder: TextDecoder | undefined;

/**
 * Writes text as a C string and returns its address.
 *
 * @throws {TypeError} when the text contains a NUL or half of a surrogate pair, or does not fit
 */
export function cString(text: string, name: string): number {
  const { address, bytes } = scratch();
  const { read, written } = (encoder ??= new TextEncoder()).encodeInto(text, bytes);
  if (text.includes("\0") || read < text.length || written === bytes.length) throw notAString(name);
  // It has no UTF-8, and the replacement that was written is another name.
  if (written > text.length && LONE_SURROGATE.test(text)) {
    throw new TypeError(`Cannot use ${name}: it contains half of a surrogate pair`);
  }
  bytes[written] = 0;
  return address;
}

/** Reads UTF-8 text of this length in bytes. */
export function readText(offset: number, byteLength: number): string {
  const { bytes } = scratch();
  return (decoder ??= new TextDecoder("utf-8", { ignoreBOM: true })).decode(
    bytes.subarray(offset, offset + byteLength),
  );
}

/**
 * Writes text as a Windows string of 16-bit units and returns its address.
 *
 * @param limit the most bytes it may take, less than all when other data follows
 * @throws {TypeError} when the text contains a NUL or does not fit
 */
export function wideString(text: string, name: string, limit: number = SCRATCH_SIZE): number {
  const { address, data } = scratch();
  if (text.includes("\0") || (text.length + 1) * 2 > limit) throw notAString(name);
  for (let at = 0; at < text.length; at++) data.setUint16(at * 2, text.charCodeAt(at), true);
  data.setUint16(text.length * 2, 0, true);
  return address;
}

/** Reads a Windows string of this length in bytes. */
export function readWideString(offset: number, byteLength: number): string {
  const { bytes } = scratch();
  return new TextDecoder("utf-16le").decode(bytes.subarray(offset, offset + byteLength));
}

function notAString(name: string): TypeError {
  return new TypeError(`Cannot use ${name}: it contains a NUL character or is too long`);
}

function make(): Scratch {
  const buffer = new ArrayBuffer(SCRATCH_SIZE + TAIL_SIZE);
  return {
    address: addressOf(buffer),
    bytes: new Uint8Array(buffer),
    data: new DataView(buffer),
    int32: new Int32Array(buffer),
  };
}
