/** Descriptors in messages, on Linux: `SCM_RIGHTS` of unix(7), cmsg(3). */
import { failure } from "../error.ts";
import { scratch } from "../backend/scratch.ts";
import { close } from "./dup.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";
import { channelCalls } from "./unix_socket.ts";

/** The most descriptors that the kernel takes in one message. */
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

/** Where the parts lie in the scratch memory: `struct msghdr`, `struct iovec`, a byte, the control data. */
const HEADER_AT = 0;
const VECTOR_AT = 64;
const BYTE_AT = 96;
const CONTROL_AT = 128;
/** `struct cmsghdr`: a `size_t`, two `int`s; what follows is padded to 8 bytes. */
const CONTROL_HEADER = 16;
/** More room than one message of the kernel can fill, so that nothing is cut off for lack of it. */
const CONTROL_ROOM = 4096;

/** Where `struct msghdr` has what. */
const VECTOR = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;

/** What came with one byte. */
export interface Rights {
  readonly fds: number[];
  /** Whether the kernel had to close some: this process had no number left for them. */
  readonly isTruncated: boolean;
}

/**
 * Sends descriptors with one byte of data, without waiting.
 *
 * @param socket a socket of this machine
 * @param fds the descriptors, and others
 * @param from the index of the first that is sent, default 0
 * @param count how many are sent, from 1 to 253, default all
 * @returns `false` when there is no room: the socket is full, or this user has as many descriptors
 * in flight as one process may have
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

/** Takes the next byte out of a socket; the descriptors that came with it are closed. */
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
 * Receives the descriptors that came with the next byte, without waiting. None is inheritable.
 *
 * @param socket a socket of this machine
 * @returns what came; `undefined` when nothing has, and `"end"` when the other end is closed
 */
export function receiveRights(socket: number): Rights | "end" | undefined {
  return receive(socket, 0);
}

/**
 * Duplicates the descriptors that came with one of the bytes that wait in a socket, and leaves them
 * there. None is inheritable.
 *
 * @param socket a socket of this machine
 * @param at which byte, counted from the oldest
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
  writeHeader(CONTROL_ROOM);
  const { recvmsg } = channelCalls();
  const { errno } = libc();
  const count = recvmsg(socket, address + HEADER_AT, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
  if (count === -1) {
    const error = errno[0]!;
    if (error === EAGAIN) return undefined;
    throw posixError(error, "recvmsg", socket);
  }
  const fds = walk(readSize(CONTROL_LENGTH));
  if (count === 0) {
    fds.forEach(close); // nothing should come with the end
    return "end";
  }
  return { fds, isTruncated: (int32[FLAGS >> 2]! & MSG_CTRUNC) !== 0 };
}

/** Every descriptor of every control message: there may be more than one. */
function walk(length: number): number[] {
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

/** Writes a `size_t` or an address, in two halves: no `bigint` is made. */
function writeSize(at: number, value: number): void {
  const { int32 } = scratch();
  int32[at >> 2] = value;
  int32[(at >> 2) + 1] = value / 2 ** 32;
}

/** Reads a `size_t` that is below 2^31: the kernel wrote no more than there was room for. */
function readSize(at: number): number {
  return scratch().int32[at >> 2]!;
}

function align(length: number): number {
  return (length + 7) & ~7;
}

/** The error for descriptors that were lost on the way. */
export function truncated(wanted: number, socket: number): Error {
  return failure("EMFILE", "recvmsg", {
    message:
      `Cannot receive ${wanted} handles: this process had no descriptors left for them, and ` +
      "they are lost; close what is not needed, or raise the limit (ulimit -n), before receive()",
    handle: socket,
  });
}
