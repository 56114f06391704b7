/**
 * The receiving side of a channel: a queue of messages until the application receives them. The
 * handles stay with the sender or in the kernel until then, so only an application that receives
 * needs descriptors.
 */
import { HandleError, hasCode } from "../../ffi/error.ts";
import {
  type HandlesFrame,
  type Limits,
  type MessageBody,
  protocolError,
  readMessage,
} from "./frames.ts";
import { decodeMessage, type JsonValue } from "./message.ts";
import { WINDOW_BYTES, WINDOW_HANDLES, WINDOW_MESSAGES } from "./outbox.ts";
import {
  type BatchNumber,
  type HandleTransport,
  MAX_FDS_PER_MESSAGE,
  nextBatchNumber,
} from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** A queued message, whose handles may not all be here. */
interface QueuedMessage {
  readonly body: MessageBody;
  readonly size: number;
  /** The batches that were announced and not yet received. */
  batches: HandlesFrame[];
  announcedHandles: number;
  handles: RawHandle[];
  /** How many handles were received or lost. */
  finishedHandles: number;
  /** The error by which some of the handles were lost. */
  lossError: unknown;
}

/** A call of `receive` that waits for a message. */
interface PendingReceive {
  readonly make: (message: JsonValue, handles: RawHandle[]) => unknown;
  readonly resolve: (received: unknown) => void;
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
  #nextBatch: BatchNumber = 0;
  #hasEnded = false;
  #isDiscarded = false;
  #endError: unknown;

  /**
   * @param acknowledge is called with how many messages and handles were received
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

  /**
   * What the function makes of the next message; `undefined` at the end of the channel. The caller owns the handles.
   */
  receive<Result>(
    make: (message: JsonValue, handles: RawHandle[]) => Result,
  ): Promise<Result | undefined> {
    return new Promise<unknown>((resolve, reject) => {
      this.#pendingReceives.push({ make, resolve, reject });
      this.#deliverQueue();
    }) as Promise<Result | undefined>;
  }

  /** A message frame has arrived. */
  onMessage(bytes: Uint8Array): void {
    if (this.#isDiscarded) return;
    if (this.#hasEnded) throw protocolError("a message after its bye");
    if (this.#isLastIncomplete()) {
      throw protocolError("another message before all handles of the last one");
    }
    const body = readMessage(bytes, this.#limits);
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
  onHandles(announced: HandlesFrame): void {
    if (this.#isDiscarded) return;
    const { number, count } = announced;
    if (number !== this.#nextBatch) throw protocolError("a batch of handles out of turn");
    this.#nextBatch = nextBatchNumber(number);
    const last = this.#queue.at(-1);
    const missing = last === undefined ? 0 : last.body.handles - last.announcedHandles;
    if (count <= 0 || count > MAX_FDS_PER_MESSAGE || count > missing) {
      throw protocolError("handles of no message");
    }
    this.#handlesInFlight += count;
    if (this.#handlesInFlight > WINDOW_HANDLES) throw protocolError("more than its window allows");
    last!.announcedHandles += count;
    last!.batches.push(announced);
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
    this.#dropAll();
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

  #dropAll(): void {
    this.#isDiscarded = true;
    for (const queued of this.#queue.splice(0)) this.#drop(queued);
  }

  #drop({ handles, size }: QueuedMessage): void {
    this.#transport.discard(handles);
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
        this.#breakOff(error);
        continue;
      }
      if (head.finishedHandles < head.body.handles) return;
      this.#queue.shift();
      this.#queuedBytes -= head.size;
      this.#acknowledge(1, 0);
      // ESRCH: the sender ended before its handles were taken. The message counts as not sent.
      if (hasCode(head.lossError, "ESRCH")) this.#transport.discard(head.handles);
      else this.#deliver(head);
    }
  }

  /** Ends the channel: from here on no handle can be assigned to its message, so later ones are lost too. */
  #breakOff(error: unknown): void {
    this.#dropAll();
    this.end(error);
    this.#fail(error);
  }

  #receiveHandles(queued: QueuedMessage): void {
    const { batches } = queued;
    if (batches.length === 0) return;
    queued.batches = [];
    for (const { number, count, descriptor } of batches) {
      try {
        const handles = this.#transport.receive(count, descriptor, number);
        if (queued.handles.length === 0) queued.handles = handles;
        else queued.handles.push(...handles);
      } catch (error) {
        if (!(error instanceof HandleError) || error.code === "EPROTO") throw error;
        queued.lossError ??= error;
      }
      queued.finishedHandles += count;
      this.#handlesInFlight -= count;
      this.#acknowledge(0, count);
    }
  }

  #deliver({ body, handles, lossError }: QueuedMessage): void {
    let message: JsonValue;
    try {
      if (lossError === undefined) message = decodeMessage(body);
    } catch (error) {
      this.#transport.discard(handles);
      return this.#breakOff(error);
    }
    const { make, resolve, reject } = this.#pendingReceives.shift()!;
    if (lossError === undefined) return resolve(make(message!, handles));
    this.#transport.discard(handles);
    reject(lossError);
  }
}
