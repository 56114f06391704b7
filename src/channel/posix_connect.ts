/**
 * Connects to a server on Linux: twice, for the stream and for the handles. So each side has open files of
 * its own, and neither can change the flags of the other's.
 */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { identityOfName } from "../../ffi/posix/identity.ts";
import { sendBytes } from "../../ffi/posix/rights.ts";
import { connectIfNotFull, peerOf } from "../../ffi/posix/unix_socket.ts";
import { closeAll } from "../handle/raw.ts";
import { nodeNet } from "../util/node.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { busyError } from "./connection.ts";
import { createToken, Role, writePreamble } from "./posix_preamble.ts";
import { createEnd, hasBusyFrame, isHungUp } from "./posix_transport.ts";
import { notify, wakeupPath } from "./posix_wakeup.ts";
import { isAllowed } from "./posix_users.ts";
import type { ChannelEnd, PeerUsers } from "./types.ts";

/** The pause between two attempts, in milliseconds. */
const RETRY_MS = 5;
/** About the longest pause while the backlog of the server is full, in milliseconds. */
const MAX_FULL_MS = 40;
/** How often the wake-up socket is looked for: a server that ends removes it before it hangs up. */
const MAX_NOTIFY_ATTEMPTS = 10;
/** The pauses between two wake-ups while the server does not answer, in milliseconds. */
const MIN_WAKEUP_MS = 100;
const MAX_WAKEUP_MS = 1000;

/**
 * Connects to the server at a path.
 *
 * @throws {HandleError} `EAGAIN` when the server has too many clients
 */
export async function connectToServer(
  path: string,
  signal: AbortSignal,
  users: PeerUsers,
): Promise<ChannelEnd> {
  nodeNet(); // before any descriptor is taken: a runtime that loads it needs some
  let fullMs = RETRY_MS;
  for (;;) {
    signal.throwIfAborted();
    const sockets = connectTwice(path);
    if (sockets === undefined) {
      // Many clients that try again at once keep the server from its work.
      await pause(fullMs * (1 + Math.random()), signal);
      fullMs = Math.min(2 * fullMs, MAX_FULL_MS);
      continue;
    }
    let pid: number;
    try {
      pid = serverOf(sockets, path, users);
      await requireWakeupSocket(sockets[1], path, signal);
      sendPreambles(sockets, path);
    } catch (error) {
      closeAll(sockets);
      throw error;
    }
    return openEnd(sockets, pid, path);
  }
}

/**
 * Makes both connections, or none while the server's backlog is full: clients that had one each and waited
 * for the other one would fill it for ever.
 */
function connectTwice(path: string): [stream: number, handles: number] | undefined {
  // The stream first: a server with too many clients drops the oldest connection, and says so there.
  const stream = connectIfNotFull(path);
  let handles: number | undefined;
  try {
    if (stream !== undefined) handles = connectIfNotFull(path);
  } finally {
    if (stream !== undefined && handles === undefined) closeAll([stream]);
  }
  if (stream !== undefined && handles !== undefined) return [stream, handles];
  tryOrUndefined(() => notify(wakeupPath(path))); // some who wait may have gone without a wake-up
  return undefined;
}

/** Says what each socket is for. */
function sendPreambles(sockets: readonly [number, number], path: string): void {
  const token = createToken();
  try {
    const isSent = sendBytes(sockets[0], writePreamble(Role.Stream, token)) &&
      sendBytes(sockets[1], writePreamble(Role.Handles, token));
    if (!isSent) throw busyError();
  } catch (error) {
    if (!hasCode(error, "EPIPE", "ECONNRESET")) throw error;
    throw sockets.some(hasBusyFrame) ? busyError() : refusedError(path);
  }
}

/** Makes the end, and wakes the server up until it answers. */
function openEnd([stream, handles]: [number, number], pid: number, path: string): ChannelEnd {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isSettled = false;
  const end = createEnd(stream, handles, pid, () => {
    isSettled = true;
    clearTimeout(timer);
  });
  let pauseMs = MIN_WAKEUP_MS;
  const wakeUp = () => {
    try {
      notify(wakeupPath(path));
    } catch {
      // Without a free descriptor it is tried again; a server that has ended hangs up.
    }
    if (isSettled) return;
    // The runtime watches the stream only. A server that has closed the other connection opens no channel.
    if (isHungUp(handles)) return void end.stream.destroy();
    // A wake-up is lost when the server has no descriptor to accept it.
    timer = setTimeout(wakeUp, pauseMs);
    timer.unref?.();
    pauseMs = Math.min(2 * pauseMs, MAX_WAKEUP_MS);
  };
  wakeUp();
  return end;
}

/** The pid of the process that listens, which must be of a user that is allowed. */
function serverOf(sockets: readonly number[], path: string, users: PeerUsers): number {
  const peers = sockets.map((fd) => {
    const peer = peerOf(fd);
    if (!isAllowed(fd, peer, users)) throw differentUserError(path, peer.uid);
    return peer;
  });
  return peers[0]!.pid;
}

/** Throws when there is no wake-up socket. Nothing has been written by then. */
async function requireWakeupSocket(
  socket: number,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return notify(wakeupPath(path));
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ECONNREFUSED")) throw error;
    }
    if (isHungUp(socket) || identityOfName(path) === undefined) throw endedError(path);
    if (attempt === MAX_NOTIFY_ATTEMPTS) throw foreignError(path);
    await pause(RETRY_MS, signal);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  signal.throwIfAborted();
}

function differentUserError(path: string, uid: number): HandleError {
  return failure("EACCES", "connect", {
    message:
      `Cannot connect to ${path}: a process of another user (${uid}) listens there; use a path in a ` +
      "folder that only this user may write, or the option uids when that user is meant",
  });
}

function endedError(path: string): HandleError {
  return failure("ECONNREFUSED", "connect", {
    message:
      `Cannot connect to ${path}: the process that listened there has stopped; start it again`,
  });
}

function refusedError(path: string): HandleError {
  return failure("EPIPE", "connect", {
    message:
      `Cannot connect to ${path}: the process that listens there has closed the connection; ` +
      "it may have stopped, or not let in this user",
  });
}

function foreignError(path: string): HandleError {
  return failure("EPROTO", "connect", {
    message:
      `Cannot connect to ${path}: the process that listens there is no server of channels, ` +
      `which would listen at ${wakeupPath(path)} as well; use the path of a HandleServer`,
  });
}
