/** The reports of a tracker: the mistakes that it finds, and the handles that it knows. */
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * A mistake in the use of a handle.
 *
 * - `"leak"`: it was neither closed nor released when the tracker checked for leaks
 * - `"double-close"`: `close()` was called again. The second call does no harm, but shows that two
 *   pieces of code believe to own the handle. The end of a `using` block is no such call
 * - `"use-after-close"`: it was used after `close()`, `release()` or `toFd()`
 * - `"foreign-close"`: its number is not open any more, and its owner has not closed it
 * - `"recycled"`: the same, and the number refers to another object by now, which this owner would
 *   have used or closed in place of its own
 * - `"two-owners"`: a second {@linkcode OwnedHandle} was made of one number, so that one object will be
 *   closed twice
 */
export type HandleProblem =
  | "leak"
  | "double-close"
  | "use-after-close"
  | "foreign-close"
  | "recycled"
  | "two-owners";

/** A mistake, and the places in the program that led to it. */
export interface HandleReport {
  /** The kind of mistake. */
  readonly problem: HandleProblem;
  /** The raw handle: a descriptor on POSIX, a `HANDLE` on Windows. */
  readonly raw: RawHandle;
  /** The mistake in a sentence, which ends with what to do. */
  readonly message: string;
  /** The calls that made the handle, innermost first, one in a line. */
  readonly created: string;
  /**
   * The calls that closed or released it, where a tracker saw them: for `"foreign-close"` and
   * `"recycled"` those by which another owner of the number closed it.
   */
  readonly closed?: string;
  /** The calls that led to the report. */
  readonly now: string;
}

/** A handle that was made while a tracker runs, and that was neither closed nor released yet. */
export interface TrackedHandle {
  /** The raw handle: a descriptor on POSIX, a `HANDLE` on Windows. */
  readonly raw: RawHandle;
  /** The name of its class, such as `"OwnedHandle"` or `"ProcessHandle"`. */
  readonly kind: string;
  /** The calls that made it, innermost first, one in a line. */
  readonly created: string;
  /** When it was made, in milliseconds since 1970. */
  readonly when: number;
}

/** The report of a mistake. */
export function reportOf(
  problem: HandleProblem,
  handle: TrackedHandle,
  now: string,
  closed?: string,
): HandleReport {
  const { raw, created } = handle;
  const report = { problem, raw, message: messageOf(problem, handle), created, now };
  return closed === undefined ? report : { ...report, closed };
}

function messageOf(problem: HandleProblem, { raw, kind }: TrackedHandle): string {
  return `Handle ${raw} (${kind}) ${sentences[problem]}`;
}

const sentences: Readonly<Record<HandleProblem, string>> = {
  "leak": "was not closed: close it, declare it with using, or release() it",
  "double-close": "was closed a second time: let one owner close it, once; " +
    "give all other code a duplicate",
  "use-after-close": "was used after its owner had closed or released it: duplicate it before that",
  "foreign-close": "was closed by other code than its owner: let only the owner close it; " +
    "give code that closes a number a duplicate",
  "recycled": "was closed by other code than its owner, and its number refers to another object " +
    "now: let only the owner close it; give code that closes a number a duplicate",
  "two-owners": "was given a second owner: each owner will close it; give one of them a duplicate",
};
