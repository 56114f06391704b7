/**
 * Channels on Linux: the frames go over one socket, which the runtime reads and writes, and the
 * handles over a second socket, which only this library uses. The handles are sent before the frame
 * that announces them, so when the frame arrives they can be received without waiting.
 */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { close } from "../../ffi/posix/dup.ts";
import { receiveRights, sendRights } from "../../ffi/posix/rights.ts";
import { socketpair } from "../../ffi/posix/socket.ts";
import {
  acceptFrom,
  connectTo,
  effectiveUser,
  isStream,
  listenAt,
  MAX_PATH,
  peerOf,
} from "../../ffi/posix/unix_socket.ts";
import { Attempts } from "../util/attempts.ts";
import { tryOrUndefined } from "../util/try_or_undefined.ts";
import { isBacklogFull, listenForWakeups, notify, removeSocket } from "./posix_wakeup.ts";
import { createEnd } from "./posix_transport.ts";
import { type ChannelEnd, type ChannelPlatform, RESERVED } from "./types.ts";
import { closeAll } from "../handle/raw.ts";

/** The most connections that may wait to be accepted. */
const BACKLOG = 511;
/** The pause between two attempts, in milliseconds. */
const RETRY_MS = 5;
/** The pause before a server tries again to accept what it could not, in milliseconds. */
const ACCEPT_RETRY_MS = 100;
/** The most attempts to notify a server whose wake-up socket does not exist yet. */
const MAX_NOTIFY_ATTEMPTS = 200;
/** The names of the two descriptors that a child inherits. */
const STREAM = `${RESERVED}stream`;
const HANDLES = `${RESERVED}handles`;

/**
 * The path of a server's wake-up socket, see posix_wakeup.ts. The ending `.bell` is part of the
 * protocol: processes with other versions of this library connect to it.
 */
const wakeupPath = (path: string) => `${path}.bell`;

/** Channels on Linux. */
export const posixChannels: ChannelPlatform = {
  async listen(path, onEnd) {
    checkPath(path);
    const listener = listenReplacingStale(path);
    const unidentified = new Set<number>();
    let retry: ReturnType<typeof setTimeout> | undefined;
    const accept = () => {
      clearTimeout(retry);
      if (!acceptPending(listener, unidentified, onEnd)) {
        retry = setTimeout(accept, ACCEPT_RETRY_MS);
      }
    };
    try {
      const wakeups = await listenForWakeups(wakeupPath(path), accept);
      return {
        async close() {
          const attempts = new Attempts();
          await wakeups.close().catch((error) => attempts.failed(error));
          clearTimeout(retry);
          attempts.run(() => removeSocket(path));
          closeAll([listener, ...unidentified]);
          attempts.end();
        },
      };
    } catch (error) {
      // An error of the clean-up would have the same cause, such as a permission, and say less.
      const attempts = new Attempts();
      attempts.run(() => close(listener));
      attempts.run(() => removeSocket(path));
      throw error;
    }
  },
  async connect(path) {
    checkPath(path);
    const socket = await connectWhenNotFull(path);
    let stream: number;
    try {
      if (peerOf(socket).uid !== effectiveUser()) throw differentUserError(path);
      stream = await sendStreamEnd(socket, path);
    } catch (error) {
      closeAll([socket]);
      throw error;
    }
    return createEnd(stream, socket);
  },
  createForChild() {
    const [[parentStream, childStream], [parentHandles, childHandles]] = createTwoPairs();
    const releaseChildEnd = () => closeAll([childStream, childHandles]);
    let parentEnd: ChannelEnd;
    try {
      parentEnd = createEnd(parentStream, parentHandles);
    } catch (error) {
      releaseChildEnd();
      throw error;
    }
    return {
      parentEnd,
      childHandles: { [STREAM]: childStream, [HANDLES]: childHandles },
      environmentValue: undefined,
      releaseChildEnd,
      cancel() {}, // when the child ends, the kernel closes both sockets
    };
  },
  openFromParent(takeReserved) {
    const stream = takeReserved(STREAM);
    const socket = takeReserved(HANDLES);
    if (stream !== undefined && socket !== undefined) return createEnd(stream, socket);
    closeAll([stream, socket].filter((fd) => fd !== undefined)); // one alone is no channel
    return undefined;
  },
};

function createTwoPairs(): [[number, number], [number, number]] {
  const first = createPair();
  try {
    return [first, createPair()];
  } catch (error) {
    closeAll(first);
    throw error;
  }
}

