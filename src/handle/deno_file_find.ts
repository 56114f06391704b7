/**
 * Which descriptor is behind a `Deno.FsFile`, which does not tell it.
 *
 * It is one of the descriptors with the file's device and inode, since it is open. Where there are
 * several, what tells them apart is asked in the order of how little it disturbs: kcmp(2) and the
 * positions disturb nothing; moving the position, or a lock where there is none, does for a moment.
 */
import { failure, type HandleError } from "../../ffi/error.ts";
import { SEEK_CUR, SEEK_SET } from "../../ffi/posix/constants.ts";
import {
  holdsLock,
  type Identity,
  identityOf,
  isOneOpenFile,
  openDescriptors,
  S_IFMT,
  S_IFSOCK,
} from "../../ffi/posix/identity.ts";
import { positionOf } from "./posix.ts";

/** What every message ends with. */
const INSTEAD = "open it with node:fs, which tells its descriptor";

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

/** What tells files apart, whatever their names are. */
type FileId = Pick<Identity, "device" | "inode">;

/** Descriptors that share one open file, as far as the system says so. */
type Group = readonly [first: number, ...rest: number[]];

/** How often somebody else may spoil what we look at. */
const ATTEMPTS = 3;

/** The same for a file that was just opened, where threads that do the same are in the way. */
const PATIENCE = 1000;

/** Up to so many candidates are compared by kcmp(2), each with each. */
const FEW = 64;

/** Deno's own files; `undefined` in another runtime. */
export function denoFiles(): DenoFiles | undefined {
  return (globalThis as { Deno?: unknown }).Deno as DenoFiles | undefined;
}

/**
 * The device and the inode of an open file, from Deno itself; `undefined` where Deno may not tell,
 * because it is permitted to write the file's path and not to read it.
 *
 * @throws {HandleError} `EBADF` when it is closed
 * @throws {TypeError} when it is an imitation
 */
export function identityOfFile(file: DenoFile): FileId | undefined {
  try {
    const { dev, ino } = methods().statSync.call(file);
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
        : `Cannot use a Deno.FsFile: Deno does not tell which file it is; ${INSTEAD}`,
      cause,
    });
  }
}

/**
 * The descriptors that share the file's open file. One of them is the file's own, so when there is
 * just one, it is that. Positions and locks are as they were afterwards, also when it throws.
 *
 * @param id what the file is; without it, all descriptors are candidates
 * @throws {HandleError} `ENOTSUP` when they cannot be told from those of other open files
 */
export function descriptorsOf(file: DenoFile, id: FileId | undefined): Group {
  const { candidates, isSocket } = candidatesFor(id);
  const [first, ...rest] = candidates;
  if (first === undefined) throw indistinct("none of this process's descriptors is of its file");
  // A socket cannot be opened a second time: all of its descriptors are duplicates.
  if (rest.length === 0 || isSocket) return [first, ...rest];
  const compare = candidates.length <= FEW;
  return choose(file, compare ? grouped(candidates) : candidates.map((fd): Group => [fd]));
}

/**
 * The descriptor of a file that was just opened, so that it has no duplicate and nobody else uses
 * it. Positions are not asked: the null device stays at 0 wherever it is sent.
 *
 * @throws {HandleError} `EBUSY` when another process keeps its file locked
 */
export function descriptorOfNew(file: DenoFile): number {
  let left = candidatesFor(identityOfFile(file)).candidates.map((fd): Group => [fd]);
  // Only the file's own descriptor shows its lock every time: others are left out in the end.
  for (let attempt = 0; left.length > 1 && attempt < PATIENCE; attempt++) {
    left = thoseLockedWith(file, left) ?? left;
  }
  if (left.length === 1) return left[0]![0];
  throw failure("EBUSY", "flock", {
    message: "Cannot find the descriptor of a file that Deno just opened: another process keeps " +
      "it locked, or /proc is not mounted; call again",
  });
}

function candidatesFor(id: FileId | undefined): { candidates: number[]; isSocket: boolean } {
  const all = openDescriptors();
  if (id === undefined) return { candidates: all, isSocket: false };
  let isSocket = false;
  const candidates = all.filter((fd) => {
    const found = identityOf(fd);
    if (found?.inode !== id.inode || found.device !== id.device) return false;
    isSocket = (found.mode & S_IFMT) === S_IFSOCK;
    return true;
  });
  return { candidates, isSocket };
}

