/**
 * Inspecting handles: what they refer to.
 *
 * @example
 * ```ts
 * import { inspectHandle } from "duphandle/inspect";
 *
 * console.log(inspectHandle(1).kind);
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export type { HandleSource } from "../handle/source.ts";
export { inspectHandle, isSameObject, listHandles } from "./inspect.ts";
export type { HandleAccess, HandleInfo, HandleKind } from "./types.ts";
