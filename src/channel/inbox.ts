/**
 * The receiving side of a channel. Messages wait here until somebody receives them; their handles
 * wait with the sender or in the kernel until then, so that only who receives needs descriptors.
 */
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { type Limits, malformed, type MessageBody, readMessage } from "./frames.ts";
import { decodeMessage, type JsonValue } from "./message.ts";
import { WINDOW_BYTES, WINDOW_HANDLES, WINDOW_MESSAGES } from "./outbox.ts";
import { closeAll } from "../handle/close_all.ts";
import { type HandleTransport, MAX_FDS_PER_MESSAGE } from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** A message as it was received, with handles that are the receiver's. */
export interface Received {
  readonly message: JsonValue;
  readonly handles: RawHandle[];
}

/** Handles that are on their way. */
interface Lot {
  readonly count: number;
  readonly ticket: Uint8Array;
}

/** A message whose handles may not all be there. */
interface Incoming {
  readonly body: MessageBody;
  readonly size: number;
  readonly lots: Lot[];
  announced: number;
  readonly handles: RawHandle[];
  accepted: number;
  /** Why some of its handles are lost. */
  lost: unknown;
}

interface Waiter {
  readonly resolve: (received: Received | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** The receiving side of a channel. */
export class Inbox {
  readonly #transport: HandleTransport;
  readonly #limits: Limits;
  readonly #tell: (messages: number, handles: number) => void;
  readonly #fail: (error: unknown) => void;
  readonly #queue: Incoming[] = [];
  readonly #waiters: Waiter[] = [];
  #bytes = 0;
  /** How many handles were announced and not accepted. */
  #onTheirWay = 0;
  #hasEnded = false;
  #isDiscarded = false;
  #error: unknown;

  /**
   * @param tell is called with the numbers of messages and handles that were received
   * @param fail is called when what comes is not what was announced
   */
  constructor(
    transport: HandleTransport,
    limits: Limits,
    tell: (messages: number, handles: number) => void,
    fail: (error: unknown) => void,
  ) {
    this.#transport = transport;
    this.#limits = limits;
    this.#tell = tell;
    this.#fail = fail;
  }

  /** Whether there is nothing to receive. */
  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** The next message; `undefined` at the end. */
  receive(): Promise<Received | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#work();
    });
  }

  /** A message has come. */
  message(bytes: Uint8Array): void {
    if (this.#isDiscarded) return;
    if (this.#hasEnded) throw malformed("a message after its goodbye");
    this.#requireWhole("another message");
    const body = readMessage(bytes);
    if (body.handles > this.#limits.maxHandles) throw malformed("too many handles in a message");
    const isBeyond = this.#queue.length >= WINDOW_MESSAGES ||
      (this.#queue.length > 0 && this.#bytes + bytes.length > WINDOW_BYTES);
    if (isBeyond) throw malformed("more than may be on its way");
    this.#bytes += bytes.length;
    this.#queue.push({
      body,
      size: bytes.length,
      lots: [],
      announced: 0,
      handles: [],
      accepted: 0,
      lost: undefined,
    });
    this.#work();
  }

  /** Handles of the last message are on their way. */
  handles(count: number, ticket: Uint8Array): void {
    if (this.#isDiscarded) return;
    const last = this.#queue.at(-1);
    const open = last === undefined ? 0 : last.body.handles - last.announced;
    if (count <= 0 || count > MAX_FDS_PER_MESSAGE || count > open) {
      throw malformed("handles of no message");
    }
    this.#onTheirWay += count;
    if (this.#onTheirWay > WINDOW_HANDLES) throw malformed("more than may be on its way");
    last!.announced += count;
    last!.lots.push({ count, ticket });
    this.#work();
  }

  /** There will be no more: by agreement, by the peer's death, or by an error. */
  end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#error = error;
    const last = this.#queue.at(-1);
    if (last !== undefined && last.announced < last.body.handles) this.#drop(this.#queue.pop()!);
    this.#work();
  }

  /** Forgets what nobody will receive, also what comes later. */
  discard(): void {
    this.#isDiscarded = true;
    for (const incoming of this.#queue.splice(0)) this.#drop(incoming);
    this.end();
  }

  /** Throws when the last message lacks handles, so that it must be their turn. */
  #requireWhole(instead: string): void {
    const last = this.#queue.at(-1);
    if (last !== undefined && last.announced < last.body.handles) {
      throw malformed(`${instead} before all handles of the last`);
    }
  }

  #drop({ handles, size }: Incoming): void {
    closeAll(handles);
    this.#bytes -= size;
  }

  /** Takes all handles that are announced, although nobody receives them yet. */
  takeEarly(): void {
    for (const [at, incoming] of this.#queue.entries()) {
      try {
        this.#accept(incoming);
      } catch (error) {
        // Whose handles are whose is not known any more. What came before it is received.
        for (const lost of this.#queue.splice(at)) this.#drop(lost);
        throw error;
      }
    }
  }

  /** Gives messages to those who wait, as far as there are both. */
  #work(): void {
    while (this.#waiters.length > 0) {
      const head = this.#queue[0];
      if (head === undefined) {
        if (!this.#hasEnded) return;
        const { resolve, reject } = this.#waiters.shift()!;
        if (this.#error === undefined) resolve(undefined);
        else reject(this.#error);
        continue;
      }
      try {
        this.#accept(head);
      } catch (error) {
        // Whose handles are whose is not known any more, so what follows is lost as well.
        this.end(error);
        this.discard();
        this.#fail(error);
        continue;
      }
      if (head.accepted < head.body.handles) return;
      this.#queue.shift();
      this.#bytes -= head.size;
      this.#tell(1, 0);
      // Handles that ended with their sender are those of a message that never came whole.
      if (hasCode(head.lost, "ESRCH")) closeAll(head.handles);
      else this.#deliver(head, this.#waiters.shift()!);
    }
  }

  #accept(incoming: Incoming): void {
    for (const { count, ticket } of incoming.lots.splice(0)) {
      try {
        incoming.handles.push(...this.#transport.accept(count, ticket));
      } catch (error) {
        if (!(error instanceof HandleError) || error.code === "EPROTO") throw error;
        incoming.lost ??= error;
      }
      incoming.accepted += count;
      this.#onTheirWay -= count;
      this.#tell(0, count);
    }
  }

  #deliver({ body, handles, lost }: Incoming, { resolve, reject }: Waiter): void {
    if (lost !== undefined) {
      closeAll(handles);
      reject(lost);
      return;
    }
    try {
      resolve({ message: decodeMessage(body.json, body.parts), handles });
    } catch (cause) {
      closeAll(handles);
      reject(failure("EPROTO", "receive", {
        message: "Cannot receive: the other process sent a message that is not JSON; it is not " +
          "using this library",
        cause,
      }));
    }
  }
}
