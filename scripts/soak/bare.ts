/**
 * A worker that makes failing calls below the errors: the system call as the library binds it, and the number as it
 * reads it, straight after.
 *
 * Making an error takes a hundred times the memory of the call itself, so the garbage collector
 * nearly always comes while an error is made, when the number has long been read. The moment that
 * matters is the one before. These calls leave little garbage but their own result, so that the
 * collector comes in that moment or never. One thread makes them, so that the collector's own
 * threads find a processor: it is in waiting for those that the collector changes `errno`.
 */
import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { makeFixture } from "./fixture.ts";
import { randomFrom } from "./random.ts";

/** A call that fails, and the number that was read after it; 0 when it did not fail. */
export interface BareCall {
  readonly name: string;
  readonly run: () => number;
  readonly expected: number;
}

/** What the thread is to do. */
export interface BareShare {
  readonly calls: number;
  readonly seed: number;
  readonly slot: number;
}

/** What it did. */
export interface BareTally {
  readonly calls: number;
  readonly wrong: number;
  /** What was wrong the last time, if ever. */
  readonly example: string;
}

/** Calls between two turns of the event loop: some milliseconds. */
const SLICE = 20_000;
/** Once in this many calls a small object is kept at a random place: collections have some work. */
const SURVIVOR_EVERY = 4;
const SURVIVORS = 1_000_000;

parentPort?.postMessage(await makeBareCalls(workerData as BareShare));

/** Makes the calls, in turn, so that each follows one that failed with another number. */
async function makeBareCalls({ calls, seed, slot }: BareShare): Promise<BareTally> {
  const random = randomFrom(seed, slot);
  const { bare } = makeFixture(slot);
  const survivors: unknown[] = [];
  let wrong = 0;
  let example = "";
  for (let done = 0; done < calls;) {
    for (const end = Math.min(calls, done + SLICE); done < end; done++) {
      const { name, run, expected } = bare[done % bare.length]!;
      const number = run();
      if (number !== expected) {
        wrong++;
        example = `bare ${name}: ${number} instead of ${expected}`;
      }
      if (done % SURVIVOR_EVERY === 0) survivors[random(SURVIVORS)] = { done, text: `${done}` };
    }
    await setImmediate();
  }
  return { calls, wrong, example };
}
