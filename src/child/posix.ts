/**
 * Children on Linux and macOS: each handle is an entry of the child's `stdio`, so its number in the
 * child is known before the child starts.
 */
import type { StdioOptions } from "node:child_process";
import { show } from "../../ffi/check.ts";
import { hasCode } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { FD_CLOEXEC } from "../../ffi/posix/constants.ts";
import { close, fcntl_dupfd_cloexec } from "../../ffi/posix/dup.ts";
import { fcntl_getfd, fcntl_setfd } from "../../ffi/posix/fcntl.ts";
import { identityOf, openDescriptors } from "../../ffi/posix/identity.ts";
import { posixBatches } from "../batch/posix.ts";
import type { ChildPlatform } from "./types.ts";
import { MINIMUM } from "../handle/posix.ts";
import { denoFiles } from "../handle/deno_file_find.ts";
import { findDescriptorsForChildren } from "../handle/posix_deno_children.ts";
import { nodeFs } from "../util/node.ts";

/** One entry of the option `stdio`. */
type StdioEntry = Exclude<StdioOptions, string>[number];

/** Children on Linux and macOS. */
export const posixChildren: ChildPlatform = {
  withInheritable(sources, stdio, start) {
    const temporary: number[] = [];
    let cleared: ClearedDescriptor[] = [];
    try {
      const entries = sources.length === 0 ? undefined : stdioEntries(stdio);
      const duplicates = entries === undefined
        ? []
        : duplicateForChild(sources, entries.length, temporary);
      cleared = clearInheritanceExcept(descriptorsKeptBy(stdio));
      return start({
        values: duplicates.map((_, at) => entries!.length + at),
        tags: duplicates.map(tagOf),
        stdio: entries === undefined ? stdio : [...entries, ...duplicates],
      });
    } finally {
      for (const { fd, tag } of cleared) restoreInheritance(fd, tag);
      temporary.forEach(close);
    }
  },
  takeOver(raw, tag) {
    let flags: number;
    try {
      flags = fcntl_getfd(raw);
    } catch {
      return false;
    }
    if (tag !== "" && tag !== tagOf(raw)) return false;
    if (denoFiles() !== undefined) {
      findDescriptorsForChildren();
      closeDenoDuplicate(raw);
    }
    fcntl_setfd(raw, flags | FD_CLOEXEC);
    return true;
  },
  isSocket: () => false,
};

/**
 * A child in Deno whose parent is in Deno duplicates each entry of `stdio` for its `node:fs`; the
 * duplicate would keep a pipe from ending. Closing the number with `node:fs` closes that duplicate
 * and not the inherited descriptor.
 */
function closeDenoDuplicate(raw: number): void {
  try {
    nodeFs().closeSync(raw);
  } catch {
    // There is no duplicate.
  }
}

/** A descriptor that is not inheritable for the moment in which the child starts. */
interface ClearedDescriptor {
  readonly fd: number;
  readonly tag: string;
}

/**
 * Duplicates the sources to numbers above all that the child's descriptors will have, and fills the
 * free numbers below. There the runtime would otherwise open the pipe by which it learns that the
 * program could not be started; the child would replace that pipe by one of its own descriptors, and
 * the error would be written into a file of the user.
 *
 * @param temporary gets every descriptor that is made, for the caller to close
 */
function duplicateForChild(
  sources: readonly number[],
  first: number,
  temporary: number[],
): number[] {
  posixBatches.requireOpen(sources);
  const end = first + sources.length;
  const duplicates = sources.map((source) => {
    const duplicate = fcntl_dupfd_cloexec(source, end);
    temporary.push(duplicate);
    return duplicate;
  });
  for (let filler = 0; filler < end;) {
    try {
      filler = fcntl_dupfd_cloexec(duplicates[0]!, MINIMUM);
    } catch (error) {
      if (hasCode(error, "EMFILE")) break; // no number is free
      throw error;
    }
    temporary.push(filler);
  }
  return duplicates;
}

/** The user's `stdio` as an array with at least three entries. */
function stdioEntries(stdio: StdioOptions | undefined): StdioEntry[] {
  if (stdio === undefined || stdio === null) return ["pipe", "pipe", "pipe"];
  if (typeof stdio === "string") return [stdio, stdio, stdio];
  if (!Array.isArray(stdio)) {
    throw new TypeError(`Cannot use ${show(stdio)} as stdio: it must be a string or an array`);
  }
  const entries: StdioEntry[] = [...stdio];
  while (entries.length < MINIMUM) entries.push("pipe");
  return entries;
}

/** The descriptors that the child inherits by `stdio` under the number that they have here. */
function descriptorsKeptBy(stdio: unknown): Set<number> {
  const kept = new Set([0, 1, 2]);
  if (!Array.isArray(stdio)) return kept;
  stdio.forEach((entry: unknown, at) => {
    const fd = (entry as { fd?: unknown } | undefined | null)?.fd ?? entry;
    if (entry === "inherit" || fd === at) kept.add(at);
  });
  return kept;
}

/** Makes every other inheritable descriptor not inheritable; returns those that were changed. */
function clearInheritanceExcept(kept: ReadonlySet<number>): ClearedDescriptor[] {
  const cleared: ClearedDescriptor[] = [];
  for (const fd of openDescriptors()) {
    if (kept.has(fd)) continue;
    try {
      const flags = fcntl_getfd(fd);
      if ((flags & FD_CLOEXEC) !== 0) continue;
      fcntl_setfd(fd, flags | FD_CLOEXEC);
      cleared.push({ fd, tag: tagOf(fd) });
    } catch {
      // Another thread has closed it, so the child does not get it either.
    }
  }
  return cleared;
}

/** Makes a descriptor inheritable again, unless its number refers to another file by now. */
function restoreInheritance(fd: number, tag: string): void {
  try {
    if (tagOf(fd) === tag) fcntl_setfd(fd, fcntl_getfd(fd) & ~FD_CLOEXEC);
  } catch {
    // Another thread has closed it.
  }
}

/** The device and the inode of an open file, which are the same in the child. */
function tagOf(fd: number): string {
  const identity = osName() === "linux" ? identityOf(fd) : undefined;
  return identity === undefined ? "" : `${identity.device}:${identity.inode}`;
}
