/**
 * The bell of a listener on Linux. The sockets of a channel are not the runtime's, so it cannot tell
 * when somebody connects. Who has connected rings: it connects to a second path, whose listener is
 * the runtime's own, and hangs up.
 */
import { failure, hasCode } from "../../ffi/error.ts";
import { close } from "../../ffi/posix/dup.ts";
import { connectTo } from "../../ffi/posix/unix_socket.ts";
import type { Listener } from "./types.ts";
import { nodeFs } from "../util/node_fs.ts";
import { nodeNet } from "../util/node_net.ts";

/** Rings. The listener comes when it has time. */
export function ring(path: string): void {
  try {
    close(connectTo(path));
  } catch (error) {
    // So many have rung that it has still to come.
    if (!hasCode(error, "EAGAIN")) throw error;
  }
}

/** Removes the file of a socket; whatever else is at the path stays. */
export function removeSocket(path: string): void {
  const stat = nodeFs().lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSocket() === true) nodeFs().rmSync(path, { force: true });
}

/** Hears a bell at a path, which it takes over from whoever left it. */
export async function bellAt(path: string, onRing: () => void): Promise<Listener> {
  removeSocket(path);
  if (nodeFs().lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw failure("EADDRINUSE", "bind", {
      message: `Cannot listen at ${path}: something else is there; move it, or use another path`,
    });
  }
  const bell = "Deno" in globalThis ? denoBell(path, onRing) : await nodeBell(path, onRing);
  try {
    nodeFs().chmodSync(path, 0o600);
  } catch (error) {
    await bell.close();
    throw error;
  }
  return {
    async close() {
      await bell.close();
      removeSocket(path);
    },
  };
}

async function nodeBell(path: string, onRing: () => void): Promise<Listener> {
  const net = nodeNet();
  const server = net.createServer((connection) => {
    connection.on("error", () => {});
    connection.destroy();
    onRing();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** What is used of Deno's own listeners. Those of its `node:net` close their descriptors twice. */
interface DenoListener extends AsyncIterable<{ close(): void }> {
  close(): void;
}

function denoBell(path: string, onRing: () => void): Listener {
  const { Deno } = globalThis as unknown as {
    Deno: { listen(options: { transport: "unix"; path: string }): DenoListener };
  };
  const listener = Deno.listen({ transport: "unix", path });
  const served = (async () => {
    for await (const connection of listener) {
      connection.close();
      onRing();
    }
  })().catch(() => {}); // it was closed
  return {
    async close() {
      listener.close();
      await served;
    },
  };
}
