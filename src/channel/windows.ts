/**
 * Channels on Windows: the frames go over a named pipe, which the runtime reads and writes. For the
 * handles see windows_transport.ts.
 */
import type { Socket } from "node:net";
import { pid as ownPid } from "../../ffi/host.ts";
import { MAX_TIMEOUT_MS } from "../handle/options.ts";
import { closeAll } from "../handle/raw.ts";
import { type Drop, PendingClients } from "./pending.ts";
import {
  type ChannelEnd,
  type ChannelPlatform,
  defaultPendingLimits,
  type ListenerEvents,
} from "./types.ts";
import { openPeer } from "./windows_peer.ts";
import {
  connectTo,
  listen,
  maxRefusedClients,
  probeServer,
  startListening,
  stopListening,
  waitUntilFree,
} from "./windows_pipe.ts";
import { ClientSocket, DeferredSocket, onceHelloBegins, REFUSAL_MS } from "./windows_stream.ts";
import { PullTransport } from "./windows_transport.ts";

const PREFIX = "\\\\.\\pipe\\";
/** The longest name of a pipe, in characters. */
const MAX_NAME = 256;
/** The size of the random part in the name of a child's pipe, in bytes. */
const SECRET_SIZE = 16;
/** How long a child tries to connect while all instances of its parent's pipe are in use, in milliseconds. */
const CHILD_TIMEOUT_MS = 10_000;

/** Channels on Windows. */
export const windowsChannels: ChannelPlatform = {
  async listen(path, events, { maxPendingClients, handshakeTimeout }) {
    const pipeName = normalizePipeName(path);
    await waitUntilFree(pipeName);
    const clients = new PendingClients(maxPendingClients, handshakeTimeout);
    const refused = new PendingClients(maxRefusedClients(), REFUSAL_MS);
    let isClosed = false;
    const server = await listen(pipeName, {
      onConnection(socket) {
        if (isClosed) socket.destroy();
        else admit(new ClientSocket(socket, refused), events, clients);
      },
      onError: (error) => events.onError(error),
    });
    return {
      async close() {
        isClosed = true;
        await stopListening(server, pipeName);
        clients.close();
        refused.close();
      },
    };
  },
  async connect(path, signal) {
    const transport = new PullTransport();
    const stream = await connectToVerified(normalizePipeName(path), transport, signal);
    return { stream, transport, peerPid: undefined };
  },
  createForChild() {
    const { parentEnd, pipeName, cancel } = listenForChild();
    return {
      parentEnd,
      childHandles: {},
      environmentValue: pipeName,
      started() {}, // the hello of the child names it, and the transport verifies that
      releaseChildEnd() {},
      cancel,
    };
  },
  openFromParent(_, environmentValue) {
    return environmentValue === undefined ? undefined : connectToParent(environmentValue);
  },
};

/**
 * Makes the end of a client, which is pending until its hello has come. A client connects twice: over its
 * first connection, by which it finds out which process has made the pipe, it says nothing.
 */
function admit(stream: ClientSocket, events: ListenerEvents, clients: PendingClients): void {
  const transport = new PullTransport();
  let drop: Drop | undefined;
  let isSettled = false;
  const settled = () => {
    isSettled = true;
    if (drop !== undefined) clients.delete(drop);
  };
  try {
    const dropEnd = events.onEnd({ stream, transport, peerPid: undefined }, settled);
    drop = (reason) => {
      if (reason === "busy") stream.refuse();
      dropEnd(reason);
    };
  } catch (error) {
    transport.close();
    throw error; // the listener ends the connection
  }
  if (!isSettled) clients.add(drop);
}

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
  // Those that have not begun a hello. There is no limit for the time that a child may take.
  const clients = new PendingClients(defaultPendingLimits.maxPendingClients, MAX_TIMEOUT_MS);
  let hasStopped = false;
  const stop = () => {
    hasStopped = true;
    server.close();
    clients.close();
  };
  const server = startListening(pipeName, {
    onConnection(socket) {
      if (hasStopped) return void socket.destroy();
      const drop = () => void socket.destroy();
      clients.add(drop);
      socket.once("close", () => clients.delete(drop));
      onceHelloBegins(socket, (bytes) => {
        clients.delete(drop);
        stream.attach(socket, [bytes]);
        stop();
      });
    },
    onError: () => stream.fail(),
  });
  stream.pending = {
    stop,
    setReferenced: (isReferenced) => isReferenced ? server.ref() : server.unref(),
  };
  const parentEnd = { stream, transport: new PullTransport(), peerPid: undefined };
  return { parentEnd, pipeName, cancel: () => stream.fail() };
}

/** Connects to the pipe of the parent. What is sent before it is connected waits. */
export function connectToParent(pipeName: string): ChannelEnd {
  const stream = new DeferredSocket();
  const transport = new PullTransport();
  const attempt = new AbortController();
  const timer = setTimeout(() => attempt.abort(), CHILD_TIMEOUT_MS);
  timer.unref?.();
  stream.pending = { stop: () => attempt.abort(), setReferenced() {} };
  connectToVerified(normalizePipeName(pipeName), transport, attempt.signal)
    .then((socket) => stream.attach(socket), () => stream.fail())
    .finally(() => clearTimeout(timer));
  return { stream, transport, peerPid: undefined };
}

/** Connects to a process of this user; the transport then checks that the hello names this process. */
async function connectToVerified(
  pipeName: string,
  transport: PullTransport,
  signal: AbortSignal,
): Promise<Socket> {
  const server = await probeServer(pipeName, signal);
  transport.expectServer(server);
  try {
    closeAll([openPeer(server.pid).raw]); // openPeer throws for another user's process
    return await connectTo(pipeName, signal);
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
