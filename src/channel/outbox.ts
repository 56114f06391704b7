/**
 * The sending side of a channel, with flow control. A message is sent while few enough messages and
 * bytes are unacknowledged, and its handles while few enough handles are in flight; others wait in a
 * backlog. So a receiver that stops makes the sender wait, with bounded memory in both processes.
 */
import { failure, type HandleError } from "../../ffi/error.ts";
import {
  type EncodedMessage,
  handlesFrame,
  type Limits,
  messageFrame,
  protocolError,
} from "./frames.ts";
import { largestSize } from "./json_size.ts";
import {
  type BatchNumber,
  type HandleTransport,
  MAX_FDS_PER_MESSAGE,
  nextBatchNumber,
} from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The most messages that may be unacknowledged. */
export const WINDOW_MESSAGES = 64;
/** The most bytes that unacknowledged messages may have, unless there is only one message. */
export const WINDOW_BYTES = 1 << 20;
/** The most handles in flight: fewer than the kernel grants to any process. */
export const WINDOW_HANDLES: number = 4 * MAX_FDS_PER_MESSAGE;
/**
 * The low-water mark, as a part of each window. Above it, the promise of a message that was sent
 * stays pending. So an application that waits for each `send` finds space in the window for its
 * next message, whose handles then need no duplicates in the backlog.
 */
const LOW_WATER = 0.5;
/** The pauses between two attempts while the kernel's buffer is full, in milliseconds. */
const MIN_RETRY_MS = 1;
const MAX_RETRY_MS = 50;

/** The two ends of a promise of `send`. */
interface PendingSend {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A message as it goes: everything that can fail was done before its first handle is offered. */
interface OutgoingMessage {
  readonly frame: Uint8Array;
  /** The bytes of the frame's body, and what the values cost beside that: json_size.ts. */
  readonly bytes: number;
  readonly size: number;
  readonly handles: readonly RawHandle[];
}

/** A message that was not sent, or not completely. Its handles are copies. */
interface BacklogEntry extends OutgoingMessage, PendingSend {
  /** How many of the handles were sent; `undefined` before the message frame was sent. */
  sentHandles: number | undefined;
}

/** The sending side of a channel. */
export class Outbox {
  readonly #transport: HandleTransport;
  readonly #write: (frame: Uint8Array) => void;
  readonly #fail: (error: unknown) => void;
  readonly #backlog: BacklogEntry[] = [];
  /** The sizes of the messages that the peer has not acknowledged. */
  readonly #unackedSizes: number[] = [];
  #unackedBytes = 0;
  #handlesInFlight = 0;
  #nextBatch: BatchNumber = 0;
  #peerLimits: Limits | undefined;
  #endError: Error | undefined;
  #retryMs = MIN_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Promises of messages that were sent while the windows were above the low-water mark. */
  #backpressured: PendingSend[] = [];

  /** @param fail is called when a message was sent in part and the rest cannot be sent */
  constructor(
    transport: HandleTransport,
    write: (frame: Uint8Array) => void,
    fail: (error: unknown) => void,
  ) {
    this.#transport = transport;
    this.#write = write;
    this.#fail = fail;
  }

  /** Starts to send, once the peer is verified and its limits are known. */
  open(peerLimits: Limits): void {
    this.#peerLimits = peerLimits;
    this.#sendBacklog();
  }

