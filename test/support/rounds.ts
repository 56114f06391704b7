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
const isLong = process.env["DUPHANDLE_LONG"] === "1" &&
  process.env["DUPHANDLE_PACKAGE"] === undefined && process.env["DUPHANDLE_TARGET"] !== "node20";

/**
 * The number of rounds here: a tenth, or all with `DUPHANDLE_LONG=1`. On Windows always the number for
 * Windows, which is lower where Wine, to which each call is a message to another process, takes long.
 */
export function rounds(count: number, onWindows: number = count): number {
  if (isWindows) return onWindows;
  return isLong ? count : Math.ceil(count / 10);
}
