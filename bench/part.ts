/** The parts of the benchmark, and the order in which their rounds run. */
import type { Progress } from "./progress.ts";
import { median } from "./timing.ts";

/** The names of the parts, as they are given on the command line. */
export const partNames = [
  "calls",
  "starts",
  "channels",
  "batches",
  "pools",
  "files",
  "looking",
  "children",
  "sockets",
  "upgrades",
] as const;
export type PartName = typeof partNames[number];

/** Called before each program that is run, with its name. */
export type Announce = (what: string) => void;

/** One part of the benchmark. */
export interface Part<Result> {
  readonly name: PartName;
  readonly rounds: number;
  /** Fills caches, before the first round. */
  prepare?(announce: Announce): void;
  /** Measures everything of this part once. */
  measure(round: number, announce: Announce): void;
  /** What all rounds together say. */
  summarize(): Result[];
}

/**
 * Runs all rounds of all parts: the first round of each part, then the second of each, and so on.
 * A disturbance of the machine then reaches all parts alike, and after the first rounds it is known
 * how long a round of each part takes.
 */
export function runParts(parts: readonly Part<unknown>[], progress: Progress): void {
  for (const part of parts) {
    part.prepare?.((what) => progress.detail(`${part.name}: filling caches, ${what}`));
  }
  const durations = new Map<Part<unknown>, number[]>(parts.map((part) => [part, []]));
  const mostRounds = Math.max(...parts.map(({ rounds }) => rounds));
  for (let round = 0; round < mostRounds; round++) {
    for (const part of parts) {
      if (round >= part.rounds) continue;
      const step = `${part.name}, round ${round + 1} of ${part.rounds}`;
      progress.step(step, estimate(durations, part));
      const start = performance.now();
      part.measure(round, (what) => progress.detail(`${step}: ${what}`));
      durations.get(part)?.push(performance.now() - start);
    }
  }
}

/** How long the rounds that are left will take, in milliseconds. */
export interface Estimate {
  /** The round that begins. */
  readonly now: number;
  /** The rounds after it. */
  readonly after: number;
  /** Whether a round of each part was measured. If not, the rest takes longer than this. */
  readonly complete: boolean;
}

/** Takes each round that is left to last as long as the median of those that its part has had. */
function estimate(
  durations: ReadonlyMap<Part<unknown>, readonly number[]>,
  begins: Part<unknown>,
): Estimate {
  let [now, after, complete] = [0, 0, true];
  for (const [part, measured] of durations) {
    if (measured.length === 0) {
      complete = false;
      continue;
    }
    const typical = median(measured);
    const left = part.rounds - measured.length;
    if (part === begins) now = typical;
    after += (part === begins ? left - 1 : left) * typical;
  }
  return { now, after, complete };
}

/** The same items, beginning with another one in each round, so that none is always the first. */
export function rotate<Item>(items: readonly Item[], round: number, rounds: number): Item[] {
  const by = Math.floor(round * items.length / Math.min(rounds, items.length)) % items.length;
  return [...items.slice(by), ...items.slice(0, by)];
}
