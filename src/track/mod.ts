/**
 * Finding leaks, handles closed twice, and handles closed by other code than their owner.
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle/handle";
 * import { trackHandles } from "duphandle/track";
 *
 * using tracker = trackHandles();
 * duplicate(1).close();
 * console.log(tracker.leaks().length); // 0
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export type { HandleProblem, HandleReport, TrackedHandle } from "./report.ts";
export { HandleTracker, trackHandles, type TrackOptions } from "./track.ts";
