/**
 * The soak of one runtime, started by scripts/soak/run.ts or by hand, also on Windows:
 * `runtime scripts/soak/program.ts [--calls=…] [--pairs=…] [--messages=…] [--minutes=…] [--seed=…]`.
 *
 * One worker disturbs the others all the time. First a worker makes bare calls; then the main
 * thread and two workers, each with an `errno` of its own, make the failing calls. What leaks is
 * measured at the end, in quiet.
 */
import { once } from "node:events";
import type { BareShare, BareTally } from "./bare.ts";
import { makeCalls, type Share, type Tally } from "./caller.ts";
import type { Disturbance } from "./disturber.ts";
import { makeFixture } from "./fixture.ts";
import { makePairs } from "./leak.ts";
import { sendMessages } from "./messages.ts";
import { parseOptions } from "./options.ts";
import { problems, summary } from "./report.ts";
import { SIGNAL } from "./signals.ts";
import { startWorker, type WorkerFile } from "./threads.ts";

const WORKERS = 2;
/** Bare calls for each call that throws: they cost little. */
const BARE_PER_CALL = 10;

const { calls, pairs, messages, minutes, seed } = parseOptions(process.argv.slice(2));
const deadline = setTimeout(() => {
  console.log(`no end after ${minutes} minutes (seed ${seed})`);
  process.exit(1);
}, minutes * 60_000);

let signals = 0;
if (process.platform !== "win32") process.on(SIGNAL, () => signals++);

const start = performance.now();
const disturber = startWorker("disturber.ts", undefined);
const bareShare: BareShare = { calls: calls * BARE_PER_CALL, seed, slot: WORKERS + 1 };
const bare = await resultOf("bare.ts", bareShare) as BareTally;
const share = Math.floor(calls / (WORKERS + 1));
const tallies = await Promise.all([
  makeCalls({ calls: calls - WORKERS * share, seed, slot: 0 }),
  ...Array.from({ length: WORKERS }, (_, at) => callInWorker(at + 1)),
]);
const seconds = (performance.now() - start) / 1000;
disturber.postMessage("stop");
const [disturbance] = await once(disturber, "message") as [Disturbance];
await disturber.terminate();

const fixture = makeFixture(WORKERS + 2);
const leak = await makePairs(pairs, fixture);
const messageLeak = process.platform === "darwin"
  ? undefined
  : await sendMessages(messages, fixture);
clearTimeout(deadline);
const report = { seed, seconds, bare, tallies, disturbance, signals, leak, messageLeak };
console.log([summary(report), ...problems(report)].join("\n    "));
process.exit(problems(report).length === 0 ? 0 : 1);

async function callInWorker(slot: number): Promise<Tally> {
  return await resultOf("caller.ts", { calls: share, seed, slot } satisfies Share) as Tally;
}

async function resultOf(file: WorkerFile, workerData: unknown): Promise<unknown> {
  const worker = startWorker(file, workerData);
  // Rejects when the worker dies of an error.
  const [result] = await once(worker, "message");
  await worker.terminate();
  return result;
}
