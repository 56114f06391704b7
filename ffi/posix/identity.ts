/** Telling open files apart on Linux: which descriptors there are, and what each refers to. */
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/library.ts";
import { cString, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { identitySymbols, libraries } from "./symbols/linux.ts";
import { KCMP_FILE, O_CLOEXEC, O_RDONLY } from "./constants.ts";
import { close } from "./dup.ts";
import { posixError } from "./errors.ts";
import { open } from "./file.ts";
import { kernel, libc, numbers } from "./libc.ts";
import { descriptorLimit, openBelow } from "./limit.ts";
import { procText } from "./proc.ts";

/** The bits that tell it. */
export const S_IFMT = 0o170000;
/** A pipe. */
export const S_IFIFO = 0o010000;
/** A device of characters. */
export const S_IFCHR = 0o020000;
/** A directory. */
export const S_IFDIR = 0o040000;
/** A device of blocks. */
export const S_IFBLK = 0o060000;
/** A regular file. */
export const S_IFREG = 0o100000;
/** A symbolic link. */
export const S_IFLNK = 0o120000;
/** A socket. */
export const S_IFSOCK = 0o140000;

/** linux/stat.h and fcntl.h. The identity never changes, so no server is asked for it. */
const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;
const STATX_TYPE = 0x1;
const STATX_INO = 0x100;

/** Where `struct statx` has what is read here, and where the empty path lies behind it. */
const MODE = 28;
const INODE = 32;
const SPECIAL_MAJOR = 128;
const SPECIAL_MINOR = 132;
const DEVICE_MAJOR = 136;
const DEVICE_MINOR = 140;
const EMPTY_PATH = 256;

/** Where `struct linux_dirent64` has what is read here. */
const RECORD_LENGTH = 16;
const NAME = 19;

/** Which file a descriptor refers to. Files that are opened twice are two open files of one identity. */
export interface Identity {
  /** The device, as `st_dev` of stat(2) has it. */
  readonly device: number;
  /** The inode, rounded as every runtime rounds it to a `number`. */
  readonly inode: number;
  /** What kind of file it is, as the bits of `st_mode` tell it. */
  readonly mode: number;
  /** Of a device, the number of its driver. */
  readonly driver: number;
  /** Of a device, its number among those of its driver. */
  readonly unit: number;
}

let loaded: Calls<typeof identitySymbols> | undefined;

function calls(): Calls<typeof identitySymbols> {
  return loaded ?? (loaded = loadLibrary(libraries, identitySymbols));
}

/** Which file a descriptor refers to; `undefined` when it is not open. One `statx`. */
export function identityOf(fd: number): Identity | undefined {
  const { address, bytes } = scratch();
  bytes[EMPTY_PATH] = 0;
  return ask(fd, address + EMPTY_PATH, AT_EMPTY_PATH);
}

/**
 * Which file a path leads to; `undefined` when it leads nowhere or may not be asked. A path such as
 * `/proc/PID/fd/N` leads to what that descriptor refers to, whatever it is. One `statx`.
 */
export function identityAt(path: string): Identity | undefined {
  return ask(AT_FDCWD, cString(path, "path"), 0);
}

/** The kernel has copied the path before it writes the answer, which may lie over it. */
function ask(folder: number, path: number, flags: number): Identity | undefined {
  const { address, data } = scratch();
  const mask = STATX_TYPE | STATX_INO;
  const status = calls().statx(folder, path, flags | AT_STATX_DONT_SYNC, mask, address);
  if (status === -1) return undefined;
  return {
    device: makedev(data.getUint32(DEVICE_MAJOR, true), data.getUint32(DEVICE_MINOR, true)),
    inode: Number(data.getBigUint64(INODE, true)),
    mode: data.getUint16(MODE, true),
    driver: data.getUint32(SPECIAL_MAJOR, true),
    unit: data.getUint32(SPECIAL_MINOR, true),
  };
}

/** makedev(3), for the 12 and 20 bits that the kernel has. */
function makedev(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/**
 * Whether two descriptors refer to one open file; `undefined` where kcmp(2) does not say: the
 * kernel lacks it, a container forbids it, or one of them is not open.
 */
export function isOneOpenFile(pid: number, fd1: number, fd2: number): boolean | undefined {
  const order = orderOf(pid, fd1, fd2);
  return order === undefined ? undefined : order === 0;
}

/**
 * The order in which the kernel has the open files of two descriptors of a process: 0 when they
 * are one, negative when the first comes first; `undefined` as {@linkcode isOneOpenFile}.
 */
export function orderOf(pid: number, fd1: number, fd2: number): number | undefined {
  const order = kernel("kcmp").syscall(numbers().kcmp, pid, pid, KCMP_FILE, fd1, fd2);
  return order === -1 ? undefined : order === 1 ? -1 : order;
}

/**
 * The open descriptors of this process, lowest first.
 *
 * The list is taken from /proc/self/fd by the system's own calls, for which no runtime asks a
 * permission: with 70 descriptors it costs some 30 microseconds, whatever the limit is. Without
 * /proc, or with no descriptor left to read it, each number below the limit is asked for, at
 * 0.1 microseconds each. What other threads open or close meanwhile is in it or not; what stays
 * open is in it.
 *
 * @throws {HandleError} when the list can be opened and not read
 */
export function openDescriptors(): number[] {
  let folder: number;
  try {
    folder = open("/proc/self/fd", O_RDONLY | O_CLOEXEC);
  } catch {
    return askForEach();
  }
  try {
    return readNumbers(folder).filter((fd) => fd !== folder);
  } finally {
    close(folder);
  }
}

/**
 * The open descriptors of another process, lowest first.
 *
 * @throws {HandleError} `ENOENT` when there is no such process, `EACCES` when it may not be examined
 */
export function descriptorsOf(pid: number): number[] {
  const folder = open(`/proc/${pid}/fd`, O_RDONLY | O_CLOEXEC);
  try {
    return readNumbers(folder);
  } finally {
    close(folder);
  }
}

/**
 * Whether the open file of a descriptor holds a lock of flock(2): every duplicate of it shows the
 * same lock, and no other open file of the same path does. `false` also where /proc is missing.
 */
export function holdsLock(fd: number): boolean {
  return procText(`/proc/self/fdinfo/${fd}`)?.includes(": FLOCK ") === true;
}

function readNumbers(folder: number): number[] {
  const { address, bytes, data } = scratch();
  const { errno } = libc();
  const { syscall } = kernel("getdents64");
  const { getdents64 } = numbers();
  const found: number[] = [];
  for (;;) {
    const length = syscall(getdents64, folder, address, SCRATCH_SIZE, 0, 0);
    if (length === -1) throw posixError(errno[0]!, "getdents64", folder, "a folder fd of /proc");
    if (length === 0) return found;
    for (let at = 0; at < length; at += data.getUint16(at + RECORD_LENGTH, true)) {
      const fd = numberAt(bytes, at + NAME);
      if (fd !== undefined) found.push(fd);
    }
  }
}

/** The number that a name is; `undefined` for "." and "..". */
function numberAt(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] === 0x2e) return undefined;
  let number = 0;
  for (; bytes[at] !== 0; at++) number = number * 10 + bytes[at]! - 0x30;
  return number;
}

function askForEach(): number[] {
  const limit = descriptorLimit();
  if (limit === undefined) throw posixError(libc().errno[0]!, "getrlimit", undefined);
  return openBelow(limit);
}
