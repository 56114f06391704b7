/** Messages with buffers, addresses and control data, on Linux: sendmsg(2), recvmsg(2), cmsg(3). */
import { addressOf } from "../backend/mod.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { checkBytes, checkFd, checkInt, checkInteger, copyFrom, copyTo, show } from "../check.ts";
import { failure } from "../error.ts";
import { MSG_TRUNC, SOCK_STREAM } from "./constants.ts";
import {
  checkControl,
  type ControlMessage,
  elementsOf,
  readControl,
  receivedControl,
  sum,
  writePiece,
} from "./control_message.ts";
import { posixError } from "./errors.ts";
import { libc, libcMessages } from "./libc.ts";
import {
  CONTROL_AT,
  MAX_CONTROL,
  messageMemory,
  NAME_AT,
  readMessageHeader,
  writeMessageHeader,
} from "./message_memory.ts";
import { type KnownSocketName, type Sockaddr, sockaddrOf } from "./socket_address.ts";
import { ADDRESS_SIZE, readName, type SocketName, socketType } from "./socket_name.ts";

export type { ControlMessage };

/** A message has fewer bytes: what the buffer of a socket may be on every usual system is much less. */
const MAX_MESSAGE = 1 << 26;
/** The most buffers of a message: `IOV_MAX`. */
const MAX_BUFFERS = 1024;
/** linux/socket.h: the kernel sends from the memory of the caller, also after the call. */
const MSG_ZEROCOPY = 0x400_0000;
/** The size of the control data that is received by default. */
const CONTROL_LENGTH = 4096;

/** What {@linkcode sendmsg} sends: `struct msghdr`. */
export interface MessageHeader {
  /** The address to send to; without one, that to which the socket is connected. */
  readonly name?: KnownSocketName | undefined;
  /** The buffers with the bytes, at most 1024. */
  readonly iov: readonly Uint8Array[];
  /** The control data, together at most 8 KiB with its headers. */
  readonly control?: readonly ControlMessage[] | undefined;
}

/** Where {@linkcode recvmsg} puts what it receives: `struct msghdr`. */
export interface MessageBuffers {
  /** The buffers for the bytes, at most 1024. */
  readonly iov: readonly Uint8Array[];
  /** The most bytes of control data with its headers, up to 8 KiB. Default 4 KiB. */
  readonly controllen?: number | undefined;
}

/** What {@linkcode recvmsg} received: `struct msghdr`. */
export interface ReceivedMessage {
  /** How many bytes; 0 at the end of a stream. With the flag `MSG_TRUNC` it can be more than the buffers hold. */
  readonly length: number;
  /** The address of the sender; `undefined` where the kernel does not tell it, as for a connection. */
  readonly name: SocketName | undefined;
  /** The control data that came with them. */
  readonly control: ControlMessage[];
  /** `MSG_CTRUNC`, `MSG_TRUNC`, … */
  readonly flags: number;
}

/**
 * `sendmsg(sockfd, msg, flags)` — sends bytes from several buffers, with control data such as descriptors.
 * Without `MSG_DONTWAIT` or `O_NONBLOCK` it blocks the thread, and with it the event loop, while the buffer of
 * the socket is full. Linux; macOS: `ENOTSUP`.
 *
 * On a stream one call sends at most 64 KiB, and descriptors need at least one byte.
 *
 * @param sockfd a socket
 * @param msg what to send, and where to
 * @param flags `MSG_DONTWAIT`, `MSG_NOSIGNAL`, …, or 0
 * @returns how many bytes were sent
 * @throws {HandleError} `EAGAIN` when it would wait, `EPIPE`, `ECONNRESET`, `ENOTCONN`, `EMSGSIZE`; `EBADF` when
 * the socket or a descriptor is not open; `EINVAL` for more than 253 descriptors; `ETOOMANYREFS` when too many
 * are in flight; `ENOTSUP` for `MSG_ZEROCOPY`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/sendmsg.2.html
 * @see https://man7.org/linux/man-pages/man3/cmsg.3.html
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, MSG_CMSG_CLOEXEC, recvmsg, SCM_RIGHTS, sendmsg } from "duphandle/posix";
 * import { SOCK_CLOEXEC, SOCK_STREAM, socketpair, SOL_SOCKET } from "duphandle/posix";
 *
 * if (process.platform === "linux") {
 *   const [one, other] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 *   const rights = { level: SOL_SOCKET, type: SCM_RIGHTS, fds: [1] };
 *   sendmsg(one, { iov: [new TextEncoder().encode("stdout")], control: [rights] }, 0);
 *   const { control } = recvmsg(other, { iov: [new Uint8Array(64)] }, MSG_CMSG_CLOEXEC);
 *   for (const { fds = [] } of control) for (const fd of fds) close(fd); // each is a duplicate of 1
 *   close(one);
 *   close(other);
 * }
 * ```
 */
