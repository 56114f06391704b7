/**
 * Channels on Linux: the frames go over one socket, which the runtime reads and writes, and the
 * handles over another, which only we use. What was sent on the second is there when the frame that
 * announces it arrives on the first, so nobody ever waits for it.
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
import { bellAt, removeSocket, ring } from "./posix_wakeup.ts";
import { endOf } from "./posix_transport.ts";
import { type ChannelEnd, type ChannelPlatform, RESERVED } from "./types.ts";
import { closeAll } from "../handle/close_all.ts";

/** How many connections may wait for us. */
const BACKLOG = 511;
/** How long to wait, in milliseconds, before asking a server again that has too many waiting. */
const PAUSE = 5;
/** How often to ring for a server whose bell is not there. */
const MOST_TRIES = 200;
/** The names of a child's descriptors. */
const STREAM = `${RESERVED}stream`;
const HANDLES = `${RESERVED}handles`;

/** The path of the bell beside a path: see channel_bell.ts. */
const bellPath = (path: string) => `${path}.bell`;

/** Channels on Linux. */
export const posixChannels: ChannelPlatform = {
  async listen(path, onEnd) {
    checkPath(path);
    const listener = listenAtFree(path);
    const waiting = new Set<number>();
    try {
      const bell = await bellAt(bellPath(path), () => admit(listener, waiting, onEnd));
      return {
        async close() {
          await bell.close();
          removeSocket(path);
          closeAll([listener, ...waiting]);
        },
      };
    } catch (error) {
      // What goes wrong now is of the same cause, such as a permission, and says less.
      const attempts = new Attempts();
      attempts.run(() => close(listener));
      attempts.run(() => removeSocket(path));
      throw error;
    }
  },
  async connect(path) {
    checkPath(path);
    const raw = await connectPatiently(path);
    try {
      if (peerOf(raw).uid !== effectiveUser()) throw foreign(path);
      return endOf(await introduce(raw, path), raw);
    } catch (error) {
      close(raw);
      throw error;
    }
  },
  forChild() {
    const [[mine, theirs], [myRaw, theirRaw]] = twoPairs();
    return {
      mine: endOf(mine, myRaw),
      handles: { [STREAM]: theirs, [HANDLES]: theirRaw },
      value: undefined,
      started: () => closeAll([theirs, theirRaw]),
      cancel() {}, // the end of the child ends both sockets
    };
  },
  fromParent(take) {
    const stream = take(STREAM);
    const raw = take(HANDLES);
    return stream === undefined || raw === undefined ? undefined : endOf(stream, raw);
  },
};

function twoPairs(): [[number, number], [number, number]] {
  const first = pair();
  try {
    return [first, pair()];
  } catch (error) {
    closeAll(first);
    throw error;
  }
}

function pair(): [number, number] {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/** Lets in who is there, as far as they have said hello: with the other end of a stream. */
function admit(listener: number, waiting: Set<number>, onEnd: (end: ChannelEnd) => void): void {
  for (let raw = nextOf(listener); raw !== undefined; raw = nextOf(listener)) {
    if (peerOf(raw).uid === effectiveUser()) waiting.add(raw);
    else close(raw);
  }
  // One that has not said hello yet rings when it has.
  for (const raw of waiting) {
    const hello = receiveRights(raw);
    if (hello === undefined) continue;
    waiting.delete(raw);
    if (hello !== "end" && hello.fds.length === 1 && isOurs(hello.fds[0]!)) {
      onEnd(endOf(hello.fds[0]!, raw));
    } else {
      closeAll(hello === "end" ? [raw] : [raw, ...hello.fds]);
    }
  }
}

/** Whether it is a stream of this user, and no file, pipe or other socket. */
function isOurs(fd: number): boolean {
  try {
    return isStream(fd) && peerOf(fd).uid === effectiveUser();
  } catch {
    return false;
  }
}

/** Without descriptors left, whoever is there waits until the bell is rung again. */
function nextOf(listener: number): number | undefined {
  try {
    return acceptFrom(listener);
  } catch (error) {
    if (hasCode(error, "EMFILE")) return undefined;
    throw error;
  }
}

/** Sends one end of a new stream, has the bell rung, and gives the other end. */
async function introduce(raw: number, path: string): Promise<number> {
  const [mine, theirs] = pair();
  try {
    while (!sendRights(raw, [theirs])) await pause();
    for (let tries = 1; !hasRung(raw, path, tries); tries++) await pause();
    return mine;
  } catch (error) {
    close(mine);
    throw error;
  } finally {
    close(theirs);
  }
}

/** A server that has just begun hears its bell a moment later; one that has just ended does not. */
function hasRung(raw: number, path: string, tries: number): boolean {
  try {
    ring(bellPath(path));
    return true;
  } catch (error) {
    const isEarly = hasCode(error, "ENOENT", "ECONNREFUSED") && tries < MOST_TRIES;
    if (isEarly && stillWaits(raw)) return false;
    throw error;
  }
}

function stillWaits(raw: number): boolean {
  try {
    return receiveRights(raw) === undefined;
  } catch {
    return false;
  }
}

/** A server with too many waiting connections is asked again. */
async function connectPatiently(path: string): Promise<number> {
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
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

/** A path whose last server has ended without removing it is taken over. */
function listenAtFree(path: string): number {
  try {
    return listenAt(path, BACKLOG);
  } catch (error) {
    if (!hasCode(error, "EADDRINUSE") || isServed(path)) throw error;
    removeSocket(path);
    return listenAt(path, BACKLOG);
  }
}

function isServed(path: string): boolean {
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
  if (new TextEncoder().encode(bellPath(path)).length <= MAX_PATH) return;
  throw new TypeError(
    `Cannot use ${JSON.stringify(path.slice(0, 40))}… as the path of a channel: it may have at ` +
      `most ${MAX_PATH - bellPath("").length} bytes`,
  );
}

function foreign(path: string): HandleError {
  return failure("EACCES", "connect", {
    message:
      `Cannot connect to ${path}: a process of another user listens there; use a path in a ` +
      "folder that only this user may write",
  });
}
