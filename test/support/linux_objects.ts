/** Kinds of object that only Linux has, made by its own calls. */
import type { Calls } from "../../ffi/backend/types.ts";
import { loadLibrary } from "../../ffi/backend/mod.ts";
import { cString, scratch } from "../../ffi/backend/scratch.ts";
import { libraries } from "../../ffi/posix/symbols/linux.ts";
import { OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";

const table = {
  // int eventfd(unsigned int initval, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // int timerfd_create(int clockid, int flags);
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  // int timerfd_settime(int fd, int flags, const struct itimerspec *new_value,
  //   struct itimerspec *old_value);
  timerfd_settime: { parameters: ["i32", "i32", "address", "address"], result: "i32" },
  // int memfd_create(const char *name, unsigned int flags);
  memfd_create: { parameters: ["address", "u32"], result: "i32" },
  // int epoll_create1(int flags);
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
  epoll_ctl: { parameters: ["i32", "i32", "i32", "address"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);
  epoll_wait: { parameters: ["i32", "address", "i32", "i32"], result: "i32" },
  // int flock(int fd, int operation);
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // int ioctl(int fd, unsigned long request, ...);
  ioctl: { parameters: ["i32", "address", "address"], result: "i32" },
} as const;

const CLOEXEC = 0o2000000;
const CLOCK_MONOTONIC = 1;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const LOCK_EX_NB = 2 | 4;
const TIOCSPTLCK = 0x4004_5431;
const TIOCGPTN = 0x8004_5430;

let loaded: Calls<typeof table> | undefined;

function calls(): Calls<typeof table> {
  return loaded ??= loadLibrary(libraries, table);
}

/** The result of a call that must not fail. */
export function made(result: number, call: string): number {
  if (result === -1) throw new Error(`${call} failed`);
  return result;
}

/** Whether there is something to read, or comes within so many milliseconds. */
export function isReady(fd: number, patience: number = 0): boolean {
  return posix.poll([{ fd, events: posix.POLLIN }], patience) === 1;
}

/** A counter. */
export function eventfd(): OwnedHandle {
  return OwnedHandle.fromRaw(made(calls().eventfd(0, CLOEXEC), "eventfd"));
}

/** A file without a name, in memory. */
export function memfd(): OwnedHandle {
  return OwnedHandle.fromRaw(
    made(calls().memfd_create(cString("test", "a name"), 1), "memfd_create"),
  );
}

/** A timer that is not set. */
export function timerfd(): OwnedHandle {
  return OwnedHandle.fromRaw(made(calls().timerfd_create(CLOCK_MONOTONIC, CLOEXEC), "timerfd"));
}

/** Has a timer go off after so many milliseconds; 0 stops it. */
export function setTimer(fd: number, milliseconds: number): void {
  const { address, data } = scratch();
  for (const at of [0, 8]) data.setBigInt64(at, 0n, true);
  data.setBigInt64(16, BigInt(Math.trunc(milliseconds / 1000)), true);
  data.setBigInt64(24, BigInt(milliseconds % 1000) * 1_000_000n, true);
  made(calls().timerfd_settime(fd, 0, address, 0), "timerfd_settime");
}

/** A set of descriptors to wait for. */
export function epoll(): OwnedHandle {
  return OwnedHandle.fromRaw(made(calls().epoll_create1(CLOEXEC), "epoll_create1"));
}

/** Adds a descriptor to the set. */
export function epollAdd(set: number, fd: number): void {
  const { address, data } = scratch();
  data.setUint32(0, EPOLLIN, true);
  data.setBigInt64(4, BigInt(fd), true); // packed on x86-64; elsewhere nobody reads it
  made(calls().epoll_ctl(set, EPOLL_CTL_ADD, fd, address), "epoll_ctl");
}

/** How many descriptors of the set are ready now. */
export function epollReady(set: number): number {
  return made(calls().epoll_wait(set, scratch().address, 16, 0), "epoll_wait");
}

/** Tries to lock a file; whether it could. */
export function tryLock(fd: number): boolean {
  return calls().flock(fd, LOCK_EX_NB) === 0;
}

/** Lets the other end of a terminal be opened, and gives its path. */
export function otherEnd(terminal: number): string {
  const { address, int32 } = scratch();
  int32[0] = 0;
  made(calls().ioctl(terminal, TIOCSPTLCK, address), "TIOCSPTLCK");
  made(calls().ioctl(terminal, TIOCGPTN, address), "TIOCGPTN");
  return `/dev/pts/${int32[0]}`;
}
