/** Calls that the system may refuse, where the answer is only useful and not needed. */
import { HandleError } from "../../ffi/error.ts";

/** What the function returns; `undefined` when it throws a {@linkcode HandleError}. */
export function tryOrUndefined<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof HandleError) return undefined;
    throw error;
  }
}
