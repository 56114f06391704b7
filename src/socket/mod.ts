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
export { duplicateSocket, socketFromInfo } from "./socket.ts";
