/** How a connected socket is made the runtime's own stream, which then closes it. */
import type { Socket } from "node:net";
import { nodeNet } from "../util/node_net.ts";

/** A stream of the runtime on a connected socket of this machine. It closes the descriptor, once. */
export function adoptStream(fd: number): Socket {
  const net = nodeNet();
  // Bun adopts by connecting to what is connected already, the others by their constructor.
  if ("Bun" in globalThis) return net.connect({ fd } as unknown as { path: string });
  return new net.Socket({ fd, readable: true, writable: true });
}
