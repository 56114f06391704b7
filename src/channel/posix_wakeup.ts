/**
 * Wakes a server up on Linux. The runtime cannot watch the socket of a server, which is not its own.
 * So each client, after it has connected there, also connects to a second path, the wake-up socket,
 * and closes that connection at once. The runtime itself accepts at the second path.
 */
import type { Server } from "node:net";
import { BACKLOG } from "../../ffi/posix/bind.ts";
import { type Identity, identityOf, identityOfName, isSameFile } from "../../ffi/posix/identity.ts";
import { connectIfNotFull, nameAnew } from "../../ffi/posix/unix_socket.ts";
import { closeAll } from "../handle/raw.ts";
import { listenWithMode, removeIfSame, widenMode } from "../socket/posix_path.ts";
import { isClusterWorker, nodeNet } from "../util/node.ts";
import { runtimeError } from "../util/platform.ts";
import type { Listener } from "./types.ts";

/** The pause after a failed accept of Deno, in milliseconds. */
const ACCEPT_PAUSE_MS = 100;

/**
 * The path of a server's wake-up socket. The ending `.bell` is part of the protocol: processes with other
 * versions of this library connect to it.
 */
export const wakeupPath = (path: string): string => `${path}.bell`;

/** Wakes up the server that listens for wake-ups at a path. */
export function notify(path: string): void {
  // A full backlog has wake-ups that the server has not handled: one more is not needed.
  const socket = connectIfNotFull(path);
  if (socket !== undefined) closeAll([socket]);
}

/** A wake-up socket that has its name: wake-ups wait in it until the runtime accepts them. */
export interface WakeupSocket {
  /** Has the runtime accept. When it throws, the socket is closed. */
  start(onWakeup: () => void): Promise<Listener>;
  /** Closes a socket that was not started. */
  close(): void;
}

/** Makes a wake-up socket at a path, which must be free and gets these permissions. */
export function bindWakeups(path: string, mode: number): WakeupSocket {
  return "Deno" in globalThis ? bindWithDeno(path, mode) : bindForNodeNet(path, mode);
}

function bindForNodeNet(path: string, mode: number): WakeupSocket {
  if (!("Bun" in globalThis) && isClusterWorker()) return bindInClusterWorker(path, mode);
  // A path that the runtime has bound, it removes, whoever has it by then. This one it does not know.
  const fd = listenWithMode(path, BACKLOG, mode);
  return {
    start: (onWakeup) => acceptWithNodeNet(fd, path, onWakeup),
    close: () => closeAll([fd]),
  };
}

async function acceptWithNodeNet(
  fd: number,
  path: string,
  onWakeup: () => void,
): Promise<Listener> {
  const before = identityOf(fd)?.inode;
  const server = createServer(onWakeup);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ fd, exclusive: true }, resolve);
    });
  } catch (cause) {
    if (identityOf(fd)?.inode === before) closeAll([fd]); // unless the runtime has closed it
    throw runtimeError(cause, "listen", path);
  }
  server.on("error", onWakeup); // it could not accept: whoever has connected waits all the same
  return { close: () => closeServer(server) };
}

/** A server of the runtime that is woken up by each connection, and ends it. */
function createServer(onWakeup: () => void): Server {
  return nodeNet().createServer((connection) => {
    connection.on("error", () => {});
    connection.destroy();
    onWakeup();
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/**
 * In a worker of node:cluster, Node would listen at a descriptor of the primary process with this number. So the
 * runtime binds the path itself there, and removes it when it closes, while the server's own path is still alive.
 */
function bindInClusterWorker(path: string, mode: number): WakeupSocket {
  let onWakeup = () => {};
  const server = createServer(() => onWakeup());
  const listening = new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(runtimeError(cause, "listen", path)));
    server.once("listening", resolve);
  });
  listening.catch(() => {}); // start() is told
  server.listen({ path, exclusive: true });
  return {
    async start(callback) {
      onWakeup = callback;
      await listening;
      try {
        widenMode(path, mode, identityOfName(path));
      } catch (error) {
        await closeServer(server);
        throw error;
      }
      server.on("error", onWakeup);
      return { close: () => closeServer(server) };
    },
    close: () => void closeServer(server),
  };
}

/** The part of `Deno.Listener` that is used. Deno's `node:net` closes descriptors twice. */
interface DenoListener {
  accept(): Promise<{ close(): void }>;
  close(): void;
}

function bindWithDeno(path: string, mode: number): WakeupSocket {
  const { Deno } = globalThis as unknown as {
    Deno: { listen(options: { transport: "unix"; path: string }): DenoListener };
  };
  let listener: DenoListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
  } catch (cause) {
    throw runtimeError(cause, "listen", path);
  }
  const identity = identityOfName(path);
  try {
    widenMode(path, mode, identity);
  } catch (error) {
    listener.close();
    removeIfSame(path, identity);
    throw error;
  }
  return {
    start(onWakeup) {
      const { close } = acceptWithDeno(listener, onWakeup);
      return Promise.resolve({ close: () => closeWithDeno(path, identity, close) });
    },
    close: () => listener.close(),
  };
}

/**
 * Closes the listener. Deno removes its path then, whoever has it by now: it is another server's when somebody
 * has removed ours. So that one gets another name for that moment.
 */
async function closeWithDeno(
  path: string,
  identity: Identity | undefined,
  close: () => Promise<void>,
): Promise<void> {
  const other = `${path}.${crypto.randomUUID()}`;
  const isOurs = isSameFile(identityOfName(path), identity);
  const isKept = !isOurs && nameAnew(path, other, false);
  try {
    await close();
  } finally {
    if (isKept) nameAnew(other, path, true);
  }
}

function acceptWithDeno(listener: DenoListener, onWakeup: () => void): Listener {
  let isClosed = false;
  let endPause = () => {};
  const acceptNext = async () => {
    try {
      (await listener.accept()).close();
      onWakeup();
    } catch {
      if (isClosed) return;
      onWakeup(); // it could not accept: whoever has connected waits all the same
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ACCEPT_PAUSE_MS);
        endPause = () => (clearTimeout(timer), resolve());
      });
    }
  };
  const accepting = (async () => {
    while (!isClosed) await acceptNext();
  })();
  return {
    async close() {
      isClosed = true;
      listener.close();
      endPause();
      await accepting;
    },
  };
}
