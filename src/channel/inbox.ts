/**
 * The receiving side of a channel: a queue of messages until the application receives them. The
 * handles stay with the sender or in the kernel until then, so only an application that receives
 * needs descriptors.
 */
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { type Limits, type MessageBody, protocolError, readMessage } from "./frames.ts";
import { decodeMessage, type JsonValue } from "./message.ts";
import { WINDOW_BYTES, WINDOW_HANDLES, WINDOW_MESSAGES } from "./outbox.ts";
import { closeAll } from "../handle/raw.ts";
import { type BatchDescriptor, type HandleTransport, MAX_FDS_PER_MESSAGE } from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** A received message. The caller of `receive` owns the handles. */
export interface ReceivedMessage {
  readonly message: JsonValue;
  readonly handles: RawHandle[];
}

/** A batch of handles that was announced. */
interface Batch {
  readonly count: number;
  readonly descriptor: BatchDescriptor;
}

/** A queued message, whose handles may not all be here. */
interface QueuedMessage {
  readonly body: MessageBody;
  readonly size: number;
  /** The batches that were announced and not yet received. */
  readonly batches: Batch[];
  announcedHandles: number;
  readonly handles: RawHandle[];
  /** How many handles were received or lost. */
  finishedHandles: number;
  /** The error by which some of the handles were lost. */
  lossError: unknown;
}

/** A call of `receive` that waits for a message. */
interface PendingReceive {
  readonly resolve: (received: ReceivedMessage | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** The receiving side of a channel. */
export class Inbox {
  readonly #transport: HandleTransport;
  readonly #limits: Limits;
  readonly #acknowledge: (messages: number, handles: number) => void;
  readonly #fail: (error: unknown) => void;
  readonly #queue: QueuedMessage[] = [];
  readonly #pendingReceives: PendingReceive[] = [];
  #queuedBytes = 0;
  /** How many handles were announced and not yet received. */
  #handlesInFlight = 0;
  #hasEnded = false;
  #isDiscarded = false;
  #endError: unknown;

  /**
   * @param acknowledge is called with the numbers of messages and handles that were received
   * @param fail is called when the transport delivers something other than what was announced
   */
  constructor(
    transport: HandleTransport,
    limits: Limits,
    acknowledge: (messages: number, handles: number) => void,
    fail: (error: unknown) => void,
  ) {
    this.#transport = transport;
    this.#limits = limits;
    this.#acknowledge = acknowledge;
    this.#fail = fail;
  }

  /** Whether no message waits to be received. */
  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** The next message; `undefined` at the end of the channel. */
  receive(): Promise<ReceivedMessage | undefined> {
    return new Promise((resolve, reject) => {
      this.#pendingReceives.push({ resolve, reject });
      this.#deliverQueue();
    });
  }

  /** A message frame has arrived. */
  onMessage(bytes: Uint8Array): void {
    if (this.#isDiscarded) return;
    if (this.#hasEnded) throw protocolError("a message after its bye");
    if (this.#isLastIncomplete()) {
      throw protocolError("another message before all handles of the last one");
    }
    const body = readMessage(bytes);
    if (body.handles > this.#limits.maxHandles) {
      throw protocolError("too many handles in a message");
    }
    const exceedsWindow = this.#queue.length >= WINDOW_MESSAGES ||
      (this.#queue.length > 0 && this.#queuedBytes + bytes.length > WINDOW_BYTES);
    if (exceedsWindow) throw protocolError("more than its window allows");
    this.#queuedBytes += bytes.length;
    this.#queue.push({
      body,
      size: bytes.length,
      batches: [],
      announcedHandles: 0,
      handles: [],
      finishedHandles: 0,
      lossError: undefined,
    });
    this.#deliverQueue();
  }

  /** A frame has announced a batch of handles of the last message. */
  onHandles(count: number, descriptor: BatchDescriptor): void {
    if (this.#isDiscarded) return;
    const last = this.#queue.at(-1);
    const missing = last === undefined ? 0 : last.body.handles - last.announcedHandles;
    if (count <= 0 || count > MAX_FDS_PER_MESSAGE || count > missing) {
      throw protocolError("handles of no message");
    }
    this.#handlesInFlight += count;
    if (this.#handlesInFlight > WINDOW_HANDLES) throw protocolError("more than its window allows");
    last!.announcedHandles += count;
    last!.batches.push({ count, descriptor });
    this.#deliverQueue();
  }

  /**
   * No more messages arrive: after a bye, the end of the peer, or an error. Complete messages can
   * still be received.
   */
  end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#endError = error;
    if (this.#isLastIncomplete()) this.#drop(this.#queue.pop()!);
    this.#deliverQueue();
  }

  /** Drops all messages in the queue and those that arrive later. */
  discard(): void {
    this.#isDiscarded = true;
    for (const queued of this.#queue.splice(0)) this.#drop(queued);
    this.end();
  }

  /** Receives the handles of all messages in the queue, before the application asks for them. */
  receiveAllHandles(): void {
    for (const [at, queued] of this.#queue.entries()) {
      try {
        this.#receiveHandles(queued);
      } catch (error) {
        // From here on no handle can be assigned to its message. Earlier messages are complete.
        for (const lost of this.#queue.splice(at)) this.#drop(lost);
        throw error;
      }
    }
  }

  /** Whether batches of the last message are still to be announced. */
  #isLastIncomplete(): boolean {
    const last = this.#queue.at(-1);
    return last !== undefined && last.announcedHandles < last.body.handles;
  }

  #drop({ handles, size }: QueuedMessage): void {
    closeAll(handles);
    this.#queuedBytes -= size;
  }

  /** Delivers messages as long as there are calls of `receive` and complete messages. */
  #deliverQueue(): void {
    while (this.#pendingReceives.length > 0) {
      const head = this.#queue[0];
      if (head === undefined) {
        if (!this.#hasEnded) return;
        const { resolve, reject } = this.#pendingReceives.shift()!;
        if (this.#endError === undefined) resolve(undefined);
        else reject(this.#endError);
        continue;
      }
      try {
        this.#receiveHandles(head);
      } catch (error) {
        // From here on no handle can be assigned to its message, so later messages are lost too.
        this.end(error);
        this.discard();
        this.#fail(error);
        continue;
      }
      if (head.finishedHandles < head.body.handles) return;
      this.#queue.shift();
      this.#queuedBytes -= head.size;
      this.#acknowledge(1, 0);
      // ESRCH: the sender ended before its handles were taken. The message counts as not sent.
      if (hasCode(head.lossError, "ESRCH")) closeAll(head.handles);
      else this.#deliver(head, this.#pendingReceives.shift()!);
    }
  }

  #receiveHandles(queued: QueuedMessage): void {
    for (const { count, descriptor } of queued.batches.splice(0)) {
      try {
        queued.handles.push(...this.#transport.receive(count, descriptor));
      } catch (error) {
        if (!(error instanceof HandleError) || error.code === "EPROTO") throw error;
        queued.lossError ??= error;
      }
      queued.finishedHandles += count;
      this.#handlesInFlight -= count;
      this.#acknowledge(0, count);
    }
  }

  #deliver({ body, handles, lossError }: QueuedMessage, { resolve, reject }: PendingReceive): void {
    if (lossError !== undefined) {
      closeAll(handles);
      reject(lossError);
      return;
    }
    try {
      resolve({ message: decodeMessage(body.json, body.parts), handles });
    } catch (cause) {
      closeAll(handles);
      reject(failure("EPROTO", "receive", {
        message: "Cannot receive: the other process sent a message that is not JSON; connect to " +
          "processes that use this library",
        cause,
      }));
    }
  }
}
