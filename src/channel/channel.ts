/** Channels: messages with handles between two processes. */
import { checkInteger, checkIterable, show } from "../../ffi/check.ts";
import { closeMany } from "../batch/batch.ts";
import type { Limits } from "./frames.ts";
import { Connection } from "./connection.ts";
import { encodeMessage, type JsonValue } from "./message.ts";
import { type ChannelEnd, defaultLimits, type Listener } from "./types.ts";
import { type OwnedHandle, ownedHandle } from "../handle/handle.ts";
import { checkKeys } from "../handle/options.ts";
import { type HandleSource, rawsOf } from "../handle/source.ts";
import { channels } from "./platform.ts";

/** What this side of a channel accepts. A `send` of the other side fails beyond it. */
export interface ChannelOptions {
  /**
   * The most bytes of a message: its JSON, its `Uint8Array`s, 12 bytes, and 4 for each
   * `Uint8Array`. Default 16 MiB.
   */
  readonly maxMessageBytes?: number | undefined;
  /** The most handles of a message. Default 10,000. */
  readonly maxHandles?: number | undefined;
}

/**
 * A message and the handles that came with it, which the receiver closes. With `using`, those that
 * are still open are closed at the end of the block.
 */
export interface HandleMessage extends Disposable {
  /** The message that was sent. */
  readonly message: JsonValue;
  /** Handles of this process, in the order in which they were sent. */
  readonly handles: OwnedHandle[];
}

const optionNames: readonly (keyof Limits)[] = ["maxMessageBytes", "maxHandles"];

/**
 * Makes the `HandleChannel` of an end. Its constructor is private, and a static block that called it
 * would keep bundlers from removing the class.
 */
export function createChannel(end: ChannelEnd, limits: Limits): HandleChannel {
  return Reflect.construct(HandleChannel, [new Connection(end, limits)]) as HandleChannel;
}

/** Makes a `HandleServer`, whose constructor is private too. */
function createServer(listener: Listener): HandleServer {
  return Reflect.construct(HandleServer, [listener]) as HandleServer;
}

/**
 * Sends messages and handles of any kind to another process of the same user, and receives them.
 * The two processes may run in different runtimes.
 *
 * Get one from `spawn` with `channel: true` and {@linkcode parentChannel} in the child, or from
 * {@linkcode HandleChannel.listen} and {@linkcode HandleChannel.connect}. An open channel keeps the
 * process alive until {@linkcode HandleChannel.unref}.
 *
 * Linux and Windows; macOS: `ENOTSUP`.
 *
 * @example
 * ```ts
 * import { HandleChannel } from "duphandle";
 * import { closeSync, openSync } from "node:fs";
 *
 * const path = process.platform === "win32"
 *   ? `\\\\.\\pipe\\duphandle-${process.pid}`
 *   : `/tmp/duphandle-${process.pid}`;
 * await using server = await HandleChannel.listen(path, async (channel) => {
 *   const file = openSync("README.md", "r");
 *   // In Deno for Windows a descriptor above 2 is no source.
 *   const sources = process.platform === "win32" ? [] : [file];
 *   await channel.send({ name: "README.md" }, sources);
 *   closeSync(file); // the other process has its own
 * });
 *
 * await using channel = await HandleChannel.connect(path);
 * using received = await channel.receive();
 * console.log(received?.message); // { name: "README.md" }
 * ```
 */
export class HandleChannel implements AsyncDisposable, AsyncIterable<HandleMessage> {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Listens for other processes of this user. The operating system identifies their user; processes
   * of other users are refused.
   *
   * @param path on Linux a path of at most 102 bytes, at which a socket appears that only this user
   * may use, and a second socket at the same path with `.bell` appended; on Windows the name of a
   * pipe, such as `\\.\pipe\name`
   * @param onChannel is called with each channel; errors that it throws, or by which its promise
   * is rejected, are not caught
   * @param options what this side accepts
   * @returns the server, which the caller closes; open channels stay open
   * @throws {HandleError} `EADDRINUSE` when another process listens there, on Windows also while
   * channels of a closed server are open; `EACCES`, `ENOENT`
   * @throws {TypeError} when an argument has the wrong type
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   */
  static async listen(
    path: string,
    onChannel: (channel: HandleChannel) => void,
    options?: ChannelOptions,
  ): Promise<HandleServer> {
    if (typeof onChannel !== "function") {
      throw new TypeError(`Cannot use ${show(onChannel)} as onChannel: it must be a function`);
    }
    const limits = parseLimits(options);
    const onEnd = (end: ChannelEnd) => {
      const connection = new Connection(end, limits);
      // Until the peer is verified, it neither reaches onChannel nor keeps the process alive.
      connection.isReferenced = false;
      connection.ready.then(() => {
        connection.isReferenced = true;
        onChannel(new HandleChannel(connection));
      }, () => {});
    };
    return createServer(await channels().listen(path, onEnd));
  }

