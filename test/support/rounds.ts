/**
 * How often a test repeats what goes wrong only now and then.
 *
 * `npm test` does a tenth of the rounds. `DUPHANDLE_LONG=1` does all of them: `.ci/run` sets it for the
 * suite on Linux, once.
 */
import { isWindows } from "./system.ts";

/**
 * All rounds, in the runtimes that differ: the code is the same when the suite runs on the npm package,
 * and in an older Node.
 */
export const isLong: boolean = process.env["DUPHANDLE_LONG"] === "1" &&
  process.env["DUPHANDLE_PACKAGE"] === undefined && process.env["DUPHANDLE_TARGET"] !== "node20";

/** Some of many cases, others each time; all of them with `DUPHANDLE_LONG=1`. */
export function some<Case>(cases: readonly Case[]): readonly Case[] {
  if (isLong) return cases;
  const first = Math.trunc(Math.random() * EACH);
  return cases.filter((_, at) => at % EACH === first);
}

/** Of so many cases one is taken. */
const EACH = 6;

/**
 * The number of rounds here: a tenth, or all with `DUPHANDLE_LONG=1`. On Windows always the number for
 * Windows, which is lower where Wine, to which each call is a message to another process, takes long.
 */
export function rounds(count: number, onWindows: number = count): number {
  if (isWindows) return onWindows;
  return isLong ? count : Math.ceil(count / 10);
}
