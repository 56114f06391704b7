/** Ending a server without losing a request. */
import { checkInteger } from "../../ffi/check.ts";
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import type { Connection } from "../../ffi/posix/connections.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import { SHUT_RDWR, shutdownSocket } from "../../ffi/posix/socket_name.ts";
import { boundPathOf } from "../handle/network_source.ts";
import { checkKeys, checkSignal, MAX_TIMEOUT_MS } from "../handle/options.ts";
import { closeQuietly } from "../util/late_close.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { connectionsOf, listenerOf, stop, type Stopped } from "./posix_stopped.ts";
import { type DrainingServer, drainingServer } from "./server_kinds.ts";
import { type ListeningServer, requireStoppable } from "./stop_accepting.ts";

/** How {@linkcode drain} ends a server. */
export interface DrainOptions {
  /** The longest time to wait for the connections, in milliseconds; `Infinity` for no limit. Default 30 000. */
  readonly timeout?: number | undefined;
  /** When it is aborted, what is left is cut off at once: for a second signal to the process, for example. */
  readonly signal?: AbortSignal | undefined;
}

/** The options, after a check. */
interface Limit {
  /** In milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

const TIMEOUT_MS = 30_000;
/** The pause between two looks at the connections, and how much longer than a look it is at least. */
const MIN_PAUSE_MS = 5;
const MAX_PAUSE_MS = 50;
const PAUSE_FACTOR = 20;
/** After how many turns of the event loop idle connections are closed. */
const TURNS = 3;
/** How long the runtime may take to close what it was to close. */
const CLOSE_MS = 1000;

/**
 * Ends a server without losing a request: it accepts no more, as after {@linkcode stopAccepting}, serves its
 * connections until they have ended, and is closed then. Linux only.
 *
 * Each answer to a request that comes from now on has the header `Connection: close`, and ends its connection. So
 * connections that have sent nothing yet, and requests of which only a part has come, are served like others. A
 * connection that is idle ends with its next answer, or by the limit of the runtime: `keepAliveTimeout` of
 * `node:http`, `idleTimeout` of `Bun.serve`; `Deno.serve` has none. A connection without HTTP, also a
 * WebSocket, is waited for until one of its ends closes it.
 *
 * What is left when the time is over is cut off. Where the runtime tells which connections are idle, those are not
 * counted, since no request is lost with them: in `node:http` and `Bun.serve`.
 *
 * New connections wait in the queue of the socket meanwhile. Another process or another server that has the
 * socket serves them; without one they are reset at the end.
 *
 * - A `Deno.serve` or `Bun.serve` needs a handler of {@linkcode drainable}. After that answer it is the client that
 *   closes a connection to `Deno.serve`.
 * - In `node:http` an answer for which the program sets the header `Connection` keeps that, and one that is being
 *   made already goes as it is: its connection ends with the next answer.
 * - Of requests that a client sends before it has the answers, those after an answer that closes get none: the client
 *   asks again, as HTTP has it. In `node:http` the last of those that are there closes, unless an answer went before.
 * - HTTP/2 has no such header. In Node a request ends its session; elsewhere sessions are waited for.
 * - A server that has bound the path of a Unix socket itself is refused: its close would remove the path, and clients
 *   would not find the next server. Let it adopt a socket that is bound by the system call.
 * - Of two servers of one thread that accept from one socket, the connections cannot be told apart: call
 *   `stopAccepting` of the one before the other listens.
 *
 * A second call while the server drains returns the same result; it can shorten the time, and not lengthen it.
 *
 * @param server a server that listens, and that this thread has started
 * @param options the time limit
 * @returns how many connections were cut off
 * @throws {HandleError} `ENOTSUP` on Windows and macOS and in the cases above, `EBADF` when the server does not
 * listen, `EMFILE` when no descriptor was free until the time was over; the server accepts as before then
 * @throws {TypeError} when an argument is not of its kind; nothing was done
 * @see https://man7.org/linux/man-pages/man7/epoll.7.html
 *
 * @example
 * ```ts
 * import { drain, inherited } from "duphandle";
 * import { createServer } from "node:http";
 *
 * async function serve() { // on a socket that the next process inherits as well
 *   const server = createServer((_, response) => void response.end("hello\\n"));
 *   await inherited("http").toServer(server);
 *   process.once("SIGTERM", async () => {
 *     const now = new AbortController();
 *     process.once("SIGTERM", () => now.abort());
 *     const count = await drain(server, { timeout: 10_000, signal: now.signal });
 *     console.log(`${count} connections were cut off`);
 *   });
 * }
 *
 * console.log(typeof serve);
 * ```
 */
export async function drain(server: ListeningServer, options?: DrainOptions): Promise<number> {
  const { timeout, signal } = parseOptions(options);
  requireStoppable(server, "drain");
  let drained = drains.get(server);
  if (drained === undefined) {
    drained = new Drain(server, drainingServer(server));
    drains.set(server, drained);
    const forget = () => void drains.delete(server);
    void drained.result.then(forget, forget);
  }
  drained.limit(timeout, signal);
  return await drained.result;
}

/** The servers of this thread that drain. */
const drains: Map<object, Drain> = /* @__PURE__ */ new Map();

class Drain {
  /** How many connections were cut off. */
  readonly result: Promise<number>;
  readonly #server: DrainingServer;
  #state!: Stopped;
  /** The connections that were there at the last search. */
  #found: Connection[] = [];
  readonly #signals: Set<AbortSignal> = new Set();
  #closed: Promise<unknown> | undefined;
  #deadline: number = Infinity;
  #wakeUp: () => void = () => {};

