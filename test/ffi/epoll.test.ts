/** What the event loops watch, as the kernel tells it. */
import { once } from "node:events";
import * as net from "node:net";
import { duplicate } from "duphandle";
import { expect, test } from "vitest";
import { watchesOf } from "../../ffi/posix/epoll.ts";

test.runIf(process.platform === "linux")(
  "many watched sockets are read with half of the stack used",
  async () => {
    const accepted: net.Socket[] = [];
    const server = net.createServer((socket) => void accepted.push(socket.on("error", () => {})));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    const clients: net.Socket[] = [];
    while (clients.length < 400) {
      const client = net.connect(port, "127.0.0.1").on("error", () => {});
      clients.push(client);
      await once(client, "connect");
    }
    using copy = duplicate(server); // which no loop watches
    const limit = depthOfStack();
    expect(withStackUsed(Math.floor(limit / 2), () => watchesOf(copy.raw))).toEqual([]);
    [...clients, ...accepted].forEach((socket) => socket.destroy());
    server.close();
  },
);

function depthOfStack(): number {
  let depth = 0;
  const deeper = () => {
    depth++;
    deeper();
  };
  try {
    deeper();
  } catch {
    // the stack is full
  }
  return depth;
}

function withStackUsed<Result>(depth: number, call: () => Result): Result {
  if (depth === 0) return call();
  const result = withStackUsed(depth - 1, call); // no tail call, which uses no stack
  return result;
}