  /**
   * Sends a message as soon as the windows have space for it.
   *
   * @returns `undefined` when it was sent and the windows are below the low-water mark
   */
  send(encoded: EncodedMessage, handles: readonly RawHandle[]): Promise<void> | undefined {
    if (this.#endError !== undefined) throw this.#endError;
    const { bodyLength: bytes, size } = encoded;
    if (this.#peerLimits !== undefined) checkSize(bytes, size, handles.length, this.#peerLimits);
    // The frame has its own bytes, since the caller may change those of the message at once.
    const message = { frame: messageFrame(encoded, handles.length), bytes, size, handles };
    const canSendNow = this.#backlog.length === 0 && handles.length <= MAX_FDS_PER_MESSAGE &&
      this.#hasSpaceFor(bytes) &&
      this.#handlesInFlight + handles.length <= WINDOW_HANDLES;
    if (canSendNow && this.#sendFirstBatch(message, handles)) {
      if (this.#belowLowWater()) return undefined;
      return new Promise((resolve, reject) => this.#backpressured.push({ resolve, reject }));
    }
    // The caller may close the handles at once, too.
    const copies = this.#transport.duplicate(handles);
    return new Promise((resolve, reject) => {
      this.#backlog.push({ ...message, handles: copies, sentHandles: undefined, resolve, reject });
      this.#sendBacklog();
    });
  }

  /** The peer has acknowledged this many more messages and handles. */
  onAck(messages: number, handles: number): void {
    if (messages > this.#unackedSizes.length || handles > this.#handlesInFlight) {
      throw protocolError("an ack for more than was sent");
    }
    for (let more = messages; more > 0; more--) this.#unackedBytes -= this.#unackedSizes.shift()!;
    this.#handlesInFlight -= handles;
    this.#transport.onAck(handles);
    this.#retryMs = MIN_RETRY_MS;
    this.#sendBacklog();
    if (this.#belowLowWater()) this.releaseBackpressured();
  }

  /** Sends nothing more: rejects the promises of all messages that are pending. */
  end(error: Error): void {
    this.#endError ??= error;
    clearTimeout(this.#timer);
    for (const { handles, sentHandles = 0, reject } of this.#backlog.splice(0)) {
      this.#transport.closeDuplicates(handles.slice(sentHandles));
      reject(error);
    }
    for (const { reject } of this.#backpressured.splice(0)) reject(error);
  }

  /** Resolves the promises of messages that were sent, although the peer has not received them. */
  releaseBackpressured(): void {
    for (const { resolve } of this.#backpressured.splice(0)) resolve();
  }

  #resolveOrHold(send: PendingSend): void {
    if (this.#belowLowWater()) send.resolve();
    else this.#backpressured.push(send);
  }

  /** A single message counts as below, so that both sides may send one before they receive. */
  #belowLowWater(): boolean {
    const { length } = this.#unackedSizes;
    return length <= 1 || length <= WINDOW_MESSAGES * LOW_WATER &&
        this.#unackedBytes <= WINDOW_BYTES * LOW_WATER &&
        this.#handlesInFlight <= WINDOW_HANDLES * LOW_WATER;
  }

  #hasSpaceFor(bytes: number): boolean {
    if (this.#peerLimits === undefined) return false;
    const { length } = this.#unackedSizes;
    return length === 0 || (length < WINDOW_MESSAGES && this.#unackedBytes + bytes <= WINDOW_BYTES);
  }

  /**
   * Sends a message and its first batch of handles; `false` while the kernel's buffer is full. The
   * handles go before the frames: if they cannot be sent, the peer knows nothing of the message.
   */
  #sendFirstBatch(
    { frame, bytes }: OutgoingMessage,
    batch: readonly RawHandle[],
  ): boolean {
    const announcement = batch.length === 0 ? undefined : this.#offer(batch);
    if (batch.length > 0 && announcement === undefined) return false;
    this.#unackedSizes.push(bytes);
    this.#unackedBytes += bytes;
    this.#write(frame);
    if (announcement !== undefined) this.#write(announcement);
    return true;
  }

  /**
   * Offers a batch to the peer, and returns the frame that announces it; `undefined` while the kernel's buffer is
   * full. A batch that was offered and cannot be announced ends the channel.
   */
  #offer(batch: readonly RawHandle[]): Uint8Array | undefined {
    const number = this.#nextBatch;
    const descriptor = this.#transport.send(batch, number);
    if (descriptor === undefined) return undefined;
    this.#nextBatch = nextBatchNumber(number);
    this.#handlesInFlight += batch.length;
    try {
      return handlesFrame(number, batch.length, descriptor);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #sendBacklog(): void {
    clearTimeout(this.#timer);
    for (let head = this.#backlog[0]; head !== undefined; head = this.#backlog[0]) {
      try {
        if (!this.#sendEntry(head)) return;
        this.#backlog.shift();
        this.#resolveOrHold(head);
      } catch (error) {
        if (this.#backlog[0] !== head) return; // the channel has ended, and released this message
        this.#backlog.shift();
        this.#transport.closeDuplicates(head.handles.slice(head.sentHandles ?? 0));
        head.reject(error);
        if (head.sentHandles !== undefined) this.#fail(error);
      }
    }
  }

  /** Sends as much of a message as the windows allow; returns whether it is complete. */
  #sendEntry(entry: BacklogEntry): boolean {
    if (entry.sentHandles === undefined) {
      if (!this.#hasSpaceFor(entry.bytes)) return false;
      checkSize(entry.bytes, entry.size, entry.handles.length, this.#peerLimits as Limits);
    }
    for (;;) {
      const { sentHandles = 0, handles } = entry;
      const batch = handles.slice(sentHandles, sentHandles + MAX_FDS_PER_MESSAGE);
      if (entry.sentHandles !== undefined && batch.length === 0) return true;
      if (this.#handlesInFlight + batch.length > WINDOW_HANDLES) return false;
      if (!this.#sendBatch(entry, batch)) return this.#retryLater();
      entry.sentHandles = sentHandles + batch.length;
      this.#transport.closeDuplicates(batch);
    }
  }

  #sendBatch(entry: BacklogEntry, batch: readonly RawHandle[]): boolean {
    if (entry.sentHandles === undefined) return this.#sendFirstBatch(entry, batch);
    const announcement = this.#offer(batch);
    if (announcement !== undefined) this.#write(announcement);
    return announcement !== undefined;
  }

  #retryLater(): false {
    this.#timer = setTimeout(() => this.#sendBacklog(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    return false;
  }
}

/** Throws when a peer with these limits would not accept a message. */
function checkSize(
  bytes: number,
  size: number,
  handles: number,
  { maxMessageBytes, maxHandles }: Limits,
): void {
  const most = largestSize(maxMessageBytes);
  if (bytes > maxMessageBytes) throw tooLargeError(`${bytes} bytes`, `${maxMessageBytes}`);
  if (size > most) {
    throw tooLargeError(
      `${bytes} bytes whose many values count for ${size - bytes} more`,
      `${most}`,
    );
  }
  if (handles > maxHandles) throw tooLargeError(`${handles} handles`, `${maxHandles}`);
}

function tooLargeError(what: string, limit: string): HandleError {
  return failure("EMSGSIZE", "send", {
    message: `Cannot send ${what} in one message: the other process accepts ${limit}; send ` +
      "smaller messages, or raise maxMessageBytes or maxHandles of the other process",
  });
}
