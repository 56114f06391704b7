/** Many files: batches against a loop in C, and the pool against a file that has a descriptor. */
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import { type Part, rotate } from "./part.ts";
import { run } from "./processes.ts";
import { median } from "./timing.ts";
import { atMost, type Verdict } from "./verdict.ts";

const SIZES = [253, 10_000] as const;
const MOST_OF_C = 0.85;
const MOST_OF_A_HIT = 1.5;
const MOST_MICROSECONDS = 50;

/** What a handle of a batch costs in one runtime. */
export interface Batch {
  readonly label: string;
  readonly handles: number;
  readonly ns: number;
  /** The median of the ratios to C in the same round. */
  readonly ratio: number;
  readonly target?: Verdict;
}

/** What the pool costs in one runtime. */
export interface Pool {
  readonly label: string;
  readonly hit: Verdict;
  readonly fault: Verdict;
  /** The bytes of kernel memory of a file that is paged out. */
  readonly bytes: number;
}

/** The part that measures batches. `many` is the compiled C program. */
export function batchesPart(
  many: string,
  found: readonly Runtime[],
  { rounds, quick }: Options,
): Part<Batch> {
  const script = join(root, "bench", "batch.ts");
  const subjects = [
    { name: "c", label: "C, one call each", command: [many] },
    ...found.map(({ name, label, command }) => ({ name, label, command: [...command, script] })),
  ];
  const measured = new Map<string, number[]>();
  const timesOf = (name: string, size: number) => measured.get(`${name} ${size}`) ?? [];
  return {
    name: "batches",
    rounds,
    measure(round, announce) {
      for (const { name, label, command } of rotate(subjects, round, rounds)) {
        announce(label);
        for (const size of SIZES) {
          const times = Math.ceil((quick ? 20_000 : 400_000) / size);
          const { value } = JSON.parse(run([...command, String(size), String(times)])) as {
            value: number;
          };
          measured.set(`${name} ${size}`, [...timesOf(name, size), value]);
        }
      }
    },
    summarize: () =>
      subjects.flatMap(({ name, label }) =>
        SIZES.map((handles): Batch => {
          const own = timesOf(name, handles);
          const ofC = timesOf("c", handles);
          const ratio = median(own.map((ns, round) => ns / (ofC[round] ?? NaN)));
          const row = { label, handles, ns: median(own), ratio };
          if (name !== "bun" && name !== "deno") return row;
          return { ...row, target: atMost(MOST_OF_C, "c", ratio) };
        })
      ),
  };
}

/** The part that measures the pool, once in each runtime: the program takes the medians itself. */
export function poolsPart(found: readonly Runtime[], { quick }: Options): Part<Pool> {
  const script = join(root, "bench", "pool.ts");
  const pools: Pool[] = [];
  return {
    name: "pools",
    rounds: 1,
    measure(_round, announce) {
      for (const { label, command } of found) {
        announce(label);
        const size = quick ? ["2000", "1000"] : ["20000", "20000"];
        const { hit, fault, bytes } = JSON.parse(run([...command, script, ...size])) as Record<
          "hit" | "fault" | "bytes",
          number
        >;
        pools.push({
          label,
          hit: atMost(MOST_OF_A_HIT, "readSync", hit),
          fault: atMost(MOST_MICROSECONDS, "µs", fault),
          bytes,
        });
      }
    },
    summarize: () => pools,
  };
}
