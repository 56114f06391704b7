/** Many handles on Windows, which has no call for many. */
import { isPseudoHandle } from "../../ffi/win32/check.ts";
import { GetHandleInformation } from "../../ffi/win32/handle.ts";
import type { BatchPlatform } from "./types.ts";

/** Many handles on Windows: one by one. */
export const windowsBatches: BatchPlatform = {
  duplicate: () => undefined,
  requireOpen(raws) {
    for (const raw of raws) if (!isPseudoHandle(raw)) GetHandleInformation(raw);
  },
  close: () => false,
};
