/** Processes and their descriptors: pidfd_open(2), pidfd_getfd(2), kcmp(2), prctl(2). */
import { checkFd, checkInt, checkInteger, MAX_FD } from "../check.ts";
import { failure, type HandleError } from "../error.ts";
import { posixError } from "./errors.ts";
import { addressOptions, numberOptions } from "./prctl_options.ts";
import { callNumbers, kernel, libc } from "./libc.ts";

/** linux/kcmp.h: the last kind of object that is compared without an address. */
const KCMP_SYSVSEM = 6;

/**
 * `pidfd_open(pid, flags)` — makes a descriptor that refers to a process. It never refers to another
 * process that gets the same pid later. It is not inheritable. Linux 5.3; macOS: `ENOTSUP`.
 *
 * {@linkcode poll} reports the descriptor as readable once the process has ended.
 *
 * @param pid the process identifier
 * @param flags `O_NONBLOCK`, or 0
 * @returns the descriptor
 * @throws {HandleError} `ESRCH` when there is no such process, `EINVAL` when the pid is that of a
 * thread, `EMFILE`, `ENOSYS`
 * @throws {TypeError} when a number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/pidfd_open.2.html
 *
 * @example
 * ```ts
 * import { close, pidfd_open } from "duphandle/posix";
 *
 * const me = pidfd_open(process.pid, 0);
 * close(me);
 * ```
 */
export function pidfd_open(pid: number, flags: number): number {
  checkInteger(pid, "pid", 1, MAX_FD);
  checkInt(flags, "flags");
  const { syscall } = kernel("pidfd_open");
  const { errno } = libc();
  const fd = syscall(callNumbers().pidfd_open, pid, flags, 0, 0, 0);
  if (fd === -1) throw posixError(errno[0]!, "pidfd_open", undefined, `process ${pid}`);
  return fd;
}

/**
 * `pidfd_getfd(pidfd, targetfd, flags)` — duplicates a descriptor of another process into this one. The
 * duplicate is not inheritable. Linux 5.6; macOS: `ENOTSUP`.
 *
 * This process needs permission to debug the other one (ptrace).
 *
 * @param pidfd a descriptor of the process, from {@linkcode pidfd_open}
 * @param targetfd the descriptor in that process
 * @param flags 0
 * @returns the new descriptor in this process
 * @throws {HandleError} `EBADF` when one of the descriptors is not open, `EPERM` without permission,
 * `ESRCH` when the process has ended, `EMFILE`, `ENOSYS`
 * @throws {TypeError} when a number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html
 *
 * @example
 * ```ts
 * import { close, pidfd_getfd, pidfd_open } from "duphandle/posix";
 *
 * const me = pidfd_open(process.pid, 0);
 * const copy = pidfd_getfd(me, 1, 0); // here the process is this one
 * close(copy);
 * close(me);
 * ```
 */
export function pidfd_getfd(pidfd: number, targetfd: number, flags: number): number {
  checkFd(pidfd, "pidfd");
  checkFd(targetfd, "targetfd");
  checkInt(flags, "flags");
  const { syscall } = kernel("pidfd_getfd");
  const { errno } = libc();
  const fd = syscall(callNumbers().pidfd_getfd, pidfd, targetfd, flags, 0, 0);
  if (fd === -1) throw posixError(errno[0]!, "pidfd_getfd", targetfd);
  return fd;
}

