/**
 * Sockets under the native servers of Deno and Bun, and duplicating sockets on Windows, where Winsock does it.
 * What makes a server or a stream of a handle otherwise are methods of {@linkcode OwnedHandle}.
 *
 * @example
 * ```ts
 * import { duplicateSocket, serveOn, socketFromInfo } from "duphandle/socket";
 *
 * console.log(typeof serveOn, typeof duplicateSocket, typeof socketFromInfo);
 * ```
 *
 * @module
 */
export { HandleError, type HandleErrorFields } from "../../ffi/error.ts";
export { BorrowedHandle, Handle, OwnedHandle } from "../handle/handle.ts";
export type { DuplicateOptions } from "../handle/options.ts";
export type { Access, ToFileOptions, ToSocketOptions } from "../handle/types.ts";
export type { RawHandle } from "../util/raw_handle.ts";
export type { PlaceholderOptions } from "./placeholder_options.ts";
export { serveOn } from "./serve_on.ts";
export { duplicateSocket, socketFromInfo } from "./socket.ts";
