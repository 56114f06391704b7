/** A stream that exists before its socket does: it buffers what is written until then. */
import type { Socket } from "node:net";
import type { ChannelStream } from "./types.ts";

type Event = "data" | "error" | "end" | "close";
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
  #written: Uint8Array[] = [];
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
    for (const bytes of this.#written.splice(0)) socket.write(bytes);
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

  write(bytes: Uint8Array): void {
    if (this.#socket !== undefined) this.#socket.write(bytes);
    else if (!this.#hasFailed) this.#written.push(bytes);
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
