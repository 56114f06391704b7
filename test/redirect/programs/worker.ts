/** Redirects standard output over and over while a worker writes lines to it. */
import * as fs from "node:fs";
import { redirect } from "duphandle";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const ROUNDS = Number(process.argv[3] ?? 1000);
const target = fs.openSync(process.argv[2] as string, "a");
// Until the first redirection Node keeps a pipe non-blocking, and fs.writeSync fails when it is full.
redirect(1, target).restore();

/** Shared with the worker: whether to stop, and how many lines it has written. */
const shared = new Int32Array(new SharedArrayBuffer(8));
const worker = startWorker(new URL("./writer.ts", import.meta.url), { shared });
const ended = new Promise((resolve) => worker.once("exit", resolve));
await new Promise((resolve) => worker.once("message", resolve));
let rounds = 0;
for (; rounds < ROUNDS; rounds++) {
  const lines = Atomics.load(shared, 1);
  {
    using _ = redirect(1, target);
    // Some redirections last for at least one whole line of the worker, others perhaps for none.
    const end = performance.now() + (rounds % 10 === 0 ? 10_000 : 0);
    while (performance.now() < end && Atomics.load(shared, 1) < lines + 2) fs.fstatSync(1);
  }
  if (rounds % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
Atomics.store(shared, 0, 1);
await ended;
report({ rounds, lines: Atomics.load(shared, 1) });