/**
 * `kcmp(pid1, pid2, type, idx1, idx2)` — compares kernel objects of two processes. With `KCMP_FILE` it
 * compares the open files of two descriptors. Linux, if the kernel was built with it; macOS: `ENOTSUP`.
 *
 * @param pid1 the process of `idx1`
 * @param pid2 the process of `idx2`
 * @param type `KCMP_FILE`, or the constant of another kind of object. `KCMP_EPOLL_TFD` takes an address, so
 * it is refused
 * @param idx1 a descriptor of the first process
 * @param idx2 a descriptor of the second process
 * @returns 0 when the objects are the same; 1, 2 or 3 when they are not
 * @throws {HandleError} `EBADF`, `ESRCH`, `EPERM` as {@linkcode pidfd_getfd}; `ENOSYS`; `ENOTSUP` for a
 * `type` that is not known to take no address
 * @throws {TypeError} when a number is not an integer in its range
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html
 *
 * @example
 * ```ts
 * import { close, dup, kcmp, KCMP_FILE } from "duphandle/posix";
 *
 * const copy = dup(1);
 * console.log(kcmp(process.pid, process.pid, KCMP_FILE, 1, copy)); // 0
 * close(copy);
 * ```
 */
export function kcmp(
  pid1: number,
  pid2: number,
  type: number,
  idx1: number,
  idx2: number,
): number {
  checkInteger(pid1, "pid1", 1, MAX_FD);
  checkInteger(pid2, "pid2", 1, MAX_FD);
  checkInteger(type, "type", 0, MAX_FD);
  checkFd(idx1, "idx1");
  checkFd(idx2, "idx2");
  const { syscall } = kernel("kcmp");
  if (type > KCMP_SYSVSEM) throw takesAddress("kcmp", `type ${type}`, "use KCMP_FILE");
  const { errno } = libc();
  const order = syscall(callNumbers().kcmp, pid1, pid2, type, idx1, idx2);
  if (order === -1) throw posixError(errno[0]!, "kcmp", idx1, `fd ${idx1} and fd ${idx2}`);
  return order;
}

/**
 * `prctl(option, arg2, arg3, arg4, arg5)` — reads or changes an attribute of this process, such as which
 * process may take its descriptors (`PR_SET_PTRACER`). Linux; macOS: `ENOTSUP`.
 *
 * Only operations whose arguments are numbers are passed on. One that takes an address, such as
 * `PR_SET_NAME`, would read or write the memory of this process there, so it is `ENOTSUP`.
 *
 * @param option the operation
 * @param arg2 the first argument of the operation, default 0
 * @param arg3 the second argument, default 0
 * @param arg4 the third argument, default 0
 * @param arg5 the fourth argument, default 0
 * @returns the result of the operation, for most of them 0
 * @throws {HandleError} `EINVAL` when the kernel does not know the option or an argument, `EPERM`;
 * `ENOTSUP` for an option that takes an address, or that this library does not know
 * @throws {TypeError} when a number is not an integer within ±2^53
 * @see https://man7.org/linux/man-pages/man2/prctl.2.html
 *
 * @example
 * ```ts
 * import { prctl } from "duphandle/posix";
 *
 * const PR_GET_DUMPABLE = 3;
 * console.log(prctl(PR_GET_DUMPABLE)); // 1: processes of the same user may examine this one
 * ```
 */
export function prctl(
  option: number,
  arg2: number = 0,
  arg3: number = 0,
  arg4: number = 0,
  arg5: number = 0,
): number {
  checkInt(option, "option");
  const most = Number.MAX_SAFE_INTEGER;
  for (const value of [arg2, arg3, arg4, arg5]) checkInteger(value, "an argument", -most, most);
  const calls = kernel("prctl");
  if (!numberOptions.has(option)) {
    const name = addressOptions.get(option);
    throw takesAddress(
      "prctl",
      `option ${option}${name === undefined ? "" : ` (${name})`}`,
      "use an option of prctl(2) whose arguments are numbers, or /proc/self",
    );
  }
  const { errno } = libc();
  const result = calls.prctl(option, arg2, arg3, arg4, arg5);
  if (result === -1) throw posixError(errno[0]!, "prctl", undefined, `option ${option}`);
  return result;
}

/** The error for an operation that takes an address, or that may take one because it is not known. */
function takesAddress(syscall: string, what: string, advice: string): HandleError {
  return failure("ENOTSUP", syscall, {
    message:
      `Cannot ${syscall} ${what}: it takes an address or is not known here, and this library ` +
      `passes no addresses on; ${advice}`,
  });
}
