/** A stream that exists before its socket does: it buffers what is written until then. */
import type { Socket } from "node:net";
import { concatenate } from "./frame_memory.ts";
import { helloFrame } from "./frames.ts";
import type { PendingClients } from "./pending.ts";
import { type ChannelStream, defaultLimits, type WriteCallback } from "./types.ts";

type Event = "data" | "error" | "end" | "close" | "drain";
type EventCallback = (bytes: Uint8Array) => void;

/** What waits for the socket: a server that listens. */
export interface PendingSocket {
  /** Stops waiting. */
  stop(): void;
  /** Sets whether waiting keeps the process alive. */
  setReferenced(isReferenced: boolean): void;
}

/** A stream that gets its socket later, or never. */
export class DeferredSocket implements ChannelStream {
  readonly #callbacks: [event: Event, callback: EventCallback][] = [];
  #written: [bytes: Uint8Array, callback: WriteCallback | undefined][] = [];
  #socket: Socket | undefined;
  #pending: PendingSocket | undefined;
  #isReferenced = true;
  #hasFailed = false;

  /** Sets what waits for the socket, so that `destroy`, `ref` and `unref` reach it. */
  set pending(pending: PendingSocket) {
    this.#pending = pending;
  }

  /** Provides the socket, and the bytes that were already read from it. */
  attach(socket: Socket, received: readonly Uint8Array[] = []): void {
    this.#pending = undefined;
    if (this.#hasFailed || this.#socket !== undefined) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    if (!this.#isReferenced) socket.unref();
    for (const [event, callback] of this.#callbacks) socket.on(event, callback);
    for (const [bytes, callback] of this.#written.splice(0)) socket.write(bytes, callback);
    for (const bytes of received) this.#emit("data", bytes);
  }

  /** Ends the stream if it has no socket, and will have none. */
  fail(): void {
    if (this.#hasFailed || this.#socket !== undefined) return;
    this.#hasFailed = true;
    this.#written = [];
    this.#pending?.stop();
    this.#pending = undefined;
    queueMicrotask(() => this.#emit("close"));
  }

  on(event: Event, callback: EventCallback): void {
    if (this.#socket !== undefined) this.#socket.on(event, callback);
    else this.#callbacks.push([event, callback]);
  }

  once(event: "close", callback: () => void): void {
    this.on(event, callback); // "close" comes once
  }

  write(bytes: Uint8Array, callback?: WriteCallback): void {
    if (this.#socket !== undefined) this.#socket.write(bytes, callback);
    else if (!this.#hasFailed) this.#written.push([bytes, callback]);
  }

  /** What waits for the socket is a hello at most, and is not counted. */
  get writableLength(): number {
    return this.#socket?.writableLength ?? 0;
  }

  destroy(): void {
    if (this.#socket !== undefined) this.#socket.destroy();
    else this.fail();
  }

  ref(): void {
    this.#setReferenced(true);
  }

  unref(): void {
    this.#setReferenced(false);
  }

  #setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    this.#pending?.setReferenced(isReferenced);
    if (isReferenced) this.#socket?.ref();
    else this.#socket?.unref();
  }

  #emit(event: Event, bytes: Uint8Array = new Uint8Array(0)): void {
    for (const [each, callback] of this.#callbacks) if (each === event) callback(bytes);
  }
}

/** How long a client that is refused has for reading why, in milliseconds. */
export const REFUSAL_MS = 1000;

/**
 * The socket of a client of a server. A client that is refused would not read why if the pipe were closed at
 * once: it may be about to write, which fails then. So its socket stays open until the client has closed it.
 */
export class ClientSocket implements ChannelStream {
  readonly #socket: Socket;
  readonly #refused: PendingClients;
  #isRefused = false;
  #isLingering = false;

  /** @param refused the clients that were refused: bounded in number and in time */
  constructor(socket: Socket, refused: PendingClients) {
    this.#socket = socket;
    this.#refused = refused;
  }

  /** From now on `destroy` waits until the client has read what was written. */
  refuse(): void {
    this.#isRefused = true;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  on(event: Event, callback: EventCallback): void {
    this.#socket.on(event, callback);
  }

  once(event: "close", callback: () => void): void {
    this.#socket.once(event, callback);
  }

  write(bytes: Uint8Array, callback?: WriteCallback): void {
    this.#socket.write(bytes, callback);
  }

  destroy(): void {
    if (!this.#isRefused) return void this.#socket.destroy();
    if (this.#isLingering) return;
    this.#isLingering = true;
    const drop = () => void this.#socket.destroy();
    this.#socket.removeAllListeners("data").resume(); // the end is found by reading
    this.#socket.once("close", () => this.#refused.delete(drop));
    this.#refused.add(drop);
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }
}

/** The size of what every hello of every version begins with, in bytes. */
const HELLO_START_SIZE = 9;

/** Reads until a hello of any version has begun. A connection that says something else is ended. */
export function onceHelloBegins(socket: Socket, onBegun: (bytes: Uint8Array) => void): void {
  const start = helloFrame({ pid: 0, limits: defaultLimits }).subarray(0, HELLO_START_SIZE);
  let received = new Uint8Array(0);
  const onData = (bytes: Uint8Array) => {
    received = concatenate([received, bytes]) as Uint8Array<ArrayBuffer>;
    if (start.some((byte, at) => at < received.length && byte !== received[at])) {
      socket.destroy();
    } else if (received.length >= start.length) {
      socket.off("data", onData);
      onBegun(received);
    }
  };
  socket.on("data", onData);
}
