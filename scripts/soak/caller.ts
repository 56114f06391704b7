/** One thread's share of the failing calls, with noise around them. It is a worker too. */
import { setImmediate } from "node:timers/promises";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { duplicate } from "../../mod.ts";
import { makeFixture } from "./fixture.ts";
import { collector, litterer } from "./garbage.ts";
import { Noise } from "./noise.ts";
import { randomFrom } from "./random.ts";
import { verify } from "./verify.ts";

/** What a thread is to do. */
export interface Share {
  readonly calls: number;
  readonly seed: number;
  /** The thread's number. */
  readonly slot: number;
}

/** What a thread did. */
export interface Tally {
  readonly slot: number;
  readonly calls: number;
  readonly wrong: number;
  /** What was wrong, for the first few. */
  readonly examples: readonly string[];
  readonly collections: number;
  readonly timers: number;
  readonly files: number;
}

/** Calls between two turns of the event loop: some milliseconds. */
const SLICE = 500;
/** Slices between two forced collections. */
const COLLECT_EVERY = 8;
const MOST_EXAMPLES = 5;

if (!isMainThread) parentPort?.postMessage(await makeCalls(workerData as Share));

/** Makes the calls and checks every error. */
export async function makeCalls({ calls, seed, slot }: Share): Promise<Tally> {
  // Ten million stack traces would be most of the work, and nothing reads them.
  Error.stackTraceLimit = 0;
  const random = randomFrom(seed, slot);
  const fixture = makeFixture(slot);
  const litter = litterer(random);
  const collect = collector();
  const noise = new Noise();
  const examples: string[] = [];
  let done = 0;
  let wrong = 0;
  let collections = 0;
  for (let slice = 0; done < calls; slice++) {
    for (const end = Math.min(calls, done + SLICE); done < end; done++) {
      const complaint = verify(fixture.calls[random(fixture.calls.length)]!);
      if (complaint !== undefined && wrong++ < MOST_EXAMPLES) {
        examples.push(`thread ${slot}, call ${done}: ${complaint}`);
      }
      // A call that succeeds leaves the number of the last failure behind.
      if (random(8) === 0) duplicate(fixture.source).close();
      if (random(8) === 0) litter();
    }
    if (slice % COLLECT_EVERY === 0) {
      collect();
      collections++;
    }
    await setImmediate();
  }
  await noise.stop();
  const { timers, files } = noise;
  return { slot, calls: done, wrong, examples, collections, timers, files };
}