function createPair(): [number, number] {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/**
 * Accepts the connections that wait. The first message of each brings one end of a stream; those
 * that have sent it become channels.
 *
 * What goes wrong with one connection ends that connection, and no other one.
 *
 * @param unidentified the connections whose first message has not arrived
 * @returns `false` when some could not be accepted yet, for instance without a free descriptor
 */
function acceptPending(
  listener: number,
  unidentified: Set<number>,
  onEnd: (end: ChannelEnd) => void,
): boolean {
  let hasAcceptedAll = true;
  tryOrUndefined(() => {
    hasAcceptedAll = false;
    for (let socket = acceptFrom(listener); socket !== undefined; socket = acceptFrom(listener)) {
      if (isOfThisUser(socket)) unidentified.add(socket);
      else closeAll([socket]);
    }
    hasAcceptedAll = true;
  });
  for (const socket of unidentified) {
    const first = tryOrUndefined(() => receiveRights(socket) ?? "later") ?? "end";
    if (first === "later") continue; // the client notifies again after it has sent its message
    unidentified.delete(socket);
    if (first !== "end" && first.fds.length === 1 && isStreamOfThisUser(first.fds[0]!)) {
      const end = tryOrUndefined(() => createEnd(first.fds[0]!, socket));
      if (end !== undefined) onEnd(end);
    } else {
      closeAll(first === "end" ? [socket] : [socket, ...first.fds]);
    }
  }
  return hasAcceptedAll;
}

/** Whether it is a stream socket of this user; a file, a pipe or another socket is not. */
function isStreamOfThisUser(fd: number): boolean {
  return tryOrUndefined(() => isStream(fd)) === true && isOfThisUser(fd);
}

function isOfThisUser(socket: number): boolean {
  return tryOrUndefined(() => peerOf(socket).uid === effectiveUser()) === true;
}

/** Sends one end of a new stream to the server, wakes it up, and returns the other end. */
async function sendStreamEnd(socket: number, path: string): Promise<number> {
  const [ourEnd, serverEnd] = createPair();
  try {
    while (!sendRights(socket, [serverEnd])) await pause();
    for (let attempt = 1; !tryNotify(socket, path, attempt); attempt++) await pause();
    return ourEnd;
  } catch (error) {
    closeAll([ourEnd]);
    throw error;
  } finally {
    closeAll([serverEnd]);
  }
}

/** Wakes the server up; `false` while it starts and its wake-up socket does not exist yet. */
function tryNotify(socket: number, path: string, attempt: number): boolean {
  try {
    notify(wakeupPath(path));
    return true;
  } catch (error) {
    const mayBeStarting = hasCode(error, "ENOENT", "ECONNREFUSED") && attempt < MAX_NOTIFY_ATTEMPTS;
    if (mayBeStarting && isStillConnected(socket)) return false;
    throw error;
  }
}

function isStillConnected(socket: number): boolean {
  try {
    return receiveRights(socket) === undefined;
  } catch {
    return false;
  }
}

/** Connects, and tries again while the server's backlog is full. */
async function connectWhenNotFull(path: string): Promise<number> {
  for (;;) {
    try {
      return connectTo(path);
    } catch (error) {
      if (!isBacklogFull(error)) throw error;
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_MS));
}

/** Listens; replaces the socket file of a server that has ended without removing it. */
function listenReplacingStale(path: string): number {
  try {
    return listenAt(path, BACKLOG);
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE") || hasListener(path)) throw error;
    removeSocket(path);
    return listenAt(path, BACKLOG);
  }
}

function hasListener(path: string): boolean {
  try {
    close(connectTo(path));
    return true;
  } catch (error) {
    return !hasCode(error, "ECONNREFUSED");
  }
}

function checkPath(path: unknown): asserts path is string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError("Cannot use it as the path of a channel: it must be a string without NUL");
  }
  if (new TextEncoder().encode(wakeupPath(path)).length <= MAX_PATH) return;
  throw new TypeError(
    `Cannot use ${JSON.stringify(path.slice(0, 40))}… as the path of a channel: it may have at ` +
      `most ${MAX_PATH - wakeupPath("").length} bytes`,
  );
}

function differentUserError(path: string): HandleError {
  return failure("EACCES", "connect", {
    message:
      `Cannot connect to ${path}: a process of another user listens there; use a path in a ` +
      "folder that only this user may write",
  });
}
