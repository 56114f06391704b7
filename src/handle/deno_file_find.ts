/**
 * Finding the descriptor of a `Deno.FsFile`, which does not show it.
 *
 * It is one of the descriptors with the file's device and inode, since it is open. Where there are
 * several, they are told apart in the least disturbing way that works: the kernel and the positions disturb
 * nothing; a move of the position, or a lock where there is none, lasts for a moment.
 */
import { failure, type HandleError } from "../../ffi/error.ts";
import { SEEK_CUR, SEEK_SET } from "../../ffi/posix/constants.ts";
import {
  type Identity,
  identityOf,
  isOneOpenFile,
  openDescriptors,
  S_IFMT,
  S_IFSOCK,
  visitDescriptors,
  withOwnDirectory,
} from "../../ffi/posix/identity.ts";
import { holdsLock } from "../../ffi/posix/proc.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { positionOf } from "./posix.ts";

/** The advice at the end of the messages. */
const ADVICE = "open it with node:fs, which shows its descriptor";

/** The part of a `Deno.FsFile` that is used here, so that no runtime's types are needed. */
export interface DenoFile {
  statSync(): { readonly dev: number; readonly ino: number | bigint | null };
  seekSync(offset: number, whence: number): number;
  tryLockSync(exclusive: boolean): boolean;
  unlockSync(): void;
  close(): void;
}

/** The part of the `Deno` namespace that is used here. */
interface DenoFiles {
  readonly FsFile: { readonly prototype: DenoFile; new (...never: never[]): DenoFile };
  readonly pid: number;
  openSync(path: string): DenoFile;
}

/** Identifies a file, whatever its names are. */
type FileId = Pick<Identity, "device" | "inode">;

/** Descriptors that are known to share one open file. */
type Group = readonly [first: number, ...rest: number[]];

/** The most attempts: another thread or process may change positions and locks during one. */
const MAX_ATTEMPTS = 3;

/** The same for a file that was just opened, while other threads may open such files as well. */
const MAX_ATTEMPTS_FOR_NEW = 1000;

/** The most candidates that the kernel compares, each with each. */
const MAX_COMPARED = 64;

/**
 * Deno as it was when this library was imported: a program may replace its functions later, as tests do.
 */
const deno: DenoFiles | undefined = /* @__PURE__ */ keepDeno();
/** Deno's own methods of files: methods that other code has put on an object itself are not called. */
const methods: DenoFile | undefined = /* @__PURE__ */ keepMethods();

/** Deno's own files; `undefined` in another runtime. */
export function denoFiles(): DenoFiles | undefined {
  return deno;
}

function keepDeno(): DenoFiles | undefined {
  const found = (globalThis as { Deno?: DenoFiles }).Deno;
  if (found === undefined) return undefined;
  const { FsFile, openSync, pid } = found;
  return { FsFile, openSync, pid };
}

function keepMethods(): DenoFile | undefined {
  const prototype = deno?.FsFile.prototype;
  return prototype &&
    Object.defineProperties({}, Object.getOwnPropertyDescriptors(prototype)) as DenoFile;
}

/**
 * The device and the inode of an open file, as Deno returns them; `undefined` where Deno refuses, because
 * it has the permission to write the file's path and not the one to read it.
 *
 * @throws {HandleError} `EBADF` when it is closed
 * @throws {TypeError} when it is an imitation
 */
export function identityOfFile(file: DenoFile): FileId | undefined {
  try {
    const { dev, ino } = methods!.statSync.call(file);
    return { device: dev, inode: Number(ino) };
  } catch (cause) {
    const { name, code } = cause as { name?: string; code?: string };
    if (name === "NotCapable" || name === "PermissionDenied") return undefined;
    if (name === "TypeError") {
      throw new TypeError("Cannot use an imitation of a Deno.FsFile as a source", { cause });
    }
    const isClosed = name === "BadResource";
    throw failure(isClosed ? "EBADF" : typeof code === "string" ? code : "EIO", "fstat", {
      message: isClosed
        ? "Cannot use a Deno.FsFile that is closed; duplicate it before it is closed"
        : `Cannot use a Deno.FsFile: Deno cannot identify its file; ${ADVICE}`,
      cause,
    });
  }
}

/**
 * The descriptors that share the file's open file. One of them is the file's own, so a single one is
 * that. Afterwards positions and locks are as they were, also when it throws.
 *
 * @param id the identity of the file; without it, all descriptors are candidates
 * @throws {HandleError} `ENOTSUP` when they cannot be told from those of other open files
 */
export function descriptorsOf(file: DenoFile, id: FileId | undefined): Group {
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
export function descriptorOfNew(file: DenoFile): number {
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
  let found: Group[] = [];
  if (seek(file, 0, SEEK_CUR) !== undefined) {
    found = withPositionOf(file, groups);
    // All of the groups again: positions may have been moved while they were compared.
    if (found.length !== 1) found = movedWith(file, groups);
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

/** The groups with the file's position; all of them when the position is being moved. */
function withPositionOf(file: DenoFile, groups: Group[]): Group[] {
  const position = seek(file, 0, SEEK_CUR);
  const same = groups.filter(([fd]) => positionOf(fd) === position);
  return same.length > 0 && seek(file, 0, SEEK_CUR) === position ? same : groups;
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
  const { tryLockSync, unlockSync } = methods!;
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

/** The groups whose position moves with the file's, which is put back at once. */
function movedWith(file: DenoFile, groups: Group[]): Group[] {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const used = groups.map(([fd]) => positionOf(fd));
    // A large one, which no program uses by chance; and a small one for devices, which may be short.
    const large = Math.floor(Math.random() * 0x7fff_fffe);
    const small = used.findIndex((_, position) => !used.includes(position));
    for (const probe of [large, small === -1 ? used.length : small]) {
      const moved = used.includes(probe) ? [] : movedTo(probe, file, groups);
      if (moved.length > 0) return moved;
    }
  }
  return [];
}

function movedTo(probe: number, file: DenoFile, groups: Group[]): Group[] {
  const before = seek(file, 0, SEEK_CUR);
  if (before === undefined || before === probe) return [];
  const after = seek(file, probe, SEEK_SET);
  const moved = after === probe ? groups.filter(([fd]) => positionOf(fd) === probe) : [];
  // A position that other code has set meanwhile stays. A refused move may have set any position.
  if (after !== probe || seek(file, 0, SEEK_CUR) === probe) seek(file, before, SEEK_SET);
  return moved;
}

/** Moves the file's position; `undefined` when it has none, or cannot have this one. */
function seek(file: DenoFile, offset: number, whence: number): number | undefined {
  try {
    return methods!.seekSync.call(file, offset, whence);
  } catch {
    return undefined;
  }
}

function notFound(reason: string): HandleError {
  return failure("ENOTSUP", "kcmp", {
    message: `Cannot find the descriptor of a Deno.FsFile: ${reason}; ${ADVICE}`,
  });
}
