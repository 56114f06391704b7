/** Many files: batches against a loop in C, and the pool against a file that has a descriptor. */
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import { run } from "./processes.ts";
import { type Progress, rotate, type Verdict } from "./rounds.ts";
import { median } from "./timing.ts";

const SIZES = [253, 10_000] as const;
const MOST_OF_C = 0.85;
const MOST_OF_A_HIT = 1.5;
const MOST_MICROSECONDS = 50;

/** What a batch costs one runtime, a handle. */
export interface Batch {
  readonly label: string;
  readonly handles: number;
  readonly ns: number;
  /** The median of the ratios to C in the same round. */
  readonly ratio: number;
  readonly target?: Verdict;
}

/** What the pool costs one runtime. */
export interface Pool {
  readonly label: string;
  readonly hit: Verdict;
  readonly fault: Verdict;
  /** Of the kernel's memory, for a file that waits. */
  readonly bytes: number;
}

/** Measures batches in all rounds. `many` is the compiled C program. */
export function runBatches(
  many: string,
  found: readonly Runtime[],
  { rounds, quick }: Options,
  progress: Progress,
): Batch[] {
  const script = join(root, "bench", "batch.ts");
  const subjects = [
    { name: "c", label: "C, one call each", command: [many] },
    ...found.map(({ name, label, command }) => ({ name, label, command: [...command, script] })),
  ];
  const taken = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    progress(`batches, round ${round + 1} of ${rounds}`);
    for (const { name, command } of rotate(subjects, round, rounds)) {
      for (const size of SIZES) {
        const times = Math.ceil((quick ? 20_000 : 400_000) / size);
        const { value } = JSON.parse(run([...command, String(size), String(times)])) as {
          value: number;
        };
        const key = `${name} ${size}`;
        taken.set(key, [...taken.get(key) ?? [], value]);
      }
    }
  }
  return subjects.flatMap(({ name, label }) =>
    SIZES.map((handles): Batch => {
      const own = taken.get(`${name} ${handles}`) ?? [];
      const ratio = median(own.map((ns, at) => ns / (taken.get(`c ${handles}`)?.[at] ?? NaN)));
      const row = { label, handles, ns: median(own), ratio };
      if (name !== "bun" && name !== "deno") return row;
      return { ...row, target: verdict(ratio, MOST_OF_C, "c") };
    })
  );
}

/** Measures the pool, once for each runtime: it takes its medians itself. */
export function runPools(
  found: readonly Runtime[],
  { quick }: Options,
  progress: Progress,
): Pool[] {
  const script = join(root, "bench", "pool.ts");
  return found.map(({ label, command }) => {
    progress(`pool in ${label}`);
    const size = quick ? ["2000", "1000"] : ["20000", "20000"];
    const { hit, fault, bytes } = JSON.parse(run([...command, script, ...size])) as Record<
      "hit" | "fault" | "bytes",
      number
    >;
    return {
      label,
      hit: verdict(hit, MOST_OF_A_HIT, "readSync"),
      fault: verdict(fault, MOST_MICROSECONDS, "µs"),
      bytes,
    };
  });
}

function verdict(reached: number, most: number, against: string): Verdict {
  return { most, against, reached, met: reached <= most };
}
