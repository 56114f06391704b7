/** Channels: messages with handles between two processes. */
import { checkInteger, checkIterable, show } from "../../ffi/check.ts";
import { closeMany } from "../batch/batch.ts";
import type { Limits } from "./frames.ts";
import { Link } from "./connection.ts";
import { encodeMessage, type JsonValue } from "./message.ts";
import { type ChannelEnd, defaultLimits, type Listener } from "./types.ts";
import { OwnedHandle } from "../handle/handle.ts";
import { checkKeys } from "../handle/options.ts";
import { type HandleSource, rawOf } from "../handle/source.ts";
import { channels } from "./platform.ts";

/** What this side of a channel accepts. The other side is told, and sends no more. */
export interface ChannelOptions {
  /**
   * The most bytes that a message may have: its JSON, its `Uint8Array`s, 12 bytes, and 4 for each
   * `Uint8Array`. Default 16 MiB.
   */
  readonly maxMessageBytes?: number | undefined;
  /** The most handles that a message may have. Default 10,000. */
  readonly maxHandles?: number | undefined;
}

/**
 * A message with the handles that came with it, which the receiver closes. With `using` the ones
 * that are still open are closed at the end of the block.
 */
export interface HandleMessage extends Disposable {
  /** What was sent. */
  readonly message: JsonValue;
  /** Handles of this process, in the order in which they were sent. */
  readonly handles: OwnedHandle[];
}

const keys: readonly (keyof Limits)[] = ["maxMessageBytes", "maxHandles"];

/**
 * Sends messages and handles of any kind to another process of the same user, and receives them, in
 * whichever runtimes the two run.
 *
 * Get one from `spawn` with `channel: true` and {@linkcode parentChannel} in the child, or from
 * {@linkcode HandleChannel.listen} and {@linkcode HandleChannel.connect}. An open channel keeps the
 * process alive, unless it is `unref`'d.
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
 *   // Deno for Windows tells the handle of no descriptor above 2.
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
  readonly #link: Link;

  private constructor(link: Link) {
    this.#link = link;
  }

  /**
   * A channel on an end that is connected already. For `spawn` and `parentChannel`.
   *
   * @ignore
   */
  static of(end: ChannelEnd, limits: Limits): HandleChannel {
    return new HandleChannel(new Link(end, limits));
  }

  /**
   * Waits for other processes of this user. The system itself tells who they are; others are turned
   * away.
   *
   * @param path on Linux a path of at most 102 bytes, at which a socket appears that only this user
   * may use, and a second one with `.bell` behind its name; on Windows the name of a pipe, such as
   * `\\.\pipe\name`
   * @param onChannel is called with each channel; what it throws, or its promise, is not caught
   * @param options what this side accepts
   * @returns the server, which its caller closes; channels that are open stay
   * @throws {HandleError} `EADDRINUSE` when another process listens there, on Windows also while
   * channels of a server that was closed are open; `EACCES`, `ENOENT`
   * @throws {TypeError} when an argument is not of its kind
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
    const accepted = parseLimits(options);
    const welcome = (end: ChannelEnd) => {
      const link = new Link(end, accepted);
      // Who does not say hello is no one that onChannel should hear of, or the process wait for.
      link.isReferenced = false;
      link.ready.then(() => {
        link.isReferenced = true;
        onChannel(new HandleChannel(link));
      }, () => {});
    };
    return new HandleServer(await channels().listen(path, welcome));
  }

  /**
   * Connects to a process of this user that listens.
   *
   * @param path the path that it listens at
   * @param options what this side accepts
   * @returns the channel, which its caller closes
   * @throws {HandleError} `ENOENT` when there is nothing at the path, `ECONNREFUSED` when nobody
   * listens any more, `EACCES` when it is not this user's, `EPIPE` when it turned us away
   * @throws {TypeError} when an argument is not of its kind
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   */
  static async connect(path: string, options?: ChannelOptions): Promise<HandleChannel> {
    const accepted = parseLimits(options);
    const link = new Link(await channels().connect(path), accepted);
    await link.ready;
    return new HandleChannel(link);
  }

  /** The process at the other end; `undefined` until it has said hello. */
  get pid(): number | undefined {
    return this.#link.peer;
  }

  /** Whether nothing can be sent any more: it was closed here or there. */
  get closed(): boolean {
    return this.#link.isOver;
  }

  /**
   * Sends a message, and duplicates of handles. The sources stay the sender's, which may close them
   * at once.
   *
   * The promise waits while too much is unreceived: more than 32 messages, 512 KiB or 506 handles.
   * So memory stays bounded when each send is waited for.
   *
   * @param message what JSON can say, and `Uint8Array`s
   * @param handles what to send duplicates of; on Windows no socket (`duplicateSocket` makes bytes
   * of one)
   * @throws {HandleError} `EPIPE` when the channel is closed there, `EBADF` when it is closed here
   * or a source is not open; `EMSGSIZE` when the message is larger than the other side accepts;
   * `EMFILE` when handles that have to wait cannot be duplicated for it; `ENOTSUP`
   * @throws {TypeError} when the message or a source is not of its kind
   */
  async send(message: JsonValue, handles: Iterable<HandleSource> = []): Promise<void> {
    checkIterable(handles, "handles");
    const raws = Array.from(handles, (source) => rawOf(source));
    await this.#link.outbox.send(encodeMessage(message), raws);
  }

  /**
   * The next message, in the order in which they were sent.
   *
   * @returns the message and its handles, which the caller closes; `undefined` when the channel is
   * closed, here or there, or the other process has ended
   * @throws {HandleError} `EMFILE` when this process had no descriptors left for the handles, which
   * are lost with their message; the next message can be received. `EPROTO` when the other process
   * does not speak as it should, which ends the channel
   */
  async receive(): Promise<HandleMessage | undefined> {
    const received = await this.#link.inbox.receive();
    if (received === undefined) return undefined;
    const handles = received.handles.map((raw) => OwnedHandle.fromRaw(raw));
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

  /** Lets the process end although the channel is open. */
  unref(): this {
    this.#link.isReferenced = false;
    return this;
  }

  /** Keeps the process alive while the channel is open, as it does from the start. */
  ref(): this {
    this.#link.isReferenced = true;
    return this;
  }

  /**
   * Closes the channel. What was sent is still received by the other side; what waits to be sent is
   * not, and its promises are rejected. What was not received here is gone.
   *
   * @returns when the other side has everything, or has ended; a second call waits for the same
   */
  close(): Promise<void> {
    return this.#link.close();
  }

  /** Closes the channel, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Waits for other processes; made by {@linkcode HandleChannel.listen}.
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
 * await server.close(); // nobody can connect any more
 * ```
 */
export class HandleServer implements AsyncDisposable {
  readonly #listener: Listener;
  #closing: Promise<void> | undefined;

  /** Use {@linkcode HandleChannel.listen}. */
  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Takes no more channels and removes the path. Channels that are open stay. */
  close(): Promise<void> {
    return this.#closing ??= this.#listener.close();
  }

  /** Closes the server, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The limits that the options are, checked. */
export function parseLimits(options: ChannelOptions | undefined): Limits {
  if (options === undefined) return defaultLimits;
  checkKeys(options, keys);
  const {
    maxMessageBytes = defaultLimits.maxMessageBytes,
    maxHandles = defaultLimits.maxHandles,
  } = options;
  checkInteger(maxMessageBytes, "maxMessageBytes", 64, 1 << 30);
  checkInteger(maxHandles, "maxHandles", 0, 1 << 20);
  return { maxMessageBytes, maxHandles };
}
