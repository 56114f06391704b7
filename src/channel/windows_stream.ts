/** A stream that is there before its socket is: what is written waits, and who listens is told later. */
import type { Socket } from "node:net";
import type { ChannelStream } from "./types.ts";

type Event = "data" | "error" | "end" | "close";
type Listener = (bytes: Uint8Array) => void;

/** What is done about the socket as long as it is not there. */
export interface Waiting {
  /** Nobody waits for it any more. */
  stop(): void;
  /** Whether waiting for it is to keep the process alive. */
  reference(isReferenced: boolean): void;
}

/** A stream that gets its socket later, or never. */
export class LateStream implements ChannelStream {
  readonly #listeners: [event: Event, listener: Listener][] = [];
  #written: Uint8Array[] = [];
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;
  #isReferenced = true;
  #isOver = false;

  /** Says what to do when nobody waits any more. */
  set waiting(waiting: Waiting) {
    this.#waiting = waiting;
  }

  /** Whether its socket is there, or will never be. */
  get isSettled(): boolean {
    return this.#isOver || this.#socket !== undefined;
  }

  /** Here is the socket, and what came over it already. */
  attach(socket: Socket, received: readonly Uint8Array[] = []): void {
    this.#waiting = undefined;
    if (this.isSettled) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    if (!this.#isReferenced) socket.unref();
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
    for (const bytes of this.#written.splice(0)) socket.write(bytes);
    for (const bytes of received) this.#tell("data", bytes);
  }

  /** There will be no socket. */
  giveUp(): void {
    if (this.isSettled) return;
    this.#isOver = true;
    this.#written = [];
    this.#waiting?.stop();
    this.#waiting = undefined;
    queueMicrotask(() => this.#tell("close"));
  }

  on(event: Event, listener: Listener): void {
    if (this.#socket !== undefined) this.#socket.on(event, listener);
    else this.#listeners.push([event, listener]);
  }

  once(event: "close", listener: () => void): void {
    this.on(event, listener); // it comes once
  }

  write(bytes: Uint8Array): void {
    if (this.#socket !== undefined) this.#socket.write(bytes);
    else if (!this.#isOver) this.#written.push(bytes);
  }

  destroy(): void {
    if (this.#socket !== undefined) this.#socket.destroy();
    else this.giveUp();
  }

  ref(): void {
    this.#reference(true);
  }

  unref(): void {
    this.#reference(false);
  }

  #reference(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    this.#waiting?.reference(isReferenced);
    if (isReferenced) this.#socket?.ref();
    else this.#socket?.unref();
  }

  #tell(event: Event, bytes: Uint8Array = new Uint8Array(0)): void {
    for (const [each, listener] of this.#listeners) if (each === event) listener(bytes);
  }
}
