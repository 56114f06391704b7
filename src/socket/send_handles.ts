/** Sending handles to programs of any kind. */
import { checkBytes, checkIterable, copyFrom } from "../../ffi/check.ts";
import { SOCK_DGRAM } from "../../ffi/posix/constants.ts";
import { fcntl_getfd } from "../../ffi/posix/fcntl.ts";
import { SCM_MAX_FD } from "../../ffi/posix/rights.ts";
import { duplicatePosix } from "../handle/posix.ts";
import { closeAll } from "../handle/raw.ts";
import { type HandleSource, rawsOf } from "../handle/source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import {
  parseMessageOptions,
  refuseRuntimeSocket,
  requireMessages,
  requireStillOpen,
  type SendHandlesOptions,
} from "./handle_message.ts";
import { incomplete, messageSocket, type Outgoing, trySend } from "./posix_message.ts";
import { inTurn, isBusy, until } from "./turns.ts";

/**
 * Sends bytes and duplicates of handles by a connected Unix socket, as one message of `SCM_RIGHTS`: to programs in
 * any language, such as Python's `socket.recv_fds`. The caller keeps the sources, and may close them once the promise
 * is fulfilled. Between two processes with this library, {@linkcode HandleChannel} does more. Linux.
 *
 * The socket is a stream, or one for datagrams or packets. On a stream the handles go with the first byte, and a
 * receiver may get the bytes in parts. While the socket is full it is tried again after pauses of at most 32 ms, and
 * the event loop goes on; then the message waits with duplicates of its own, which are closed when they were sent. That
 * ends the record locks that this process has on the files:
 * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks). Messages of one
 * thread are sent one after the other, in the order of the calls.
 *
 * When a stream fails, or the signal ends it, after a part of the bytes was sent, the message is incomplete: close the
 * socket.
 *
 * @param socket the socket, which stays the caller's; not one of the runtime's `node:net`
 * @param data the bytes: at least one, except in a datagram
 * @param handles the sources of the duplicates, at most 253
 * @param options what ends the wait
 * @throws {HandleError} `EPIPE`, `ECONNRESET` or `ECONNREFUSED` when the other end is closed; `ENOTCONN`; `EBADF` when
 * the socket or a source is not open; `EMSGSIZE` when the bytes are too many for one datagram or packet; `EMFILE` when
 * the message has to wait and its handles cannot be duplicated; `ENOTSUP` for what is no Unix socket, and on Windows
 * and macOS
 * @throws {TypeError} when an argument is not of its kind; nothing was sent
 * @throws {unknown} the reason of the signal, when it was aborted
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 * @see https://man7.org/linux/man-pages/man3/cmsg.3.html
 *
 * @example
 * ```ts
 * import { OwnedHandle, receiveHandles, sendHandles } from "duphandle";
 * import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM, socketpair } from "duphandle/posix";
 *
 * if (process.platform === "linux") {
 *   const pair = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 *   using one = OwnedHandle.fromRaw(pair[0]);
 *   using other = OwnedHandle.fromRaw(pair[1]); // Python: socket.recv_fds(sock, 1024, 1)
 *   await sendHandles(one, new TextEncoder().encode("stdout"), [1]);
 *   using received = await receiveHandles(other);
 *   console.log(new TextDecoder().decode(received!.data), received!.handles.length); // stdout 1
 * }
 * ```
 */
export async function sendHandles(
  socket: HandleSource,
  data: Uint8Array,
  handles: Iterable<HandleSource> = [],
  options?: SendHandlesOptions,
): Promise<void> {
  checkBytes(data);
  checkIterable(handles, "handles");
  const sources = [...handles];
  const { signal } = parseMessageOptions(options, ["signal"]);
  requireMessages("sendmsg");
  signal?.throwIfAborted();
  refuseRuntimeSocket(socket, "sendmsg");
  const [raw, ...fds] = rawsOf([socket, ...sources]) as [RawHandle, ...RawHandle[]];
  const { type, inode } = messageSocket(raw);
  const message: Outgoing = { bytes: copyOf(data), fds, sent: 0, isSent: false };
  checkMessage(message, type);
  fds.forEach(fcntl_getfd); // an EBADF of sendmsg would not say which one is closed
  const key = `send ${inode}`;
  if (!isBusy(key) && trySend(raw, message) === true) return;
  // The caller may close all of them while it waits, and other files get the numbers.
  const [own, ...waiting] = duplicateEach(message.sent > 0 ? [raw] : [raw, ...fds], message);
  const held = [own, ...waiting];
  message.fds = waiting;
  try {
    await inTurn(key, signal, () =>
      until(
        () => {
          requireStillOpen(socket, "sendmsg");
          return trySend(own, message);
        },
        signal,
        () => message.sent,
      ));
  } finally {
    closeAll(held);
  }
}

function copyOf(data: Uint8Array): Uint8Array {
  const length = checkBytes(data);
  const bytes = new Uint8Array(length);
  copyFrom(data, length, bytes);
  return bytes;
}

function checkMessage({ bytes, fds }: Outgoing, type: number): void {
  if (fds.length > SCM_MAX_FD) {
    throw new TypeError(
      `Cannot send ${fds.length} handles in a message: it may have at most ${SCM_MAX_FD}; send several`,
    );
  }
  if (bytes.length > 0 || type === SOCK_DGRAM) return;
  throw new TypeError(
    "Cannot send a message without a byte: on a stream no handle goes without one, and a receiver of packets " +
      "would take it for the end; send one byte",
  );
}

/** Duplicates a socket and the handles that wait for it; none is left when one of them fails. */
function duplicateEach(
  fds: readonly [socket: RawHandle, ...handles: RawHandle[]],
  message: Outgoing,
): [RawHandle, ...RawHandle[]] {
  const copies: RawHandle[] = [];
  try {
    for (const fd of fds) copies.push(duplicatePosix(fd, false));
    return copies as [RawHandle, ...RawHandle[]];
  } catch (error) {
    closeAll(copies);
    throw message.sent === 0 ? error : incomplete(fds[0], message, error);
  }
}
