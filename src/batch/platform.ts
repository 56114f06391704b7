/** Chooses the operating system's implementation of batches. */
import { isWindows } from "../../ffi/host.ts";
import { posixBatches } from "./posix.ts";
import type { BatchPlatform } from "./types.ts";
import { windowsBatches } from "./windows.ts";

/** The implementation for the running system. */
export const batches = (): BatchPlatform => isWindows() ? windowsBatches : posixBatches;
