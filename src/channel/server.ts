/** Servers of channels: what they do with the connections that come. */
import { warnOf } from "../util/late_close.ts";
import { Connection } from "./connection.ts";
import type { ListenSettings } from "./options.ts";
import { channels } from "./platform.ts";
import type { Listener, ListenerEvents } from "./types.ts";

/**
 * Listens for other processes; made by {@linkcode HandleChannel.listen}.
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 * @see https://learn.microsoft.com/windows/win32/ipc/named-pipes
 *
 * @example
 * ```ts
 * import { HandleChannel, type HandleServer } from "duphandle";
 *
 * const isWindows = process.platform === "win32";
 * const path = isWindows ? `\\\\.\\pipe\\hall-${process.pid}` : `/tmp/hall-${process.pid}.sock`;
 * const server: HandleServer = await HandleChannel.listen(path, (channel) => void channel.close());
 * await server.close(); // no process can connect any more
 * ```
 */
export class HandleServer implements AsyncDisposable {
  readonly #listener: Listener;
  #closing: Promise<void> | undefined;

  private constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Stops listening and removes the path; on Linux both sockets. Open channels stay open. */
  close(): Promise<void> {
    return this.#closing ??= this.#listener.close();
  }

  /** Closes the server, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Starts to listen.
 *
 * @param admit is called with each connection whose peer is verified, and returns what the user's function does
 */
export async function startServer(
  path: string,
  settings: ListenSettings,
  admit: (connection: Connection) => unknown,
): Promise<HandleServer> {
  const { limits, pending, signal, closeTimeout, users } = settings;
  signal?.throwIfAborted();
  const onError = (error: unknown) => report(error, settings.onError);
  const onEnd: ListenerEvents["onEnd"] = (end, settled) => {
    const connection = new Connection(end, limits, "server");
    // Until the peer is verified, it neither reaches onChannel nor keeps the process alive.
    connection.isReferenced = false;
    const failed = (error: unknown) => {
      onError(error);
      connection.close(closeTimeout).catch(onError);
    };
    connection.ready.then(() => {
      settled();
      connection.isReferenced = true;
      callUser(() => admit(connection), failed);
    }, settled);
    return (reason) => connection.drop(reason, pending.handshakeTimeout);
  };
  const listener = await channels().listen(path, { onEnd, onError }, pending, users);
  if (signal?.aborted === true) {
    await listener.close();
    signal.throwIfAborted();
  }
  const close = () => {
    signal?.removeEventListener("abort", abort);
    return listener.close();
  };
  const server = Reflect.construct(HandleServer, [{ close }]) as HandleServer;
  const abort = () => void server.close().catch(onError);
  signal?.addEventListener("abort", abort);
  return server;
}

/** Tells the owner of a server. Whatever the owner's function does, the server goes on. */
function report(error: unknown, onError: ListenSettings["onError"]): void {
  if (onError === undefined) {
    warnOf("A server of channels goes on, and has no onError to call with this error", error);
    return;
  }
  callUser(() => onError(error), (cause) => warnOf("The onError of a server has thrown", cause));
}

/** Calls a function of the user. What it throws, or its promise or thenable is rejected with, goes to `failed`. */
function callUser(call: () => unknown, failed: (error: unknown) => void): void {
  new Promise((resolve) => resolve(call())).catch(failed);
}