function choose(file: DenoFile, groups: Group[]): Group {
  if (groups.length === 1) return groups[0]!;
  let found: Group[] = [];
  if (seek(file, 0, SEEK_CUR) !== undefined) {
    found = withPositionOf(file, groups);
    // All of the groups again: somebody may have moved positions while they were compared.
    if (found.length !== 1) found = followersOf(file, groups);
  }
  if (found.length === 0) found = lockedWith(file, groups);
  const [first, ...rest] = found.flat();
  if (first !== undefined) return [first, ...rest];
  throw indistinct(`it is one of ${groups.length} open files, and nothing tells them apart`);
}

/** Puts what kcmp(2) says is one open file together; where it does not say, each is its own. */
function grouped(candidates: readonly number[]): Group[] {
  const { pid } = denoFiles()!;
  const groups: [number, ...number[]][] = [];
  for (const fd of candidates) {
    const group = groups.find(([first]) => isOneOpenFile(pid, first, fd) === true);
    if (group === undefined) groups.push([fd]);
    else group.push(fd);
  }
  return groups;
}

/** Those whose position is the file's, unless somebody moves it just now. */
function withPositionOf(file: DenoFile, groups: Group[]): Group[] {
  const position = seek(file, 0, SEEK_CUR);
  const same = groups.filter(([fd]) => positionOf(fd) === position);
  return same.length > 0 && seek(file, 0, SEEK_CUR) === position ? same : groups;
}

/**
 * Those that are locked when the file is. It is for what has no position of its own, such as a pipe
 * or a device. A file that may have a lock already is left alone: it would lose it.
 */
function lockedWith(file: DenoFile, groups: Group[]): Group[] {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (groups.some(([fd]) => holdsLock(fd))) continue;
    const once = thoseLockedWith(file, groups) ?? [];
    const twice = once.length > 1 ? thoseLockedWith(file, once) ?? [] : once;
    if (twice.length > 0) return twice;
  }
  return [];
}

/**
 * Those that show a lock while the file has one, and none when it has none. It is a shared lock for
 * a moment; `undefined` when somebody else's exclusive one is in the way.
 */
function thoseLockedWith(file: DenoFile, groups: Group[]): Group[] | undefined {
  const { tryLockSync, unlockSync } = methods();
  try {
    if (!tryLockSync.call(file, false)) return undefined;
  } catch {
    return undefined; // its file system knows no locks
  }
  let locked: Group[];
  try {
    locked = groups.filter(([fd]) => holdsLock(fd));
  } finally {
    unlockSync.call(file);
  }
  return locked.filter(([fd]) => !holdsLock(fd));
}

/** Those that follow when the file's position is moved. It is put back at once. */
function followersOf(file: DenoFile, groups: Group[]): Group[] {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const taken = groups.map(([fd]) => positionOf(fd));
    // One that nobody comes to by chance; a small one for devices, which end somewhere.
    const far = Math.floor(Math.random() * 0x7fff_fffe);
    const near = taken.findIndex((_, at) => !taken.includes(at));
    for (const probe of [far, near === -1 ? taken.length : near]) {
      const followers = taken.includes(probe) ? [] : followersTo(probe, file, groups);
      if (followers.length > 0) return followers;
    }
  }
  return [];
}

function followersTo(probe: number, file: DenoFile, groups: Group[]): Group[] {
  const before = seek(file, 0, SEEK_CUR);
  if (before === undefined || before === probe) return [];
  const moved = seek(file, probe, SEEK_SET);
  const followers = moved === probe ? groups.filter(([fd]) => positionOf(fd) === probe) : [];
  // Who moved it meanwhile wants it there. A refused move may have left it anywhere.
  if (moved !== probe || seek(file, 0, SEEK_CUR) === probe) seek(file, before, SEEK_SET);
  return followers;
}

/** Moves the file's position; `undefined` when it has none, or cannot have this one. */
function seek(file: DenoFile, offset: number, whence: number): number | undefined {
  try {
    return methods().seekSync.call(file, offset, whence);
  } catch {
    return undefined;
  }
}

/** Deno's own methods: what somebody put on the object itself is not asked. */
function methods(): DenoFile {
  return denoFiles()!.FsFile.prototype;
}

function indistinct(reason: string): HandleError {
  return failure("ENOTSUP", "kcmp", {
    message: `Cannot find the descriptor of a Deno.FsFile: ${reason}; ${INSTEAD}`,
  });
}
