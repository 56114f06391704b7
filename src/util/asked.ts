/** Asking the system for what it may refuse to tell. */
import { HandleError } from "../../ffi/error.ts";

/** The answer; `undefined` where the system refuses. */
export function asked<Answer>(question: () => Answer): Answer | undefined {
  try {
    return question();
  } catch (error) {
    if (error instanceof HandleError) return undefined;
    throw error;
  }
}
