/** Locks of files on Linux: fcntl(2) and flock(2). */
import { scratch } from "../backend/scratch.ts";
import { pid } from "../host.ts";
import { posixError } from "./errors.ts";
import { identityOf } from "./identity.ts";
import { callNumbers, kernel, libc } from "./libc.ts";
import { procText } from "./proc.ts";

/** sys/file.h, fcntl.h and asm-generic/errno-base.h. */
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const F_SETOWN_EX = 15;
const F_GETOWN_EX = 16;
const F_OFD_GETLK = 36;
const F_OWNER_TID = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;
const EAGAIN = 11;

/** The sizes of `struct flock` and of `struct f_owner_ex`, and where `l_pid` is, in 32-bit words. */
const FLOCK_WORDS = 8;
const FLOCK_PID = 6;
const OWNER_WORDS = 2;

/** Takes the lock of flock(2) for the open file; `false` while another open file has it. */
export function tryLock(fd: number): boolean {
  const { errno } = libc();
  const { syscall } = kernel("flock");
  if (syscall(callNumbers().flock, fd, LOCK_EX | LOCK_NB, 0, 0, 0) !== -1) return true;
  if (errno[0] === EAGAIN) return false;
  throw posixError(errno[0]!, "flock", fd);
}

/** Releases the lock of flock(2), for all duplicates of the descriptor and in all processes. */
export function unlock(fd: number): void {
  kernel("flock").syscall(callNumbers().flock, fd, LOCK_UN, 0, 0, 0);
}

/** Notes the calling thread as the owner of the open file. */
export function setOwnerThread(fd: number): void {
  const { syscall } = kernel("gettid");
  const { int32 } = scratch();
  int32[0] = F_OWNER_TID;
  int32[1] = syscall(callNumbers().gettid, 0, 0, 0, 0, 0);
  fcntl(fd, F_SETOWN_EX);
}

/** The thread that {@linkcode setOwnerThread} noted; newer kernels give 0 once it has ended. */
export function ownerThread(fd: number): number {
  const { int32 } = scratch();
  int32.fill(0, 0, OWNER_WORDS);
  fcntl(fd, F_GETOWN_EX);
  return int32[1]!;
}

/**
 * Whether this process has a record lock on the file: to close any descriptor of the file removes it. Where
 * /proc does not tell whose a lock is, that of another process counts too.
 */
export function hasRecordLock(fd: number): boolean {
  const { data, int32 } = scratch();
  int32.fill(0, 0, FLOCK_WORDS); // the whole file
  data.setInt16(0, F_WRLCK, true); // every lock is in the way of one for writing
  fcntl(fd, F_OFD_GETLK);
  if (data.getInt16(0, true) === F_UNLCK) return false;
  if (int32[FLOCK_PID] === pid()) return true; // the list may leave out a line while other locks go
  const inode = identityOf(fd)?.inode;
  const locks = procText("/proc/locks");
  if (locks === undefined || inode === undefined) return true;
  // The device is not compared: some file systems have another one there than stat(2) tells.
  const own = new RegExp(`: POSIX +\\S+ +\\S+ +${pid()} \\S+:${inode} `);
  return own.test(locks);
}

/** `fcntl` with a structure in the scratch memory; the function in libc.ts takes a number. */
function fcntl(fd: number, command: number): void {
  const { errno } = libc();
  const { syscall } = kernel("fcntl");
  const result = syscall(callNumbers().fcntl, fd, command, scratch().address, 0, 0);
  if (result === -1) throw posixError(errno[0]!, "fcntl", fd);
}
