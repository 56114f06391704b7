/**
 * `Deno.FsFile` on Linux, which does not show its descriptor. The descriptor of a source is searched for. A result
 * is a placeholder that Deno opened, which is made to refer to our object.
 *
 * The descriptor is one of those with the file's device and inode, since it is open. Where there are
 * several, they are told apart in the least disturbing way that works: the kernel and the positions disturb
 * nothing; a move of the position, or a lock where there is none, lasts for a moment.
 */
import { failure, type HandleError } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import {
  identityOf,
  isOneOpenFile,
  openDescriptors,
  S_IFMT,
  S_IFSOCK,
  visitDescriptors,
  withOwnDirectory,
} from "../../ffi/posix/identity.ts";
import { holdsLock } from "../../ffi/posix/proc.ts";
import {
  ADVICE,
  type DenoFile,
  denoFiles,
  denoMethods,
  type FileId,
  type Group,
  hasPosition,
  identityOfFile,
  MAX_ATTEMPTS,
  movedWith,
  withPositionOf,
} from "../util/node.ts";
import { closeQuietly } from "../util/late_close.ts";
import { runtimeError, tryOrUndefined } from "../util/platform.ts";
import type { FsFiles } from "./types.ts";
import { positionOf, posixPlatform } from "./posix.ts";

/** The null device. Adopting by node:fs uses it too, so that one permission is enough for both. */
const PLACEHOLDER = "/dev/null";

/** The most attempts for a file that was just opened, while other threads may open such files as well. */
const MAX_ATTEMPTS_FOR_NEW = 1000;

/** The most candidates that the kernel compares, each with each. */
const MAX_COMPARED = 64;

/** `Deno.FsFile` on Linux. */
export const posixFsFiles: FsFiles = {
  handlesOf: (file) => descriptorsOf(file, identityOfFile(file)),
  copyOf(raw, inheritable) {
    const file = openPlaceholder();
    try {
      const own = descriptorOfNew(file);
      posixPlatform.duplicateOnto(raw, own, inheritable);
      return { file, own };
    } catch (error) {
      closeQuietly(() => file.close());
      throw error;
    }
  },
};

/**
 * The descriptors that share the file's open file. One of them is the file's own, so a single one is
 * that. Afterwards positions and locks are as they were, also when it throws.
 *
 * @param id the identity of the file; without it, all descriptors are candidates
 * @throws {HandleError} `ENOTSUP` when they cannot be told from those of other open files
 */
function descriptorsOf(file: DenoFile, id: FileId | undefined): Group {
  const { candidates, isSocket } = candidatesFor(id);
  const [first, ...rest] = candidates;
  if (first === undefined) throw notFound("no descriptor of this process refers to its file");
  // A socket cannot be opened a second time: all of its descriptors are duplicates.
  if (rest.length === 0 || isSocket) return [first, ...rest];
  const groups = candidates.length <= MAX_COMPARED
    ? grouped(candidates)
    : candidates.map((fd): Group => [fd]);
  return choose(file, groups);
}

/**
 * The descriptor of a file that was just opened, so that it has no duplicate and no other code uses it.
 * Positions are not compared: that of the null device is always 0.
 *
 * @throws {HandleError} `EBUSY` when another process keeps its file locked
 */
function descriptorOfNew(file: DenoFile): number {
  let left = candidatesFor(identityOfFile(file)).candidates.map((fd): Group => [fd]);
  // Only the file's own descriptor shows its lock every time: in the end it alone is left.
  for (let attempt = 0; left.length > 1 && attempt < MAX_ATTEMPTS_FOR_NEW; attempt++) {
    left = filterLocked(file, left) ?? left;
  }
  if (left.length === 1) return left[0]![0];
  throw failure("EBUSY", "flock", {
    message: "Cannot find the descriptor of a file that Deno just opened: another process keeps " +
      "it locked: call again; or /proc is not mounted: mount it",
  });
}

function candidatesFor(id: FileId | undefined): { candidates: number[]; isSocket: boolean } {
  if (id === undefined) return { candidates: openDescriptors(), isSocket: false };
  const candidates: number[] = [];
  let isSocket = false;
  withOwnDirectory((directory) =>
    visitDescriptors(directory, (fd) => {
      const found = identityOf(fd);
      if (found?.inode === id.inode && found.device === id.device) {
        isSocket = (found.mode & S_IFMT) === S_IFSOCK;
        candidates.push(fd);
      }
      return found !== undefined;
    })
  );
  return { candidates, isSocket };
}

function choose(file: DenoFile, groups: Group[]): Group {
  if (groups.length === 1) return groups[0]!;
  let found: readonly Group[] = [];
  if (hasPosition(file)) {
    found = withPositionOf(file, groups, positionOf);
    // All of the groups again: positions may have been moved while they were compared.
    if (found.length !== 1) found = movedWith(file, groups, positionOf);
  }
  if (found.length === 0) found = lockedWith(file, groups);
  const [first, ...rest] = found.flat();
  if (first !== undefined) return [first, ...rest];
  throw notFound(`it is one of ${groups.length} open files that cannot be told apart`);
}

/** Groups what the kernel says is one open file; where it does not say, each descriptor is a group. */
function grouped(candidates: readonly number[]): Group[] {
  const groups: [number, ...number[]][] = [];
  for (const fd of candidates) {
    const group = groups.find(([first]) => tryOrUndefined(() => isOneOpenFile(first, fd)) === true);
    if (group === undefined) groups.push([fd]);
    else group.push(fd);
  }
  return groups;
}

/**
 * The groups that are locked when the file is. It is for files without a position of their own, such as
 * pipes and devices. A file that may have a lock already is left alone: it would lose that lock.
 */
function lockedWith(file: DenoFile, groups: Group[]): Group[] {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (groups.some(([fd]) => holdsLock(fd))) continue;
    const once = filterLocked(file, groups) ?? [];
    const twice = once.length > 1 ? filterLocked(file, once) ?? [] : once;
    if (twice.length > 0) return twice;
  }
  return [];
}

/**
 * The groups that show a lock while the file has one, and none when it has none. It is a shared lock for
 * a moment; `undefined` when an exclusive lock of another process prevents it.
 */
function filterLocked(file: DenoFile, groups: Group[]): Group[] | undefined {
  const { tryLockSync, unlockSync } = denoMethods();
  try {
    if (!tryLockSync.call(file, false)) return undefined;
  } catch {
    return undefined; // its file system has no locks
  }
  let locked: Group[];
  try {
    locked = groups.filter(([fd]) => holdsLock(fd));
  } finally {
    unlockSync.call(file);
  }
  return locked.filter(([fd]) => !holdsLock(fd));
}

function notFound(reason: string): HandleError {
  return failure("ENOTSUP", "kcmp", {
    message: `Cannot find the descriptor of a Deno.FsFile: ${reason}; ${ADVICE}`,
  });
}

function openPlaceholder(): DenoFile {
  try {
    return denoFiles()!.openSync(PLACEHOLDER);
  } catch (cause) {
    if (!isForbidden(cause)) throw runtimeError(cause, "open", PLACEHOLDER);
    throw failure("EACCES", "open", {
      message: `Cannot make a Deno.FsFile: Deno may not read ${PLACEHOLDER}; ` +
        `run it with --allow-read=${PLACEHOLDER}`,
      cause,
    });
  }
}
