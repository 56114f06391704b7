/** The runtime's native servers and connections, on sockets of ours. */
import { isPromise, show, showWithClass } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { isOwnedHandle, type OwnedHandle } from "../handle/handle.ts";
import { canSplice } from "../handle/posix_splice.ts";
import type { PlaceholderOptions } from "./placeholder_options.ts";
import { openPlaceholder, type PlaceholderUse } from "./posix_placeholder.ts";

/**
 * Puts a socket under a server, a connection or a UDP socket of the runtime that takes no descriptor:
 * `Deno.serve`, `Deno.listen`, `Deno.listenTls`, `Deno.connect`, `Deno.listenDatagram`, `Bun.serve`,
 * `Bun.listen`, `Bun.connect` and `Bun.udpSocket`, with HTTP, WebSocket and TLS. Linux only. For servers of
 * `node:net` and `node:http` there is {@linkcode OwnedHandle.toServer}.
 *
 * `make` starts it with the options that it gets, in place of an address of its own. Where the runtime has no
 * option for a descriptor it starts on a placeholder, a socket at a free port of this machine or, for a Unix
 * socket, at an abstract name; then ours takes its place. So the addresses that it reports are those of the
 * placeholder. `Deno` wants the permission for them: `--allow-net=127.0.0.1` or `[::1]`; for a Unix socket
 * `--allow-net`, `--allow-read` and `--allow-write`. In `make` nothing may be sent or received yet: that would go
 * to the placeholder.
 *
 * Like `toServer`, it consumes the handle, whatever the outcome; pass a duplicate to keep one. Only when the
 * handle is of the wrong kind it stays open, and `make` is not called. The open file becomes non-blocking for
 * all who share it: see
 * [sockets](https://github.com/duphandle/duphandle/blob/main/docs/sockets.md#non-blocking). Closing the server
 * does not remove the path of a Unix socket.
 *
 * When it fails after `make` has started something, nothing was replaced, and what `make` started still has
 * its placeholder: keep it in a variable, to close it.
 *
 * @param handle a listening socket, a connected stream socket, or a datagram socket
 * @param make starts a server and returns it, or a promise of it. It has to return the object of the runtime,
 * whose address tells its socket from others
 * @returns what `make` returns; a promise is fulfilled once the socket is in its place
 * @throws {HandleError} `ENOTSUP` when the handle is of another kind, when the placeholder can't be told from
 * the sockets of other threads, and on Windows and macOS; `EBADF` when the handle is closed; `EMFILE`
 * @throws {TypeError} when an argument is not of its kind; nothing was done
 * @see https://man7.org/linux/man-pages/man7/epoll.7.html
 *
 * @example
 * ```ts
 * import { inherited, serveOn } from "duphandle";
 * import { createServer } from "node:http";
 *
 * // Instead of Deno.serve({ port: 8080 }, handler) or Bun.serve({ port: 8080, fetch }):
 * function serve(fetch: (request: Request) => Response) {
 *   const runtime = globalThis as unknown as Record<string, { serve(options: object): object }>;
 *   if (runtime.Deno) {
 *     return serveOn(inherited("http"), (placeholder) => runtime.Deno.serve({ ...placeholder, handler: fetch }));
 *   }
 *   if (runtime.Bun) {
 *     return serveOn(inherited("http"), (placeholder) => runtime.Bun.serve({ ...placeholder, fetch }));
 *   }
 *   return inherited("http").toServer(createServer((_, response) => void response.end("hello")));
 * }
 * ```
 */
export function serveOn<Made>(
  handle: OwnedHandle,
  make: (placeholder: PlaceholderOptions) => Made,
): Made {
  if (!isOwnedHandle(handle)) {
    throw new TypeError(
      `Cannot serve on ${showWithClass(handle)}: it must be an OwnedHandle; duplicate() makes one`,
    );
  }
  if (typeof make !== "function") {
    throw new TypeError(`Cannot use ${show(make)} to start a server: it must be a function`);
  }
  const { raw } = handle;
  if (!canSplice()) {
    throw failure("ENOTSUP", "epoll_ctl", {
      message:
        "Cannot put a socket under a server: only Linux can; use toServer(), toSocket() or toDatagram()",
      handle: raw,
    });
  }
  const use = openPlaceholder(raw);
  try {
    handle.release();
  } catch (error) {
    use.cancel();
    throw error;
  }
  return start(use, make);
}

/** Calls `make`, and puts our socket in its place. From here on the handle is consumed. */
function start<Made>(use: PlaceholderUse, make: (placeholder: PlaceholderOptions) => Made): Made {
  const finish = (made: unknown) => {
    try {
      use.take(made);
    } finally {
      use.end();
    }
  };
  let made: Made;
  try {
    made = make(use.options);
  } catch (error) {
    use.end();
    throw error;
  }
  if (!isPromise(made)) {
    finish(made);
    return made;
  }
  const taken = Promise.resolve(made).then(
    (value: unknown) => {
      finish(value);
      return value;
    },
    (error: unknown) => {
      use.end();
      throw error;
    },
  );
  return taken as Made;
}
