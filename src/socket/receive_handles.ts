/** Receiving handles from programs of any kind. */
import { type OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { duplicatePosix } from "../handle/posix.ts";
import { closeAll } from "../handle/raw.ts";
import { keepFromLingering } from "../handle/received.ts";
import { type HandleSource, rawOf } from "../handle/source.ts";
import { attemptEach } from "../util/attempts.ts";
import {
  parseMessageOptions,
  type ReceivedHandles,
  type ReceiveHandlesOptions,
  refuseRuntimeSocket,
  requireMessages,
  requireStillOpen,
} from "./handle_message.ts";
import {
  type Incoming,
  messageSocket,
  requireConnected,
  tryReceive,
  wantSenders,
} from "./posix_message.ts";
import { inTurn, isBusy, until } from "./turns.ts";

/** A message that was received. */
class Received implements ReceivedHandles {
  readonly data: Uint8Array;
  readonly handles: OwnedHandle[];
  readonly pid: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;

  constructor({ data, fds, sender: { pid, uid, gid } }: Incoming) {
    this.data = data;
    this.handles = fds.map(ownedHandle);
    [this.pid, this.uid, this.gid] = [pid, uid, gid];
  }

  [Symbol.dispose](): void {
    keepFromLingering(this.handles);
    attemptEach(this.handles, (handle) => handle.close());
  }
}

/**
 * Receives bytes, and the handles that came with them, by a Unix socket: from programs in any language that send
 * `SCM_RIGHTS`, such as Python's `socket.send_fds`. Linux.
 *
 * The socket is a connected stream, or one for datagrams or packets. A datagram or a packet is received as a whole. A
 * stream has no messages: what is there comes, and handles come with the first byte that was sent with them, and never
 * together with those of a later message. Nothing is received before the call, so what is not wanted waits in the
 * socket.
 *
 * While nothing is there it is looked for again after pauses of at most 32 ms, and the event loop goes on; the process
 * stays alive. On a socket for datagrams it sets `SO_PASSCRED`, for all who share it, so that the kernel tells the
 * sender of each; of one that was sent before, it may not know it.
 *
 * @param socket the socket, which stays the caller's; not one of the runtime's `node:net`
 * @param options how many bytes, and what ends the wait
 * @returns the bytes, the handles, which the caller closes, and who has sent them; `undefined` when the other end of a
 * stream or of a sequence of packets is closed
 * @throws {HandleError} `EMFILE` when this process had too few descriptors for the handles: those that came are closed,
 * and they and the bytes are lost; `EMSGSIZE` when a datagram or a packet is larger than `maxBytes`, and it stays in
 * the socket; `ECONNRESET`, `ENOTCONN`; `EBADF` when the socket is not open; `ENOTSUP` for what is no Unix socket, and
 * on Windows and macOS
 * @throws {TypeError} when an argument is not of its kind
 * @throws {unknown} the reason of the signal, when it was aborted
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
 *
 * @example
 * ```ts
 * import { type HandleSource, receiveHandles } from "duphandle";
 *
 * // Receives until the other end is closed.
 * async function receiveAll(socket: HandleSource) {
 *   for (let next; (next = await receiveHandles(socket)) !== undefined;) {
 *     using received = next; // closes the handles that are still open
 *     console.log(received.pid, received.data.length, received.handles.length);
 *   }
 * }
 * console.log(typeof receiveAll);
 * ```
 */
export async function receiveHandles(
  socket: HandleSource,
  options?: ReceiveHandlesOptions,
): Promise<ReceivedHandles | undefined> {
  const { maxBytes, signal } = parseMessageOptions(options, ["maxBytes", "signal"]);
  requireMessages("recvmsg");
  signal?.throwIfAborted();
  refuseRuntimeSocket(socket, "recvmsg");
  const known = messageSocket(rawOf(socket));
  requireConnected(known);
  wantSenders(known);
  const key = `receive ${known.inode}`;
  const first = isBusy(key) ? undefined : tryReceive(known, maxBytes);
  if (first !== undefined) return messageOf(first);
  // The caller may close it while this waits, and another file gets the number.
  const own = duplicatePosix(known.raw, false);
  try {
    return messageOf(
      await inTurn(key, signal, () =>
        until(() => {
          requireStillOpen(socket, "recvmsg");
          return tryReceive({ ...known, raw: own }, maxBytes);
        }, signal)),
    );
  } finally {
    closeAll([own]);
  }
}

function messageOf(incoming: Incoming | "end"): ReceivedHandles | undefined {
  return incoming === "end" ? undefined : new Received(incoming);
}
