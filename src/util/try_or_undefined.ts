/** Calls that may fail because their result is useful, but not required. */
import { HandleError } from "../../ffi/error.ts";

/** The result of the call; `undefined` when it throws a {@linkcode HandleError}. */
export function tryOrUndefined<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof HandleError) return undefined;
    throw error;
  }
}
