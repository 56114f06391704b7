/** The rounds: every subject in turn, each round from another one on, so that drift hits all alike. */
import type { Options } from "./options.ts";
import { measureOnce } from "./processes.ts";
import { type Subject, yardstick } from "./subjects.ts";
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

/** Called before each step. */
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

/** The same items, from another one on each round. */
export function rotate<Item>(items: readonly Item[], round: number, rounds: number): Item[] {
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
