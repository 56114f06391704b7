/** What a call throws, as a value to look at. */
import type { HandleError } from "duphandle";

/** The HandleError that the call throws. Anything else it throws, and nothing thrown, is an error. */
export function thrownBy(call: () => unknown): HandleError {
  try {
    call();
  } catch (error) {
    if (isHandleError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** By its name: where the npm package is tested, what is thrown inside the sources has another class. */
export function isHandleError(error: unknown): error is HandleError {
  return error instanceof Error && error.name === "HandleError";
}
