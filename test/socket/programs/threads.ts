/**
 * Connections that are accepted in this thread, natively and by node:net, and used in another one, which gets
 * their numbers: reports what the clients received, and how many descriptors are left.
 */
import { once } from "node:events";
import * as net from "node:net";
import { duplicate, type HandleSource } from "duphandle";
import { bun, deno, listenNode, Peer, placeOf } from "../../support/network_sources.ts";
import { descriptorCount } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";
import { isBun, isDeno } from "../../support/system.ts";
import { startWorker } from "../../support/worker.mjs";

const ROUNDS = 20;
const worker = startWorker(new URL("./threads_worker.ts", import.meta.url), undefined);
await once(worker, "message");

function give(source: HandleSource): void {
  worker.postMessage(duplicate(source, { closeSource: true }).release());
}

async function ask(place: net.NetConnectOpts, round: number): Promise<string> {
  const client = new Peer(net.connect(place));
  client.socket.end(`hello ${round}`);
  await once(client.socket, "close");
  return client.received;
}

const server = await listenNode({ port: 0, host: "127.0.0.1" }, { allowHalfOpen: true });
server.on("connection", give);
const answers: string[] = [await ask(placeOf(server), 0)];
const before = descriptorCount();
for (let round = 1; round < ROUNDS; round++) answers.push(await ask(placeOf(server), round));
server.close();

if (isDeno) {
  const listener = deno.listen({ port: 0, hostname: "127.0.0.1" });
  for (let round = 0; round < ROUNDS; round++) {
    const answer = ask({ port: listener.addr.port, host: "127.0.0.1" }, round);
    give(await listener.accept() as unknown as HandleSource);
    answers.push(await answer);
  }
  listener.close();
} else if (isBun) {
  const open = (socket: unknown) => give(socket as HandleSource);
  const listener = bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {}, open } });
  for (let round = 0; round < ROUNDS; round++) {
    answers.push(await ask({ port: listener.port, host: "127.0.0.1" }, round));
  }
  listener.stop(true);
}
for (let wait = 0; wait < 200 && descriptorCount() > before; wait++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
const wrong = answers.filter((answer, at) => answer !== `thread: hello ${at % ROUNDS}`);
report({ answers: answers.length, wrong, leaked: Math.max(0, descriptorCount() - before) });
await worker.terminate();
process.exit();
