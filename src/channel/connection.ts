/** The protocol of one end of a channel: hello, frames, acks and bye, over a stream and a transport. */
import { show } from "../../ffi/check.ts";
import { failure, hasCode } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import {
  type Frame,
  frame,
  helloFrame,
  Kind,
  type Limits,
  protocolError,
  readHandles,
  readHello,
} from "./frames.ts";
import { readInt32 } from "./frame_memory.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { Inbox } from "./inbox.ts";
import { Outbox, WINDOW_BYTES } from "./outbox.ts";
import { type DropReason, handshakeTimeoutError } from "./pending.ts";
import type { ChannelEnd, ChannelStream } from "./types.ts";

/** The most bytes of frames that are kept until the peer is verified. */
const MAX_DEFERRED_BYTES = 2 * WINDOW_BYTES;
/** What each of these frames takes beside its body, in bytes. */
const DEFERRED_FRAME_BYTES = 4096;
/** How long the connection of a client that is sent away stays, in milliseconds: runtimes write later. */
const BUSY_LINGER_MS = 20;

/**
 * Which end it is. A server says its hello after the client's, and may say instead that it is busy; the ends of a
 * parent and a child are equal.
 */
export type Role = "server" | "client" | "equal";

/** One end of a channel that is connected, or about to be. */
export class Connection {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Fulfilled when the peer is verified; rejected when the connection ends before. */
  readonly ready: Promise<void>;
  /** The pid of the peer, once it is verified. */
  peerPid: number | undefined;
  readonly #end: ChannelEnd;
  readonly #stream: ChannelStream;
  readonly #limits: Limits;
  readonly #role: Role;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #streamClosed: Promise<void>;
  #resolveReady: () => void = () => {};
  #rejectReady: (error: unknown) => void = () => {};
  /** Frames that arrived after the peer's hello and before it is verified. */
  #deferred: Frame[] = [];
  #deferredBytes = 0;
  #hasPeerHello = false;
  #hasSentHello = false;
  #isReferenced = true;
  #isDropped = false;
  #hasSentBye = false;
  #hasEnded = false;

