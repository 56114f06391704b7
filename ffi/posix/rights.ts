/** Sends and receives descriptors in messages, on Linux: `SCM_RIGHTS` of unix(7), cmsg(3). */
import { failure } from "../error.ts";
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
const SO_PEEK_OFF = 42;
const MSG_PEEK = 2;
const MSG_CTRUNC = 8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const EAGAIN = 11;
const ETOOMANYREFS = 109;

/**
 * Offsets in the scratch memory: `struct msghdr`, `struct iovec`, one byte of data, the control data.
 */
const HEADER_AT = 0;
const VECTOR_AT = 64;
const BYTE_AT = 96;
const CONTROL_AT = 128;
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

/** The descriptors that arrived with one byte of data. */
export interface Rights {
  readonly fds: number[];
  /** Whether the kernel closed some of them because this process had no free descriptor. */
  readonly isTruncated: boolean;
}

/**
 * Sends descriptors with one byte of data, without waiting.
 *
 * @param socket a Unix socket
 * @param fds the descriptors
 * @param from the index of the first one to send, default 0
 * @param count how many to send, from 1 to 253, default all
 * @returns `false` when the socket is full, or when this user has as many descriptors in flight as one
 * process may have open
 * @throws {HandleError} `EBADF` when one is not open, `EPIPE` when the other end is closed
 */
export function sendRights(
  socket: number,
  fds: readonly number[],
  from: number = 0,
  count: number = fds.length,
): boolean {
  const { address, int32 } = scratch();
  const length = CONTROL_HEADER + count * 4;
  writeHeader(align(length));
  writeSize(CONTROL_AT, length);
  int32[(CONTROL_AT + 8) >> 2] = SOL_SOCKET;
  int32[(CONTROL_AT + 12) >> 2] = SCM_RIGHTS;
  const first = (CONTROL_AT + CONTROL_HEADER) >> 2;
  for (let at = 0; at < count; at++) int32[first + at] = fds[from + at]!;
  const { sendmsg } = channelCalls();
  const { errno } = libc();
  if (sendmsg(socket, address + HEADER_AT, MSG_DONTWAIT | MSG_NOSIGNAL) !== -1) return true;
  const error = errno[0]!;
  if (error === EAGAIN || error === ETOOMANYREFS) return false;
  throw posixError(error, "sendmsg", socket, `${count} descriptors`);
}

/** Discards the next byte of a socket. The kernel closes the descriptors that came with it. */
export function discardRights(socket: number): void {
  const { address } = scratch();
  writeHeader(0);
  const { recvmsg } = channelCalls();
  const { errno } = libc();
  if (recvmsg(socket, address + HEADER_AT, MSG_DONTWAIT) === -1) {
    throw posixError(errno[0]!, "recvmsg", socket);
  }
}

/**
 * Receives the descriptors that came with the next byte, without waiting. They are not inheritable.
 *
 * @param socket a Unix socket
 * @returns the descriptors; `undefined` when no byte has arrived, `"end"` when the other end is closed
 */
export function receiveRights(socket: number): Rights | "end" | undefined {
  return receive(socket, 0);
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
  return receive(socket, MSG_PEEK);
}

function receive(socket: number, flags: number): Rights | "end" | undefined {
  const { address, int32 } = scratch();
  writeHeader(CONTROL_SIZE);
  const { recvmsg } = channelCalls();
  const { errno } = libc();
  const count = recvmsg(socket, address + HEADER_AT, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
  if (count === -1) {
    const error = errno[0]!;
    if (error === EAGAIN) return undefined;
    throw posixError(error, "recvmsg", socket);
  }
  const fds = readControl(readSize(CONTROL_LENGTH));
  if (count === 0) {
    fds.forEach(close); // descriptors cannot arrive without a byte, but they would leak
    return "end";
  }
  return { fds, isTruncated: (int32[FLAGS >> 2]! & MSG_CTRUNC) !== 0 };
}

/** Reads the descriptors of all control messages. There can be more than one. */
function readControl(length: number): number[] {
  const { int32 } = scratch();
  const fds: number[] = [];
  for (let at = 0; at + CONTROL_HEADER <= length;) {
    const size = readSize(CONTROL_AT + at);
    if (size < CONTROL_HEADER) break;
    const header = (CONTROL_AT + at) >> 2;
    const isRights = int32[header + 2] === SOL_SOCKET && int32[header + 3] === SCM_RIGHTS;
    const count = isRights ? (Math.min(size, length - at) - CONTROL_HEADER) >> 2 : 0;
    for (let fd = 0; fd < count; fd++) fds.push(int32[header + 4 + fd]!);
    at += align(size);
  }
  return fds;
}

function writeHeader(controlLength: number): void {
  const { address, int32 } = scratch();
  int32.fill(0, HEADER_AT >> 2, VECTOR_AT >> 2); // no address, no flags
  writeSize(VECTOR, address + VECTOR_AT);
  writeSize(VECTOR_COUNT, 1);
  writeSize(CONTROL, address + CONTROL_AT);
  writeSize(CONTROL_LENGTH, controlLength);
  writeSize(VECTOR_AT, address + BYTE_AT);
  writeSize(VECTOR_AT + 8, 1);
}

/** Writes a `size_t` or an address in two halves, without a `bigint`. */
function writeSize(at: number, value: number): void {
  const { int32 } = scratch();
  int32[at >> 2] = value;
  int32[(at >> 2) + 1] = value / 2 ** 32;
}

/** Reads a `size_t` that is below 2^31, as all sizes within the scratch memory are. */
function readSize(at: number): number {
  return scratch().int32[at >> 2]!;
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
