/** The clients of a server that have not said hello: bounded in number and in time. */
import { failure } from "../../ffi/error.ts";

/** Why a client is dropped: there are too many, or it took too long. `undefined`: the server closes. */
export type DropReason = "busy" | "timeout" | undefined;

/** Ends a client. It must not throw. */
export type Drop = (reason: DropReason) => void;

/** The clients that a server waits for. */
export class PendingClients {
  /** The values are the times at which a client's time is over, in milliseconds. */
  readonly #clients = new Map<Drop, number>();
  readonly #maxClients: number;
  readonly #timeoutMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param maxClients beyond it the oldest client is dropped
   * @param timeoutMs how long a client may stay, in milliseconds
   */
  constructor(maxClients: number, timeoutMs: number) {
    this.#maxClients = maxClients;
    this.#timeoutMs = timeoutMs;
  }

  /** Adds a client, which is dropped when there are too many after it or its time is over. */
  add(drop: Drop): void {
    this.#clients.set(drop, performance.now() + this.#timeoutMs);
    if (this.#clients.size > this.#maxClients) this.#dropOldest("busy");
    this.#schedule();
  }

  /** Puts another in the place of a client, which keeps its time; returns whether it was there. */
  replace(old: Drop, drop: Drop): boolean {
    const end = this.#clients.get(old);
    if (end === undefined) return false;
    this.#clients.delete(old);
    this.#clients.set(drop, end);
    return true;
  }

  /** The client has said hello, or has gone. */
  delete(drop: Drop): boolean {
    return this.#clients.delete(drop);
  }

  /** Drops all. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#clients.size > 0) this.#dropOldest(undefined);
  }

  #dropOldest(reason: DropReason): void {
    const end = Math.min(...this.#clients.values());
    for (const [drop, each] of this.#clients) {
      if (each !== end) continue;
      this.#clients.delete(drop);
      return drop(reason);
    }
  }

  /** One timer for all. It keeps no process alive. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#clients.size === 0) return;
    const first = Math.min(...this.#clients.values());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#dropOverdue();
      this.#schedule();
    }, Math.max(1, first - performance.now()));
    this.#timer.unref?.();
  }

  #dropOverdue(): void {
    const now = performance.now();
    for (const [drop, end] of [...this.#clients]) {
      if (end <= now && this.#clients.delete(drop)) drop("timeout");
    }
  }
}

/** The error of a handshake that took too long. */
export function handshakeTimeoutError(what: string, milliseconds: number): Error {
  return failure("ETIMEDOUT", "connect", {
    message:
      `Cannot open a channel: ${what} within ${milliseconds} ms; raise handshakeTimeout, or ` +
      "see why it does not answer",
  });
}