  constructor(end: ChannelEnd, limits: Limits, role: Role = "equal") {
    const { stream, transport } = this.#end = end;
    this.#stream = stream;
    this.#limits = limits;
    this.#reader = new FrameReader(limits.maxMessageBytes);
    const fail = (error: unknown) => this.fail(error);
    this.#writer = new FrameWriter(stream, fail);
    const write = (bytes: Uint8Array) => this.#writer.write(bytes);
    // After EPIPE the stream still delivers what the peer had sent, and then ends by itself.
    this.outbox = new Outbox(transport, write, (error) => hasCode(error, "EPIPE") || fail(error));
    this.inbox = new Inbox(transport, limits, (messages, handles) => {
      if (!this.#hasEnded) this.#writer.acknowledge(messages, handles);
      else if (this.inbox.isEmpty) transport.close();
    }, fail);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.ready.catch(() => {}); // not every caller waits for it
    this.#streamClosed = new Promise((resolve) => stream.once("close", () => resolve()));
    stream.on("error", () => {}); // "close" follows, and is handled
    stream.on("end", () => this.#onEnd());
    stream.on("close", () => this.#onEnd());
    this.#role = role;
    if (role !== "server") this.#sayHello();
    const onData = (bytes: Uint8Array) => this.#onData(bytes);
    if (end.startReading === undefined) stream.on("data", onData);
    else end.startReading(() => this.#reader.target(), onData);
  }

  /** The owners of handles that were received. */
  ownersOf(handles: readonly RawHandle[]): OwnedHandle[] {
    return this.#end.transport.ownersOf(handles);
  }

  /** Whether the stream keeps the process alive. */
  set isReferenced(isReferenced: boolean) {
    this.#isReferenced = isReferenced;
    if (isReferenced) this.#stream.ref();
    else this.#stream.unref();
  }

  /** Whether nothing more can be sent. */
  get isClosed(): boolean {
    return this.#hasEnded || this.#hasSentBye;
  }

  /**
   * Sends a bye and waits until the peer has everything that it needs, or has ended.
   *
   * @param timeoutMs how long to wait, in milliseconds; then the connection is ended
   */
  async close(timeoutMs: number): Promise<void> {
    if (!this.isClosed) {
      this.outbox.releaseBackpressured(); // the peer gets these messages before the bye
      this.outbox.end(closedHereError());
      if (this.peerPid === undefined) this.#destroy();
      else this.#sendBye();
    }
    this.inbox.discard();
    const timer = setTimeout(() => this.#destroy(), timeoutMs);
    if (!this.#isReferenced) timer.unref?.();
    await this.#streamClosed;
    clearTimeout(timer);
    this.#end.transport.close();
  }

  /** Ends a client of a server that has not said hello. */
  drop(reason: DropReason, timeoutMs: number): void {
    this.#isDropped = true;
    const end = () => this.fail(handshakeTimeoutError("the client did not say hello", timeoutMs));
    if (reason !== "busy") return end();
    this.#writer.write(frame(Kind.Busy));
    this.#end.transport.refuse?.();
    setTimeout(end, BUSY_LINGER_MS);
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
    const { buffer, byteOffset, length } = bytes;
    const chunk = bytes.constructor === Uint8Array
      ? bytes
      : new Uint8Array(buffer, byteOffset, length);
    this.#writer.onData();
    if (this.#isDropped) return;
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
    const isExpecting = this.#role === "client" && this.peerPid === undefined;
    if (kind === Kind.Busy && isExpecting) throw busyError();
    if (!this.#hasPeerHello) throw protocolError("a frame before its hello");
    if (this.#end.transport.onFrame(kind, body, (bytes) => this.#writer.write(bytes))) return;
    if (this.peerPid === undefined) return this.#defer(kind, body);
    if (kind === Kind.Message) return this.inbox.onMessage(body);
    if (kind === Kind.Bye) return this.#onBye();
    if (kind !== Kind.Handles && kind !== Kind.Ack) throw protocolError(`a frame of kind ${kind}`);
    if (kind === Kind.Handles) return this.inbox.onHandles(readHandles(body));
    if (body.length !== 8) throw protocolError("an ack of the wrong size");
    const [messages, handles] = [readInt32(body, 0), readInt32(body, 4)];
    if (messages < 0 || handles < 0 || messages + handles === 0) {
      throw protocolError("an invalid ack");
    }
    this.outbox.onAck(messages, handles);
  }

  #onHello(body: Uint8Array): void {
    if (this.#hasPeerHello) throw protocolError("a second hello");
    const hello = readHello(body);
    this.#hasPeerHello = true;
    if (!this.#hasSentHello) this.#sayHello();
    const verified = this.#end.transport.verifyPeer(hello, (bytes) => this.#writer.write(bytes));
    const begin = () => {
      // Where the kernel knows the pid, nobody has to believe the hello; elsewhere it is verified.
      this.peerPid = this.#end.peerPid ?? hello.pid;
      this.outbox.open(hello.limits);
      this.#resolveReady();
      for (const { kind, body } of this.#deferred.splice(0)) this.#onFrame(kind, body);
    };
    if (verified === undefined) begin();
    else verified.then(begin).catch((error: unknown) => this.fail(error));
  }

  #defer(kind: number, body: Uint8Array): void {
    this.#deferredBytes += DEFERRED_FRAME_BYTES + body.length;
    if (this.#deferredBytes > MAX_DEFERRED_BYTES) {
      throw protocolError("more than its window allows");
    }
    this.#deferred.push({ kind, body: body.slice() });
  }

  /** The peer sends no more messages. */
  #onBye(): void {
    if (this.#end.transport.needsLiveSender) this.inbox.receiveAllHandles();
    this.inbox.end();
    if (this.#hasSentBye) return this.#destroy(); // both sides have everything
    this.#sendBye();
    this.outbox.end(peerClosedError());
  }

  #sayHello(): void {
    this.#hasSentHello = true;
    this.#writer.write(helloFrame({ pid: pid(), limits: this.#limits }));
  }

  #sendBye(): void {
    this.#writer.writeLast(frame(Kind.Bye));
    this.#hasSentBye = true;
  }

  /** The stream has ended, after a bye or without one. */
  #onEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#writer.end();
    this.inbox.end();
    this.outbox.end(peerClosedError());
    this.#rejectReady(this.#whyEnded());
    this.#stream.destroy();
    if (this.inbox.isEmpty) this.#end.transport.close();
  }

  #whyEnded(): Error {
    if (this.#hasPeerHello) return peerClosedError();
    const isBusy = this.#role === "client" && this.#end.transport.wasRefused?.() === true;
    return isBusy ? busyError() : refusedError();
  }

  #destroy(): void {
    this.#writer.flush();
    this.#stream.destroy();
    this.#onEnd();
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

function refusedError(): Error {
  return failure("EPIPE", "connect", {
    message:
      "Cannot open a channel: the other process has closed the connection before its hello; it " +
      "may have ended, or use another version of this library, or accept no more clients",
  });
}

function closedHereError(): Error {
  return failure("EBADF", "send", {
    message:
      "Cannot send: this process has closed the channel before the message could go; wait for each " +
      "send() before close()",
  });
}

/** Whether it is the error of a client that tries again. */
export function isBusy(error: unknown): boolean {
  return hasCode(error, "EAGAIN") && error.syscall === "connect";
}

/** The error of a client whose server had too many: it tries again. */
export function busyError(): Error {
  return failure("EAGAIN", "connect", {
    message: "Cannot open a channel: too many clients have not said hello; try again",
  });
}
