/** What a channel needs of a system: a stream for the frames, and a transport for the handles. */
import type { Hello, Limits } from "./frames.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The most handles in one batch: what Linux takes in one message of a socket. */
export const MAX_FDS_PER_MESSAGE = 253;

/**
 * The bytes that describe a batch of handles to the receiver, in the frame that announces the
 * batch. On Windows they are the values of the handles in the sender's process; on Linux there are
 * none, since the kernel carries the handles. It is no file descriptor.
 */
export type BatchDescriptor = Uint8Array;

/**
 * Carries handles to the other process, in batches of at most {@linkcode MAX_FDS_PER_MESSAGE}. A
 * frame on the stream announces each batch and holds its descriptor.
 */
export interface HandleTransport {
  /**
   * Sends a batch. The caller may close the handles afterwards.
   *
   * @returns the descriptor of the batch; `undefined` while the kernel's buffer is full
   */
  send(handles: readonly RawHandle[]): BatchDescriptor | undefined;
  /**
   * Receives the next batch.
   *
   * @throws {HandleError} `EPROTO` when it is not the batch that was announced; another code when
   * this batch is lost and later ones are not
   */
  receive(count: number, descriptor: BatchDescriptor): RawHandle[];
  /** The peer has received this many more of the handles that were sent. */
  onAck(count: number): void;
  /** Whether handles that the peer has not received are lost when this process ends. */
  readonly needsLiveSender: boolean;
  /** Verifies who the peer is, after its hello. */
  verifyPeer(hello: Hello, write: (frame: Uint8Array) => void): void | Promise<void>;
  /** Handles a frame if its kind belongs to this transport; returns whether it does. */
  onFrame(kind: number, body: Uint8Array, write: (frame: Uint8Array) => void): boolean;
  /** Releases every handle that is in flight, in both directions. */
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

/** One end of a channel, before the first frame. */
export interface ChannelEnd {
  readonly stream: ChannelStream;
  readonly transport: HandleTransport;
}

/** Accepts connections until it is closed. */
export interface Listener {
  close(): Promise<void>;
}

/** A channel with a child that does not run yet. */
export interface ChildChannel {
  /** The end of this process. */
  readonly parentEnd: ChannelEnd;
  /**
   * Handles that the child inherits, by names that start with {@linkcode RESERVED}.
   * `releaseChildEnd` closes them.
   */
  readonly childHandles: Readonly<Record<string, RawHandle>>;
  /** The child's value of the environment variable {@linkcode CHANNEL_VARIABLE}. */
  readonly environmentValue: string | undefined;
  /** Closes what only the child needs, once it was started or could not be. */
  releaseChildEnd(): void;
  /** The child has ended: closes an end that still waits for it to connect. */
  cancel(): void;
}

/** The environment variable that holds the name of the parent's pipe, on Windows. */
export const CHANNEL_VARIABLE = "DUPHANDLE_CHANNEL";

/** The start of the handle names that are reserved for this library. */
export const RESERVED = "duphandle:";

/** What a system provides for channels. */
export interface ChannelPlatform {
  /** Listens for processes of this user; calls `onEnd` with the end of each connection. */
  listen(path: string, onEnd: (end: ChannelEnd) => void): Promise<Listener>;
  /** Connects to a listening process of this user. */
  connect(path: string): Promise<ChannelEnd>;
  /** Makes a channel with a child that is about to be started. */
  createForChild(): ChildChannel;
  /**
   * In the child: its end of that channel.
   *
   * @param takeReserved gives the inherited handle of a reserved name, or `undefined`
   * @param environmentValue the value of {@linkcode CHANNEL_VARIABLE}
   */
  openFromParent(
    takeReserved: (name: string) => RawHandle | undefined,
    environmentValue: string | undefined,
  ): ChannelEnd | undefined;
}

/** What a side accepts without options. */
export const defaultLimits: Limits = { maxMessageBytes: 16 << 20, maxHandles: 10_000 };
