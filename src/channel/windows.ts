/**
 * Channels on Windows: the frames go over a named pipe, which the runtime reads and writes. For the
 * handles see windows_transport.ts.
 */
import type { Socket } from "node:net";
import { pid as ownPid } from "../../ffi/host.ts";
import { closeAll } from "../handle/raw.ts";
import type { ChannelEnd, ChannelPlatform } from "./types.ts";
import { openPeer } from "./windows_peer.ts";
import {
  connectTo,
  listen,
  probeServer,
  startListening,
  stopListening,
  waitUntilFree,
} from "./windows_pipe.ts";
import { DeferredSocket } from "./windows_stream.ts";
import { PullTransport } from "./windows_transport.ts";

const PREFIX = "\\\\.\\pipe\\";
/** The longest name of a pipe, in characters. */
const MAX_NAME = 256;
/** The size of the random part in the name of a child's pipe, in bytes. */
const SECRET_SIZE = 16;

/** Channels on Windows. */
export const windowsChannels: ChannelPlatform = {
  async listen(path, onEnd) {
    const pipeName = normalizePipeName(path);
    await waitUntilFree(pipeName);
    const silentSockets = new Set<Socket>();
    let isClosed = false;
    const server = await listen(pipeName, (socket) => {
      if (isClosed) return void socket.destroy();
      silentSockets.add(socket);
      for (const event of ["data", "close"]) socket.once(event, () => silentSockets.delete(socket));
      onEnd({ stream: socket, transport: new PullTransport() });
    });
    return {
      async close() {
        isClosed = true;
        await stopListening(server, pipeName);
        for (const socket of silentSockets) socket.destroy();
      },
    };
  },
  async connect(path) {
    const transport = new PullTransport();
    return { stream: await connectToVerified(normalizePipeName(path), transport), transport };
  },
  createForChild() {
    const { parentEnd, pipeName, cancel } = listenForChild();
    return {
      parentEnd,
      childHandles: {},
      environmentValue: pipeName,
      releaseChildEnd() {},
      cancel,
    };
  },
  openFromParent(_, environmentValue) {
    return environmentValue === undefined ? undefined : connectToParent(environmentValue);
  },
};

/** The parent's end of a channel with a child that does not run yet. */
export interface ParentEnd {
  /** The end. What is sent before the child has connected waits. */
  readonly parentEnd: ChannelEnd;
  /** The name of the pipe that the child connects to. */
  readonly pipeName: string;
  /** Ends the channel if the child has not connected. */
  cancel(): void;
}

/** Listens for one child at a pipe with a random name. */
export function listenForChild(): ParentEnd {
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_SIZE));
  const random = Array.from(secret, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const pipeName = `${PREFIX}duphandle-${ownPid()}-${random}`;
  const stream = new DeferredSocket();
  const silentSockets = new Set<Socket>();
  const stop = () => {
    server.close();
    for (const socket of silentSockets) socket.destroy();
  };
  // The child connects twice. It sends nothing over the first connection, by which it finds out
  // which process has made the pipe.
  const server = startListening(pipeName, (socket) => {
    silentSockets.add(socket);
    socket.once("close", () => silentSockets.delete(socket));
    socket.once("data", (bytes: Uint8Array) => {
      silentSockets.delete(socket);
      stream.attach(socket, [bytes]);
      stop();
    });
  }, () => stream.fail());
  stream.pending = {
    stop,
    setReferenced: (isReferenced) => isReferenced ? server.ref() : server.unref(),
  };
  const parentEnd = { stream, transport: new PullTransport() };
  return { parentEnd, pipeName, cancel: () => stream.fail() };
}

/** Connects to the pipe of the parent. What is sent before it is connected waits. */
export function connectToParent(pipeName: string): ChannelEnd {
  const stream = new DeferredSocket();
  const transport = new PullTransport();
  connectToVerified(normalizePipeName(pipeName), transport)
    .then((socket) => stream.attach(socket), () => stream.fail());
  return { stream, transport };
}

/** Connects to a process of this user; the transport then checks that the hello names this process. */
async function connectToVerified(pipeName: string, transport: PullTransport): Promise<Socket> {
  const server = await probeServer(pipeName);
  transport.expectServer(server);
  try {
    closeAll([openPeer(server.pid).raw]); // openPeer throws for another user's process
    return await connectTo(pipeName);
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** Checks the name of a pipe and writes its prefix in lower case: Bun accepts no other. */
function normalizePipeName(path: unknown): string {
  const isName = typeof path === "string" && !path.includes("\0") && path.length <= MAX_NAME &&
    path.toLowerCase().startsWith(PREFIX) && path.length > PREFIX.length;
  if (isName) return PREFIX + path.slice(PREFIX.length);
  const shown = typeof path === "string" ? JSON.stringify(path.slice(0, 40)) : typeof path;
  throw new TypeError(
    `Cannot use ${shown} as the path of a channel: on Windows it is the name of a pipe of at most ` +
      `${MAX_NAME} characters, such as ${PREFIX}name`,
  );
}