export function sendmsg(sockfd: number, msg: MessageHeader, flags: number): number {
  checkFd(sockfd, "sockfd");
  checkInt(flags, "flags");
  checkMessage(msg);
  const { name, iov, control } = msg;
  const sockaddr = name === undefined ? undefined : sockaddrOf(name);
  if ((flags & MSG_ZEROCOPY) !== 0) throw notCopied(sockfd);
  const buffers = elementsOf(iov, "iov", MAX_BUFFERS);
  const pieces = control === undefined ? [] : readControl(control);
  // From here on no code of the caller runs.
  const lengths = buffers.map(checkBytes);
  const controlLength = checkControl(pieces);
  const calls = libcMessages("sendmsg");
  const block = blockFor(sockfd, sum(lengths));
  const sent = gather(buffers as Uint8Array[], lengths, block);
  if (sent === MAX_MESSAGE) throw tooLarge(sockfd);
  pieces.reduce(writePiece, CONTROL_AT);
  writeMessageHeader(block.address, sent, controlLength, writeName(sockaddr));
  const { errno } = libc();
  const done = calls.sendmsg(sockfd, messageMemory().address, flags);
  if (done === -1) throw posixError(errno[0]!, "sendmsg", sockfd);
  return done;
}

/**
 * `recvmsg(sockfd, msg, flags)` — receives bytes into several buffers, with control data such as descriptors.
 * Without `MSG_DONTWAIT` or `O_NONBLOCK` it blocks the thread, and with it the event loop, until something comes.
 * Linux; macOS: `ENOTSUP`.
 *
 * Descriptors that come are the caller's to close. Without `MSG_CMSG_CLOEXEC` children inherit them. On a stream
 * one call receives at most 64 KiB.
 *
 * @param sockfd a socket
 * @param msg where to put the bytes
 * @param flags `MSG_CMSG_CLOEXEC`, `MSG_DONTWAIT`, `MSG_PEEK`, …, or 0
 * @returns what was received; its flags tell whether something was lost
 * @throws {HandleError} `EAGAIN` when it would wait, `ECONNRESET`, `ENOTCONN`, `ENOTSOCK`, `EINTR`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
 * @see https://man7.org/linux/man-pages/man3/cmsg.3.html
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, recvmsg, sendmsg, SOCK_CLOEXEC, SOCK_DGRAM, socketpair } from "duphandle/posix";
 *
 * if (process.platform === "linux") {
 *   const [one, other] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
 *   sendmsg(one, { iov: [Uint8Array.of(1, 2), Uint8Array.of(3)] }, 0);
 *   const bytes = new Uint8Array(64);
 *   console.log(recvmsg(other, { iov: [bytes] }, 0).length); // 3
 *   close(one);
 *   close(other);
 * }
 * ```
 */
