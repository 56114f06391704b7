/** This library against what a program does without it, in the same process: files, inspecting, children, sockets. */
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import type { PairCost } from "./pair_loops.ts";
import { type Part, type PartName, rotate } from "./part.ts";
import { run } from "./processes.ts";
import { median } from "./timing.ts";
import { atMost, type Verdict } from "./verdict.ts";

/** The parts that compare in this way. */
export const pairParts = [
  "files",
  "looking",
  "children",
  "sockets",
] as const satisfies readonly PartName[];

const BATCHES = 300;
const QUICK_BATCHES = 20;

/** The ratios that are to be kept, by what is measured and what it is compared with. */
const most: Readonly<Record<string, number>> = {
  "copyFileHandleSync + closeSync / openSync + closeSync": 1.5,
  "copyFileHandle + close / fs.promises.open + close": 1.25,
  // It also counts the handles that share the open file, which node:fs cannot.
  "inspectHandle / fstat, readlink, fdinfo by node:fs": 2.5,
  "listHandles of 1000 / readdir, stat, readlink, fdinfo by node:fs": 1,
  "duplicate of a net.Server + close / the same of its fd": 2,
  "spawn with a handle / child_process.spawn with an fd in stdio": 1.25,
};

/** What one pair cost in one runtime. */
export interface PairRow extends PairCost {
  readonly label: string;
  readonly target?: Verdict;
}

/** A part that compares pairs. */
export function pairsPart(
  name: typeof pairParts[number],
  found: readonly Runtime[],
  { rounds, quick }: Options,
): Part<PairRow> {
  const script = join(root, "bench", "pair_loops.ts");
  const batches = String(quick ? QUICK_BATCHES : BATCHES);
  const measured = new Map<string, PairCost[][]>(found.map(({ label }) => [label, []]));
  return {
    name,
    rounds,
    measure(round, announce) {
      for (const { label, command } of rotate(found, round, rounds)) {
        announce(label);
        const output = run([...command, script, name, batches]);
        measured.get(label)?.push(JSON.parse(output) as PairCost[]);
      }
    },
    // All runtimes of one pair together.
    summarize: () =>
      [...measured.values()][0]?.[0]?.flatMap((_, at) =>
        [...measured].map(([label, own]) => summarize(label, own.map((costs) => costs[at]!)))
      ) ?? [],
  };
}

function summarize(label: string, costs: readonly PairCost[]): PairRow {
  const { name, against } = costs[0]!;
  const ratio = median(costs.map((cost) => cost.ratio));
  const row = {
    label,
    name,
    against,
    ours: median(costs.map(({ ours }) => ours)),
    theirs: median(costs.map(({ theirs }) => theirs)),
    ratio,
  };
  const bound = most[`${name} / ${against}`];
  return bound === undefined ? row : { ...row, target: atMost(bound, against, ratio) };
}
