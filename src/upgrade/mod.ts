/**
 * Replacing the program of a server by a newer one, while it serves.
 *
 * @example
 * ```ts
 * import { Upgrade } from "duphandle/upgrade";
 *
 * console.log(typeof Upgrade.start); // "function"
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export type { FsFile } from "../handle/deno_file.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "../handle/handle.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { NetworkSource } from "../handle/network_source.ts";
export type { HasFd } from "../handle/runtime_source.ts";
export type { HandleSource } from "../handle/source.ts";
export type { Access, ToFileOptions, ToSocketOptions } from "../handle/types.ts";
export type { ListenAddress, PathAddress, PortAddress } from "../socket/listen_on.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export type { UpgradeOptions, UpgradeStartOptions } from "./options.ts";
export { Upgrade } from "./upgrade.ts";