export function recvmsg(sockfd: number, msg: MessageBuffers, flags: number): ReceivedMessage {
  checkFd(sockfd, "sockfd");
  checkInt(flags, "flags");
  checkMessage(msg);
  const { iov, controllen = CONTROL_LENGTH } = msg;
  checkInteger(controllen, "controllen", 0, MAX_CONTROL);
  const buffers = elementsOf(iov, "iov", MAX_BUFFERS);
  const lengths = buffers.map(checkBytes); // from here on no code of the caller runs
  const calls = libcMessages("recvmsg");
  const block = blockFor(sockfd, sum(lengths));
  const wanted = Math.min(sum(lengths), block.bytes.length);
  // TCP discards the bytes then, and leaves the memory as it was.
  if ((flags & MSG_TRUNC) !== 0) gather(buffers as Uint8Array[], lengths, block);
  writeMessageHeader(block.address, wanted, controllen, ADDRESS_SIZE);
  const { errno } = libc();
  const length = calls.recvmsg(sockfd, messageMemory().address, flags);
  if (length === -1) throw posixError(errno[0]!, "recvmsg", sockfd);
  const header = readMessageHeader();
  const control = receivedControl(header.controlLength);
  scatter(buffers as Uint8Array[], lengths, block.bytes.subarray(0, Math.min(length, wanted)));
  return { length, name: readPeer(header.nameLength), control, flags: header.flags };
}

/** Memory for the bytes of a message. */
interface Block {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** The memory for messages that are larger than the scratch memory. */
let large: Block | undefined;

/** Memory for a message of this size. On a stream a part of it will do. */
function blockFor(sockfd: number, size: number): Block {
  if (size <= SCRATCH_SIZE || socketType(sockfd) === SOCK_STREAM) {
    const { address, bytes } = scratch();
    return { address, bytes: bytes.subarray(0, SCRATCH_SIZE) };
  }
  if (large === undefined || large.bytes.length < size) {
    const buffer = new ArrayBuffer(Math.min(size, MAX_MESSAGE));
    large = { address: addressOf(buffer), bytes: new Uint8Array(buffer) };
  }
  return large;
}

/** Copies buffers one after the other to memory of this library, and returns how many bytes fitted. */
function gather(buffers: readonly Uint8Array[], lengths: readonly number[], block: Block): number {
  let at = 0;
  for (const [index, buffer] of buffers.entries()) {
    const count = Math.min(lengths[index]!, block.bytes.length - at);
    copyFrom(buffer, count, block.bytes, at);
    at += count;
  }
  return at;
}

function scatter(
  buffers: readonly Uint8Array[],
  lengths: readonly number[],
  bytes: Uint8Array,
): void {
  let at = 0;
  for (const [index, buffer] of buffers.entries()) {
    if (at >= bytes.length) return;
    const end = Math.min(at + lengths[index]!, bytes.length);
    copyTo(buffer, bytes.subarray(at, end));
    at = end;
  }
}

/** Throws a `TypeError` unless the value is an object. */
function checkMessage(msg: unknown): void {
  if (typeof msg === "object" && msg !== null) return;
  throw new TypeError(`Cannot use ${show(msg)} as a message: it must be an object with iov`);
}

function writeName(sockaddr: Sockaddr | undefined): number {
  if (sockaddr === undefined) return 0;
  messageMemory().bytes.set(sockaddr.bytes, NAME_AT);
  return sockaddr.bytes.length;
}

/** The address of the peer, by way of the scratch memory. */
function readPeer(length: number): SocketName | undefined {
  if (length === 0) return undefined;
  const size = Math.min(length, ADDRESS_SIZE);
  scratch().bytes.set(messageMemory().bytes.subarray(NAME_AT, NAME_AT + size));
  return readName(size);
}

/** The bytes are copied to memory that the next call overwrites, and the kernel would send those of that. */
function notCopied(handle: number): Error {
  return failure("ENOTSUP", "sendmsg", {
    message:
      `Cannot sendmsg fd ${handle} with MSG_ZEROCOPY: this library sends from memory of its own, which the next ` +
      "call changes; leave the flag out",
    handle,
  });
}

function tooLarge(handle: number): Error {
  return failure("EMSGSIZE", "sendmsg", {
    message:
      `Cannot sendmsg fd ${handle}: the message has ${MAX_MESSAGE} bytes or more; send it in parts`,
    handle,
  });
}
