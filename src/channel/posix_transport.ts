/** The transport of handles on Linux: `SCM_RIGHTS` messages on a socket of their own. */
import type { Socket } from "node:net";
import { hasCode } from "../../ffi/error.ts";
import { POLLHUP } from "../../ffi/posix/constants.ts";
import { close } from "../../ffi/posix/dup.ts";
import {
  closeReceived,
  discardMessages,
  receiveRights,
  type Rights,
  sendBytes,
  sendRights,
  truncated,
} from "../../ffi/posix/rights.ts";
import { poll, type PollFd } from "../../ffi/posix/socket.ts";
import { duplicateAll } from "../batch/duplicate_all.ts";
import { type OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { closeAll } from "../handle/raw.ts";
import { runtimeError, tryOrUndefined } from "../util/platform.ts";
import { peerClosedError } from "./connection.ts";
import { readInt32, writeInt32 } from "./frame_memory.ts";
import { frame, Kind, protocolError } from "./frames.ts";
import { adoptStream } from "./posix_stream.ts";
import {
  type BatchDescriptor,
  type BatchNumber,
  type ChannelEnd,
  type HandleTransport,
  nextBatchNumber,
} from "./types.ts";

/** The data of a message with handles: the number of the batch, and how many handles it has. */
const DATA_SIZE = 8;
/** That of the batch that is sent. */
const sentData: Uint8Array = /* @__PURE__ */ new Uint8Array(DATA_SIZE);
/** How many batches of handles are released in a turn of the event loop, and in how many turns. */
const BATCHES_PER_TURN = 16;
const MAX_RELEASE_TURNS = 1000;
const emptyDescriptor: BatchDescriptor = /* @__PURE__ */ new Uint8Array(0);

/**
 * One end of a channel, which takes over both sockets: the one of the stream and the one of handles. When
 * it throws, both are closed.
 *
 * @param peerPid the pid of the peer, by the kernel
 * @param onSettled is called when the peer has said hello, or the channel has ended
 */
export function createEnd(
  stream: number,
  socket: number,
  peerPid?: number,
  onSettled: () => void = () => {},
): ChannelEnd & { readonly stream: Socket } {
  const transport = new ScmRightsTransport(socket, onSettled);
  try {
    return { ...adoptStream(stream), transport, peerPid };
  } catch (cause) {
    closeAll([stream, socket]);
    throw runtimeError(cause, "fstat", "a socket for a channel", stream);
  }
}

/** Carries handles over a socket that only this library uses. */
class ScmRightsTransport implements HandleTransport {
  readonly #socket: number;
  readonly #onSettled: () => void;
  /** The kernel keeps what is in a socket after the sender has ended. */
  readonly needsLiveSender: boolean = false;
  /** The number of the next batch in the socket. */
  #next: BatchNumber = 0;
  #isClosed = false;

  constructor(socket: number, onSettled: () => void) {
    this.#socket = socket;
    this.#onSettled = onSettled;
  }

  send(handles: readonly number[], number: BatchNumber): BatchDescriptor | undefined {
    this.#requireOpen();
    const { length } = handles;
    writeInt32(sentData, 0, number);
    writeInt32(sentData, 4, length);
    try {
      const wasSent = sendRights(this.#socket, handles, 0, length, sentData);
      return wasSent ? emptyDescriptor : undefined;
    } catch (error) {
      // ECONNRESET: the peer closed its socket with unread handles in it.
      if (hasCode(error, "EPIPE", "ECONNRESET")) throw peerClosedError();
      throw error;
    }
  }

  receive(count: number, descriptor: BatchDescriptor, number: BatchNumber): number[] {
    this.#requireOpen();
    if (descriptor.length > 0) throw protocolError("other handles than it announced");
    // Those before it are in the socket still when they could not be received, such as without memory.
    while (this.#next !== number) closeReceived(this.#receiveNext().fds);
    const { data, fds, isTruncated } = this.#receiveNext();
    if (!isTruncated && fds.length === count && readInt32(data, 4) === count) return fds;
    closeReceived(fds);
    throw isTruncated ? truncated(count, this.#socket) : otherHandlesError();
  }

  /** Receives the batch that is the next in the socket. When that fails, it stays the next. */
  #receiveNext(): Rights {
    const rights = this.#receive();
    if (rights === undefined) throw protocolError("no handles where it announced some");
    if (rights.data.length === DATA_SIZE && readInt32(rights.data, 0) === this.#next) {
      this.#next = nextBatchNumber(this.#next);
      return rights;
    }
    closeReceived(rights.fds);
    throw otherHandlesError();
  }

  #receive(): Rights | undefined {
    try {
      // One byte more than it has: a receipt never joins two messages with descriptors.
      const rights = receiveRights(this.#socket, DATA_SIZE + 1);
      return rights === "end" ? undefined : rights;
    } catch (error) {
      // The peer closed its socket with unread handles in it.
      if (hasCode(error, "ECONNRESET")) return undefined;
      throw error;
    }
  }

  discard(handles: readonly number[]): void {
    closeReceived(handles);
  }

  ownersOf(handles: readonly number[]): OwnedHandle[] {
    return handles.map(ownedHandle);
  }

  duplicate(handles: readonly number[]): number[] {
    return duplicateAll(handles);
  }

  closeDuplicates(handles: readonly number[]): void {
    closeAll(handles);
  }

  onAck(): void {}

  verifyPeer(): void {
    this.#onSettled();
  }

  onFrame(): boolean {
    return false;
  }

  refuse(): void {
    if (!this.#isClosed) tryOrUndefined(() => sendBytes(this.#socket, frame(Kind.Busy)));
  }

  wasRefused(): boolean {
    // A server that refuses a client for ever closes both connections, one that is busy may close the stream first.
    return !this.#isClosed && (hasBusyFrame(this.#socket) || !isHungUp(this.#socket));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onSettled();
    this.#release(MAX_RELEASE_TURNS);
  }

  /** Closes the socket. What a peer has put into it, which the kernel would release at once, goes bit by bit. */
  #release(turns: number): void {
    if (turns === 0 || !discardMessages(this.#socket, BATCHES_PER_TURN)) return close(this.#socket);
    setImmediate(() => this.#release(turns - 1));
  }

  #requireOpen(): void {
    if (this.#isClosed) throw protocolError("handles after the end of the channel");
  }
}

/** Whether the next bytes in a socket say that the server has too many clients. */
export function hasBusyFrame(socket: number): boolean {
  const busy = frame(Kind.Busy);
  const received = tryOrUndefined(() => receiveRights(socket, busy.length));
  if (received === undefined || received === "end") return false;
  closeReceived(received.fds);
  return received.data.join() === busy.join();
}

/** Whether the other end of a socket is closed. */
export function isHungUp(socket: number): boolean {
  const state: PollFd = { fd: socket, events: 0 };
  return poll([state], 0) > 0 && (state.revents! & POLLHUP) !== 0;
}

function otherHandlesError(): Error {
  return protocolError("other handles than it announced");
}
