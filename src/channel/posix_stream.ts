/** Makes a connected socket a stream of the runtime. */
import type { Socket } from "node:net";
import { nodeNet } from "../util/node_net.ts";

/** A `node:net` stream on a connected Unix socket. The stream owns the descriptor and closes it. */
export function adoptStream(fd: number): Socket {
  const net = nodeNet();
  // Bun adopts a descriptor in connect(), the other runtimes in the constructor.
  if ("Bun" in globalThis) return net.connect({ fd } as unknown as { path: string });
  return new net.Socket({ fd, readable: true, writable: true });
}
