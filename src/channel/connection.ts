/** One end of a channel at work: what comes over the stream, and who is told of it. */
import { show } from "../../ffi/check.ts";
import { failure, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import {
  type Frame,
  frame,
  FrameReader,
  helloFrame,
  joined,
  Kind,
  type Limits,
  malformed,
  readHello,
  readWords,
  words,
} from "./frames.ts";
import { Inbox } from "./inbox.ts";
import { Outbox, WINDOW_BYTES } from "./outbox.ts";
import type { ChannelEnd, ChannelStream, HandleTransport } from "./types.ts";

/** Room in a frame for what is no message. */
const SMALLEST_LIMIT = 4096;
/** What may come before the other side is known, in bytes. */
const MOST_EARLY = 2 * WINDOW_BYTES;

/** One end of a channel at work. */
export class Link {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Fulfilled when both sides have said hello. */
  readonly ready: Promise<void>;
  /** The process at the other end, once it has said hello. */
  peer: number | undefined;
  readonly #stream: ChannelStream;
  readonly #transport: HandleTransport;
  readonly #reader: FrameReader;
  readonly #closed: Promise<void>;
  #isReady: () => void = () => {};
  #isNotReady: (error: unknown) => void = () => {};
  /** Frames that go with the next write, and receipts that go with them. */
  #frames: Uint8Array[] = [];
  #takenMessages = 0;
  #takenHandles = 0;
  #willFlush = false;
  #willFlushLater = false;
  /** What came while it was not yet sure who the other side is. */
  #early: Frame[] = [];
  #earlyBytes = 0;
  #saidHello = false;
  #saidBye = false;
  #isOver = false;

  constructor({ stream, transport }: ChannelEnd, limits: Limits) {
    this.#stream = stream;
    this.#transport = transport;
    this.#reader = new FrameReader(Math.max(limits.maxMessageBytes, SMALLEST_LIMIT));
    const write = (bytes: Uint8Array) => this.#write(bytes);
    const fail = (error: unknown) => this.fail(error);
    // The end of the stream tells when the other side has gone, after what it had sent.
    this.outbox = new Outbox(transport, write, (error) => hasCode(error, "EPIPE") || fail(error));
    this.inbox = new Inbox(transport, limits, (messages, handles) => {
      this.#takenMessages += messages;
      this.#takenHandles += handles;
      if (!this.#isOver) this.#flushLater();
      else if (this.inbox.isEmpty) transport.close();
    }, fail);
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isNotReady = reject;
    });
    this.ready.catch(() => {}); // whoever waits for it is told
    this.#closed = new Promise((resolve) => stream.once("close", () => resolve()));
    stream.on("data", (bytes: Uint8Array) => this.#receive(bytes));
    stream.on("error", () => {}); // "close" comes after it, and says all that matters
    stream.on("end", () => this.#over());
    stream.on("close", () => this.#over());
    write(helloFrame({ pid: pid(), limits }));
  }

  /** Whether the stream keeps the process alive. */
  set isReferenced(isReferenced: boolean) {
    if (isReferenced) this.#stream.ref();
    else this.#stream.unref();
  }

  /** Whether nothing can be sent any more. */
  get isOver(): boolean {
    return this.#isOver || this.#saidBye;
  }

  /** Says goodbye and waits until the other side has everything, or has gone. */
  async close(): Promise<void> {
    if (!this.#isOver && !this.#saidBye) {
      this.outbox.release(); // the other side will have it before we leave
      this.outbox.end(closedHere());
      if (this.peer === undefined) this.#destroy();
      else this.#sayBye();
    }
    this.inbox.discard();
    await this.#closed;
    this.#transport.close();
  }

  /** Ends the channel because of what the other side did. */
  fail(error: unknown): void {
    this.inbox.end(error);
    this.outbox.end(error instanceof Error ? error : new Error(show(error)));
    this.#isNotReady(error);
    this.#destroy();
  }

  #receive(bytes: Uint8Array): void {
    // A Buffer is a view whose slices are views too, on memory that the runtime uses again.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      for (const { kind, body } of this.#reader.push(plain)) {
        if (this.#isOver) return;
        this.#handle(kind, body);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #handle(kind: number, body: Uint8Array): void {
    if (kind === Kind.Hello) return this.#greet(body);
    if (!this.#saidHello) throw malformed("something before its hello");
    if (kind !== Kind.Message && body.length > SMALLEST_LIMIT) throw malformed("too large a frame");
    if (this.#transport.frame(kind, body, (bytes) => this.#write(bytes))) return;
    if (this.peer === undefined) return this.#keep(kind, body);
    if (kind === Kind.Message) return this.inbox.message(body);
    if (kind === Kind.Bye) return this.#bye();
    if (kind !== Kind.Handles && kind !== Kind.Taken) throw malformed(`a frame of kind ${kind}`);
    const [first, second] = readWords(body);
    if (first === undefined) throw malformed("a frame that is too short");
    if (kind === Kind.Handles) return this.inbox.handles(first, body.slice(4));
    if (second === undefined || first < 0 || second < 0) throw malformed("a receipt without sense");
    this.outbox.taken(first, second);
  }

  #greet(body: Uint8Array): void {
    if (this.#saidHello) throw malformed("a second hello");
    const hello = readHello(body);
    this.#saidHello = true;
    const met = this.#transport.meet(hello, (bytes) => this.#write(bytes));
    const begin = () => {
      this.peer = hello.pid;
      this.outbox.open(hello.limits);
      this.#isReady();
      for (const { kind, body } of this.#early.splice(0)) this.#handle(kind, body);
    };
    if (met === undefined) begin();
    else met.then(begin).catch((error: unknown) => this.fail(error));
  }

  #keep(kind: number, body: Uint8Array): void {
    this.#earlyBytes += SMALLEST_LIMIT + body.length;
    if (this.#earlyBytes > MOST_EARLY) throw malformed("more than may be on its way");
    this.#early.push({ kind, body: body.slice() });
  }

  /** The other side has sent all that it will. */
  #bye(): void {
    if (this.#transport.needsSender) this.inbox.takeEarly();
    this.inbox.end();
    if (this.#saidBye) return this.#destroy(); // it has all of ours
    this.#sayBye();
    this.outbox.end(goneError());
  }

  #sayBye(): void {
    this.#write(frame(Kind.Bye));
    this.#saidBye = true;
  }

  /** The stream has ended, by agreement or not. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.inbox.end();
    this.outbox.end(goneError());
    this.#isNotReady(goneError());
    this.#stream.destroy();
    if (this.inbox.isEmpty) this.#transport.close();
  }

  #destroy(): void {
    this.#flush();
    this.#stream.destroy();
    this.#over();
  }

  #write(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.#frames.push(bytes);
    if (this.#willFlush) return;
    this.#willFlush = true;
    // What is written at once after the first goes in one piece, in a later turn.
    if (!this.#willFlushLater) queueMicrotask(() => this.#flush());
    this.#flushLater();
  }

  /** Receipts can wait for a frame that goes anyway, until the next turn of the event loop. */
  #flushLater(): void {
    if (this.#willFlushLater) return;
    this.#willFlushLater = true;
    setImmediate(() => {
      this.#willFlushLater = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#willFlush = false;
    if (this.#isOver) return;
    if (this.#takenMessages + this.#takenHandles > 0 && !this.#saidBye) {
      this.#frames.push(frame(Kind.Taken, words(this.#takenMessages, this.#takenHandles)));
    }
    this.#takenMessages = this.#takenHandles = 0;
    const frames = this.#frames;
    this.#frames = [];
    if (frames.length === 1) this.#stream.write(frames[0]!);
    else if (frames.length > 1) this.#stream.write(joined(frames));
  }
}

/** The error for a channel whose other end is closed. */
export function goneError(): Error {
  return failure("EPIPE", "send", {
    message:
      "Cannot send: the other process has closed the channel or has ended; receive() gives " +
      "what it had sent",
  });
}

/** The error for a channel that was closed here. */
export function closedHere(): Error {
  return failure("EBADF", "send", {
    message: "Cannot send: the channel was closed here; send before it is closed",
  });
}
