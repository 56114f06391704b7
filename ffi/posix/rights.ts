/** Sends and receives descriptors in messages, on Linux: `SCM_RIGHTS` of unix(7), cmsg(3). */
import { failure } from "../error.ts";
import { backend } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import { close } from "./dup.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";
import { raiseAdvice } from "./limit.ts";
import { channelCalls } from "./unix_socket.ts";

/** The most descriptors in one message. */
export const SCM_MAX_FD = 253;

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SO_LINGER = 13;
const SO_PEEK_OFF = 42;
const MSG_PEEK = 2;
const MSG_CTRUNC = 8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const EAGAIN = 11;
const ETOOMANYREFS = 109;

/** Offsets in the memory of these calls: `struct msghdr`, `struct iovec`, the data, the control data. */
const HEADER_AT = 0;
const VECTOR_AT = 64;
const DATA_AT = 96;
const CONTROL_AT = 128;
/** The most bytes of data in a message. */
export const MAX_DATA: number = CONTROL_AT - DATA_AT;
/** The size of `struct cmsghdr`: a `size_t` and two `int`s. The data after it is padded to 8 bytes. */
const CONTROL_HEADER = 16;
/**
 * The size of the control data when receiving. No message fills it, so none is truncated because of it.
 */
const CONTROL_SIZE = 4096;

/** Offsets in `struct msghdr`. */
const VECTOR = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
const VECTOR_LENGTH_AT = VECTOR_AT + 8;

/**
 * Memory of these calls alone, so that its addresses are written once. Like the scratch memory it is much larger
 * than what an engine moves.
 */
interface Memory {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly int32: Int32Array;
}
const MEMORY_SIZE = 1 << 14;

let made: Memory | undefined;

function memory(): Memory {
  return made ??= make();
}

function make(): Memory {
  const buffer = new ArrayBuffer(MEMORY_SIZE);
  const address = backend().addressOf(buffer);
  const int32 = new Int32Array(buffer);
  writeSize(int32, HEADER_AT + VECTOR, address + VECTOR_AT);
  writeSize(int32, HEADER_AT + VECTOR_COUNT, 1);
  writeSize(int32, HEADER_AT + CONTROL, address + CONTROL_AT);
  writeSize(int32, VECTOR_AT, address + DATA_AT);
  return { address, bytes: new Uint8Array(buffer), int32 };
}

/** The data of a message that needs none. A stream carries no descriptors without a byte of data. */
const oneByte: Uint8Array = /* @__PURE__ */ new Uint8Array(1);

/** The data that was received, and the descriptors that came with it. */
export interface Rights {
  readonly data: Uint8Array;
  readonly fds: number[];
  /** Whether the kernel closed some of them because this process had no free descriptor. */
  readonly isTruncated: boolean;
}

/**
 * Sends descriptors with some bytes of data, without waiting.
 *
 * @param socket a Unix socket
 * @param fds the descriptors
 * @param from the index of the first one to send, default 0
 * @param count how many to send, from 1 to 253, default all
 * @param data the bytes, at most {@linkcode MAX_DATA}, default one
 * @returns `false` when the socket is full, or when this user has as many descriptors in flight as one
 * process may have open
 * @throws {HandleError} `EBADF` when one is not open, `EPIPE` when the other end is closed
 */
export function sendRights(
  socket: number,
  fds: readonly number[],
  from: number = 0,
  count: number = fds.length,
  data: Uint8Array = oneByte,
): boolean {
  const { int32 } = memory();
  const length = CONTROL_HEADER + count * 4;
  writeSize(int32, CONTROL_AT, length);
  int32[(CONTROL_AT + 8) >> 2] = SOL_SOCKET;
  int32[(CONTROL_AT + 12) >> 2] = SCM_RIGHTS;
  const first = (CONTROL_AT + CONTROL_HEADER) >> 2;
  for (let at = 0; at < count; at++) int32[first + at] = fds[from + at]!;
  return send(socket, data, align(length), count);
}

/**
 * Sends some bytes without waiting, whatever the flags of the open file are, and without a signal.
 *
 * @param socket a Unix socket
 * @param data at most {@linkcode MAX_DATA} bytes, which go as a whole
 * @returns `false` when the socket is full
 * @throws {HandleError} `EPIPE` when the other end is closed
 */
export function sendBytes(socket: number, data: Uint8Array): boolean {
  return send(socket, data, 0, 0);
}

function send(
  socket: number,
  data: Uint8Array,
  controlLength: number,
  count: number,
): boolean {
  const { address, bytes } = memory();
  const { length } = data;
  if (length > MAX_DATA) throw new RangeError(`Cannot send ${length} bytes at once`);
  for (let at = 0; at < length; at++) bytes[DATA_AT + at] = data[at]!;
  writeHeader(controlLength, length);
  const { sendmsg } = channelCalls();
  const { errno } = libc();
  if (sendmsg(socket, address + HEADER_AT, MSG_DONTWAIT | MSG_NOSIGNAL) !== -1) return true;
  const error = errno[0]!;
  if (error === EAGAIN || error === ETOOMANYREFS) return false;
  const subject = count > 0 ? `${count} descriptors` : `${length} bytes`;
  throw posixError(error, "sendmsg", socket, subject);
}

