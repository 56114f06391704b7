/** Messages with handles on Unix sockets, on Linux: one attempt to send or to receive, which does not wait. */
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  POLLIN,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SO_PASSCRED,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../ffi/posix/constants.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { fcntl_getfd } from "../../ffi/posix/fcntl.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import { libc } from "../../ffi/posix/libc.ts";
import { raiseAdvice } from "../../ffi/posix/limit.ts";
import { type ReceivedMessage, recvmsg, sendmsg } from "../../ffi/posix/message.ts";
import { closeReceived } from "../../ffi/posix/rights.ts";
import { poll } from "../../ffi/posix/socket.ts";
import { getpeername, getsockname, getsockopt, setsockopt } from "../../ffi/posix/socket_option.ts";
import { type Credentials, peerOf } from "../../ffi/posix/unix_socket.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The most bytes of a stream that are received at once. */
const MAX_CHUNK = 65_536;
/** Control data of the level SOL_SOCKET: a descriptor of the sender's process, where a program wants it. */
const SCM_PIDFD = 4;
/** The user that stands for one that the kernel does not know. */
const OVERFLOW_ID = 65_534;

/** A socket for messages. */
export interface MessageSocket {
  readonly raw: RawHandle;
  /** `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`. */
  readonly type: number;
  /** Is the same for all duplicates of the socket, and for no other one that is open. */
  readonly inode: number;
}

/**
 * What is known of a socket.
 *
 * @throws {HandleError} `ENOTSUP` when it is no Unix socket, `EBADF` when it is not open
 */
export function messageSocket(raw: RawHandle): MessageSocket {
  let type: number;
  try {
    type = getsockopt(raw, SOL_SOCKET, SO_TYPE);
  } catch (error) {
    throw hasCode(error, "ENOTSOCK") ? notUnix(raw) : error;
  }
  if (getsockname(raw).family !== "unix") throw notUnix(raw);
  const inode = identityOf(raw)?.inode;
  if (inode === undefined) throw posixError(libc().errno[0]!, "statx", raw);
  return { raw, type, inode };
}

function notUnix(handle: RawHandle): HandleError {
  return failure("ENOTSUP", "sendmsg", {
    message:
      `Cannot send or receive handles by fd ${handle}: it is no Unix socket, and only those carry handles; ` +
      "use one of socketpair(), or a connection to a path",
    handle,
  });
}

/** A message on its way. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  fds: readonly RawHandle[];
  /** How many of the bytes were sent; the handles go with the first ones. */
  sent: number;
  isSent: boolean;
}

/**
 * Sends as much of a message as fits.
 *
 * @returns `true` when all of it was sent; `undefined` when the socket is full, or when this user has as many
 * descriptors in flight as one process may have open
 */
export function trySend(raw: RawHandle, message: Outgoing): true | undefined {
  const { bytes } = message;
  while (!message.isSent) {
    const rights = { level: SOL_SOCKET, type: SCM_RIGHTS, fds: message.fds };
    const control = message.fds.length === 0 || message.sent > 0 ? [] : [rights];
    try {
      const iov = [bytes.subarray(message.sent)];
      message.sent += sendmsg(raw, { iov, control }, MSG_DONTWAIT | MSG_NOSIGNAL);
    } catch (error) {
      if (hasCode(error, "EINTR")) continue;
      if (hasCode(error, "EAGAIN", "ETOOMANYREFS")) return undefined;
      if (hasCode(error, "EBADF")) message.fds.forEach(fcntl_getfd); // throws for the one that is not open
      throw message.sent === 0 ? error : incomplete(raw, message, error);
    }
    message.isSent = message.sent === bytes.length;
  }
  return true;
}

/** What was received. */
export interface Incoming {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly fds: readonly RawHandle[];
  readonly sender: Partial<Credentials>;
}

/**
 * Receives a message, or the next bytes of a stream.
 *
 * @returns `"end"` when the other end is closed, `undefined` when nothing has arrived
 */
