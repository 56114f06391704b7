/** Servers that let another process accept. */
import type { Server } from "node:net";
import { isPromise, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { isHandle, type OwnedHandle } from "../handle/handle.ts";
import { canSplice } from "../handle/posix_splice.ts";
import { borrow } from "../handle/source.ts";
import { closeQuietly } from "../util/late_close.ts";
import { listenerOf, stop } from "./posix_stopped.ts";

/**
 * A server of the runtime that listens: a `Server` of `node:net`, `node:tls`, `node:http` or `node:https`; a
 * `Deno.Listener`, `Deno.TlsListener` or `Deno.HttpServer`; what `Bun.listen` or `Bun.serve` returns.
 */
export type ListeningServer =
  | Server
  | { readonly addr: { readonly transport: string } }
  | { stop(closeActiveConnections?: boolean): unknown; reload(options: never): unknown };

/**
 * Has a server of the runtime accept no more connections, and leaves its socket open. Its connections go on, and
 * the server is not closed.
 *
 * The kernel keeps the socket listening: new connections wait in its queue for whoever accepts from it next, here or
 * in another process, through the returned handle or another duplicate. `close()` of a server that holds the only
 * handle resets those that wait. So pass the handle on first, and close the server then, best by {@linkcode drain}.
 *
 * What the event loop is just accepting is still served here: connections may come up to its next turns, and up
 * to the end of the queue where the program itself calls `accept()` of a `Deno.Listener`. The server does not
 * accept again, unless it is closed and listens anew. A second call returns another handle.
 *
 * Linux only: it takes the socket out of the event loop by `epoll_ctl`, which needs no permission in Deno but
 * `--allow-ffi`.
 *
 * @param server a server that listens, and that this thread has started
 * @returns a handle to the listening socket, which the caller closes
 * @throws {HandleError} `EBADF` when the server does not listen; `EMFILE`; `ENOTSUP` on Windows and macOS, when the
 * descriptor of the server cannot be told, and when no event loop of this process watches it. The server accepts
 * as before then
 * @throws {TypeError} when the argument is no server
 * @see https://man7.org/linux/man-pages/man2/epoll_ctl.2.html
 *
 * @example
 * ```ts
 * import { stopAccepting } from "duphandle";
 * import { once } from "node:events";
 * import { createServer } from "node:net";
 *
 * if (process.platform === "linux") {
 *   const server = createServer((socket) => socket.pipe(socket)).listen(0);
 *   await once(server, "listening");
 *   const listener = stopAccepting(server); // and the next server serves it, here or in another process
 *   const next = await listener.toServer(createServer((socket) => void socket.end("hello\n")));
 *   server.close();
 *   next.close();
 * }
 * ```
 */
export function stopAccepting(server: ListeningServer): OwnedHandle {
  requireStoppable(server, "stopAccepting");
  const fd = listenerOf(server);
  const handle = borrow(fd).duplicate();
  try {
    stop(server, fd);
    return handle;
  } catch (error) {
    closeQuietly(() => handle.close());
    throw error;
  }
}

/**
 * Throws for what is certainly no server, and where no socket can be taken out of an event loop. It runs no code of
 * the value.
 *
 * @param name the function that is called
 */
export function requireStoppable(server: unknown, name: string): asserts server is object {
  const isObject = typeof server === "object" && server !== null;
  if (!isObject || isHandle(server) || isPromise(server)) {
    throw new TypeError(
      `Cannot stop ${show(server)}: it must be a server of the runtime, such as one of node:http`,
    );
  }
  if (canSplice()) return;
  throw failure("ENOTSUP", "epoll_ctl", {
    message:
      `Cannot call ${name}(): only on Linux a socket can be taken out of an event loop; duplicate() its ` +
      "handle before it is a server's, and close() the server",
  });
}
