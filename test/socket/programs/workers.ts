/**
 * The main thread accepts connections and sends their numbers to two workers in turns, which echo what comes;
 * a third worker serves a listener. It reports what the clients got, and what is left open.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import type { Worker } from "node:worker_threads";
import { duplicate } from "duphandle";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const COUNT = 10;
const BYTES = 100_000;

await settled();
const workers = Array.from(
  { length: 3 },
  () => startWorker(new URL("./workers_thread.ts", import.meta.url), {}),
);
await Promise.all(workers.map((worker) => once(worker, "message")));
const [first, second, serving] = workers as [Worker, Worker, Worker];
const warming = await listen();
warming.on("connection", (socket) => socket.pipe(socket));
await exchange(warming); // the runtime opens what it then keeps
const before = openHandles();

const server = await listen({ pauseOnConnect: true });
let count = 0;
server.on("connection", (socket) => {
  const raw = duplicate(socket, { closeSource: true }).release();
  (count++ % 2 === 0 ? first : second).postMessage({ connection: raw });
});
const lengths = await exchange(server);

const bound = await listen();
const raw = duplicate(bound).release();
const { port } = bound.address() as AddressInfo;
await new Promise((resolve) => bound.close(resolve));
serving.postMessage({ listener: raw });
const served = await Promise.all(Array.from({ length: COUNT }, () => echoed(port)));

const counts: number[] = [];
for (const worker of workers) {
  worker.postMessage("end");
  const [seen] = await once(worker, "message");
  counts.push(seen as number);
}
const left = await leftOpen(before);
for (const worker of workers) await worker.terminate();
report({ lengths, served, counts, left });

/** A server of `node:net` that listens. */
async function listen(options: { pauseOnConnect?: boolean } = {}): Promise<Server> {
  const server = createServer(options);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

/** Connects so many clients at once, closes the server, and returns how many bytes each got back. */
async function exchange(server: Server): Promise<number[]> {
  const { port } = server.address() as AddressInfo;
  const lengths = await Promise.all(Array.from({ length: COUNT }, () => echoed(port)));
  await new Promise((resolve) => server.close(resolve));
  return lengths;
}

/** Sends bytes, and returns how many of them came back before the first other one. */
async function echoed(port: number): Promise<number> {
  const bytes = Buffer.from(Array.from({ length: BYTES }, (_, at) => (at * 31 + (at >> 8)) & 255));
  const client = connect(port, "127.0.0.1");
  client.write(bytes);
  let length = 0;
  for await (const part of client) {
    if (!bytes.subarray(length, length + part.length).equals(part)) break;
    length += part.length;
    if (length === BYTES) client.end();
  }
  return length;
}
