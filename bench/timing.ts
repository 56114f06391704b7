/** How a JavaScript program measures its loops, and what every subject prints. */
import { closeSync, openSync } from "node:fs";
import process from "node:process";

/** What is measured. */
export const operations = ["pair", "onto", "failing"] as const;
export type Operation = typeof operations[number];

/** What a subject prints: its version and the median nanoseconds of an operation. */
export interface Measurement {
  readonly version: string;
  readonly ns: Partial<Readonly<Record<Operation, number>>>;
}

/** How often a subject repeats itself. */
export interface Plan {
  readonly batches: number;
  /** Operations in a batch. */
  readonly size: number;
}

/** A loop over one operation. Each subject writes its loop, so that no call is added to the operation. */
export type Loop = (count: number) => void;

/** The failing operation runs less often by this factor: an error with its stack takes long. */
const FAILING_SHARE = 20;
/** The warm-up, in batches: after it every engine runs its fully optimised code. */
const WARM_UP = 10;

/** The descriptors of the loops, which the runtime opened. */
export interface Files {
  readonly source: number;
  readonly target: number;
}

/** Opens the descriptors of the loops. */
export function openFiles(): Files {
  return { source: openSync("/dev/null", "r"), target: openSync("/dev/null", "r") };
}

/** Runs the loops by the plan on the command line, the last two arguments, and prints the result. */
export function report(
  version: string,
  loops: Partial<Readonly<Record<Operation, Loop>>>,
  { source, target }: Files,
): void {
  const [batches, size] = process.argv.slice(-2).map(Number) as [number, number];
  const ns: Partial<Record<Operation, number>> = {};
  for (const operation of operations) {
    const loop = loops[operation];
    const count = operation === "failing" ? Math.ceil(size / FAILING_SHARE) : size;
    if (loop !== undefined) ns[operation] = measure(loop, { batches, size: count });
  }
  closeSync(source);
  closeSync(target);
  console.log(JSON.stringify({ version, ns } satisfies Measurement));
}

function measure(loop: Loop, { batches, size }: Plan): number {
  for (let at = 0; at < WARM_UP; at++) loop(size);
  const times: number[] = [];
  for (let at = 0; at < batches; at++) {
    const start = performance.now();
    loop(size);
    times.push((performance.now() - start) * 1e6 / size);
  }
  return median(times);
}

/** The median. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
