/**
 * What this library adds to the start of a program, by import and first duplicate: the wall time of a
 * program with it minus that of an empty one, as a ratio to the empty one.
 */
import type { Options } from "./options.ts";
import { type Announce, type Part, rotate } from "./part.ts";
import { wallTime } from "./processes.ts";
import type { EntryPoint, Program } from "./programs.ts";
import { median } from "./timing.ts";
import { atMost, type Verdict } from "./verdict.ts";

/** The result of one program. */
export interface Start {
  readonly label: string;
  readonly from: Program["from"];
  readonly entryPoint: EntryPoint;
  /** The median wall time of the empty program, in milliseconds. */
  readonly empty: number;
  /** The median of what the library adds within a pair, in milliseconds. */
  readonly added: number;
  /** The median of what the library adds, divided by the time of the empty program of the pair. */
  readonly ratio: number;
  readonly target?: Verdict;
}

/** The wall times of two programs that ran one after the other. */
interface Pair {
  readonly empty: number;
  readonly full: number;
}

/** The part that measures starts. */
export function startsPart(programs: readonly Program[], { starts }: Options): Part<Start> {
  const measured = new Map<Program, Pair[]>(programs.map((program) => [program, []]));
  return {
    name: "starts",
    rounds: starts,
    prepare(announce) {
      for (const program of programs) timePair(program, true, announce);
    },
    measure(round, announce) {
      for (const program of rotate(programs, round, starts)) {
        measured.get(program)?.push(timePair(program, round % 2 === 0, announce));
      }
    },
    summarize: () => programs.map((program) => summarize(program, measured.get(program) ?? [])),
  };
}

/** Each of the two is the first in every other round. */
function timePair(program: Program, emptyFirst: boolean, announce: Announce): Pair {
  const { label, from, entryPoint, full, empty, environment } = program;
  announce(`${label}, ${entryPoint}, ${from}`);
  const before = emptyFirst ? wallTime(empty, environment) : undefined;
  const time = wallTime(full, environment);
  return { full: time, empty: before ?? wallTime(empty, environment) };
}

function summarize({ label, from, entryPoint, most }: Program, pairs: readonly Pair[]): Start {
  const ratio = median(pairs.map(({ empty, full }) => (full - empty) / empty));
  const start = {
    label,
    from,
    entryPoint,
    empty: median(pairs.map(({ empty }) => empty)),
    added: median(pairs.map(({ empty, full }) => full - empty)),
    ratio,
  };
  return most === undefined ? start : { ...start, target: atMost(most, "empty", ratio) };
}
