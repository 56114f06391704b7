/**
 * Children on Linux and macOS: a handle is an entry of the child's `stdio`, so that its number there
 * is known before the child starts.
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
import { nodeFs } from "../util/node_fs.ts";

/** One entry of `stdio`, as the user writes it. */
type StdioEntry = Exclude<StdioOptions, string>[number];

/** Children on Linux and macOS. */
export const posixChildren: ChildPlatform = {
  lend(sources, stdio, start) {
    const mine: number[] = [];
    let hidden: Hidden[] = [];
    try {
      const entries = sources.length === 0 ? undefined : entriesOf(stdio);
      const copies = entries === undefined ? [] : copy(sources, entries.length, mine);
      hidden = hideAllBut(keptBy(stdio));
      return start({
        numbers: copies.map((_, at) => entries!.length + at),
        marks: copies.map(markOf),
        stdio: entries === undefined ? stdio : [...entries, ...copies],
      });
    } finally {
      for (const { fd, mark } of hidden) reveal(fd, mark);
      mine.forEach(close);
    }
  },
  accept(raw, mark) {
    let flags: number;
    try {
      flags = fcntl_getfd(raw);
    } catch {
      return false;
    }
    if (mark !== "" && mark !== markOf(raw)) return false;
    if (denoFiles() !== undefined) closeDuplicateOfDeno(raw);
    fcntl_setfd(raw, flags | FD_CLOEXEC);
    return true;
  },
  isSocket: () => false,
};

/**
 * A parent in Deno tells a child in Deno what its stdio lists, and the child's node:fs duplicates
 * that for itself: a pipe would never end. Closing the number there closes the duplicate alone.
 */
function closeDuplicateOfDeno(raw: number): void {
  try {
    nodeFs().closeSync(raw);
  } catch {
    // It has none.
  }
}

/** A descriptor that children would inherit and this one shall not. */
interface Hidden {
  readonly fd: number;
  readonly mark: string;
}

/**
 * The duplicates that the child gets. They are above every number that the child's descriptors will
 * have, and what is free below is filled: the runtime must not keep there what it needs to report
 * that the program could not be started, or the child would get that, and write into it.
 *
 * @param mine gets every descriptor that is made, for the caller to close
 */
function copy(sources: readonly number[], first: number, mine: number[]): number[] {
  posixBatches.requireOpen(sources);
  const end = first + sources.length;
  const copies = sources.map((source) => {
    const made = fcntl_dupfd_cloexec(source, end);
    mine.push(made);
    return made;
  });
  for (let filler = 0; filler < end;) {
    try {
      filler = fcntl_dupfd_cloexec(copies[0]!, MINIMUM);
    } catch (error) {
      if (hasCode(error, "EMFILE")) break; // then nothing is free
      throw error;
    }
    mine.push(filler);
  }
  return copies;
}

/** The user's entries, as an array of all of them. */
function entriesOf(stdio: StdioOptions | undefined): StdioEntry[] {
  if (stdio === undefined || stdio === null) return ["pipe", "pipe", "pipe"];
  if (typeof stdio === "string") return [stdio, stdio, stdio];
  if (!Array.isArray(stdio)) {
    throw new TypeError(`Cannot use ${show(stdio)} as stdio: it must be a string or an array`);
  }
  const entries: StdioEntry[] = [...stdio];
  while (entries.length < MINIMUM) entries.push("pipe");
  return entries;
}

/** The descriptors that the user lets the child inherit as they are. */
function keptBy(stdio: unknown): Set<number> {
  const kept = new Set([0, 1, 2]);
  if (!Array.isArray(stdio)) return kept;
  stdio.forEach((entry: unknown, at) => {
    const fd = (entry as { fd?: unknown } | undefined | null)?.fd ?? entry;
    if (entry === "inherit" || fd === at) kept.add(at);
  });
  return kept;
}

/** Takes the inheritance from every descriptor that has it. */
function hideAllBut(kept: ReadonlySet<number>): Hidden[] {
  const hidden: Hidden[] = [];
  for (const fd of openDescriptors()) {
    if (kept.has(fd)) continue;
    try {
      const flags = fcntl_getfd(fd);
      if ((flags & FD_CLOEXEC) !== 0) continue;
      fcntl_setfd(fd, flags | FD_CLOEXEC);
      hidden.push({ fd, mark: markOf(fd) });
    } catch {
      // Another thread closed it: so much the better.
    }
  }
  return hidden;
}

/** Gives the inheritance back, unless another thread closed it and the number is another file. */
function reveal(fd: number, mark: string): void {
  try {
    if (markOf(fd) === mark) fcntl_setfd(fd, fcntl_getfd(fd) & ~FD_CLOEXEC);
  } catch {
    // Another thread closed it.
  }
}

/** The device and the inode of an open file, which a child sees as well. */
function markOf(fd: number): string {
  const identity = osName() === "linux" ? identityOf(fd) : undefined;
  return identity === undefined ? "" : `${identity.device}:${identity.inode}`;
}
