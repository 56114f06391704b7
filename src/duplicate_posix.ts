/** The plain duplicate on POSIX. */
import { fcntl_dupfd, fcntl_dupfd_cloexec } from "../ffi/posix/dup.ts";

/** Above the standard descriptors, so that a duplicate never becomes somebody's stdin. */
export const MINIMUM = 3;

/** A new descriptor of the same open file, in one step whether it is inheritable or not. */
export function duplicatePosix(
  fd: number,
  inheritable: boolean,
  minimum: number = MINIMUM,
): number {
  return inheritable ? fcntl_dupfd(fd, minimum) : fcntl_dupfd_cloexec(fd, minimum);
}
