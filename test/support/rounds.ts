/** How often a test repeats what goes wrong only now and then. */
import { isWindows } from "./system.ts";

/** The suite runs on the sources and on the npm package: the second time, the code is the same. */
const isAgain = process.env["DUPHANDLE_PACKAGE"] !== undefined;

/**
 * The number of rounds here: all, fewer under Wine, where each call is a message to another process,
 * and a tenth for the npm package.
 */
export function rounds(count: number, onWindows: number = count): number {
  const all = isWindows ? onWindows : count;
  return isAgain ? Math.ceil(all / 10) : all;
}
