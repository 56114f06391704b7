/**
 * Channels on Windows: the frames go over a named pipe, which the runtime reads and writes. How the
 * handles go is in channel_windows_transport.ts.
 */
import type { Socket } from "node:net";
import { pid as ownPid } from "../../ffi/host.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import type { ChannelEnd, ChannelPlatform } from "./types.ts";
import { openPeer } from "./windows_peer.ts";
import { connectTo, listening, serve, serverOf, stopListening, vacant } from "./windows_pipe.ts";
import { LateStream } from "./windows_stream.ts";
import { TakingTransport } from "./windows_transport.ts";

const PREFIX = "\\\\.\\pipe\\";
/** The longest name of a pipe. */
const MAX_NAME = 256;
/** The random part of the name of a child's pipe, in bytes. */
const SECRET = 16;

/** Channels on Windows. */
export const windowsChannels: ChannelPlatform = {
  async listen(path, onEnd) {
    const name = nameOf(path);
    await vacant(name);
    const silent = new Set<Socket>();
    let isClosed = false;
    const server = await listening(name, (socket) => {
      if (isClosed) return void socket.destroy();
      silent.add(socket);
      for (const event of ["data", "close"]) socket.once(event, () => silent.delete(socket));
      onEnd({ stream: socket, transport: new TakingTransport() });
    });
    return {
      async close() {
        isClosed = true;
        await stopListening(server, name);
        for (const socket of silent) socket.destroy();
      },
    };
  },
  async connect(path) {
    const transport = new TakingTransport();
    return { stream: await reach(nameOf(path), transport), transport };
  },
  forChild() {
    const { mine, name, cancel } = pairForChild();
    return { mine, handles: {}, value: name, started() {}, cancel };
  },
  fromParent: (_take, name) => name === undefined ? undefined : connectToParent(name),
};

/** The parent's end of a channel with a child that does not run yet. */
export interface ChildEnd {
  /** The end, which can be used at once. */
  readonly mine: ChannelEnd;
  /** The pipe that the child connects to. */
  readonly name: string;
  /** The child will not connect any more: an end that waits for it is closed. */
  cancel(): void;
}

/** Listens for a child, and for nobody after it. */
export function pairForChild(): ChildEnd {
  const secret = crypto.getRandomValues(new Uint8Array(SECRET));
  const random = Array.from(secret, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = `${PREFIX}duphandle-${ownPid()}-${random}`;
  const stream = new LateStream();
  const others = new Set<Socket>();
  const stop = () => {
    server.close();
    for (const socket of others) socket.destroy();
  };
  // The child first looks whose pipe it is, by a connection on which nothing comes.
  const server = serve(name, (socket) => {
    others.add(socket);
    socket.once("close", () => others.delete(socket));
    socket.once("data", (bytes: Uint8Array) => {
      others.delete(socket);
      stream.attach(socket, [bytes]);
      stop();
    });
  }, () => stream.giveUp());
  stream.waiting = {
    stop,
    reference: (isReferenced) => isReferenced ? server.ref() : server.unref(),
  };
  const mine = { stream, transport: new TakingTransport() };
  return { mine, name, cancel: () => stream.giveUp() };
}

/** Connects to the pipe of the parent. The end can be used at once. */
export function connectToParent(name: string): ChannelEnd {
  const stream = new LateStream();
  const transport = new TakingTransport();
  reach(nameOf(name), transport).then((socket) => stream.attach(socket), () => stream.giveUp());
  return { stream, transport };
}

/** Connects to a process of this user, and tells the transport which it is. */
async function reach(path: string, transport: TakingTransport): Promise<Socket> {
  const server = await serverOf(path);
  transport.expect(server);
  try {
    CloseHandle(openPeer(server.pid).raw);
    return await connectTo(path);
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** The name of a pipe as every runtime knows it: Bun takes the prefix in lower case only. */
function nameOf(path: unknown): string {
  const isName = typeof path === "string" && !path.includes("\0") && path.length <= MAX_NAME &&
    path.toLowerCase().startsWith(PREFIX) && path.length > PREFIX.length;
  if (isName) return PREFIX + path.slice(PREFIX.length);
  const shown = typeof path === "string" ? JSON.stringify(path.slice(0, 40)) : typeof path;
  throw new TypeError(
    `Cannot use ${shown} as the path of a channel: on Windows it is the name of a pipe of at most ` +
      `${MAX_NAME} characters, such as ${PREFIX}name`,
  );
}