  /**
   * Connects to a process of this user that listens.
   *
   * @param path the path at which the process listens
   * @param options what this side accepts
   * @returns the channel, which the caller closes
   * @throws {HandleError} `ENOENT` when there is nothing at the path, `ECONNREFUSED` when no process
   * listens there any more, `EACCES` when the server is another user's, `EPIPE` when it refused the
   * connection
   * @throws {TypeError} when an argument has the wrong type
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   */
  static async connect(path: string, options?: ChannelOptions): Promise<HandleChannel> {
    const limits = parseLimits(options);
    const connection = new Connection(await channels().connect(path), limits);
    await connection.ready;
    return new HandleChannel(connection);
  }

  /** The pid of the other process; `undefined` until it is connected and verified. */
  get pid(): number | undefined {
    return this.#connection.peerPid;
  }

  /** Whether nothing more can be sent: this process or the other one has closed the channel. */
  get closed(): boolean {
    return this.#connection.isClosed;
  }

  /**
   * Sends a message, and duplicates of handles. The caller keeps the sources and may close them at
   * once.
   *
   * The promise stays pending while more than 32 messages, 512 KiB or 506 handles are unreceived.
   * So memory stays bounded when the caller waits for each `send`.
   *
   * The handles of a message that cannot be sent at once wait as duplicates. On Linux these are closed when
   * they were sent, which ends the record locks that this process has on the files:
   * [record locks](https://github.com/duphandle/duphandle/blob/main/docs/ownership.md#record-locks).
   *
   * @param message a JSON value, in which `Uint8Array`s may stand
   * @param handles the sources of the duplicates; on Windows no socket (`duplicateSocket` turns one
   * into bytes)
   * @throws {HandleError} `EPIPE` when the other process has closed the channel, `EBADF` when this
   * one has or a source is not open; `EMSGSIZE` when the message is larger than the other side
   * accepts; `EMFILE` when the message has to wait and its handles cannot be duplicated; `ENOTSUP`
   * @throws {TypeError} when the message or a source has the wrong type
   */
  async send(message: JsonValue, handles: Iterable<HandleSource> = []): Promise<void> {
    checkIterable(handles, "handles");
    const sources = [...handles];
    // Before the sources are looked at: a toJSON() or a getter of the message may close one.
    const encoded = encodeMessage(message);
    await this.#connection.outbox.send(encoded, rawsOf(sources));
  }

  /**
   * Receives the next message, in the order of sending.
   *
   * @returns the message and its handles, which the caller closes; `undefined` when either process
   * has closed the channel or the other one has ended
   * @throws {HandleError} `EMFILE` when this process had no descriptors left for the handles, which
   * are lost with their message; the next message can be received. `EPROTO` when the other process
   * breaks the protocol, which ends the channel
   */
  async receive(): Promise<HandleMessage | undefined> {
    const received = await this.#connection.inbox.receive();
    if (received === undefined) return undefined;
    const handles = received.handles.map(ownedHandle);
    return {
      message: received.message,
      handles,
      [Symbol.dispose]: () => closeMany(handles),
    };
  }

  /** Receives until the channel is closed. Leaving the loop does not close it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<HandleMessage, void, void> {
    for (let next = await this.receive(); next !== undefined; next = await this.receive()) {
      yield next;
    }
  }

  /** Lets the process end while the channel is open. */
  unref(): this {
    this.#connection.isReferenced = false;
    return this;
  }

  /** Keeps the process alive while the channel is open, which is the default. */
  ref(): this {
    this.#connection.isReferenced = true;
    return this;
  }

  /**
   * Closes the channel. The other side still receives what was sent. Messages that wait to be sent
   * are dropped and their promises rejected; messages that were not received here are dropped too.
   *
   * @returns when the other side has everything, or has ended; a second call waits for the same
   */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Closes the channel, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

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

  /** Stops listening and removes the path. Open channels stay open. */
  close(): Promise<void> {
    return this.#closing ??= this.#listener.close();
  }

  /** Closes the server, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The limits that the options set, after a check. */
export function parseLimits(options: ChannelOptions | undefined): Limits {
  if (options === undefined) return defaultLimits;
  checkKeys(options, optionNames);
  const {
    maxMessageBytes = defaultLimits.maxMessageBytes,
    maxHandles = defaultLimits.maxHandles,
  } = options;
  checkInteger(maxMessageBytes, "maxMessageBytes", 64, 1 << 30);
  checkInteger(maxHandles, "maxHandles", 0, 1 << 20);
  return { maxMessageBytes, maxHandles };
}
