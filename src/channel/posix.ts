/**
 * Channels on Linux: the frames go over one socket, which the runtime reads and writes, and the
 * handles over a second socket, which only this library uses. The handles are sent before the frame
 * that announces them, so when the frame arrives they can be received without waiting.
 */
import { show } from "../../ffi/check.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { socketpair } from "../../ffi/posix/socket.ts";
import { MAX_PATH, peerOf } from "../../ffi/posix/unix_socket.ts";
import { closeAll } from "../handle/raw.ts";
import { Attempts } from "../util/attempts.ts";
import { Acceptor } from "./posix_accept.ts";
import { connectToServer } from "./posix_connect.ts";
import { takeNames } from "./posix_names.ts";
import { createEnd } from "./posix_transport.ts";
import { modeFor } from "./posix_users.ts";
import { wakeupPath } from "./posix_wakeup.ts";
import { type ChannelEnd, type ChannelPlatform, type Listener, RESERVED } from "./types.ts";

/** The names of the two descriptors that a child inherits. */
const STREAM = `${RESERVED}stream`;
const HANDLES = `${RESERVED}handles`;

/** Channels on Linux. */
export const posixChannels: ChannelPlatform = {
  async listen(path, events, limits, users) {
    checkPath(path);
    const { listener, wakeups, removeNames } = await takeNames(path, modeFor(users));
    const acceptor = new Acceptor(listener, events, limits, users);
    let started: Listener;
    try {
      started = await wakeups.start(acceptor.wakeUp);
    } catch (error) {
      // An error of the clean-up would have the same cause, such as a permission, and say less.
      new Attempts().run(removeNames);
      acceptor.close();
      throw error;
    }
    return {
      async close() {
        const attempts = new Attempts();
        acceptor.stop();
        // While a socket has the first name still, no other process takes the second one, which Deno removes.
        await started.close().catch((error) => attempts.failed(error));
        attempts.run(removeNames);
        acceptor.close();
        attempts.end();
      },
    };
  },
  async connect(path, signal, users) {
    checkPath(path);
    return await connectToServer(path, signal, users);
  },
  createForChild() {
    const [[parentStream, childStream], [parentHandles, childHandles]] = createTwoPairs();
    const releaseChildEnd = () => closeAll([childStream, childHandles]);
    let end: ChannelEnd;
    try {
      end = createEnd(parentStream, parentHandles);
    } catch (error) {
      releaseChildEnd();
      throw error;
    }
    const parentEnd: { -readonly [Key in keyof ChannelEnd]: ChannelEnd[Key] } = { ...end };
    return {
      parentEnd,
      childHandles: { [STREAM]: childStream, [HANDLES]: childHandles },
      environmentValue: undefined,
      started: (pid) => void (parentEnd.peerPid = pid),
      releaseChildEnd,
      cancel() {}, // when the child ends, the kernel closes both sockets
    };
  },
  openFromParent(takeReserved) {
    const stream = takeReserved(STREAM);
    const socket = takeReserved(HANDLES);
    if (stream === undefined || socket === undefined) {
      closeAll([stream, socket].filter((fd) => fd !== undefined)); // one alone is no channel
      return undefined;
    }
    let pid: number;
    try {
      pid = peerOf(stream).pid; // the process that has made the pair
    } catch (error) {
      closeAll([stream, socket]);
      throw error;
    }
    return createEnd(stream, socket, pid);
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

function checkPath(path: unknown): asserts path is string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError(
      `Cannot use ${
        show(path)
      } as the path of a channel: it must be a string without NUL, and not empty`,
    );
  }
  if (new TextEncoder().encode(wakeupPath(path)).length <= MAX_PATH) return;
  throw new TypeError(
    `Cannot use ${JSON.stringify(path.slice(0, 40))}… as the path of a channel: it may have at ` +
      `most ${MAX_PATH - wakeupPath("").length} bytes`,
  );
}
