/**
 * Wakes a server up on Linux. The runtime cannot watch the socket of a server, which is not its own.
 * So each client, after it has connected there, also connects to a second path, the wake-up socket,
 * and closes that connection at once. The runtime itself listens at the second path.
 */
import { failure, type HandleError, hasCode } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { connectTo } from "../../ffi/posix/unix_socket.ts";
import type { Stats } from "node:fs";
import { closeAll } from "../handle/raw.ts";
import { runtimeError } from "../util/runtime_error.ts";
import type { Listener } from "./types.ts";
import { nodeFs, nodeNet } from "../util/node.ts";

/** Wakes up the server that listens for wake-ups at a path. */
export function notify(path: string): void {
  try {
    closeAll([connectTo(path)]);
  } catch (error) {
    // The backlog is full of wake-ups that the server has not handled: one more is not needed.
    if (!isBacklogFull(error)) throw error;
  }
}

/** Whether it is the error of connecting to a server with as many connections as may wait. */
export function isBacklogFull(error: unknown): boolean {
  return hasCode(error, "EAGAIN") && error.syscall === "connect";
}

/** Removes the file of a socket; any other file stays. */
export function removeSocket(path: string): void {
  if (lstat(path)?.isSocket() !== true) return;
  try {
    nodeFs().unlinkSync(path);
  } catch (cause) {
    const error = socketError(cause, "unlink", path);
    if (error.code !== "ENOENT") throw error;
  }
}

function lstat(path: string): Stats | undefined {
  try {
    return nodeFs().lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw socketError(cause, "lstat", path);
  }
}

/** The flags of Node for what its errors call a permission. Deno's messages have its flags. */
const NODE_FLAGS: Readonly<Record<string, string>> = {
  FileSystemRead: "--allow-fs-read",
  FileSystemWrite: "--allow-fs-write",
};

/** The error of the runtime as a `HandleError`. A missing permission is named with its flag. */
function socketError(cause: unknown, syscall: string, path: string): HandleError {
  if (!isForbidden(cause)) return runtimeError(cause, syscall, path);
  const { message, permission = "" } = cause as Error & { permission?: string };
  const flag = NODE_FLAGS[permission];
  const advice = flag === undefined ? "" : `; run Node with ${flag} for its folder`;
  return failure("EACCES", syscall, {
    message: `Cannot ${syscall} ${path}: ${message}${advice}`,
    cause,
  });
}

/** Listens for wake-ups at a path; replaces the socket file that an earlier server has left. */
export async function listenForWakeups(path: string, onWakeup: () => void): Promise<Listener> {
  removeSocket(path);
  if (lstat(path) !== undefined) {
    throw failure("EADDRINUSE", "bind", {
      message: `Cannot listen at ${path}: there is a file that is no socket; move it, or use ` +
        "another path",
    });
  }
  let listener: Listener;
  try {
    listener = "Deno" in globalThis
      ? listenWithDeno(path, onWakeup)
      : await listenWithNodeNet(path, onWakeup);
  } catch (cause) {
    throw socketError(cause, "listen", path);
  }
  try {
    nodeFs().chmodSync(path, 0o600);
  } catch (cause) {
    await listener.close();
    throw socketError(cause, "chmod", path);
  }
  return {
    async close() {
      await listener.close();
      removeSocket(path);
    },
  };
}

async function listenWithNodeNet(path: string, onWakeup: () => void): Promise<Listener> {
  const net = nodeNet();
  const server = net.createServer((connection) => {
    connection.on("error", () => {});
    connection.destroy();
    onWakeup();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** The part of `Deno.Listener` that is used. Deno's `node:net` closes descriptors twice. */
interface DenoListener extends AsyncIterable<{ close(): void }> {
  close(): void;
}

function listenWithDeno(path: string, onWakeup: () => void): Listener {
  const { Deno } = globalThis as unknown as {
    Deno: { listen(options: { transport: "unix"; path: string }): DenoListener };
  };
  const listener = Deno.listen({ transport: "unix", path });
  const accepting = (async () => {
    for await (const connection of listener) {
      connection.close();
      onWakeup();
    }
  })().catch(() => {}); // close() below interrupts the loop with an error
  return {
    async close() {
      listener.close();
      await accepting;
    },
  };
}
