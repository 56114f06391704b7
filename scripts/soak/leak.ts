/** What is done many times, and what it leaves behind: nothing. */
import { setImmediate } from "node:timers/promises";
import { duplicate } from "../../mod.ts";
import type { Fixture } from "./fixture.ts";
import { collector } from "./garbage.ts";

/** What was there before and after. */
export interface Leak {
  /** How often it was done. */
  readonly count: number;
  readonly seconds: number;
  readonly handlesBefore: number;
  readonly handlesAfter: number;
  /** By how many bytes the JavaScript heap grew. */
  readonly heapGrowth: number;
  /** By how many bytes the memory of the process grew. */
  readonly memoryGrowth: number;
  readonly leaks: boolean;
}

/**
 * By how many bytes the heap may grow although nothing leaks, because the engine goes on learning
 * about the code. A million pairs that leave one byte each do not fit.
 */
export const HEAP_SLACK = 1_000_000;
/**
 * The same for the memory outside the heap, which collections give back late. A million pairs
 * that leave one piece of native memory each do not fit: the smallest piece is 32 bytes.
 */
export const MEMORY_SLACK = 24_000_000;

/** Enough for the engine to compile the code, and to give the young garbage all of its memory. */
const WARM_UP = 300_000;
/** Pairs between two turns of the event loop: some milliseconds. */
const SLICE = 5000;

/** Makes pairs of `duplicate` and `close`, and measures before and after. */
export async function makePairs(pairs: number, fixture: Fixture): Promise<Leak> {
  return await measureLeak(pairs, WARM_UP, fixture, (count) => duplicateAndClose(count, fixture));
}

/** Does something many times after a warm-up, and measures before and after. */
export async function measureLeak(
  count: number,
  warmUp: number,
  fixture: Fixture,
  work: (count: number) => Promise<void>,
): Promise<Leak> {
  const collect = collector();
  await work(warmUp);
  const before = await measure(fixture, collect);
  const start = performance.now();
  await work(count);
  const seconds = (performance.now() - start) / 1000;
  const after = await measure(fixture, collect);
  const heapGrowth = after.heap - before.heap;
  const memoryGrowth = after.memory - before.memory;
  const leaks = after.handles - before.handles > fixture.countSlack ||
    heapGrowth > HEAP_SLACK || memoryGrowth > MEMORY_SLACK;
  const [handlesBefore, handlesAfter] = [before.handles, after.handles];
  return { count, seconds, handlesBefore, handlesAfter, heapGrowth, memoryGrowth, leaks };
}

async function duplicateAndClose(pairs: number, { source }: Fixture): Promise<void> {
  const inheritable = { inheritable: true };
  for (let done = 0; done < pairs;) {
    for (const end = Math.min(pairs, done + SLICE); done < end; done++) {
      const copy = done % 4 === 0 ? duplicate(source, inheritable) : duplicate(source);
      copy.close();
    }
    await setImmediate();
  }
}

/** Collects several times, because finalizers run in between, and takes the least that remains. */
async function measure(
  fixture: Fixture,
  collect: () => number,
): Promise<{ handles: number; heap: number; memory: number }> {
  let heap = Infinity;
  for (let round = 0; round < 5; round++) {
    heap = Math.min(heap, collect());
    await setImmediate();
  }
  return { handles: fixture.countHandles(), heap, memory: process.memoryUsage.rss() };
}
