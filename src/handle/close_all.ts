/** Closing handles of our own that nobody else knows of. */
import { HandleError } from "../../ffi/error.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/** Closes handles that are ours, all of them, although one of them may fail. */
export function closeAll(handles: readonly RawHandle[]): void {
  for (const handle of handles) {
    try {
      platform().close(handle);
    } catch (error) {
      // What was written through it may be lost, but its owner has a handle of its own to be told.
      if (!(error instanceof HandleError)) throw error;
    }
  }
}
