/** Which descriptors a child on Linux or macOS inherits without being given them. */
import { osName } from "../../ffi/host.ts";
import { FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { fcntl_getfd, fcntl_setfd } from "../../ffi/posix/fcntl.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import { fdOfEntry, type StdioEntry } from "./types.ts";

/** A descriptor that is not inheritable for the moment in which a child starts. */
export interface ClearedDescriptor {
  readonly fd: number;
  readonly tag: string;
}

/** The descriptors that the child inherits by `stdio` under the number that they have here. */
export function descriptorsKeptBy(entries: readonly StdioEntry[]): Set<number> {
  const kept = new Set([0, 1, 2]);
  entries.forEach((entry, at) => {
    if (entry === "inherit" || fdOfEntry(entry) === at) kept.add(at);
  });
  return kept;
}

/**
 * Makes the inheritable ones of these descriptors not inheritable.
 *
 * @param cleared gets those that were changed
 */
export function clearInheritance(
  fds: readonly number[],
  kept: ReadonlySet<number>,
  cleared: ClearedDescriptor[],
): void {
  for (const fd of fds) {
    if (kept.has(fd)) continue;
    try {
      const flags = fcntl_getfd(fd);
      if ((flags & FD_CLOEXEC) !== 0) continue;
      const tag = tagOf(fd);
      fcntl_setfd(fd, flags | FD_CLOEXEC);
      cleared.push({ fd, tag });
    } catch {
      // Another thread has closed it, so the child does not get it either.
    }
  }
}

/** Makes a descriptor inheritable again, unless its number refers to another file by now. */
export function restoreInheritance({ fd, tag }: ClearedDescriptor): void {
  try {
    if (tagOf(fd) === tag) fcntl_setfd(fd, fcntl_getfd(fd) & ~FD_CLOEXEC);
  } catch {
    // Another thread has closed it.
  }
}

/** The device and the inode of an open file, which are the same in the child. */
export function tagOf(fd: number): string {
  const identity = osName() === "linux" ? identityOf(fd) : undefined;
  return identity === undefined ? "" : `${identity.device}:${identity.inode}`;
}