  constructor(server: object, kind: DrainingServer) {
    this.#server = kind;
    this.result = this.#run(server);
  }

  /** Shortens the time, if it is longer than this. */
  limit(timeout: number, signal: AbortSignal | undefined): void {
    this.#deadline = Math.min(this.#deadline, performance.now() + timeout);
    if (signal?.aborted === true) this.#end();
    else if (signal !== undefined) {
      this.#signals.add(signal);
      signal.addEventListener("abort", this.#end);
    }
    this.#wakeUp();
  }

  readonly #end = (): void => {
    this.#deadline = -Infinity;
    this.#wakeUp();
  };

  async #run(server: object): Promise<number> {
    const restore = this.#server.closeAfterAnswers();
    try {
      await this.#stop(server);
      await this.#state.settled;
      const isEmpty = await this.#untilEmpty(() => this.#deadline);
      if (!isEmpty) return await this.#cutOff();
      await this.#closeAtLast();
      return 0;
    } finally {
      for (const signal of this.#signals) signal.removeEventListener("abort", this.#end);
      restore();
    }
  }

  /** Has it accept no more. Without a free descriptor /proc can't be read: connections that end free some. */
  async #stop(server: object): Promise<void> {
    for (;;) {
      try {
        refuseBoundPath(server);
        this.#state = stop(server, listenerOf(server), true);
        this.#found = [...this.#state.first];
        return;
      } catch (error) {
        const isPassing = hasCode(error, "EMFILE", "ENFILE");
        if (!isPassing || performance.now() >= this.#deadline) throw error;
      }
      await pause(MIN_PAUSE_MS);
    }
  }

  /** Waits until there is no connection; whether that was so before the deadline. */
  async #untilEmpty(deadline: () => number): Promise<boolean> {
    for (let pause = MIN_PAUSE_MS;; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
      const start = performance.now();
      // Without a free descriptor /proc can't be read: the next look may find one.
      if (tryOrUndefined(() => this.#isEmpty())) return true;
      const now = performance.now();
      const left = deadline() - now;
      if (left <= 0) return false;
      const wait = Math.min(Math.max(pause, (now - start) * PAUSE_FACTOR), left);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Whether there is no connection. A search reads a lot of /proc, so it waits until none is left of the last one. */
  #isEmpty(): boolean {
    const found = this.#found;
    while (found.length > 0 && identityOf(found.at(-1)!.fd)?.inode !== found.at(-1)!.inode) {
      found.pop();
    }
    if (found.length === 0) this.#found = connectionsOf(this.#state);
    return this.#found.length === 0;
  }

  /** Ends the connections that are left; how many there were. What the runtime can close ends also after an error. */
  async #cutOff(): Promise<number> {
    try {
      let count = this.#server.closesIdle ? 0 : connectionsOf(this.#state).length;
      void this.#close();
      for (let turn = 0; turn < TURNS; turn++) await pause(0);
      if (this.#server.closesIdle) count = connectionsOf(this.#state).length;
      closeQuietly(() => this.#server.closeAll());
      await pause(0);
      for (const { fd } of connectionsOf(this.#state)) {
        tryOrUndefined(() => shutdownSocket(fd, SHUT_RDWR));
      }
      const end = performance.now() + CLOSE_MS;
      await this.#untilEmpty(() => end);
      return count;
    } finally {
      void this.#close();
      closeQuietly(() => this.#server.closeAll());
    }
  }

  /** Closes the server that has no connection, and waits for it: not for ever, should the runtime count one. */
  async #closeAtLast(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS);
      void this.#close().then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Closes the server. Fulfilled when the runtime says that it is closed, whatever else it says. */
  #close(): Promise<unknown> {
    this.#closed ??= new Promise((resolve) => resolve(this.#server.close())).then(noop, noop);
    return this.#closed;
  }
}

const noop = (): void => {};

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function parseOptions(options: DrainOptions | undefined): Limit {
  if (options === undefined) return { timeout: TIMEOUT_MS, signal: undefined };
  checkKeys(options, ["timeout", "signal"]);
  const { timeout = TIMEOUT_MS, signal } = options;
  if (timeout !== Infinity) checkInteger(timeout, "timeout", 0, MAX_TIMEOUT_MS);
  checkSignal(signal);
  return { timeout, signal };
}

/** Throws for a server whose close removes the path of its socket. */
function refuseBoundPath(server: object): void {
  const path = boundPathOf(server);
  if (path !== undefined) throw boundItself(path);
}

function boundItself(path: string): HandleError {
  return failure("ENOTSUP", "unlink", {
    message:
      `Cannot drain a server that has bound ${path} itself: its close() would remove the path, and clients ` +
      "would not find the next server there; bind it by listenOn(), and let the server adopt that",
  });
}
