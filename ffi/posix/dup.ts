/** dup(2) and its family, and close(2). */
import { checkFd, checkInt } from "../check.ts";
import { F_DUPFD, F_DUPFD_CLOEXEC } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/**
 * `dup(oldfd)` — duplicates a descriptor to the lowest free number.
 *
 * The new descriptor shares the open file, its position and its status flags, and is inherited by
 * child processes; {@linkcode fcntl_dupfd_cloexec} makes one that is not.
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
 * `dup2(oldfd, newfd)` — makes `newfd` refer to the open file of `oldfd`, closing what it was.
 *
 * With equal numbers it does nothing. The new descriptor is inherited by child processes.
 *
 * @param oldfd the descriptor to duplicate
 * @param newfd the number to replace; it need not be open
 * @returns `newfd`
 * @throws {HandleError} `EBADF` when `oldfd` is not open or `newfd` is beyond the limit, `EBUSY`
 * in a race with another thread's open, `EINTR` when a signal came
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
 * `dup3(oldfd, newfd, flags)` — as {@linkcode dup2}, with flags, and equal numbers are `EINVAL`.
 *
 * macOS does not have it: `ENOTSUP`.
 *
 * @param oldfd the descriptor to duplicate
 * @param newfd the number to replace; it need not be open
 * @param flags `O_CLOEXEC`, so that no child inherits `newfd`, or 0
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
 * `fcntl(fd, F_DUPFD_CLOEXEC, minimum)` — duplicates a descriptor to the lowest free number at or
 * above `minimum`, closed on `exec`, in one step.
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
 * It is never to be called again for the same descriptor, whatever happened: on Linux the number
 * is free when the call returns, and may be somebody else's. So `EINTR` and `EINPROGRESS`, which
 * invite a second call, count as success, as POSIX.1-2024 has it for `posix_close`.
 *
 * @param fd the descriptor to close; a number that the runtime handed out is closed with the runtime
 * @throws {HandleError} `EBADF` when `fd` is not open; `EIO`, `ENOSPC`, `EDQUOT` when written data
 * may be lost, with the descriptor closed
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
