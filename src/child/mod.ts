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
export { HandleChannel, type HandleMessage } from "../channel/channel.ts";
export type { JsonValue } from "../channel/message.ts";
export type { ChannelOptions } from "../channel/options.ts";
export type { FsFile } from "../handle/deno_file.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "../handle/handle.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { NetworkSource } from "../handle/network_source.ts";
export type { HasFd } from "../handle/runtime_source.ts";
export type { HandleSource } from "../handle/source.ts";
export type { Access, ToFileOptions, ToSocketOptions } from "../handle/types.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export { inherited, inheritedNames } from "./inherited.ts";
export { parentChannel } from "./parent_channel.ts";
export {
  type HandleChild,
  type HandleChildFor,
  type HandleSpawnOptions,
  type HandleStdioEntry,
  spawn,
} from "./spawn.ts";
