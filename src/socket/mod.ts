/**
 * Sockets of Windows, which are duplicated by Winsock.
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
