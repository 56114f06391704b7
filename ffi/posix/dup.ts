/** Duplicating and closing descriptors: dup(2), fcntl(2), close(2). */
import { checkFd, checkInt } from "../check.ts";
import { F_DUPFD, F_DUPFD_CLOEXEC } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/**
 * `dup(oldfd)` — duplicates a descriptor to the lowest free number.
 *
 * Both descriptors share the open file, its position and its status flags. Child processes inherit the
 * new one; {@linkcode fcntl_dupfd_cloexec} makes one that they do not inherit.
 *
 * @param oldfd the descriptor to duplicate
 * @returns the new descriptor
 * @throws {HandleError} `EBADF` when `oldfd` is not open, `EMFILE` at the descriptor limit
 * @throws {TypeError} when `oldfd` is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 *
 * @example
 * ```ts
 * import { close, dup } from "duphandle/posix";
 *
 * const copy = dup(1);
 * close(copy);
 * ```
 */
export function dup(oldfd: number): number {
  checkFd(oldfd, "oldfd");
  const c = libc();
  const fd = c.dup(oldfd);
  if (fd === -1) throw posixError(c.errno[0]!, "dup", oldfd);
  return fd;
}

/**
 * `dup2(oldfd, newfd)` — makes `newfd` refer to the open file of `oldfd`. When `newfd` was open, it is
 * closed first, in the same step.
 *
 * With equal numbers it does nothing. Child processes inherit the new descriptor.
 *
 * @param oldfd the descriptor to duplicate
 * @param newfd the number to replace; it need not be open
 * @returns `newfd`
 * @throws {HandleError} `EBADF` when `oldfd` is not open or `newfd` is not below the descriptor limit;
 * `EBUSY` in a race with `open` on another thread; `EINTR` when a signal interrupted the call
 * @throws {TypeError} when a number is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 *
 * @example
 * ```ts
 * import { close, dup, dup2 } from "duphandle/posix";
 *
 * const copy = dup(1);
 * dup2(2, copy); // what is written to copy now goes where stderr goes
 * close(copy);
 * ```
 */
export function dup2(oldfd: number, newfd: number): number {
  checkFd(oldfd, "oldfd");
  checkFd(newfd, "newfd");
  const c = libc();
  const fd = c.dup2(oldfd, newfd);
  if (fd === -1) throw posixError(c.errno[0]!, "dup2", oldfd, `fd ${oldfd} onto fd ${newfd}`);
  return fd;
}

/**
 * `dup3(oldfd, newfd, flags)` — as {@linkcode dup2}, with flags; equal numbers are `EINVAL`.
 *
 * macOS does not have it: `ENOTSUP`.
 *
 * @param oldfd the descriptor to duplicate
 * @param newfd the number to replace; it need not be open
 * @param flags `O_CLOEXEC`, so that child processes do not inherit `newfd`, or 0
 * @returns `newfd`
 * @throws {HandleError} `EBADF`, `EBUSY`, `EINTR` as {@linkcode dup2}; `EINVAL` when the numbers
 * are equal or a flag is unknown
 * @throws {TypeError} when a number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 *
 * @example
 * ```ts
 * import { close, dup, dup3, O_CLOEXEC } from "duphandle/posix";
 *
 * const copy = dup(1);
 * dup3(2, copy, O_CLOEXEC);
 * close(copy);
 * ```
 */
export function dup3(oldfd: number, newfd: number, flags: number): number {
  checkFd(oldfd, "oldfd");
  checkFd(newfd, "newfd");
  checkInt(flags, "flags");
  const c = libc();
  const fd = c.dup3(oldfd, newfd, flags);
  if (fd === -1) throw posixError(c.errno[0]!, "dup3", oldfd, `fd ${oldfd} onto fd ${newfd}`);
  return fd;
}

/**
 * `fcntl(fd, F_DUPFD_CLOEXEC, minimum)` — duplicates a descriptor to the lowest free number from
 * `minimum` on. Child processes do not inherit the new descriptor.
 *
 * @param fd the descriptor to duplicate
 * @param minimum the lowest acceptable number, default 0
 * @returns the new descriptor
 * @throws {HandleError} `EBADF` when `fd` is not open, `EMFILE` when no number is left, `EINVAL`
 * when `minimum` is not below the descriptor limit
 * @throws {TypeError} when a number is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 *
 * @example
 * ```ts
 * import { close, fcntl_dupfd_cloexec } from "duphandle/posix";
 *
 * const copy = fcntl_dupfd_cloexec(1, 100); // 100 or the next free number
 * close(copy);
 * ```
 */
export function fcntl_dupfd_cloexec(fd: number, minimum: number = 0): number {
  checkFd(fd);
  checkFd(minimum, "minimum");
  const c = libc();
  const copy = c.fcntl(fd, F_DUPFD_CLOEXEC, minimum);
  if (copy === -1) throw posixError(c.errno[0]!, "fcntl", fd);
  return copy;
}

/**
 * `fcntl(fd, F_DUPFD, minimum)` — as {@linkcode fcntl_dupfd_cloexec}, but child processes inherit
 * the new descriptor.
 *
 * @param fd the descriptor to duplicate
 * @param minimum the lowest acceptable number, default 0
 * @returns the new descriptor
 * @throws {HandleError} `EBADF`, `EMFILE`, `EINVAL` as {@linkcode fcntl_dupfd_cloexec}
 * @throws {TypeError} when a number is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 *
 * @example
 * ```ts
 * import { close, fcntl_dupfd } from "duphandle/posix";
 *
 * const copy = fcntl_dupfd(1);
 * close(copy);
 * ```
 */
export function fcntl_dupfd(fd: number, minimum: number = 0): number {
  checkFd(fd);
  checkFd(minimum, "minimum");
  const c = libc();
  const copy = c.fcntl(fd, F_DUPFD, minimum);
  if (copy === -1) throw posixError(c.errno[0]!, "fcntl", fd);
  return copy;
}

/**
 * `close(fd)` — closes a descriptor, once.
 *
 * Never close the same descriptor again after an error: on Linux the number is free when the call
 * returns, and another thread may have it by then. `EINTR` and `EINPROGRESS` suggest a second call, so
 * they count as success here, as for `posix_close` of POSIX.1-2024.
 *
 * @param fd the descriptor to close. One that the runtime opened must be closed with the runtime
 * @throws {HandleError} `EBADF` when `fd` is not open; `EIO`, `ENOSPC` or `EDQUOT` when written data may
 * be lost: the descriptor is closed then
 * @throws {TypeError} when `fd` is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/close.2.html
 *
 * @example
 * ```ts
 * import { close, dup } from "duphandle/posix";
 *
 * close(dup(1));
 * ```
 */
export function close(fd: number): void {
  checkFd(fd);
  const c = libc();
  if (c.close(fd) === -1) {
    const error = posixError(c.errno[0]!, "close", fd);
    if (error.code !== "EINTR" && error.code !== "EINPROGRESS") throw error;
  }
}
