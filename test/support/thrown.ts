/** What a call throws, as a value to look at. */
import { HandleError } from "duphandle";

/** The HandleError that the call throws. Anything else it throws, and nothing thrown, is an error. */
export function thrownBy(call: () => unknown): HandleError {
  try {
    call();
  } catch (error) {
    if (error instanceof HandleError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
