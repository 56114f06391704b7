/** Copies in a worker thread that closes some and forgets one; reports warnings, and what is left open. */
import { once } from "node:events";
import * as fs from "node:fs";
import { startWorker } from "../../support/worker.mjs";
import { report } from "../../support/report.ts";

const count = () => fs.readdirSync("/proc/self/fd").length;
const warnings: string[] = [];
process.on("warning", ({ name, message }) => {
  if (name !== "ExperimentalWarning") warnings.push(message);
});
const path = process.argv[2]!;
const outcomes: unknown[] = [];
const left: number[] = [];
for (let round = 0; round < 3; round++) {
  const before = count();
  const worker = startWorker(new URL("./in_worker_copies.ts", import.meta.url), path);
  const [outcome] = await once(worker, "message");
  await once(worker, "exit");
  outcomes.push(outcome);
  // A runtime closes what a thread needed a moment after it has ended.
  for (let wait = 0; round > 0 && wait < 1000 && count() > before; wait++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  left.push(count() - before);
}
// The first worker may load what stays.
report({ outcomes, warnings, left: left.slice(1) });
