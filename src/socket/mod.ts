/**
 * Duplicating sockets on Windows, where Winsock does it.
 *
 * @example
 * ```ts
 * import { duplicateSocket, socketFromInfo } from "duphandle/socket";
 *
 * console.log(typeof duplicateSocket, typeof socketFromInfo);
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "../handle/handle.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { Access } from "../handle/types.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export { duplicateSocket, socketFromInfo } from "./socket.ts";
