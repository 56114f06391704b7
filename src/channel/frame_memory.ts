/**
 * Memory for frames. Small ones are cut from one buffer, one after the other: what runtimes do with an array that has no
 * buffer yet costs more than all else in a small frame. The numbers are written byte by byte for the same reason.
 */

/** The size of a frame's header in bytes: the length of the body, and the kind. */
export const HEADER_SIZE = 5;
/** The size of the buffer that small frames are cut from, and the largest of these, in bytes. */
const POOL_SIZE = 1 << 16;
export const MAX_SMALL_FRAME: number = 1 << 12;
/** The smallest frame that is written in pieces, and whose memory is used again, in bytes. */
export const MIN_LARGE_FRAME: number = 1 << 16;

let pool: Uint8Array<ArrayBuffer> | undefined;
let used = 0;
/** How long the memory of a large frame is kept for the next one, in milliseconds; at most twice as long. */
const SPARE_MS = 1000;
/** The memory of a large frame that has gone: fresh memory costs as much as all else in such a frame. */
let spare: ArrayBuffer | undefined;
let isSpareTimed = false;
/** Whether it came after the timer had started. */
let isSpareNew = false;

/** Makes a frame, with its header and room for its body. */
export function allocateFrame(kind: number, bodySize: number): Uint8Array<ArrayBuffer> {
  const size = HEADER_SIZE + bodySize;
  const bytes = size >= MIN_LARGE_FRAME
    ? takeSpare(size)
    : size > MAX_SMALL_FRAME
    ? new Uint8Array(size)
    : cut(size);
  writeInt32(bytes, 0, bodySize);
  bytes[4] = kind;
  return bytes;
}

function cut(size: number): Uint8Array<ArrayBuffer> {
  if (pool === undefined || used + size > POOL_SIZE) {
    pool = new Uint8Array(POOL_SIZE);
    used = 0;
  }
  return pool.subarray(used, used += size);
}

function takeSpare(size: number): Uint8Array<ArrayBuffer> {
  const buffer = spare;
  if (buffer === undefined || buffer.byteLength < size) return new Uint8Array(size);
  spare = undefined;
  return new Uint8Array(buffer, 0, size);
}

/** Gives the memory of a large frame back, which nobody uses any more. */
export function releaseFrame({ buffer }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer)) return;
  if (spare !== undefined && spare.byteLength >= buffer.byteLength) return;
  spare = buffer;
  isSpareNew = isSpareTimed;
  if (!isSpareTimed) timeSpare();
}

/** Leaves the spare memory to the collector, unless it is used before. */
function timeSpare(): void {
  isSpareTimed = true;
  const timer = setTimeout(() => {
    isSpareTimed = false;
    if (isSpareNew) timeSpare();
    else spare = undefined;
    isSpareNew = false;
  }, SPARE_MS);
  timer.unref?.();
}

/** Writes a 32-bit number, little-endian. */
export function writeInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Reads a 32-bit number, little-endian and signed. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

/** Puts frames that follow each other in memory, or are small, together, so that fewer are written. */
export function joinFrames(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  if (frames.length <= 1) return frames;
  const joined: Uint8Array[] = [];
  for (let at = 0; at < frames.length;) {
    const first = frames[at]!;
    let [end, size, isOneBlock] = [at + 1, first.length, true];
    for (; first.length <= MAX_SMALL_FRAME && end < frames.length; end++) {
      const next = frames[end]!;
      if (next.length > MAX_SMALL_FRAME) break;
      isOneBlock &&= next.buffer === first.buffer && next.byteOffset === first.byteOffset + size;
      size += next.length;
    }
    if (end === at + 1) joined.push(first);
    else if (isOneBlock) joined.push(new Uint8Array(first.buffer, first.byteOffset, size));
    else joined.push(concatenate(frames.slice(at, end)));
    at = end;
  }
  return joined;
}

/** Copies several pieces into one array. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
