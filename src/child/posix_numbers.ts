/**
 * The numbers that named handles have in a child on Linux and macOS, and how the runtime is made to put
 * them there by its option `stdio`. A source goes into `stdio` by its own number. No temporary duplicate
 * of it is made where that can be avoided: to close any descriptor of a file removes the record locks
 * that this process has on the file.
 *
 * What each runtime does with a number in `stdio` was read in its source and observed with strace:
 *
 * - Node (libuv) duplicates, in the child, what would be replaced before its turn. Every number works.
 * - Bun duplicates, in the parent, a source that is below the length of `stdio`, and closes the
 *   duplicate. It takes an `"inherit"` as it is. It takes 0 for `"inherit"`.
 * - Deno duplicates in the child, one entry after the other, and closes each source there after that. So
 *   a number can be there once, and must not be replaced by an entry before.
 */
import { failure } from "../../ffi/error.ts";
import { osName } from "../../ffi/host.ts";
import { fcntl_dupfd_cloexec } from "../../ffi/posix/dup.ts";
import { hasRecordLock } from "../../ffi/posix/locks.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { fdOfEntry, type StdioEntry, StdioHandle } from "./types.ts";

/** The number of entries for standard input, output and error. */
const STANDARD = 3;

/**
 * The numbers of the handles in the child: those that follow the entries of `stdio`. A source whose own
 * number is among them keeps it, so that no other one replaces it before its turn.
 */
export function numbersInChild(sources: readonly number[], first: number): number[] {
  const end = first + sources.length;
  const kept = new Set<number>();
  const numbers = sources.map((source) => {
    if (source < first || source >= end || kept.has(source)) return -1;
    kept.add(source);
    return source;
  });
  let next = first;
  return numbers.map((number) => {
    if (number !== -1) return number;
    while (kept.has(next)) next++;
    return next++;
  });
}

/**
 * The option `stdio` with the sources at their numbers, and with the handles that stand in it.
 *
 * @param temporary gets the duplicates that the runtime needs, for the caller to close
 * @throws {HandleError} `ENOTSUP` when it needs one of a file that has record locks; `EMFILE`
 */
export function stdioWith(
  entries: readonly (StdioEntry | StdioHandle)[],
  sources: readonly number[],
  numbers: readonly number[],
  temporary: number[],
): StdioEntry[] {
  const first = entries.length;
  const end = first + sources.length;
  if ("Bun" in globalThis) entries.forEach((entry) => requireUnlockedBetween(entry, first, end));
  const used = new Set<unknown>("Deno" in globalThis ? entries.slice(STANDARD) : []);
  const entryFor = (source: number, number: number): StdioEntry => {
    if ("Bun" in globalThis) {
      if (source === number) return "inherit";
      return source < end ? duplicateAbove(source, end, temporary) : source;
    }
    if (!("Deno" in globalThis)) return source;
    if (number < STANDARD) {
      if (source !== number) requireUnlocked(source); // Deno duplicates it, and closes the duplicate
      return source;
    }
    const needsDuplicate = used.has(source) || (source < end && source !== number);
    used.add(source);
    return needsDuplicate ? duplicateAbove(source, end, temporary) : source;
  };
  const stdio = entries.map((entry, at) =>
    entry instanceof StdioHandle ? entryFor(entry.raw, at) : entry
  );
  sources.forEach((source, at) => stdio[numbers[at]!] = entryFor(source, numbers[at]!));
  return stdio;
}

/** The handles make `stdio` longer, and so Bun duplicates more of the caller's own entries. */
function requireUnlockedBetween(
  entry: StdioEntry | StdioHandle,
  first: number,
  end: number,
): void {
  const fd = fdOfEntry(entry);
  if (fd !== undefined && fd >= first && fd < end) requireUnlocked(fd);
}

/** Throws when a temporary duplicate, which is closed, would remove record locks of this process. */
function requireUnlocked(fd: number): void {
  if (osName() !== "linux" || tryOrUndefined(() => hasRecordLock(fd)) !== true) return;
  throw failure("ENOTSUP", "spawn", {
    message: `Cannot pass fd ${fd}: this runtime needs a temporary duplicate of it, whose ` +
      "close would remove this process's record locks on the file; pass a duplicate() instead, each " +
      "once, and keep it open as long as the locks are needed",
    handle: fd,
  });
}

/** Makes a duplicate that no entry of `stdio` replaces, unless its close would remove record locks. */
function duplicateAbove(source: number, end: number, temporary: number[]): number {
  requireUnlocked(source);
  const duplicate = fcntl_dupfd_cloexec(source, end);
  temporary.push(duplicate);
  return duplicate;
}
