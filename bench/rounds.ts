/** The rounds: every subject in turn, each round from another one on, so that drift hits all alike. */
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import { measureOnce, wallTime } from "./processes.ts";
import type { Subject } from "./subjects.ts";
import { yardstick } from "./subjects.ts";
import { type Measurement, median, type Operation, operations } from "./timing.ts";

/** What one operation cost one subject. */
export interface Cost {
  /** The median of the rounds, in nanoseconds an operation. */
  readonly ns: number;
  /** The median of the ratios to the yardstick in the same round. */
  readonly ratio: number;
  readonly ratios: readonly number[];
}

/** A target, and what was reached. */
export interface Verdict {
  readonly most: number;
  readonly against: string;
  readonly reached: number;
  readonly met: boolean;
}

/** What was found out about one subject. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly does: string;
  readonly costs: Partial<Readonly<Record<Operation, Cost>>>;
  readonly target?: Verdict;
}

/** What this library adds to the start of a program, in milliseconds. */
export interface Start {
  readonly label: string;
  readonly empty: number;
  readonly added: number;
  readonly target: Verdict;
}

/** Called before each step, with the share that is done. */
export type Progress = (what: string) => void;

/** Measures all subjects in all rounds. */
export function runRounds(
  subjects: readonly Subject[],
  { rounds, plan }: Options,
  progress: Progress,
): Row[] {
  const taken = new Map<string, Measurement[]>(subjects.map(({ id }) => [id, []]));
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (const { id, command } of rotate(subjects, round, rounds)) {
      taken.get(id)?.push(measureOnce(command, plan));
    }
  }
  return subjects.map((subject) => summarize(subject, taken));
}

/** Measures what the library adds to the start of each runtime. */
export function runStarts(
  found: readonly Runtime[],
  { starts }: Options,
  most: number,
  progress: Progress,
): Start[] {
  const taken = new Map<string, { empty: number; full: number }[]>();
  const file = (name: string) => join(root, "bench", "start", `${name}.ts`);
  // The first pair fills the caches of the runtimes and of the system, and does not count.
  for (let round = -1; round < starts; round++) {
    progress(`start ${round + 1} of ${starts}`);
    for (const { name, command } of rotate(found, round + 1, starts)) {
      const timeOf = (program: string) => wallTime([...command, file(program)]);
      // Each is first every other time.
      const first = round % 2 === 0 ? timeOf("empty") : undefined;
      const full = timeOf("duplicate");
      const empty = first ?? timeOf("empty");
      if (round >= 0) taken.set(name, [...taken.get(name) ?? [], { empty, full }]);
    }
  }
  return found.map(({ name, label }) => {
    const times = taken.get(name) ?? [];
    const added = median(times.map(({ empty, full }) => full - empty));
    const empty = median(times.map((time) => time.empty));
    const target = {
      most,
      against: "start of an empty program",
      reached: added,
      met: added <= most,
    };
    return { label, empty, added, target };
  });
}

function rotate<Item>(items: readonly Item[], round: number, rounds: number): Item[] {
  const by = Math.floor(round * items.length / Math.min(rounds, items.length)) % items.length;
  return [...items.slice(by), ...items.slice(0, by)];
}

function summarize(
  { id, name, does, target }: Subject,
  taken: ReadonlyMap<string, readonly Measurement[]>,
): Row {
  const own = taken.get(id) ?? [];
  const ratiosTo = (other: string, operation: Operation) =>
    own.map(({ ns }, round) =>
      (ns[operation] ?? NaN) / (taken.get(other)?.[round]?.ns[operation] ?? NaN)
    );
  const costs: Partial<Record<Operation, Cost>> = {};
  for (const operation of operations) {
    if (own[0]?.ns[operation] === undefined) continue;
    const ratios = ratiosTo(yardstick, operation);
    const ns = median(own.map((measurement) => measurement.ns[operation] ?? NaN));
    costs[operation] = { ns, ratio: median(ratios), ratios };
  }
  const row: Row = { id, name, version: own[0]?.version ?? "", does, costs };
  if (target === undefined || !taken.has(target.against)) return row;
  const reached = median(ratiosTo(target.against, "pair"));
  return { ...row, target: { ...target, reached, met: reached <= target.most } };
}
