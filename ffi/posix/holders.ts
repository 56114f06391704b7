/** Which processes there are on Linux, which descriptors each has, and which file is meant. */
import { posixError } from "./errors.ts";
import { type Identity, identityAt, identityOf, numbersIn } from "./identity.ts";
import { libc } from "./libc.ts";

/**
 * The processes that /proc shows, lowest number first. One that ends or begins meanwhile may be missing.
 *
 * @throws {HandleError} when /proc cannot be read
 */
export function processes(): number[] {
  return numbersIn("/proc");
}

/**
 * The open descriptors of another process, lowest first.
 *
 * @throws {HandleError} `ENOENT` when there is no such process, `EACCES` when this process may not
 * examine it
 */
export function descriptorsOf(pid: number): number[] {
  return numbersIn(`/proc/${pid}/fd`);
}

/**
 * The threads of a process, lowest number first. Each has a directory in /proc, which is not listed there.
 *
 * @throws {HandleError} as {@linkcode descriptorsOf} does
 */
export function threadsOf(pid: number): number[] {
  return numbersIn(`/proc/${pid}/task`);
}

/**
 * The identity of the file at a path.
 *
 * @throws {HandleError} `ENOENT`, `EACCES`, `ENOTDIR`, `ELOOP` and other failures to reach it
 */
export function pathIdentity(path: string): Identity {
  const { errno } = libc();
  const found = identityAt(path);
  if (found === undefined) throw posixError(errno[0]!, "statx", undefined, path);
  return found;
}

/**
 * The identity of a descriptor's file.
 *
 * @throws {HandleError} `EBADF` when it is not open, and other failures
 */
export function descriptorIdentity(fd: number): Identity {
  const { errno } = libc();
  const found = identityOf(fd);
  if (found === undefined) throw posixError(errno[0]!, "statx", fd);
  return found;
}
