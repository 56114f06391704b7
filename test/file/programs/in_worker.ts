/** Copies in a worker thread that closes some and forgets one; reports warnings, and what is left open. */
import { once } from "node:events";
import { startWorker } from "../../support/worker.mjs";
import { descriptorCount } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

/** How many descriptors are open once the runtime has closed what an ended thread needed. */
async function settledCount(): Promise<number> {
  let lowest = Infinity;
  for (let same = 0; same < 30; same++) {
    const count = descriptorCount();
    if (count < lowest) [lowest, same] = [count, 0];
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return lowest;
}

const warnings: string[] = [];
process.on("warning", ({ name, message }) => {
  if (name !== "ExperimentalWarning") warnings.push(message);
});
const path = process.argv[2]!;
const outcomes: unknown[] = [];
const after: number[] = [];
for (let round = 0; round < 4; round++) {
  const worker = startWorker(new URL("./in_worker_copies.ts", import.meta.url), path);
  const ended = once(worker, "exit");
  const [outcome] = await once(worker, "message");
  await ended;
  outcomes.push(outcome);
  after.push(await settledCount());
}
// What a runtime opens once for itself comes in one round, at any time. A leak comes in each.
const grown = after.slice(1).map((count, at) => count - after[at]!);
report({ outcomes, warnings, leaked: Math.max(0, Math.min(...grown)) });
