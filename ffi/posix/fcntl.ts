/** The flags of descriptors and of open files: fcntl(2). */
import { checkFd, checkInt } from "../check.ts";
import { F_GETFD, F_GETFL, F_SETFD, F_SETFL } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/**
 * `fcntl(fd, F_GETFD)` — the flags of the descriptor itself: `FD_CLOEXEC` or 0.
 *
 * @param fd the descriptor
 * @returns the flags
 * @throws {HandleError} `EBADF` when `fd` is not open
 * @throws {TypeError} when `fd` is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 *
 * @example
 * ```ts
 * import { FD_CLOEXEC, fcntl_getfd } from "duphandle/posix";
 *
 * const childrenInherit = (fcntl_getfd(1) & FD_CLOEXEC) === 0;
 * ```
 */
export function fcntl_getfd(fd: number): number {
  checkFd(fd);
  return command(fd, F_GETFD, 0);
}

/**
 * `fcntl(fd, F_SETFD, flags)` — sets the flags of the descriptor itself, not of its duplicates.
 *
 * @param fd the descriptor
 * @param flags `FD_CLOEXEC`, or 0 so that child processes inherit it
 * @throws {HandleError} `EBADF` when `fd` is not open
 * @throws {TypeError} when a number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 *
 * @example
 * ```ts
 * import { close, dup, FD_CLOEXEC, fcntl_setfd } from "duphandle/posix";
 *
 * const copy = dup(1);
 * fcntl_setfd(copy, FD_CLOEXEC);
 * close(copy);
 * ```
 */
export function fcntl_setfd(fd: number, flags: number): void {
  checkFd(fd);
  checkInt(flags, "flags");
  command(fd, F_SETFD, flags);
}

/**
 * `fcntl(fd, F_GETFL)` — the access mode and the status flags of the open file, which all its
 * descriptors share.
 *
 * @param fd the descriptor
 * @returns the access mode and the status flags
 * @throws {HandleError} `EBADF` when `fd` is not open
 * @throws {TypeError} when `fd` is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 *
 * @example
 * ```ts
 * import { fcntl_getfl, O_ACCMODE, O_RDONLY } from "duphandle/posix";
 *
 * const readOnly = (fcntl_getfl(0) & O_ACCMODE) === O_RDONLY;
 * ```
 */
export function fcntl_getfl(fd: number): number {
  checkFd(fd);
  return command(fd, F_GETFL, 0);
}

/**
 * `fcntl(fd, F_SETFL, flags)` — sets the status flags of the open file, for every duplicate and
 * every process that shares it.
 *
 * @param fd a descriptor of the open file
 * @param flags `O_APPEND`, `O_NONBLOCK` and others, or 0
 * @throws {HandleError} `EBADF` when `fd` is not open, `EPERM` when the file does not permit the change
 * @throws {TypeError} when a number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 *
 * @example
 * ```ts
 * import { close, fcntl_getfl, fcntl_setfl, O_CLOEXEC, O_NONBLOCK, pipe2 } from "duphandle/posix";
 *
 * const [reader, writer] = pipe2(O_CLOEXEC);
 * fcntl_setfl(reader, fcntl_getfl(reader) | O_NONBLOCK);
 * close(reader);
 * close(writer);
 * ```
 */
export function fcntl_setfl(fd: number, flags: number): void {
  checkFd(fd);
  checkInt(flags, "flags");
  command(fd, F_SETFL, flags);
}

function command(fd: number, cmd: number, argument: number): number {
  const c = libc();
  const result = c.fcntl(fd, cmd, argument);
  if (result === -1) throw posixError(c.errno[0]!, "fcntl", fd);
  return result;
}
