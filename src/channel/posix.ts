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
import { listenForWakeups, notify, removeSocket } from "./posix_wakeup.ts";
import { createEnd } from "./posix_transport.ts";
import { type ChannelEnd, type ChannelPlatform, RESERVED } from "./types.ts";
import { closeAll } from "../handle/raw.ts";

/** The most connections that may wait to be accepted. */
const BACKLOG = 511;
/** The pause between two attempts, in milliseconds. */
const RETRY_MS = 5;
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
    try {
      const wakeups = await listenForWakeups(
        wakeupPath(path),
        () => acceptPending(listener, unidentified, onEnd),
      );
      return {
        async close() {
          await wakeups.close();
          removeSocket(path);
          closeAll([listener, ...unidentified]);
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
    try {
      if (peerOf(socket).uid !== effectiveUser()) throw differentUserError(path);
      return createEnd(await sendStreamEnd(socket, path), socket);
    } catch (error) {
      close(socket);
      throw error;
    }
  },
  createForChild() {
    const [[parentStream, childStream], [parentHandles, childHandles]] = createTwoPairs();
    return {
      parentEnd: createEndOrClose(parentStream, parentHandles, [childStream, childHandles]),
      childHandles: { [STREAM]: childStream, [HANDLES]: childHandles },
      environmentValue: undefined,
      releaseChildEnd: () => closeAll([childStream, childHandles]),
      cancel() {}, // when the child ends, the kernel closes both sockets
    };
  },
  openFromParent(takeReserved) {
    const stream = takeReserved(STREAM);
    const socket = takeReserved(HANDLES);
    if (stream !== undefined && socket !== undefined) return createEndOrClose(stream, socket);
    closeAll([stream, socket].filter((fd) => fd !== undefined)); // one alone is no channel
    return undefined;
  },
};

/** Makes an end; when that fails, closes what it is made of, and the others. */
function createEndOrClose(stream: number, socket: number, others: number[] = []): ChannelEnd {
  try {
    return createEnd(stream, socket);
  } catch (error) {
    closeAll([stream, socket, ...others]);
    throw error;
  }
}

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
 * @param unidentified the connections whose first message has not arrived
 */
function acceptPending(
  listener: number,
  unidentified: Set<number>,
  onEnd: (end: ChannelEnd) => void,
): void {
  for (let socket = acceptNext(listener); socket !== undefined; socket = acceptNext(listener)) {
    if (peerOf(socket).uid === effectiveUser()) unidentified.add(socket);
    else close(socket);
  }
  for (const socket of unidentified) {
    const first = receiveRights(socket);
    if (first === undefined) continue; // the client notifies again after it has sent its message
    unidentified.delete(socket);
    if (first !== "end" && first.fds.length === 1 && isStreamOfThisUser(first.fds[0]!)) {
      onEnd(createEnd(first.fds[0]!, socket));
    } else {
      closeAll(first === "end" ? [socket] : [socket, ...first.fds]);
    }
  }
}

/** Whether it is a stream socket of this user; a file, a pipe or another socket is not. */
function isStreamOfThisUser(fd: number): boolean {
  try {
    return isStream(fd) && peerOf(fd).uid === effectiveUser();
  } catch {
    return false;
  }
}

/** Without free descriptors, the connection waits until the next wake-up. */
function acceptNext(listener: number): number | undefined {
  try {
    return acceptFrom(listener);
  } catch (error) {
    if (hasCode(error, "EMFILE")) return undefined;
    throw error;
  }
}

/** Sends one end of a new stream to the server, wakes it up, and returns the other end. */
async function sendStreamEnd(socket: number, path: string): Promise<number> {
  const [ourEnd, serverEnd] = createPair();
  try {
    while (!sendRights(socket, [serverEnd])) await pause();
    for (let attempt = 1; !tryNotify(socket, path, attempt); attempt++) await pause();
    return ourEnd;
  } catch (error) {
    close(ourEnd);
    throw error;
  } finally {
    close(serverEnd);
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
      if (!hasCode(error, "EAGAIN")) throw error;
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