export function tryReceive(
  { raw, type }: MessageSocket,
  maxBytes: number,
): Incoming | "end" | undefined {
  const peer = peerOfConnection(raw, type); // before anything is received
  try {
    if (poll([{ fd: raw, events: POLLIN }], 0) === 0) return undefined;
    const size = type === SOCK_STREAM ? Math.min(maxBytes, MAX_CHUNK) : sizeOfNext(raw, maxBytes);
    const buffer = new Uint8Array(size);
    const received = recvmsg(raw, { iov: [buffer] }, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    return readReceived({ raw, type }, peer, buffer, received);
  } catch (error) {
    if (hasCode(error, "EAGAIN", "EINTR")) return undefined;
    throw error;
  }
}

/** Who has made the other end of a connection; what the kernel does not know is left out. */
function peerOfConnection(raw: RawHandle, type: number): Partial<Credentials> {
  if (type === SOCK_DGRAM) return {};
  const { pid, uid, gid } = peerOf(raw);
  return pid === 0 ? { uid, gid } : { pid, uid, gid };
}

/** The size of the next message, which stays in the socket; throws `EMSGSIZE` when it is too large. */
function sizeOfNext(raw: RawHandle, maxBytes: number): number {
  const flags = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT;
  const { length } = recvmsg(raw, { iov: [], controllen: 0 }, flags);
  if (length <= maxBytes) return length;
  throw failure("EMSGSIZE", "recvmsg", {
    message:
      `Cannot receive a message of ${length} bytes by fd ${raw}: more than ${maxBytes} are refused, ` +
      "and it stays in the socket; call again with a larger maxBytes",
    handle: raw,
  });
}

/** Nothing that could fail runs here: the message is no longer in the socket. */
function readReceived(
  { raw, type }: { readonly raw: RawHandle; readonly type: number },
  peer: Partial<Credentials>,
  buffer: Uint8Array<ArrayBuffer>,
  { length, control, flags }: ReceivedMessage,
): Incoming | "end" {
  const fds = control.flatMap((each) => each.fds ?? []);
  const ofType = (wanted: number) =>
    control.find((each) => each.level === SOL_SOCKET && each.type === wanted)?.data;
  // A program that shares the socket has set SO_PASSPIDFD.
  const pidfd = ofType(SCM_PIDFD);
  if (pidfd !== undefined) closeReceived([...new Int32Array(pidfd.slice().buffer)]);
  const lost = (flags & MSG_CTRUNC) !== 0
    ? lostHandles(raw, fds.length)
    : (flags & MSG_TRUNC) !== 0
    ? lostBytes(raw)
    : undefined;
  if (lost !== undefined) {
    closeReceived(fds);
    throw lost;
  }
  // A datagram may have no bytes. On the other types that is the end.
  if (length === 0 && type !== SOCK_DGRAM) {
    closeReceived(fds);
    return "end";
  }
  // A connection may bring them, too (SO_PASSCRED), but the kernel's word for who has made it is not the sender's.
  const sender = type === SOCK_DGRAM ? readCredentials(ofType(SCM_CREDENTIALS)) ?? peer : peer;
  return { data: buffer.slice(0, length), fds, sender };
}

/**
 * Throws `ENOTCONN` when a socket is for connections and has none. One that listens would wait for its clients, and
 * not for a message.
 */
export function requireConnected({ raw, type }: MessageSocket): void {
  if (type !== SOCK_DGRAM) getpeername(raw);
}

/** Has the kernel tell the sender of each datagram from now on. */
export function wantSenders({ raw, type }: MessageSocket): void {
  if (type !== SOCK_DGRAM || getsockopt(raw, SOL_SOCKET, SO_PASSCRED) !== 0) return;
  setsockopt(raw, SOL_SOCKET, SO_PASSCRED, 1);
}

/** Who has sent a message, by the kernel; `undefined` when it does not know. */
function readCredentials(message: Uint8Array | undefined): Partial<Credentials> | undefined {
  if (message === undefined) return undefined;
  const [pid, uid, gid] = new Uint32Array(message.slice().buffer);
  if (pid !== 0) return { pid: pid!, uid: uid!, gid: gid! };
  return uid === OVERFLOW_ID ? undefined : { uid: uid!, gid: gid! };
}

/** The error of a message of which a part was sent. */
export function incomplete(handle: RawHandle, { bytes, sent }: Outgoing, cause: unknown): unknown {
  if (!(cause instanceof HandleError)) return cause;
  return failure(cause.code, "sendmsg", {
    message:
      `${cause.message}; ${sent} of the ${bytes.length} bytes were sent before, with all handles`,
    handle,
    cause,
  });
}

function lostHandles(handle: RawHandle, count: number): HandleError {
  return failure("EMFILE", "recvmsg", {
    message:
      `Cannot receive all handles of a message by fd ${handle}: this process had descriptors for ` +
      `${count} of them only; they are closed, and the message is lost. Before the next one, close what is ` +
      `not needed, or ${raiseAdvice()}`,
    handle,
  });
}

function lostBytes(handle: RawHandle): HandleError {
  return failure("EMSGSIZE", "recvmsg", {
    message:
      `Cannot receive a message by fd ${handle}: another process has received the one before it, and ` +
      "this one is larger and lost; let one process receive",
    handle,
  });
}
