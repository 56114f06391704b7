/** Channels: messages with handles between two processes. */
import { checkIterable, show } from "../../ffi/check.ts";
import { closeMany } from "../batch/batch.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import { keepFromLingering } from "../handle/received.ts";
import { type HandleSource, rawsOf } from "../handle/source.ts";
import { Connection, isBusy } from "./connection.ts";
import { startDeadline } from "./deadline.ts";
import { encodeMessage, type JsonValue } from "./message.ts";
import {
  type ChannelSettings,
  type ConnectOptions,
  type ConnectSettings,
  type ListenOptions,
  parseConnectOptions,
  parseListenOptions,
} from "./options.ts";
import { handshakeTimeoutError } from "./pending.ts";
import { channels } from "./platform.ts";
import { type HandleServer, startServer } from "./server.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The pauses before a client tries again at a server that had too many clients, in milliseconds. */
const MIN_BUSY_PAUSE_MS = 5;
const MAX_BUSY_PAUSE_MS = 50;

/**
 * A message and the handles that came with it, which the receiver closes. With `using`, those that
 * are still open are closed at the end of the block. On Linux a socket that its sender has set to wait as it is
 * closed (`SO_LINGER`) does not wait then; `close()` of the handle does, and blocks the thread.
 */
export interface HandleMessage extends Disposable {
  /** The message that was sent. */
  readonly message: JsonValue;
  /** Handles of this process, in the order in which they were sent. */
  readonly handles: OwnedHandle[];
}

/** A message that was received. */
class ReceivedMessage implements HandleMessage {
  readonly message: JsonValue;
  readonly handles: OwnedHandle[];

  constructor(message: JsonValue, handles: OwnedHandle[]) {
    this.message = message;
    this.handles = handles;
  }

  [Symbol.dispose](): void {
    keepFromLingering(this.handles);
    closeMany(this.handles);
  }
}

/**
 * Makes the `HandleChannel` of a connection. Its constructor is private, and a static block that called it
 * would keep bundlers from removing the class.
 */
export function createChannel(connection: Connection, settings: ChannelSettings): HandleChannel {
  return Reflect.construct(HandleChannel, [connection, settings.closeTimeout]) as HandleChannel;
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
 *   await channel.send({ name: "README.md" }, [file]);
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
  readonly #closeTimeout: number;
  readonly #toMessage: (message: JsonValue, handles: readonly RawHandle[]) => HandleMessage;

  private constructor(connection: Connection, closeTimeout: number) {
    this.#connection = connection;
    this.#toMessage = (message, handles) =>
      new ReceivedMessage(message, connection.ownersOf(handles));
    this.#closeTimeout = closeTimeout;
  }

  /**
   * Listens for other processes of this user, and on Linux of those of the options `uids` and `gids`. The
   * operating system identifies their user; processes of other users are refused.
   *
   * @param path on Linux a path of at most 102 bytes, at which a socket appears that only this user
   * may use, and a second socket at the same path with `.bell` appended; on Windows the name of a
   * pipe, such as `\\.\pipe\name`
   * @param onChannel is called with each channel. When it throws, or its promise is rejected, that channel is
   * closed and `onError` is called
   * @param options what this side accepts, and its time limits
   * @returns the server, which the caller closes; open channels stay open
   * @throws {HandleError} `EADDRINUSE` when another process listens there, on Windows also while
   * channels of a closed server are open; `EACCES` without a permission; `ENOENT` when the folder does not
   * exist; `EMFILE` without free descriptors; `ENOTSUP` for `uids` and `gids` on Windows
   * @throws {TypeError} when an argument has the wrong type
   * @throws {unknown} the reason of the signal, when it was aborted before
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   */
  static async listen(
    path: string,
    onChannel: (channel: HandleChannel) => unknown,
    options?: ListenOptions,
  ): Promise<HandleServer> {
    if (typeof onChannel !== "function") {
      throw new TypeError(`Cannot use ${show(onChannel)} as onChannel: it must be a function`);
    }
    const settings = parseListenOptions(options);
    const admit = (connection: Connection) => onChannel(createChannel(connection, settings));
    return await startServer(path, settings, admit);
  }

  /**
   * Connects to a process that listens: of this user, or on Linux of one of the options `uids` and `gids`.
   *
   * @param path the path at which the process listens
   * @param options what this side accepts, and how long it waits
   * @returns the channel, which the caller closes
   * @throws {HandleError} `ENOENT` when there is nothing at the path, `ECONNREFUSED` when no process
   * listens there any more, `EACCES` when the server is another user's, `EPIPE` when it refused the
   * connection, `EPROTO` when what listens there is no server of channels, `ETIMEDOUT` when it does not
   * answer in time; `EMFILE` without free descriptors
   * @throws {TypeError} when an argument has the wrong type
   * @throws {unknown} the reason of the signal, when it was aborted
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   */
  static async connect(path: string, options?: ConnectOptions): Promise<HandleChannel> {
    const settings = parseConnectOptions(options);
    return createChannel(await connectInTime(path, settings), settings);
  }

  /**
   * The pid of the other process; `undefined` until it is connected and verified. On Linux it is the kernel's:
   * that of the process that connected or listened, of the child that was started, or of the parent.
   */
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
   * @param handles the sources of the duplicates. A socket on Windows arrives as a socket that Winsock in the
   * other process knows, and is closed there by `closesocket`
   * @throws {HandleError} `EPIPE` when the other process has closed the channel, `EBADF` when this
   * one has or a source is not open; `EMSGSIZE` when the message is larger than the other side
   * accepts; `EMFILE` when the message has to wait and its handles cannot be duplicated; `ENOTSUP` for a
   * source that cannot be sent there
   * @throws {TypeError} when the message or a source has the wrong type
   */
  async send(message: JsonValue, handles: Iterable<HandleSource> = []): Promise<void> {
    checkIterable(handles, "handles");
    const sources = [...handles];
    // Before the sources are looked at: a toJSON() or a getter of the message may close one.
    const encoded = encodeMessage(message);
    const waits = this.#connection.outbox.send(encoded, rawsOf(sources));
    if (waits !== undefined) await waits;
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
  receive(): Promise<HandleMessage | undefined> {
    return this.#connection.inbox.receive(this.#toMessage);
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
   * @returns when the other side has everything, or has ended, or `closeTimeout` is over; a second call waits
   * for the same
   */
  close(): Promise<void> {
    return this.#connection.close(this.#closeTimeout);
  }

  /** Closes the channel, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Connects, again and again while the server has too many clients, until the time is over. */
async function connectInTime(path: string, settings: ConnectSettings): Promise<Connection> {
  const { handshakeTimeout, signal } = settings;
  const timeoutError = () =>
    handshakeTimeoutError(`the process that listens at ${path} did not answer`, handshakeTimeout);
  using deadline = startDeadline(handshakeTimeout, timeoutError, signal);
  for (;;) {
    deadline.signal.throwIfAborted();
    try {
      return await connectOnce(path, settings, deadline.signal);
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    const span = MAX_BUSY_PAUSE_MS - MIN_BUSY_PAUSE_MS;
    const pause = MIN_BUSY_PAUSE_MS + Math.random() * span;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Connects; `EAGAIN` when the server has too many clients. */
async function connectOnce(
  path: string,
  { limits, users }: ConnectSettings,
  signal: AbortSignal,
): Promise<Connection> {
  const end = await channels().connect(path, signal, users);
  const connection = new Connection(end, limits, "client");
  const giveUp = () => connection.fail(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp);
  try {
    await connection.ready;
    return connection;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
