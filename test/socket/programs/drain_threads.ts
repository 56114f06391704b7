/**
 * The main thread and a worker accept from one socket, with a connection each. It reports how many are cut off
 * when the main thread drains, and who answers on the connection of the worker then.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { drain } from "duphandle";
import { webServers } from "../../support/drained_servers.ts";
import { makeListener } from "../../support/listeners.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";
import { request, WebConnection } from "../../support/web_connection.ts";
import { startWorker } from "../../support/worker.mjs";

await settled();
const worker = startWorker(new URL("./drain_threads_worker.ts", import.meta.url), {});
await once(worker, "message");
// The event loop opens with its first server what it keeps.
const warming = createServer().listen(0, "127.0.0.1");
await once(warming, "listening");
await new Promise((resolve) => warming.close(resolve));
const before = openHandles();

const listener = makeListener("TCP4");
const forWorker = listener.handle.duplicate();
const { server } = await webServers[0]!.serve(listener.handle, () => "main");
const own = new WebConnection(listener.address);
const answers = [(await own.ask()).body];
worker.postMessage(forWorker.release());
await once(worker, "message");
// Whoever is faster accepts: some of these are the worker's.
let other: WebConnection | undefined;
while (other === undefined) {
  const connection = new WebConnection(listener.address);
  const { body } = await connection.ask();
  if (body === "worker") other = connection;
  else await connection.close();
}
answers.push("worker");
const count = await drainWithOwn();
answers.push((await other.ask()).body);
await own.close();
await other.close();
worker.postMessage("end");
await once(worker, "message");
const left = await leftOpen(before);
await worker.terminate();
listener[Symbol.dispose]();
report({ count, answers, left });

/** Drains while the connection of the main thread has a request of which a part is missing. */
async function drainWithOwn(): Promise<number> {
  own.send(request("a body").slice(0, -1));
  return await drain(server, { timeout: 200 });
}
