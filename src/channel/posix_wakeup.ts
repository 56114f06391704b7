/**
 * Wakes a server up on Linux. The runtime cannot watch the socket of a server, which is not its own.
 * So each client, after it has connected there, also connects to a second path, the wake-up socket,
 * and closes that connection at once. The runtime itself listens at the second path.
 */
import { failure, hasCode } from "../../ffi/error.ts";
import { close } from "../../ffi/posix/dup.ts";
import { connectTo } from "../../ffi/posix/unix_socket.ts";
import type { Listener } from "./types.ts";
import { nodeFs, nodeNet } from "../util/node.ts";

/** Wakes up the server that listens for wake-ups at a path. */
export function notify(path: string): void {
  try {
    close(connectTo(path));
  } catch (error) {
    // The backlog is full of wake-ups that the server has not handled: one more is not needed.
    if (!hasCode(error, "EAGAIN")) throw error;
  }
}

/** Removes the file of a socket; any other file stays. */
export function removeSocket(path: string): void {
  const fs = nodeFs();
  if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  try {
    fs.unlinkSync(path);
  } catch (error) {
    // Another process has removed it.
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
  }
}

/** Listens for wake-ups at a path; replaces the socket file that an earlier server has left. */
export async function listenForWakeups(path: string, onWakeup: () => void): Promise<Listener> {
  removeSocket(path);
  if (nodeFs().lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw failure("EADDRINUSE", "bind", {
      message: `Cannot listen at ${path}: there is a file that is no socket; move it, or use ` +
        "another path",
    });
  }
  const listener = "Deno" in globalThis
    ? listenWithDeno(path, onWakeup)
    : await listenWithNodeNet(path, onWakeup);
  try {
    nodeFs().chmodSync(path, 0o600);
  } catch (error) {
    await listener.close();
    throw error;
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