/** Discards the next byte of a socket. The kernel closes the descriptors that came with it. */
export function discardRights(socket: number): void {
  const { address } = memory();
  writeHeader(0, 1);
  const { recvmsg } = channelCalls();
  const { errno } = libc();
  if (recvmsg(socket, address + HEADER_AT, MSG_DONTWAIT) === -1) {
    throw posixError(errno[0]!, "recvmsg", socket);
  }
}

/**
 * Discards messages, and the descriptors that came with them.
 *
 * @param most how many
 * @returns whether there may be more
 */
export function discardMessages(socket: number, most: number): boolean {
  try {
    for (let count = 0; count < most; count++) {
      const received = receive(socket, MAX_DATA, 0);
      if (received === undefined || received === "end") return false;
      closeReceived(received.fds);
    }
    return true;
  } catch {
    return false; // what is left is released when the socket is closed
  }
}

/**
 * Closes descriptors that a peer has sent. A socket can be set to wait for its own peer when it is closed, also
 * when it is non-blocking: `SO_LINGER` of socket(7), which is taken from it first.
 */
export function closeReceived(fds: readonly number[]): void {
  if (fds.length === 0) return;
  const { setsockopt } = channelCalls();
  const { close: closeNow } = libc();
  const { address, int32 } = scratch();
  int32.fill(0, 0, 2); // struct linger: off
  for (const fd of fds) {
    setsockopt(fd, SOL_SOCKET, SO_LINGER, address, 8);
    closeNow(fd);
  }
}

/**
 * Receives bytes and the descriptors that came with them, without waiting. They are not inheritable.
 *
 * When it throws, nothing was received, and what is in the socket stays there.
 *
 * @param socket a Unix socket
 * @param length the most bytes, at most {@linkcode MAX_DATA}, default one
 * @returns what came; `undefined` when no byte has arrived, `"end"` when the other end is closed
 */
export function receiveRights(socket: number, length: number = 1): Rights | "end" | undefined {
  return receive(socket, length, 0);
}

/**
 * Duplicates the descriptors that came with one of the bytes in a socket. The byte and its descriptors
 * stay in the socket. The duplicates are not inheritable.
 *
 * @param socket a Unix socket
 * @param at the index of the byte, from 0 for the oldest
 */
export function peekRights(socket: number, at: number): Rights | "end" | undefined {
  const { address, int32 } = scratch();
  int32[0] = at;
  const { setsockopt } = channelCalls();
  const { errno } = libc();
  if (setsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, address, 4) === -1) {
    throw posixError(errno[0]!, "setsockopt", socket);
  }
  return receive(socket, 1, MSG_PEEK);
}

function receive(socket: number, length: number, flags: number): Rights | "end" | undefined {
  const { address, bytes, int32 } = memory();
  writeHeader(CONTROL_SIZE, length);
  const { recvmsg } = channelCalls();
  const { errno } = libc();
  const count = recvmsg(socket, address + HEADER_AT, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
  if (count === -1) {
    const error = errno[0]!;
    if (error === EAGAIN) return undefined;
    throw posixError(error, "recvmsg", socket);
  }
  const fds = readControl(int32, int32[CONTROL_LENGTH >> 2]!);
  if (count === 0) {
    fds.forEach(close); // descriptors cannot arrive without a byte, but they would leak
    return "end";
  }
  const data = new Uint8Array(count);
  for (let at = 0; at < count; at++) data[at] = bytes[DATA_AT + at]!;
  return { data, fds, isTruncated: (int32[FLAGS >> 2]! & MSG_CTRUNC) !== 0 };
}

/** Reads the descriptors of all control messages. There can be more than one. Sizes are below 2^31 here. */
function readControl(int32: Int32Array, length: number): number[] {
  const fds: number[] = [];
  for (let at = 0; at + CONTROL_HEADER <= length;) {
    const header = (CONTROL_AT + at) >> 2;
    const size = int32[header]!;
    if (size < CONTROL_HEADER) break;
    const isRights = int32[header + 2] === SOL_SOCKET && int32[header + 3] === SCM_RIGHTS;
    const count = isRights ? (Math.min(size, length - at) - CONTROL_HEADER) >> 2 : 0;
    for (let fd = 0; fd < count; fd++) fds.push(int32[header + 4 + fd]!);
    at += align(size);
  }
  return fds;
}

/** Writes what differs between two calls, or what the kernel has written. There is no address. */
function writeHeader(controlLength: number, dataLength: number): void {
  const { int32 } = memory();
  int32[CONTROL_LENGTH >> 2] = controlLength;
  int32[FLAGS >> 2] = 0;
  int32[VECTOR_LENGTH_AT >> 2] = dataLength;
}

/** Writes a `size_t` or an address in two halves, without a `bigint`. */
function writeSize(int32: Int32Array, at: number, value: number): void {
  int32[at >> 2] = value;
  int32[(at >> 2) + 1] = value / 2 ** 32;
}

function align(length: number): number {
  return (length + 7) & ~7;
}

/** The error for descriptors that the kernel closed on arrival. */
export function truncated(wanted: number, socket: number): Error {
  return failure("EMFILE", "recvmsg", {
    message:
      `Cannot receive ${wanted} handles: this process had no descriptors left for them, and ` +
      `they are lost; before the next receive(), close what is not needed, or ${raiseAdvice()}`,
    handle: socket,
  });
}
