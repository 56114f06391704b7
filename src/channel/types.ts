/** What a channel needs of a system: a stream for the frames, and a transport for the handles. */
import type { Hello, Limits } from "./frames.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import type { Drop } from "./pending.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The most handles in one batch: what Linux takes in one message of a socket. */
export const MAX_FDS_PER_MESSAGE = 253;

/**
 * The bytes that describe a batch of handles to the receiver, in the frame that announces the
 * batch. On Windows they are the values of the handles in the sender's process; on Linux there are
 * none, since the kernel carries the handles. It is no file descriptor.
 */
export type BatchDescriptor = Uint8Array;

/** The number of a batch: 0 for the first one of a direction, then one more each, in 32 bits. */
export type BatchNumber = number;

/** The number of the batch after the one with this number. */
export function nextBatchNumber(number: BatchNumber): BatchNumber {
  return (number + 1) | 0; // as a frame has it
}

/**
 * Carries handles to the other process, in batches of at most {@linkcode MAX_FDS_PER_MESSAGE}. A
 * frame on the stream announces each batch and holds its descriptor.
 */
export interface HandleTransport {
  /**
   * Sends a batch. The caller may close the handles afterwards.
   *
   * @param number is one more than that of the batch before
   * @returns the descriptor of the batch; `undefined` while the kernel's buffer is full
   */
  send(handles: readonly RawHandle[], number: BatchNumber): BatchDescriptor | undefined;
  /**
   * Receives the batch with this number. One with an older number, whose receipt failed, is released.
   *
   * @throws {HandleError} `EPROTO` when it is not the batch that was announced; another code when
   * this batch is lost and later ones are not
   */
  receive(count: number, descriptor: BatchDescriptor, number: BatchNumber): RawHandle[];
  /** Closes handles that were received, whatever the peer has set them to do then. */
  discard(handles: readonly RawHandle[]): void;
  /** The owners of handles that were received, for the application. */
  ownersOf(handles: readonly RawHandle[]): OwnedHandle[];
  /** Duplicates handles of a message that has to wait. None is made when one cannot be duplicated. */
  duplicate(handles: readonly RawHandle[]): RawHandle[];
  /** Closes such duplicates. */
  closeDuplicates(handles: readonly RawHandle[]): void;
  /** The peer has received this many more of the handles that were sent. */
  onAck(count: number): void;
  /** Whether handles that the peer has not received are lost when this process ends. */
  readonly needsLiveSender: boolean;
  /** Verifies who the peer is, after its hello. */
  verifyPeer(hello: Hello, write: (frame: Uint8Array) => void): void | Promise<void>;
  /** Handles a frame if its kind belongs to this transport; returns whether it does. */
  onFrame(kind: number, body: Uint8Array, write: (frame: Uint8Array) => void): boolean;
  /**
   * Tells a client that the server has too many, beside the frame on the stream: a stream that is reset may not
   * deliver it. It must not throw.
   */
  refuse?(): void;
  /** Whether the server has told so, and the stream has ended without it. */
  wasRefused?(): boolean;
  /** Releases every handle that is in flight, in both directions. */
  close(): void;
}

/** Is called when the system has taken the bytes of a write, or with the error. */
export type WriteCallback = (error?: Error | null) => void;

/** What a channel needs of a stream. A socket of `node:net` is one. */
export interface ChannelStream {
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "error" | "end" | "close" | "drain", listener: () => void): unknown;
  once(event: "close", listener: () => void): unknown;
  write(bytes: Uint8Array, callback?: WriteCallback): unknown;
  /** The bytes that were written and that the system has not taken. Once it has, "drain" is emitted. */
  readonly writableLength: number;
  destroy(): unknown;
  ref(): unknown;
  unref(): unknown;
}

/**
 * Starts to read a stream.
 *
 * @param target where the next bytes go; where it gives nothing, they go to memory that is used again
 * @param onData is called with what was read, in either memory
 */
export type StartReading = (
  target: () => Uint8Array | undefined,
  onData: (bytes: Uint8Array) => void,
) => void;

/** One end of a channel, before the first frame. */
export interface ChannelEnd {
  readonly stream: ChannelStream;
  /** Is used instead of the stream's "data" where it exists. Nothing is read before. */
  readonly startReading?: StartReading | undefined;
  readonly transport: HandleTransport;
  /** The pid of the peer by the kernel; `undefined` where its hello tells it, and the transport verifies it. */
  readonly peerPid: number | undefined;
}

/** Accepts connections until it is closed. */
export interface Listener {
  close(): Promise<void>;
}

/** What a server tells while it listens. */
export interface ListenerEvents {
  /**
   * A client has connected. It is pending until its hello has come.
   *
   * @returns what ends the channel while it is pending; the listener calls it when the client takes too long or
   * there are too many, and it must not throw
   */
  onEnd(end: ChannelEnd, settled: () => void): Drop;
  /** Something failed that does not end the server, such as accepting without a free descriptor. */
  onError(error: unknown): void;
}

/** The limits of the clients that have not said hello. */
export interface PendingLimits {
  readonly maxPendingClients: number;
  /** In milliseconds. */
  readonly handshakeTimeout: number;
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
  /** The child was started. */
  started(pid: number | undefined): void;
  /** Closes what only the child needs, once it was started or could not be. */
  releaseChildEnd(): void;
  /** The child has ended: closes an end that still waits for it to connect. */
  cancel(): void;
}

/** The environment variable that holds the name of the parent's pipe, on Windows. */
export const CHANNEL_VARIABLE = "DUPHANDLE_CHANNEL";

/** The start of the handle names that are reserved for this library. */
export const RESERVED = "duphandle:";

/** Whose processes a peer may be, beside those of this user. */
export interface PeerUsers {
  /** Numbers of users. */
  readonly uids: readonly number[];
  /** Numbers of groups. */
  readonly gids: readonly number[];
}

/** What a system provides for channels. */
export interface ChannelPlatform {
  /** Listens for processes of this user, and of the others that are allowed. */
  listen(
    path: string,
    events: ListenerEvents,
    limits: PendingLimits,
    users: PeerUsers,
  ): Promise<Listener>;
  /**
   * Connects to a listening process of this user, or of another one that is allowed.
   *
   * @param signal ends the attempt, which then throws the signal's reason and leaves nothing open
   */
  connect(path: string, signal: AbortSignal, users: PeerUsers): Promise<ChannelEnd>;
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

/** The most clients that a server waits for, and how long for each, without options. */
export const defaultPendingLimits: PendingLimits = {
  maxPendingClients: 128,
  handshakeTimeout: 10_000,
};

/** Nobody but this user, which is the default. */
export const thisUserOnly: PeerUsers = { uids: [], gids: [] };

/** What a side accepts without options. */
export const defaultLimits: Limits = { maxMessageBytes: 16 << 20, maxHandles: 10_000 };
