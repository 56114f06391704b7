/** Handles that a peer has sent, at the end of the block that received them. */
import { osName } from "../../ffi/host.ts";
import { stopLingering } from "../../ffi/posix/rights.ts";
import { tryOrUndefined } from "../util/platform.ts";
import type { OwnedHandle } from "./handle.ts";

/**
 * Keeps handles that a peer has sent from blocking this thread as they are closed: a socket can be set to wait for
 * its own peer then.
 */
export function keepFromLingering(handles: readonly OwnedHandle[]): void {
  if (osName() !== "linux") return;
  for (const handle of handles) {
    tryOrUndefined(() => void (handle.closed || stopLingering([handle.raw])));
  }
}
