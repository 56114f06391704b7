/** How often a test repeats what goes wrong only now and then. */
import { isWindows } from "./system.ts";

/** The code is the same when the suite runs on the npm package, and in an older Node. */
const isAgain = process.env["DUPHANDLE_PACKAGE"] !== undefined ||
  process.env["DUPHANDLE_TARGET"] === "node20";

/**
 * The number of rounds here: all, fewer under Wine, where each call is a message to another process,
 * and a tenth for the npm package and for Node 20.
 */
export function rounds(count: number, onWindows: number = count): number {
  const all = isWindows ? onWindows : count;
  return isAgain ? Math.ceil(all / 10) : all;
}
