/**
 * Child processes with named handles and channels.
 *
 * @example
 * ```ts
 * import { inheritedNames } from "duphandle/child";
 *
 * console.log(inheritedNames()); // [] unless a parent gave handles to this process
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export { inherited, inheritedNames } from "./inherited.ts";
export { parentChannel } from "./parent_channel.ts";
export { type HandleChild, type HandleSpawnOptions, spawn, type SpawnedChild } from "./spawn.ts";
