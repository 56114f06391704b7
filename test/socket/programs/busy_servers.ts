/** Puts sockets under servers while another thread opens sockets of the same kind. */
import * as http from "node:http";
import { serveOn } from "duphandle";
import { ask, makeListener } from "../../support/listeners.ts";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const [, , count, method] = process.argv;
const shared = new Int32Array(new SharedArrayBuffer(12));
const worker = startWorker(new URL("./busy_servers_worker.ts", import.meta.url), { shared });
await new Promise((resolve) => worker.once("message", resolve));

interface Native {
  serve(options: object): { shutdown?(): Promise<void>; stop?(now: boolean): Promise<void> };
}
const runtime = globalThis as unknown as { Deno?: Native; Bun?: Native };

const wrong: string[] = [];
for (let round = 0; round < Number(count); round++) {
  using listener = makeListener("TCP4");
  const text = `round ${round}`;
  try {
    if (method === "toServer") {
      const server = http.createServer((_, response) => void response.end(text));
      await listener.handle.toServer(server);
      if (await ask(listener.address) !== text) wrong.push("another server");
      await new Promise((resolve) => server.close(resolve));
    } else {
      const native = (runtime.Deno ?? runtime.Bun)!;
      const answer = () => new Response(text);
      const options = runtime.Deno ? { handler: answer, onListen() {} } : { fetch: answer };
      const server = serveOn(
        listener.handle,
        (placeholder) => native.serve({ ...placeholder, ...options }),
      );
      if (await ask(listener.address) !== text) wrong.push("another server");
      await (server.shutdown?.() ?? server.stop?.(true));
    }
  } catch (error) {
    wrong.push(String(error));
  }
}
Atomics.store(shared, 0, 1);
await new Promise((resolve) => worker.once("exit", resolve));
if (Atomics.load(shared, 2) > 0) {
  wrong.push(`${Atomics.load(shared, 2)} sockets of the thread were replaced`);
}
report({ wrong, disturbed: Atomics.load(shared, 1) > 0 });
process.exit(0);
