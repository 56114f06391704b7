/**
 * The POSIX system calls one to one: the names, the order of parameters and the flags are those of C. On
 * failure they throw {@linkcode HandleError} instead of returning −1.
 *
 * On Windows every call throws `ENOTSUP`.
 *
 * @example
 * ```ts
 * import { close, dup3, O_CLOEXEC, O_RDONLY, open } from "duphandle/posix";
 *
 * const spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
 * dup3(0, spare, O_CLOEXEC); // spare now refers to what standard input refers to
 * close(spare);
 * ```
 *
 * @module
 */
export * from "./constants.ts";
export * from "./message.ts";
export { accept4, bind, connect, listen, socket } from "./connection.ts";
export * from "./dup.ts";
export * from "./fcntl.ts";
export * from "./file.ts";
export * from "./process.ts";
export * from "./socket.ts";
export type { KnownSocketName } from "./socket_address.ts";
export type { SocketFamily, SocketName } from "./socket_name.ts";
export * from "./socket_option.ts";
export { HandleError, type HandleErrorFields } from "../error.ts";
