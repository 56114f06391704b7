/**
 * The POSIX system calls one to one, for people who know them: the C names, the C order of
 * parameters and the C flags. They throw {@linkcode HandleError} instead of returning −1.
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
export * from "./posix/constants.ts";
export * from "./posix/dup.ts";
export * from "./posix/fcntl.ts";
export * from "./posix/file.ts";
export * from "./posix/process.ts";
export * from "./posix/socket.ts";
export { HandleError, type HandleErrorFields } from "./error.ts";
