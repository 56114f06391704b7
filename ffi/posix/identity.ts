/** Which descriptors a process has on Linux, which file each refers to, and which share an open file. */
import type { Calls } from "../backend/types.ts";
import { loadLibrary } from "../backend/mod.ts";
import { cString, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { pid } from "../host.ts";
import { identitySymbols, libraries } from "./symbols/linux.ts";
import { F_GETFD, KCMP_FILE, O_CLOEXEC, O_RDONLY, SEEK_SET } from "./constants.ts";
import { close } from "./dup.ts";
import { posixError } from "./errors.ts";
import { lseek, open } from "./file.ts";
import { callNumbers, kernel, libc, libcFiles } from "./libc.ts";
import { descriptorLimit, openBelow } from "./limit.ts";
import { AT_FDCWD } from "./proc.ts";

/** The bits of `st_mode` that hold the type of a file. */
export const S_IFMT = 0o170000;
/** A pipe. */
export const S_IFIFO = 0o010000;
/** A character device. */
export const S_IFCHR = 0o020000;
/** A directory. */
export const S_IFDIR = 0o040000;
/** A block device. */
export const S_IFBLK = 0o060000;
/** A regular file. */
export const S_IFREG = 0o100000;
/** A symbolic link. */
export const S_IFLNK = 0o120000;
/** A socket. */
export const S_IFSOCK = 0o140000;

/** linux/stat.h and fcntl.h. The identity never changes, so AT_STATX_DONT_SYNC spares a file server. */
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;
const WANTED = 0x103; // STATX_TYPE, STATX_MODE, STATX_INO

/** fcntl.h, since Linux 6.10: whether two descriptors refer to one open file. */
const F_DUPFD_QUERY = 1027;
/** errno.h, and why kcmp(2) does not say. */
const EBADF = 9;
const KCMP_UNKNOWN: readonly number[] = [/* EPERM */ 1, /* ESRCH */ 3, EBADF, /* ENOSYS */ 38];

/** Offsets in `struct statx`; the empty path lies after it. */
const MODE = 28;
const INODE = 32;
const RDEV_MAJOR = 128;
const RDEV_MINOR = 132;
const DEVICE_MAJOR = 136;
const DEVICE_MINOR = 140;
const EMPTY_PATH = 256;

/** Offsets in `struct linux_dirent64`. */
const RECORD_LENGTH = 16;
const NAME = 19;

/** The identity of a file. Two open files of one path have the same identity. */
export interface Identity {
  /** The device: `st_dev` of stat(2). */
  readonly device: number;
  /** The inode: `st_ino`, rounded to a `number` as every runtime rounds it. */
  readonly inode: number;
  /** The lower half of the inode, of which rounding may lose bits: overlayfs has inodes of 64 bits. */
  readonly inodeLow: number;
  /** The type of file and its permissions: `st_mode`. */
  readonly mode: number;
  /** The major number of a device: that of its driver. */
  readonly major: number;
  /** The minor number of a device: its number among those of its driver. */
  readonly minor: number;
}

let loaded: Calls<typeof identitySymbols> | undefined;

function calls(): Calls<typeof identitySymbols> {
  return loaded ?? (loaded = loadLibrary(libraries, identitySymbols));
}

/** The identity of a descriptor's file; `undefined` when the descriptor is not open. One `statx`. */
export function identityOf(fd: number): Identity | undefined {
  const { address, bytes } = scratch();
  bytes[EMPTY_PATH] = 0;
  return statx(fd, address + EMPTY_PATH, AT_EMPTY_PATH);
}

/**
 * The identity of the file at a path; `undefined` when there is none or this process may not reach it. A
 * path such as `/proc/PID/fd/N` leads to the object of that descriptor, whatever it is. One `statx`.
 */
export function identityAt(path: string): Identity | undefined {
  return statx(AT_FDCWD, cString(path, "path"), 0);
}

/** The identity of what a path names: of a symbolic link itself. `undefined` as in {@linkcode identityAt}. */
export function identityOfName(path: string): Identity | undefined {
  return statx(AT_FDCWD, cString(path, "path"), AT_SYMLINK_NOFOLLOW);
}

/** Whether two identities are of one file, which is there. */
export function isSameFile(one: Identity | undefined, other: Identity | undefined): boolean {
  return one !== undefined && one.device === other?.device && one.inode === other.inode &&
    one.inodeLow === other.inodeLow;
}

/** The result may overwrite the path: the kernel has copied the path before. */
function statx(directory: number, path: number, flags: number): Identity | undefined {
  const { address, data } = scratch();
  const status = calls().statx(directory, path, flags | AT_STATX_DONT_SYNC, WANTED, address);
  if (status === -1) return undefined;
  return {
    device: makedev(data.getUint32(DEVICE_MAJOR, true), data.getUint32(DEVICE_MINOR, true)),
    // Rounded once, at the sum, as Number() rounds a bigint.
    inode: data.getUint32(INODE + 4, true) * 0x1_0000_0000 + data.getUint32(INODE, true),
    inodeLow: data.getUint32(INODE, true),
    mode: data.getUint16(MODE, true),
    major: data.getUint32(RDEV_MAJOR, true),
    minor: data.getUint32(RDEV_MINOR, true),
  };
}

/** makedev(3), for the 12 and 20 bits that the kernel has. */
export function makedev(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/**
 * Whether two descriptors of this process refer to one open file; `undefined` when one of them is not open,
 * or when the kernel does not say. Linux 6.10 answers by `fcntl`, also where a container forbids kcmp(2).
 * Linux 6.10 and 6.11 answer `false` when the second descriptor is not open.
 * It throws as {@linkcode orderOf} does.
 */
export function isOneOpenFile(fd1: number, fd2: number): boolean | undefined {
  const { errno, fcntl } = libc();
  const answer = fcntl(fd1, F_DUPFD_QUERY, fd2);
  if (answer !== -1) return answer === 1;
  if (errno[0] === EBADF) return undefined;
  const order = orderOf(pid(), fd1, fd2);
  return order === undefined ? undefined : order === 0;
}

/**
 * Compares the open files of two descriptors, of one process or of two, by the kernel's order: 0 when they are one,
 * negative when the first comes first; `undefined` when the kernel does not have kcmp(2), a container forbids
 * it, the process has ended, or one of the descriptors is not open.
 *
 * @throws {HandleError} when kcmp(2) fails for another reason, such as `EINTR` and `ENOMEM`
 */
export function orderOf(pid: number, fd1: number, fd2: number, pid2 = pid): number | undefined {
  const { errno } = libc();
  const order = kernel("kcmp").syscall(callNumbers().kcmp, pid, pid2, KCMP_FILE, fd1, fd2);
  if (order !== -1) return order === 1 ? -1 : order;
  const error = errno[0]!;
  if (KCMP_UNKNOWN.includes(error)) return undefined;
  throw posixError(error, "kcmp", fd1, `fd ${fd1} and fd ${fd2}`);
}

/**
 * The open descriptors of this process, lowest first, except the directory's. See
 * {@linkcode visitDescriptors}.
 *
 * @param directory a descriptor of /proc/self/fd, if there is one already
 * @throws {HandleError} when /proc/self/fd can be opened but not read
 */
export function openDescriptors(directory?: number): number[] {
  return directory === undefined ? withOwnDirectory(listDescriptors) : listDescriptors(directory);
}

function listDescriptors(directory: number | undefined): number[] {
  const { fcntl } = libc();
  const found: number[] = [];
  visitDescriptors(directory, (fd) => {
    if (fcntl(fd, F_GETFD, 0) === -1) return false;
    found.push(fd);
    return true;
  });
  return found;
}

/**
 * Opens /proc/self/fd while a function runs. It is opened by a system call, for which no runtime wants a
 * permission.
 *
 * @param use receives the descriptor of the directory; `undefined` without /proc, or with no descriptor
 * left
 */
export function withOwnDirectory<Result>(use: (directory: number | undefined) => Result): Result {
  const directory = libcFiles().open(cString("/proc/self/fd", "path"), O_RDONLY | O_CLOEXEC, 0);
  if (directory === -1) return use(undefined);
  try {
    return use(directory);
  } finally {
    close(directory);
  }
}

/** How many numbers, from 0, are tried before the others are read from /proc/self/fd. */
let tried = 64;

/**
 * Visits each open descriptor of this process, lowest first, except the directory's. One that stays open
 * during the call is visited. One that another thread opens or closes meanwhile may be left out.
 *
 * To try a number takes less time than the kernel takes to list it, so the low numbers are tried and only
 * those above them are listed. How many are tried depends on where descriptors were found the last time.
 * It never changes what is found.
 *
 * @param directory a descriptor of /proc/self/fd; without it, each number below the limit is
 * tried, at 0.1 microseconds each
 * @param visit is called with a number that may be open, and returns whether it is
 * @throws {HandleError} when the directory cannot be read
 */
export function visitDescriptors(
  directory: number | undefined,
  visit: (fd: number) => boolean,
): void {
  if (directory === undefined) {
    for (const fd of tryEachNumber()) visit(fd);
    return;
  }
  let last = -1;
  let count = 0;
  let dense = 0;
  for (let fd = 0; fd < tried; fd++) {
    if (fd !== directory && !visit(fd)) continue;
    last = fd;
    if (fd < 2 * ++count + SPARE) dense = fd + 1;
  }
  for (const fd of numbersAfter(last, directory)) {
    if (fd !== directory && !visit(fd)) continue;
    if (fd < 2 * ++count + SPARE) dense = fd + 1;
  }
  tried = dense;
}

/** So many numbers are tried although few of them are open. */
const SPARE = 16;

/**
 * The numbers that are names in a directory of /proc, as the kernel has them: lowest first.
 *
 * @throws {HandleError} when it cannot be opened or read
 */
export function numbersIn(path: string): number[] {
  const directory = open(path, O_RDONLY | O_CLOEXEC);
  try {
    return readNumbers(directory);
  } finally {
    close(directory);
  }
}

/**
 * The numbers in /proc/self/fd above one that was just open. In the kernel the position of a number in the
 * directory is the number itself, after "." and "..". That is checked: reading begins with the open number.
 */
function numbersAfter(last: number, directory: number): number[] {
  if (last !== -1) {
    lseek(directory, last + 2, SEEK_SET);
    const [first, ...others] = readNumbers(directory);
    if (first === last) return others;
  }
  lseek(directory, 0, SEEK_SET);
  return readNumbers(directory).filter((fd) => fd > last);
}

function readNumbers(directory: number): number[] {
  const { address, bytes, data } = scratch();
  const { errno } = libc();
  const { syscall } = kernel("getdents64");
  const { getdents64 } = callNumbers();
  const found: number[] = [];
  for (;;) {
    const length = syscall(getdents64, directory, address, SCRATCH_SIZE, 0, 0);
    if (length === -1) {
      throw posixError(errno[0]!, "getdents64", directory, "a directory of /proc");
    }
    if (length === 0) return found;
    for (let at = 0; at < length; at += data.getUint16(at + RECORD_LENGTH, true)) {
      const fd = numberAt(bytes, at + NAME);
      if (fd !== undefined) found.push(fd);
    }
  }
}

/** The number in the name of a directory entry; `undefined` for any other name, such as "..". */
function numberAt(bytes: Uint8Array, at: number): number | undefined {
  let number = 0;
  for (; bytes[at] !== 0; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}

function tryEachNumber(): number[] {
  const limit = descriptorLimit();
  if (limit === undefined) throw posixError(libc().errno[0]!, "getrlimit", undefined);
  return openBelow(limit);
}
