/**
 * The sending side of a channel: what has no room waits. A message has room while few enough
 * messages and bytes before it were not yet received; its handles go while few enough are on their
 * way. So a receiver that stops makes the sender wait, with bounded memory in both.
 */
import { failure, type HandleError } from "../../ffi/error.ts";
import { frame, Kind, type Limits, malformed, messageFrame, messageSize, words } from "./frames.ts";
import type { Encoded } from "./message.ts";
import { type HandleTransport, MAX_FDS_PER_MESSAGE } from "./types.ts";
import { closeAll } from "../handle/close_all.ts";
import { duplicateAll } from "../batch/duplicate_all.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** How many messages may be unreceived. */
export const WINDOW_MESSAGES = 64;
/** How many bytes the unreceived messages may have, unless it is one alone. */
export const WINDOW_BYTES = 1 << 20;
/** How many handles may be on their way: fewer than the kernel lets every process have in flight. */
export const WINDOW_HANDLES: number = 4 * MAX_FDS_PER_MESSAGE;
/**
 * Beyond this part of a window the promise of a message that has gone waits. So who waits for each
 * send finds room for the next one, and its handles need no duplicates that wait with it.
 */
const COMFORT = 0.5;
/** How long to wait, in milliseconds, before the kernel is asked again whether it has room. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 50;

/** A message that has not gone yet, or not all of it. Its handles and bytes are copies of our own. */
interface Waiting {
  readonly encoded: Encoded;
  readonly size: number;
  readonly handles: readonly RawHandle[];
  /** How many handles have gone; `undefined` until the message has. */
  sent: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The sending side of a channel. */
export class Outbox {
  readonly #transport: HandleTransport;
  readonly #write: (frame: Uint8Array) => void;
  readonly #fail: (error: unknown) => void;
  readonly #waiting: Waiting[] = [];
  /** The sizes of the messages that the peer has not received. */
  readonly #unreceived: number[] = [];
  #bytes = 0;
  #onTheirWay = 0;
  #limits: Limits | undefined;
  #ended: Error | undefined;
  #pause = FIRST_PAUSE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The promises of messages that have gone, while more are unreceived than is comfortable. */
  #held: Pick<Waiting, "resolve" | "reject">[] = [];

  /** @param fail is called when half of a message has gone and the rest cannot */
  constructor(
    transport: HandleTransport,
    write: (frame: Uint8Array) => void,
    fail: (error: unknown) => void,
  ) {
    this.#transport = transport;
    this.#write = write;
    this.#fail = fail;
  }

  /** The peer is there, and this is what it accepts. */
  open(limits: Limits): void {
    this.#limits = limits;
    this.#pump();
  }

