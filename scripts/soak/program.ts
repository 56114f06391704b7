/**
 * The soak of one runtime, started by scripts/soak.ts or by hand, also on Windows:
 * `runtime scripts/soak/program.ts [--calls=…] [--pairs=…] [--minutes=…] [--seed=…]`.
 *
 * The main thread and two workers make the failing calls; each has an `errno` of its own. A third
 * worker disturbs them. What leaks is measured afterwards, in quiet.
 */
import { once } from "node:events";
import { makeCalls, type Share, type Tally } from "./caller.ts";
import type { Disturbance } from "./disturber.ts";
import { makeFixture } from "./fixture.ts";
import { makePairs } from "./leak.ts";
import { parseOptions } from "./options.ts";
import { problems, summary } from "./report.ts";
import { SIGNAL } from "./signals.ts";
import { startWorker } from "./threads.ts";

const WORKERS = 2;

const { calls, pairs, minutes, seed } = parseOptions(process.argv.slice(2));
const deadline = setTimeout(() => {
  console.log(`no end after ${minutes} minutes (seed ${seed})`);
  process.exit(1);
}, minutes * 60_000);

let signals = 0;
if (process.platform !== "win32") process.on(SIGNAL, () => signals++);

const start = performance.now();
const disturber = startWorker("disturber.ts", undefined);
const share = Math.floor(calls / (WORKERS + 1));
const tallies = await Promise.all([
  makeCalls({ calls: calls - WORKERS * share, seed, slot: 0 }),
  ...Array.from({ length: WORKERS }, (_, at) => callInWorker(at + 1)),
]);
const seconds = (performance.now() - start) / 1000;
disturber.postMessage("stop");
const [disturbance] = await once(disturber, "message") as [Disturbance];
await disturber.terminate();

const leak = await makePairs(pairs, makeFixture(WORKERS + 1));
clearTimeout(deadline);
const report = { seed, seconds, tallies, disturbance, signals, leak };
console.log([summary(report), ...problems(report)].join("\n    "));
process.exit(problems(report).length === 0 ? 0 : 1);

async function callInWorker(slot: number): Promise<Tally> {
  const worker = startWorker("caller_worker.ts", { calls: share, seed, slot } satisfies Share);
  // `once` rejects when the worker dies of an error.
  const [tally] = await once(worker, "message") as [Tally];
  await worker.terminate();
  return tally;
}
