/** Closing raw handles of our own, which no object owns. */
import { HandleError } from "../../ffi/error.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { platform } from "./platform.ts";

/** Closes all of the handles, also when closing one of them fails. */
export function closeAll(handles: readonly RawHandle[]): void {
  for (const handle of handles) {
    try {
      platform().close(handle);
    } catch (error) {
      // It may say that written data is lost. The close of the source, by its owner, says so as well.
      if (!(error instanceof HandleError)) throw error;
    }
  }
}
