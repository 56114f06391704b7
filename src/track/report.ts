/** What a tracker tells: the mistakes that it knows, and the handles that it saw. */
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * A mistake in the use of a handle.
 *
 * - `"leak"`: it was neither closed nor released to anybody when it was asked for
 * - `"double-close"`: `close()` was called again. It does no harm, but who calls it believes to own
 *   what was gone. The end of a `using` block is no such call
 * - `"use-after-close"`: it was used after `close()`, `release()` or `toFd()`
 * - `"foreign-close"`: its number is not open any more, and it was not closed by its owner
 * - `"recycled"`: the same, and the number is that of another object by now, which this owner would
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
  /** What kind of mistake it is. */
  readonly problem: HandleProblem;
  /** The number of the handle: a descriptor on POSIX, a `HANDLE` on Windows. */
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

/** A handle that a tracker has seen made, and not yet closed or released. */
export interface TrackedHandle {
  /** The number of the handle: a descriptor on POSIX, a `HANDLE` on Windows. */
  readonly raw: RawHandle;
  /** The name of its class, such as `"OwnedHandle"` or `"ProcessHandle"`. */
  readonly kind: string;
  /** The calls that made it, innermost first, one in a line. */
  readonly created: string;
  /** When it was made, in milliseconds since 1970. */
  readonly when: number;
}

/** The mistake in a sentence. */
export function messageOf(problem: HandleProblem, { raw, kind }: TrackedHandle): string {
  const handle = `handle ${raw} (${kind})`;
  switch (problem) {
    case "leak":
      return `Nobody has closed ${handle}: close it, have it closed by using, or release() it`;
    case "double-close":
      return `Somebody closes ${handle} a second time: let one owner close it, once; ` +
        "whoever else needs it gets a duplicate";
    case "use-after-close":
      return `Somebody uses ${handle}, which its owner has closed or released: ` +
        "duplicate it before that";
    case "foreign-close":
      return `Somebody else has closed ${handle}: let only its owner close it; whoever closes a ` +
        "number needs a duplicate";
    case "recycled":
      return `Somebody else has closed ${handle}, and its number is another object's now: let only ` +
        "its owner close it; whoever closes a number needs a duplicate";
    case "two-owners":
      return `Somebody made a second owner of ${handle}: each owner will close it; ` +
        "give one of them a duplicate";
  }
}
