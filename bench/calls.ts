/** What one call costs: every subject in turn, each a process of its own. */
import type { Options } from "./options.ts";
import { type Part, rotate } from "./part.ts";
import { measureOnce } from "./processes.ts";
import { type Subject, type Target, yardstick } from "./subjects.ts";
import { type Measurement, median, type Operation, operations } from "./timing.ts";
import { atMost, type Verdict } from "./verdict.ts";

/** What one operation cost one subject. */
export interface Cost {
  /** The median of the rounds, in nanoseconds an operation. */
  readonly ns: number;
  /** The median of the ratios to the yardstick in the same round. */
  readonly ratio: number;
  readonly ratios: readonly number[];
}

/** The verdict on one operation. */
export interface CallVerdict extends Verdict {
  readonly operation: Operation;
}

/** The result of one subject. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly does: string;
  readonly costs: Partial<Readonly<Record<Operation, Cost>>>;
  readonly targets: readonly CallVerdict[];
}

/** The part that measures single calls. */
export function callsPart(subjects: readonly Subject[], { rounds, plan }: Options): Part<Row> {
  const measured = new Map<string, Measurement[]>(subjects.map(({ id }) => [id, []]));
  return {
    name: "calls",
    rounds,
    measure(round, announce) {
      for (const { id, name, does, command } of rotate(subjects, round, rounds)) {
        announce(`${name}, ${does}`);
        measured.get(id)?.push(measureOnce(command, plan));
      }
    },
    summarize: () => subjects.map((subject) => summarize(subject, measured)),
  };
}

function summarize(
  { id, name, does, targets }: Subject,
  measured: ReadonlyMap<string, readonly Measurement[]>,
): Row {
  const own = measured.get(id) ?? [];
  const ratiosTo = (other: string, operation: Operation) =>
    own.map(({ ns }, round) =>
      (ns[operation] ?? NaN) / (measured.get(other)?.[round]?.ns[operation] ?? NaN)
    );
  const costs: Partial<Record<Operation, Cost>> = {};
  for (const operation of operations) {
    if (own[0]?.ns[operation] === undefined) continue;
    const ratios = ratiosTo(yardstick, operation);
    const ns = median(own.map((measurement) => measurement.ns[operation] ?? NaN));
    costs[operation] = { ns, ratio: median(ratios), ratios };
  }
  const judge = ({ operation, most, against }: Target): CallVerdict => ({
    operation,
    ...atMost(most, against, median(ratiosTo(against, operation))),
  });
  return {
    id,
    name,
    version: own[0]?.version ?? "",
    does,
    costs,
    targets: targets.filter(({ against }) => measured.has(against)).map(judge),
  };
}
