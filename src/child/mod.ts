/**
 * Child processes with named handles and channels.
 *
 * @example
 * ```ts
 * import { inheritedNames } from "duphandle/child";
 *
 * console.log(inheritedNames()); // [] unless the parent passed handles to this process
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export { inherited, inheritedNames } from "./inherited.ts";
export { parentChannel } from "./parent_channel.ts";
export { type HandleChild, type HandleChildFor, type HandleSpawnOptions, spawn } from "./spawn.ts";
