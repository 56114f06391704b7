/** The options of channels and servers, and their defaults. */
import { checkInteger, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { checkKeys, checkSignal, MAX_TIMEOUT_MS } from "../handle/options.ts";
import type { Limits } from "./frames.ts";
import {
  defaultLimits,
  defaultPendingLimits,
  type PeerUsers,
  type PendingLimits,
  thisUserOnly,
} from "./types.ts";

/** What this side of a channel accepts. A `send` of the other side fails beyond it. */
export interface ChannelOptions {
  /**
   * The most bytes of a message: its JSON, its `Uint8Array`s, 12 bytes, and 4 for each `Uint8Array`.
   * Default 16 MiB.
   *
   * Many small values take more memory than bytes. So the bytes, 64 for each array, object and string value,
   * 128 for each key, 8 for each comma, 1344 for each `Uint8Array`, and the JSON once more where it is not
   * only ASCII, are together at most this number, or 1 MiB where that is more.
   */
  readonly maxMessageBytes?: number | undefined;
  /** The most handles of a message. Default 10,000. */
  readonly maxHandles?: number | undefined;
  /**
   * How long `close` waits until the other side has everything, in milliseconds. Then it ends the
   * channel. Default 10,000.
   */
  readonly closeTimeout?: number | undefined;
}

/**
 * Which other users the process at the other end may be of, beside this process's own. Linux; on Windows each is
 * `ENOTSUP`. The kernel says who it is (`SO_PEERCRED`, `SO_PEERGROUPS`), and not the process itself.
 *
 * In a container, users that its user namespace does not know are one user, 65,534 by default, which many systems call
 * `nobody`: that number lets all of them in.
 */
export interface PeerOptions {
  /** The numbers of the users. Default none. */
  readonly uids?: readonly number[] | undefined;
  /** The numbers of the groups: the effective group of the process, or one of its supplementary groups. Default none. */
  readonly gids?: readonly number[] | undefined;
}

/** How long to wait for the process that listens, which may be another user's, and what ends the wait. */
export interface ConnectOptions extends ChannelOptions, PeerOptions {
  /** How long it may take until the channel is open, in milliseconds. Default 10,000. */
  readonly handshakeTimeout?: number | undefined;
  /** Ends the attempt to connect: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a server does for its clients, and which other users may connect.
 *
 * With `uids` or `gids` the permissions of its path are `0o666`: every process that reaches the folder can connect, and
 * who is not allowed is turned away. So the folder should be one that only those reach.
 */
export interface ListenOptions extends ChannelOptions, PeerOptions {
  /**
   * How long a client may take until its channel is open, in milliseconds. Then it is refused.
   * Default 10,000.
   */
  readonly handshakeTimeout?: number | undefined;
  /**
   * The most clients whose channels are not open yet, from 1 to 10,000. Beyond it the oldest one is sent
   * away; `connect` of this library then tries again by itself. Default 128.
   */
  readonly maxPendingClients?: number | undefined;
  /**
   * Is called with what fails and does not end the server: accepting clients, for instance without free
   * descriptors (once, until it succeeds again), and what `onChannel` throws or is rejected with.
   * Without it, such an error becomes a warning of the process, a `HandleWarning`.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Closes the server. Open channels stay open. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of a channel, after a check. */
export interface ChannelSettings {
  readonly limits: Limits;
  /** In milliseconds. */
  readonly closeTimeout: number;
}

/** The options of `connect`, after a check. */
export interface ConnectSettings extends ChannelSettings {
  /** In milliseconds. */
  readonly handshakeTimeout: number;
  readonly signal: AbortSignal | undefined;
  readonly users: PeerUsers;
}

/** The options of `listen`, after a check. */
export interface ListenSettings extends ChannelSettings {
  readonly pending: PendingLimits;
  readonly onError: ((error: unknown) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly users: PeerUsers;
}

/** How long `close` waits for the other side without options, in milliseconds. */
const CLOSE_TIMEOUT_MS = 10_000;

/** The settings of a channel without options. */
export const defaultSettings: ChannelSettings = {
  limits: defaultLimits,
  closeTimeout: CLOSE_TIMEOUT_MS,
};

const channelNames = ["maxMessageBytes", "maxHandles", "closeTimeout"] as const;
const connectNames = [...channelNames, "handshakeTimeout", "signal", "uids", "gids"] as const;
const listenNames = [...connectNames, "maxPendingClients", "onError"] as const;

/** Checks the options of a channel. */
export function parseChannelOptions(options: ChannelOptions | undefined): ChannelSettings {
  if (options === undefined) return defaultSettings;
  checkKeys(options, channelNames);
  return channelSettings(options);
}

/** Checks the options of `connect`. */
export function parseConnectOptions(options: ConnectOptions = {}): ConnectSettings {
  checkKeys(options, connectNames);
  return connectSettings(options);
}

/** Checks the options of `listen`. */
export function parseListenOptions(options: ListenOptions = {}): ListenSettings {
  checkKeys(options, listenNames);
  const { maxPendingClients = defaultPendingLimits.maxPendingClients, onError } = options;
  const { handshakeTimeout, ...settings } = connectSettings(options);
  checkInteger(maxPendingClients, "maxPendingClients", 1, 10_000);
  if (onError !== undefined && typeof onError !== "function") {
    throw new TypeError(`Cannot use ${show(onError)} as onError: it must be a function`);
  }
  return { ...settings, pending: { handshakeTimeout, maxPendingClients }, onError };
}

function connectSettings(options: ConnectOptions): ConnectSettings {
  const { handshakeTimeout = defaultPendingLimits.handshakeTimeout, signal } = options;
  checkInteger(handshakeTimeout, "handshakeTimeout", 1, MAX_TIMEOUT_MS);
  checkSignal(signal);
  return { ...channelSettings(options), handshakeTimeout, signal, users: peerUsers(options) };
}

function peerUsers({ uids, gids }: PeerOptions): PeerUsers {
  if (uids === undefined && gids === undefined) return thisUserOnly;
  const users = { uids: readNumbers(uids, "uids"), gids: readNumbers(gids, "gids") };
  if (!isWindows()) return users;
  throw failure("ENOTSUP", "CreateNamedPipe", {
    message:
      "Cannot let other users use a channel on Windows: its users have no numbers; start a process of that " +
      "user with spawn() and channel: true",
  });
}

/** The largest number of a user or a group: the one above it, −1, is none. */
const MAX_ID = 0xffff_fffe;

/** The numbers of a list, each of which is read once. */
function readNumbers(list: unknown, name: string): number[] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) {
    throw new TypeError(`Cannot use ${show(list)} as ${name}: it must be an array of numbers`);
  }
  const numbers: unknown[] = [...list];
  for (const each of numbers) checkInteger(each, `one of ${name}`, 0, MAX_ID);
  return numbers as number[];
}

function channelSettings(options: ChannelOptions): ChannelSettings {
  const {
    maxMessageBytes = defaultLimits.maxMessageBytes,
    maxHandles = defaultLimits.maxHandles,
    closeTimeout = CLOSE_TIMEOUT_MS,
  } = options;
  checkInteger(maxMessageBytes, "maxMessageBytes", 64, 1 << 30);
  checkInteger(maxHandles, "maxHandles", 0, 1 << 20);
  checkInteger(closeTimeout, "closeTimeout", 1, MAX_TIMEOUT_MS);
  return { limits: { maxMessageBytes, maxHandles }, closeTimeout };
}
