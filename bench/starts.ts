/** What this library adds to the start of a program: its wall time, minus that of an empty one. */
import { join } from "node:path";
import { root, type Runtime } from "../scripts/runtimes.ts";
import type { Options } from "./options.ts";
import { wallTime } from "./processes.ts";
import { type Progress, rotate, type Verdict } from "./rounds.ts";
import { median } from "./timing.ts";

const MOST_MILLISECONDS = 15;

/** The same program twice, with this library and without. */
export interface Program {
  readonly label: string;
  readonly files: string;
  readonly full: readonly string[];
  readonly empty: readonly string[];
}

/** What was found out about one program, in milliseconds. */
export interface Start {
  readonly label: string;
  readonly files: string;
  readonly empty: number;
  /** The median of the differences within a pair. */
  readonly added: number;
  readonly target: Verdict;
}

/** The programs as they are and, for Node, bundled into a folder. */
export function listPrograms(found: readonly Runtime[], javascript: string): Program[] {
  const isNode = ({ name }: Runtime) => name === "node" || name === "node20";
  return [
    ...found.map((runtime) => programOf(runtime, join(root, "bench", "start"), ".ts")),
    ...found.filter(isNode).map((runtime) => programOf(runtime, javascript, ".js")),
  ];
}

function programOf({ label, command }: Runtime, folder: string, extension: string): Program {
  // What reads TypeScript is not needed for JavaScript.
  const start = extension === ".js" ? command.filter((part) => part !== "--import=tsx") : command;
  const file = (name: string) => join(folder, name + extension);
  return {
    label,
    files: extension,
    full: [...start, file("duplicate")],
    empty: [...start, file("empty")],
  };
}

/** Measures every program in pairs that follow each other at once. */
export function runStarts(
  programs: readonly Program[],
  { starts }: Options,
  progress: Progress,
): Start[] {
  const taken = new Map<Program, { empty: number; full: number }[]>();
  for (const program of programs) {
    // Fills the caches of the runtime and of the system.
    wallTime(program.full);
    taken.set(program, []);
  }
  for (let round = 0; round < starts; round++) {
    progress(`start ${round + 1} of ${starts}`);
    for (const program of rotate(programs, round, starts)) {
      taken.get(program)?.push(timePair(program, round % 2 === 0));
    }
  }
  return programs.map((program) => summarize(program, taken.get(program) ?? []));
}

/** Each of the two is first every other time. */
function timePair(
  program: Program,
  emptyFirst: boolean,
): { empty: number; full: number } {
  const before = emptyFirst ? wallTime(program.empty) : undefined;
  const full = wallTime(program.full);
  return { full, empty: before ?? wallTime(program.empty) };
}

function summarize(
  { label, files }: Program,
  times: readonly { empty: number; full: number }[],
): Start {
  const empty = median(times.map((time) => time.empty));
  const added = median(times.map((time) => time.full - time.empty));
  const target = {
    most: MOST_MILLISECONDS,
    against: "empty",
    reached: added,
    met: added <= MOST_MILLISECONDS,
  };
  return { label, files, empty, added, target };
}
