/**
 * What Deno leaves open in a child on Linux and macOS. For each descriptor of this process that `stdio`
 * names as standard input, output or error, Deno makes a duplicate here, by `dup`, and closes it after
 * the start. That duplicate is inheritable, so the child has the file a second time, and the reader of a
 * pipe sees its end only when the child has ended. Nothing can be done between that `dup` and the start.
 * But its number is known before, the lowest free one; a further entry of `stdio` replaces it in the
 * child, by /dev/null.
 */
import { openDescriptors } from "../../ffi/posix/identity.ts";
import { openNeutral } from "./posix_lock.ts";
import { fdOfEntry, type Program, type StdioEntry } from "./types.ts";

/** The number of entries for standard input, output and error. */
const STANDARD = 3;

/**
 * The option `stdio` for Deno; in another runtime as it is.
 *
 * @param temporary gets every descriptor that is made, for the caller to close
 */
export function withoutDuplicatesOfDeno(
  stdio: readonly StdioEntry[],
  program: Program,
  temporary: number[],
): StdioEntry[] {
  const result = [...stdio];
  if (!("Deno" in globalThis)) return result;
  const standard = result.slice(0, STANDARD);
  if (standard.every((entry, at) => entry === at)) {
    return result.fill("inherit", 0, STANDARD); // as Deno does, which then makes no such duplicate
  }
  if (!standard.some(isDuplicated)) return result;
  const neutral = openNeutral("/dev/null");
  temporary.push(neutral);
  const numbers = duplicatesOf(standard);
  // Here Deno may pass one more descriptor, which takes one of the numbers after the first.
  if (isScriptOfDeno(program)) numbers.splice(1);
  let source = neutral;
  for (const number of numbers) {
    while (result.length < number) result.push("ignore");
    result[number] = source;
    source = number; // in the child Deno moves it from one number to the next, so one of it stays
  }
  return result;
}

/** The numbers that the inheritable duplicates will have, except for those that the child replaces. */
function duplicatesOf(standard: readonly StdioEntry[]): number[] {
  const open = new Set(openDescriptors());
  const takeLowest = (minimum: number) => {
    let number = minimum;
    while (open.has(number)) number++;
    open.add(number);
    return number;
  };
  const found: number[] = [];
  standard.forEach((entry, at) => {
    if (isDuplicated(entry)) found.push(takeLowest(0));
    else if (entry === "inherit" && at > 0) takeLowest(STANDARD); // not inheritable, and above 2
  });
  return found.filter((number) => number >= STANDARD);
}

/** Whether Deno duplicates the descriptor of an entry. */
function isDuplicated(entry: StdioEntry): boolean {
  if (typeof entry === "object") {
    const { _handle } = (entry ?? {}) as { _handle?: { fd?: unknown } | null };
    return typeof _handle?.fd === "number" && _handle.fd >= 0;
  }
  return fdOfEntry(entry) !== undefined;
}

/** Whether Deno starts itself with the arguments of Node, which it translates. */
function isScriptOfDeno({ command, args }: Program): boolean {
  return command === globalThis.process?.execPath && args[0] !== "run";
}
