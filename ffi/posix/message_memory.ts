/** The memory of sendmsg(2) and recvmsg(2) on Linux: `struct msghdr` and what it leads to. */
import { addressOf } from "../backend/mod.ts";

/** Offsets in the memory: `struct msghdr`, `struct iovec`, a few bytes of data, the control data, an address. */
const HEADER_AT = 0;
const VECTOR_AT = 64;
/** Where a few bytes of data are. */
export const DATA_AT = 96;
/** Where the control data is. */
export const CONTROL_AT = 128;
/** The most bytes of data in this memory. */
export const MAX_DATA: number = CONTROL_AT - DATA_AT;
/** The most bytes of control data. No message of the kernel fills it. */
export const MAX_CONTROL = 8192;
/** Where the address of the peer is. */
export const NAME_AT: number = CONTROL_AT + MAX_CONTROL;
/** Like the scratch memory it is much larger than what an engine moves. */
const MEMORY_SIZE = 1 << 14;

/** The size of `struct cmsghdr`: a `size_t` and two `int`s. The data after it is padded to 8 bytes. */
export const CONTROL_HEADER = 16;

/** Offsets in `struct msghdr`. */
const NAME = 0;
const NAME_LENGTH = 8;
const VECTOR = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;

/** Memory of these calls alone, so that most of its addresses are written once. */
export interface MessageMemory {
  /** The address of the `struct msghdr`. */
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly int32: Int32Array;
}

let made: MessageMemory | undefined;

/** The memory of this thread, made at the first call. */
export function messageMemory(): MessageMemory {
  return made ??= make();
}

function make(): MessageMemory {
  const buffer = new ArrayBuffer(MEMORY_SIZE);
  const address = addressOf(buffer);
  const int32 = new Int32Array(buffer);
  writeSize(int32, HEADER_AT + VECTOR, address + VECTOR_AT);
  writeSize(int32, HEADER_AT + VECTOR_COUNT, 1);
  writeSize(int32, HEADER_AT + CONTROL, address + CONTROL_AT);
  return { address, bytes: new Uint8Array(buffer), int32 };
}

/**
 * Writes what differs between two calls, or what the kernel has written.
 *
 * @param data the address of the data
 * @param dataLength the size of the data
 * @param nameLength the size of the address of the peer; 0 for none
 */
export function writeMessageHeader(
  data: number,
  dataLength: number,
  controlLength: number,
  nameLength: number = 0,
): void {
  const { address, int32 } = messageMemory();
  writeSize(int32, VECTOR_AT, data);
  int32[(VECTOR_AT + 8) >> 2] = dataLength;
  writeSize(int32, NAME, nameLength === 0 ? 0 : address + NAME_AT);
  int32[NAME_LENGTH >> 2] = nameLength;
  int32[CONTROL_LENGTH >> 2] = controlLength;
  int32[FLAGS >> 2] = 0;
}

/** The sizes and the flags that the kernel has written. */
export function readMessageHeader(): {
  readonly nameLength: number;
  readonly controlLength: number;
  readonly flags: number;
} {
  const { int32 } = messageMemory();
  return {
    nameLength: int32[NAME_LENGTH >> 2]!,
    controlLength: int32[CONTROL_LENGTH >> 2]!,
    flags: int32[FLAGS >> 2]!,
  };
}

/** Writes the header of control data at an offset of the memory, in which the size is below 2^31. */
export function writeControlHeader(at: number, size: number, level: number, type: number): void {
  const { int32 } = messageMemory();
  writeSize(int32, at, size);
  int32[(at + 8) >> 2] = level;
  int32[(at + 12) >> 2] = type;
}

/**
 * Visits all control data that was received: of each its level and its type, and the offset and the size of its
 * data. There can be several.
 */
export function visitControl(
  length: number,
  visit: (level: number, type: number, at: number, size: number) => void,
): void {
  const { int32 } = messageMemory();
  for (let at = 0; at + CONTROL_HEADER <= length;) {
    const header = (CONTROL_AT + at) >> 2;
    const size = int32[header]!; // sizes are below 2^31 here
    if (size < CONTROL_HEADER) break;
    const dataSize = Math.min(size, length - at) - CONTROL_HEADER;
    visit(int32[header + 2]!, int32[header + 3]!, CONTROL_AT + at + CONTROL_HEADER, dataSize);
    at += alignControl(size);
  }
}

/** Where the next control data begins. */
export function alignControl(length: number): number {
  return (length + 7) & ~7;
}

/** Writes a `size_t` or an address in two halves, without a `bigint`. */
function writeSize(int32: Int32Array, at: number, value: number): void {
  int32[at >> 2] = value;
  int32[(at >> 2) + 1] = value / 2 ** 32;
}
