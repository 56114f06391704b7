/** Sends and receives descriptors in messages, on Linux: `SCM_RIGHTS` of unix(7), cmsg(3). */
import { failure } from "../error.ts";
import { scratch } from "../backend/scratch.ts";
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  SCM_RIGHTS,
  SO_LINGER,
  SOL_SOCKET,
} from "./constants.ts";
import { close } from "./dup.ts";
import { posixError } from "./errors.ts";
import { libc, libcMessages } from "./libc.ts";
import { raiseAdvice } from "./limit.ts";
import {
  alignControl,
  CONTROL_AT,
  CONTROL_HEADER,
  DATA_AT,
  MAX_CONTROL,
  MAX_DATA,
  messageMemory,
  readMessageHeader,
  visitControl,
  writeControlHeader,
  writeMessageHeader,
} from "./message_memory.ts";
import { socketNameCalls } from "./socket_name.ts";

/** The most descriptors in one message. */
export const SCM_MAX_FD = 253;

const SO_PEEK_OFF = 42;
const EAGAIN = 11;
const ETOOMANYREFS = 109;

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
  const { int32 } = messageMemory();
  const length = CONTROL_HEADER + count * 4;
  writeControlHeader(CONTROL_AT, length, SOL_SOCKET, SCM_RIGHTS);
  const first = (CONTROL_AT + CONTROL_HEADER) >> 2;
  for (let at = 0; at < count; at++) int32[first + at] = fds[from + at]!;
  return send(socket, data, alignControl(length), count);
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
  const { address, bytes } = messageMemory();
  const { length } = data;
  if (length > MAX_DATA) throw new RangeError(`Cannot send ${length} bytes at once`);
  for (let at = 0; at < length; at++) bytes[DATA_AT + at] = data[at]!;
  writeMessageHeader(address + DATA_AT, length, controlLength);
  const { sendmsg } = libcMessages("sendmsg");
  const { errno } = libc();
  if (sendmsg(socket, address, MSG_DONTWAIT | MSG_NOSIGNAL) !== -1) return true;
  const error = errno[0]!;
  if (error === EAGAIN || error === ETOOMANYREFS) return false;
  const subject = count > 0 ? `${count} descriptors` : `${length} bytes`;
  throw posixError(error, "sendmsg", socket, subject);
}

/** Discards the next byte of a socket. The kernel closes the descriptors that came with it. */
export function discardRights(socket: number): void {
  const { address } = messageMemory();
  writeMessageHeader(address + DATA_AT, 1, 0);
  const { recvmsg } = libcMessages("recvmsg");
  const { errno } = libc();
  if (recvmsg(socket, address, MSG_DONTWAIT) === -1) {
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

/** Closes descriptors that a peer has sent, without waiting for anyone. */
export function closeReceived(fds: readonly number[]): void {
  if (fds.length === 0) return;
  stopLingering(fds);
  const { close: closeNow } = libc();
  for (const fd of fds) closeNow(fd);
}

/**
 * Takes from sockets what has the last close of them wait for their own peer, also when they are non-blocking:
 * `SO_LINGER` of socket(7). Other files stay as they are.
 */
export function stopLingering(fds: readonly number[]): void {
  const { getsockopt, setsockopt } = socketNameCalls();
  const { address, int32 } = scratch();
  for (const fd of fds) {
    int32[2] = 8;
    if (getsockopt(fd, SOL_SOCKET, SO_LINGER, address, address + 8) === -1) continue;
    // struct linger: whether, and how many seconds. With 0 it resets the connection, and does not wait.
    if (int32[0] === 0 || int32[1] === 0) continue;
    int32[0] = 0;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, address, 8);
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
  const { setsockopt } = socketNameCalls();
  const { errno } = libc();
  if (setsockopt(socket, SOL_SOCKET, SO_PEEK_OFF, address, 4) === -1) {
    throw posixError(errno[0]!, "setsockopt", socket);
  }
  return receive(socket, 1, MSG_PEEK);
}

function receive(socket: number, length: number, flags: number): Rights | "end" | undefined {
  const { address, bytes, int32 } = messageMemory();
  writeMessageHeader(address + DATA_AT, length, MAX_CONTROL);
  const { recvmsg } = libcMessages("recvmsg");
  const { errno } = libc();
  const count = recvmsg(socket, address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
  if (count === -1) {
    const error = errno[0]!;
    if (error === EAGAIN) return undefined;
    throw posixError(error, "recvmsg", socket);
  }
  const header = readMessageHeader();
  const fds: number[] = [];
  visitControl(header.controlLength, (level, type, at, size) => {
    if (level !== SOL_SOCKET || type !== SCM_RIGHTS) return;
    for (let each = 0; each < size >> 2; each++) fds.push(int32[(at >> 2) + each]!);
  });
  if (count === 0) {
    fds.forEach(close); // descriptors cannot arrive without a byte, but they would leak
    return "end";
  }
  const data = new Uint8Array(count);
  for (let at = 0; at < count; at++) data[at] = bytes[DATA_AT + at]!;
  return { data, fds, isTruncated: (header.flags & MSG_CTRUNC) !== 0 };
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
