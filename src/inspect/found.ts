/** The result of a search for handles. */
import type { FoundHandle, FoundHandles, HiddenProcess } from "./types.ts";

/** Makes the result: an array with one property more, which a copy of the array does not have. */
export function foundHandles(
  handles: readonly FoundHandle[],
  hidden: readonly HiddenProcess[],
): FoundHandles {
  return Object.assign([...handles], { hidden });
}