  /** Sends a message, as soon as it has room. */
  send(encoded: Encoded, handles: readonly RawHandle[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      const size = messageSize(encoded.json, encoded.parts);
      if (this.#limits !== undefined) this.#checkSize(size, handles.length, this.#limits);
      const now = this.#waiting.length === 0 && handles.length <= MAX_FDS_PER_MESSAGE &&
        this.#hasRoom(size) &&
        this.#onTheirWay + handles.length <= WINDOW_HANDLES;
      if (now && this.#begin(encoded, size, handles.length, handles)) {
        return this.#settle({ resolve, reject });
      }
      this.#waiting.push({
        // The caller may close its own meanwhile.
        handles: duplicateAll(handles),
        encoded: { json: encoded.json, parts: encoded.parts.map((part) => new Uint8Array(part)) },
        size,
        sent: undefined,
        resolve,
        reject,
      });
      this.#pump();
    });
  }

  /** The peer has received so many messages and handles. */
  taken(messages: number, handles: number): void {
    if (messages > this.#unreceived.length || handles > this.#onTheirWay) {
      throw malformed("a receipt for more than was sent");
    }
    for (const size of this.#unreceived.splice(0, messages)) this.#bytes -= size;
    this.#onTheirWay -= handles;
    this.#transport.settle(handles);
    this.#pause = FIRST_PAUSE;
    this.#pump();
    if (this.#isComfortable()) this.release();
  }

  /** Nothing more goes: whoever waits is told why. */
  end(error: Error): void {
    this.#ended ??= error;
    clearTimeout(this.#timer);
    for (const { handles, sent = 0, reject } of this.#waiting.splice(0)) {
      closeAll(handles.slice(sent));
      reject(error);
    }
    for (const { reject } of this.#held.splice(0)) reject(error);
  }

  /** Tells that what has gone has gone, although much of it is unreceived. */
  release(): void {
    for (const { resolve } of this.#held.splice(0)) resolve();
  }

  #settle(promise: Pick<Waiting, "resolve" | "reject">): void {
    if (this.#isComfortable()) promise.resolve();
    else this.#held.push(promise);
  }

  /** One message alone never waits, so both sides may send one before they receive. */
  #isComfortable(): boolean {
    return this.#unreceived.length <= 1 || this.#unreceived.length <= WINDOW_MESSAGES * COMFORT &&
        this.#bytes <= WINDOW_BYTES * COMFORT && this.#onTheirWay <= WINDOW_HANDLES * COMFORT;
  }

  #hasRoom(size: number): boolean {
    if (this.#limits === undefined) return false;
    const { length } = this.#unreceived;
    return length === 0 || (length < WINDOW_MESSAGES && this.#bytes + size <= WINDOW_BYTES);
  }

  #checkSize(size: number, handles: number, { maxMessageBytes, maxHandles }: Limits): void {
    if (size > maxMessageBytes) throw tooLarge(`${size} bytes`, `${maxMessageBytes}`);
    if (handles > maxHandles) throw tooLarge(`${handles} handles`, `${maxHandles}`);
  }

  /**
   * Sends a message and its first handles; `false` when the kernel has no room for them. The
   * handles go first: when they cannot, nothing was said yet.
   */
  #begin(encoded: Encoded, size: number, total: number, lot: readonly RawHandle[]): boolean {
    const ticket = lot.length === 0 ? undefined : this.#transport.offer(lot);
    if (lot.length > 0 && ticket === undefined) return false;
    this.#unreceived.push(size);
    this.#bytes += size;
    this.#write(messageFrame(encoded.json, encoded.parts, total));
    if (ticket !== undefined) this.#announce(lot.length, ticket);
    return true;
  }

  #announce(count: number, ticket: Uint8Array): void {
    this.#onTheirWay += count;
    this.#write(frame(Kind.Handles, words(count), ticket));
  }

  #pump(): void {
    clearTimeout(this.#timer);
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      try {
        if (!this.#advance(head)) return;
        this.#waiting.shift();
        this.#settle(head);
      } catch (error) {
        this.#waiting.shift();
        closeAll(head.handles.slice(head.sent ?? 0));
        head.reject(error);
        if (head.sent !== undefined) this.#fail(error);
      }
    }
  }

  /** Sends as much of a message as there is room for; whether that was all of it. */
  #advance(item: Waiting): boolean {
    if (item.sent === undefined) {
      if (!this.#hasRoom(item.size)) return false;
      this.#checkSize(item.size, item.handles.length, this.#limits as Limits);
    }
    for (;;) {
      const { sent = 0, handles } = item;
      const lot = handles.slice(sent, sent + MAX_FDS_PER_MESSAGE);
      if (item.sent !== undefined && lot.length === 0) return true;
      if (this.#onTheirWay + lot.length > WINDOW_HANDLES) return false;
      if (!this.#sendLot(item, lot)) return this.#later();
      item.sent = sent + lot.length;
      closeAll(lot);
    }
  }

  #sendLot(item: Waiting, lot: readonly RawHandle[]): boolean {
    const { encoded, size, handles, sent } = item;
    if (sent === undefined) return this.#begin(encoded, size, handles.length, lot);
    const ticket = this.#transport.offer(lot);
    if (ticket !== undefined) this.#announce(lot.length, ticket);
    return ticket !== undefined;
  }

  #later(): false {
    this.#timer = setTimeout(() => this.#pump(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    return false;
  }
}

function tooLarge(what: string, limit: string): HandleError {
  return failure("EMSGSIZE", "send", {
    message: `Cannot send ${what} in one message: the other process accepts ${limit}; send less ` +
      "at once, or raise its limit",
  });
}
