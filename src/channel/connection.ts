/** The protocol of one end of a channel: hello, frames, acks and bye, over a stream and a transport. */
import { show } from "../../ffi/check.ts";
import { failure, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import {
  concatenate,
  type Frame,
  frame,
  FrameReader,
  helloFrame,
  int32s,
  Kind,
  type Limits,
  protocolError,
  readHello,
  readInt32s,
} from "./frames.ts";
import { Inbox } from "./inbox.ts";
import { Outbox, WINDOW_BYTES } from "./outbox.ts";
import type { ChannelEnd, ChannelStream, HandleTransport } from "./types.ts";

/** The largest body of a frame that is not a message, in bytes. */
const MAX_CONTROL_BYTES = 4096;
/** The most bytes of frames that are kept until the peer is verified. */
const MAX_DEFERRED_BYTES = 2 * WINDOW_BYTES;

/** One end of a channel that is connected, or about to be. */
export class Connection {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Fulfilled when the peer is verified; rejected when the connection ends before. */
  readonly ready: Promise<void>;
  /** The pid of the peer, once it is verified. */
  peerPid: number | undefined;
  readonly #stream: ChannelStream;
  readonly #transport: HandleTransport;
  readonly #reader: FrameReader;
  readonly #streamClosed: Promise<void>;
  #resolveReady: () => void = () => {};
  #rejectReady: (error: unknown) => void = () => {};
  /** Frames for the next write to the stream. */
  #outgoing: Uint8Array[] = [];
  /** What was received since the last ack. */
  #unackedMessages = 0;
  #unackedHandles = 0;
  #isFlushQueued = false;
  #isFlushScheduled = false;
  /** Frames that arrived after the peer's hello and before it is verified. */
  #deferred: Frame[] = [];
  #deferredBytes = 0;
  #hasPeerHello = false;
  #hasSentBye = false;
  #hasEnded = false;

  constructor({ stream, transport }: ChannelEnd, limits: Limits) {
    this.#stream = stream;
    this.#transport = transport;
    this.#reader = new FrameReader(Math.max(limits.maxMessageBytes, MAX_CONTROL_BYTES));
    const write = (bytes: Uint8Array) => this.#write(bytes);
    const fail = (error: unknown) => this.fail(error);
    // After EPIPE the stream still delivers what the peer had sent, and then ends by itself.
    this.outbox = new Outbox(transport, write, (error) => hasCode(error, "EPIPE") || fail(error));
    this.inbox = new Inbox(transport, limits, (messages, handles) => {
      this.#unackedMessages += messages;
      this.#unackedHandles += handles;
      if (!this.#hasEnded) this.#scheduleFlush();
      else if (this.inbox.isEmpty) transport.close();
    }, fail);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => {}); // not every caller waits for it
    this.#streamClosed = new Promise((resolve) => stream.once("close", () => resolve()));
    stream.on("data", (bytes: Uint8Array) => this.#onData(bytes));
    stream.on("error", () => {}); // "close" follows, and is handled
    stream.on("end", () => this.#onEnd());
    stream.on("close", () => this.#onEnd());
    write(helloFrame({ pid: pid(), limits }));
  }

  /** Whether the stream keeps the process alive. */
  set isReferenced(isReferenced: boolean) {
    if (isReferenced) this.#stream.ref();
    else this.#stream.unref();
  }

  /** Whether nothing more can be sent. */
  get isClosed(): boolean {
    return this.#hasEnded || this.#hasSentBye;
  }

  /** Sends a bye and waits until the peer has everything that it needs, or has ended. */
  async close(): Promise<void> {
    if (!this.isClosed) {
      this.outbox.releaseBackpressured(); // the peer gets these messages before the bye
      this.outbox.end(closedHereError());
      if (this.peerPid === undefined) this.#destroy();
      else this.#sendBye();
    }
    this.inbox.discard();
    await this.#streamClosed;
    this.#transport.close();
  }

  /** Ends the channel because of an error, mostly the peer's. */
  fail(error: unknown): void {
    this.inbox.end(error);
    this.outbox.end(error instanceof Error ? error : new Error(show(error)));
    this.#rejectReady(error);
    this.#destroy();
  }

  #onData(bytes: Uint8Array): void {
    // The slices of a Buffer are views on memory that the runtime uses again; a Uint8Array's are not.
    const chunk = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      for (const { kind, body } of this.#reader.push(chunk)) {
        if (this.#hasEnded) return;
        this.#onFrame(kind, body);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #onFrame(kind: number, body: Uint8Array): void {
    if (kind === Kind.Hello) return this.#onHello(body);
    if (!this.#hasPeerHello) throw protocolError("a frame before its hello");
    if (kind !== Kind.Message && body.length > MAX_CONTROL_BYTES) {
      throw protocolError("a frame that is too large");
    }
    if (this.#transport.onFrame(kind, body, (bytes) => this.#write(bytes))) return;
    if (this.peerPid === undefined) return this.#defer(kind, body);
    if (kind === Kind.Message) return this.inbox.onMessage(body);
    if (kind === Kind.Bye) return this.#onBye();
    if (kind !== Kind.Handles && kind !== Kind.Ack) throw protocolError(`a frame of kind ${kind}`);
    const [first, second] = readInt32s(body);
    if (first === undefined) throw protocolError("a frame that is too short");
    if (kind === Kind.Handles) return this.inbox.onHandles(first, body.slice(4));
    if (second === undefined || first < 0 || second < 0) throw protocolError("an invalid ack");
    this.outbox.onAck(first, second);
  }

  #onHello(body: Uint8Array): void {
    if (this.#hasPeerHello) throw protocolError("a second hello");
    const hello = readHello(body);
    this.#hasPeerHello = true;
    const verified = this.#transport.verifyPeer(hello, (bytes) => this.#write(bytes));
    const begin = () => {
      this.peerPid = hello.pid;
      this.outbox.open(hello.limits);
      this.#resolveReady();
      for (const { kind, body } of this.#deferred.splice(0)) this.#onFrame(kind, body);
    };
    if (verified === undefined) begin();
    else verified.then(begin).catch((error: unknown) => this.fail(error));
  }

  #defer(kind: number, body: Uint8Array): void {
    this.#deferredBytes += MAX_CONTROL_BYTES + body.length;
    if (this.#deferredBytes > MAX_DEFERRED_BYTES) {
      throw protocolError("more than its window allows");
    }
    this.#deferred.push({ kind, body: body.slice() });
  }

  /** The peer sends no more messages. */
  #onBye(): void {
    if (this.#transport.needsLiveSender) this.inbox.receiveAllHandles();
    this.inbox.end();
    if (this.#hasSentBye) return this.#destroy(); // both sides have everything
    this.#sendBye();
    this.outbox.end(peerClosedError());
  }

  #sendBye(): void {
    this.#write(frame(Kind.Bye));
    this.#hasSentBye = true;
  }

  /** The stream has ended, after a bye or without one. */
  #onEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.inbox.end();
    this.outbox.end(peerClosedError());
    this.#rejectReady(peerClosedError());
    this.#stream.destroy();
    if (this.inbox.isEmpty) this.#transport.close();
  }

  #destroy(): void {
    this.#flush();
    this.#stream.destroy();
    this.#onEnd();
  }

  #write(bytes: Uint8Array): void {
    if (this.isClosed) return;
    this.#outgoing.push(bytes);
    if (this.#isFlushQueued) return;
    this.#isFlushQueued = true;
    // The first frame of a turn goes at once; the frames after it go together, in the next turn.
    if (!this.#isFlushScheduled) queueMicrotask(() => this.#flush());
    this.#scheduleFlush();
  }

  /** Flushes in the next turn of the event loop: an ack can wait for a frame that goes anyway. */
  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(() => {
      this.#isFlushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#isFlushQueued = false;
    if (this.#hasEnded) return;
    if (this.#unackedMessages + this.#unackedHandles > 0 && !this.#hasSentBye) {
      this.#outgoing.push(frame(Kind.Ack, int32s(this.#unackedMessages, this.#unackedHandles)));
    }
    this.#unackedMessages = this.#unackedHandles = 0;
    const frames = this.#outgoing;
    this.#outgoing = [];
    if (frames.length === 1) this.#stream.write(frames[0]!);
    else if (frames.length > 1) this.#stream.write(concatenate(frames));
  }
}

/** The error for sending after the peer has closed the channel. */
export function peerClosedError(): Error {
  return failure("EPIPE", "send", {
    message:
      "Cannot send: the other process has closed the channel or has ended; receive() still " +
      "gives what it sent before",
  });
}

function closedHereError(): Error {
  return failure("EBADF", "send", {
    message: "Cannot send: this process has closed the channel; send before close()",
  });
}
