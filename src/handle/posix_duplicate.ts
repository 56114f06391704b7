/** The plain duplicate on POSIX. */
import { close, fcntl_dupfd, fcntl_dupfd_cloexec } from "../../ffi/posix/dup.ts";

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

/** The same open file under another number. The old one is closed, whatever the outcome. */
export function movePosix(fd: number, inheritable: boolean, minimum?: number): number {
  try {
    return duplicatePosix(fd, inheritable, minimum);
  } finally {
    close(fd);
  }
}
