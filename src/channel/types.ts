/** What a channel needs of a system: a stream for the frames, and a way for the handles. */
import type { Hello, Limits } from "./frames.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The most handles that go at once: what the kernel takes in one message on Linux. */
export const MAX_FDS_PER_MESSAGE = 253;

/**
 * How handles get to the other process. They go in lots; what a lot is on its way is told by
 * a frame on the stream, which holds the lot's ticket.
 */
export interface HandleTransport {
  /**
   * Puts a lot on its way. The caller may close the handles afterwards.
   *
   * @returns the ticket; `undefined` when there is no room now, and later there will be
   */
  offer(handles: readonly RawHandle[]): Uint8Array | undefined;
  /**
   * Takes the next lot.
   *
   * @throws {HandleError} `EPROTO` when it is not the one that was announced; another code when it
   * is lost, and the next one is not
   */
  accept(count: number, ticket: Uint8Array): RawHandle[];
  /** So many handles that were offered have been taken. */
  settle(count: number): void;
  /** Whether what was offered is lost when this process ends before it is taken. */
  readonly needsSender: boolean;
  /** Makes sure who the other process is, once its hello is there. */
  meet(hello: Hello, write: (frame: Uint8Array) => void): void | Promise<void>;
  /** A frame of a kind that only this transport knows; whether it does. */
  frame(kind: number, body: Uint8Array, write: (frame: Uint8Array) => void): boolean;
  /** Gives up everything that is on its way, in both directions. */
  close(): void;
}

/** What a channel needs of a stream. A socket of `node:net` is one. */
export interface ChannelStream {
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "error" | "end" | "close", listener: () => void): unknown;
  once(event: "close", listener: () => void): unknown;
  write(bytes: Uint8Array): unknown;
  destroy(): unknown;
  ref(): unknown;
  unref(): unknown;
}

/** One end of a channel, before anything was said. */
export interface ChannelEnd {
  readonly stream: ChannelStream;
  readonly transport: HandleTransport;
}

/** Takes new channels, until it is closed. */
export interface Listener {
  close(): Promise<void>;
}

/** A channel with a child that does not run yet. */
export interface ChildChannel {
  readonly mine: ChannelEnd;
  /** Handles that the child gets, by names that start with {@linkcode RESERVED}. They are closed by `started`. */
  readonly handles: Readonly<Record<string, RawHandle>>;
  /** What the child is told in the environment variable {@linkcode CHANNEL_VARIABLE}. */
  readonly value: string | undefined;
  /** The child has been started, or it has not: what was for it alone is closed. */
  started(): void;
  /** The child has ended: an end that still waits for it is closed. */
  cancel(): void;
}

/** The environment variable that tells a child how to reach its parent, where handles do not. */
export const CHANNEL_VARIABLE = "DUPHANDLE_CHANNEL";

/** The start of the names of handles that are for this library. */
export const RESERVED = "duphandle:";

/** What making channels needs of a system. */
export interface ChannelPlatform {
  /** Waits for other processes of this user; each that comes is one end. */
  listen(path: string, onEnd: (end: ChannelEnd) => void): Promise<Listener>;
  /** Goes to a process of this user that listens. */
  connect(path: string): Promise<ChannelEnd>;
  /** Makes a channel with a child that is about to be started. */
  forChild(): ChildChannel;
  /**
   * In the child: its end of that channel.
   *
   * @param take gives the handle of a reserved name; `undefined` when there is none
   * @param value what the environment variable says
   */
  fromParent(
    take: (name: string) => RawHandle | undefined,
    value: string | undefined,
  ): ChannelEnd | undefined;
}

/** What a side accepts unless it is told otherwise. */
export const defaultLimits: Limits = { maxMessageBytes: 16 << 20, maxHandles: 10_000 };
