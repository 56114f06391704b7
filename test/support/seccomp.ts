/** Refuses system calls to the thread that runs, as the filter of a container does: seccomp(2). */
import { scratch } from "../../ffi/backend/scratch.ts";
import { callNumbers, kernel } from "../../ffi/posix/libc.ts";

/** linux/prctl.h, linux/seccomp.h. */
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;
const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
const EINVAL = 0x0005_0016;
const ENOSPC = 0x0005_001c;

/** linux/bpf_common.h. */
const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

/** Offsets in `struct seccomp_data`. */
const NUMBER = 0;
const SECOND_ARGUMENT = 24;
const THIRD_ARGUMENT = 32;

const F_DUPFD_QUERY = 1027;
const EPOLL_CTL_ADD = 1;

/** The number of no system call. */
const NONE = 0xffff_ffff;

/** asm/unistd.h and sys/socket.h. */
const AF_NETLINK = 16;
const FIRST_ARGUMENT = 16;

/** An instruction: operation, jumps if true and if false, value. */
type Instruction = readonly [number, number, number, number];

/**
 * Refuses the command of fcntl(2) that compares open files, as kernels before 6.10 do, and kcmp(2).
 *
 * @param allowsKcmp whether kcmp(2) is not refused
 */
export function refuseComparing(allowsKcmp: boolean = false): void {
  const fcntl = process.arch === "x64" ? 72 : 25;
  install([
    [LOAD, 0, 0, NUMBER],
    [JUMP_IF_EQUAL, 4, 0, allowsKcmp ? NONE : callNumbers().kcmp],
    [JUMP_IF_EQUAL, 0, 2, fcntl],
    [LOAD, 0, 0, SECOND_ARGUMENT],
    [JUMP_IF_EQUAL, 2, 0, F_DUPFD_QUERY],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, EINVAL],
  ]);
}

/** Refuses sockets of netlink(7), by which the kernel says which sockets there are. */
export function refuseNetlink(): void {
  const socket = process.arch === "x64" ? 41 : 198;
  install([
    [LOAD, 0, 0, NUMBER],
    [JUMP_IF_EQUAL, 0, 2, socket],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [JUMP_IF_EQUAL, 1, 0, AF_NETLINK],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, EPERM],
  ]);
}

/** Refuses to have an event loop watch a descriptor, as at the limit of the user's watches. */
export function refuseWatching(fd: number): void {
  install([
    [LOAD, 0, 0, NUMBER],
    [JUMP_IF_EQUAL, 0, 4, process.arch === "x64" ? 233 : 21],
    [LOAD, 0, 0, SECOND_ARGUMENT],
    [JUMP_IF_EQUAL, 0, 2, EPOLL_CTL_ADD],
    [LOAD, 0, 0, THIRD_ARGUMENT],
    [JUMP_IF_EQUAL, 1, 0, fd],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, ENOSPC],
  ]);
}

/** Installs a filter for the thread that runs, and the threads that it starts. */
function install(program: readonly Instruction[]): void {
  const { address, data } = scratch();
  const code = address + 16;
  data.setUint16(0, program.length, true);
  data.setBigUint64(8, BigInt(code), true);
  for (const [at, [operation, ifTrue, ifFalse, value]] of program.entries()) {
    const offset = 16 + at * 8;
    data.setUint16(offset, operation, true);
    data.setUint8(offset + 2, ifTrue);
    data.setUint8(offset + 3, ifFalse);
    data.setUint32(offset + 4, value, true);
  }
  // By the bound function: that of duphandle/posix takes no address.
  const { prctl } = kernel("prctl");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === -1) throw new Error("PR_SET_NO_NEW_PRIVS failed");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, address, 0, 0) === -1) {
    throw new Error("PR_SET_SECCOMP failed");
  }
}
