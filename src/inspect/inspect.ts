/** Looking at handles: what one refers to, whether two refer to the same, and what a process has. */
import { checkInteger, MAX_FD } from "../../ffi/check.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import type { HandleInfo } from "./types.ts";
import { type HandleSource, rawOf } from "../handle/source.ts";
import { inspector } from "./platform.ts";

/**
 * What the system knows of a handle: what it refers to, what may be done with it, whether children
 * inherit it, its path and its position. Nothing changes by the question.
 *
 * On Windows the system answers for an end of a pipe that was not opened as overlapped only after the
 * read or write that another thread is just waiting for. The reader that `CreatePipe` made is told
 * without asking it then. On macOS there is no path, no `references`, and in Deno no kind.
 *
 * @param source a descriptor, an object that has one, or a handle
 * @returns what it is at this moment
 * @throws {HandleError} `EBADF` when it is not open
 * @throws {TypeError} when it is not a source
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
 * @see https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntqueryobject
 *
 * @example
 * ```ts
 * import { inspectHandle } from "duphandle";
 *
 * const { kind, access, inheritable } = inspectHandle(1);
 * console.log(kind, access, inheritable); // such as: terminal read-write true
 * ```
 */
export function inspectHandle(source: HandleSource): HandleInfo {
  return inspector().inspect(rawOf(source));
}

/**
 * Whether two handles of this process refer to the same object, so that one is a duplicate of the
 * other, however it came about. Two openings of one path are two objects.
 *
 * It is asked of the kernel: kcmp(2) and `CompareObjectHandles`. Where Linux does not allow kcmp
 * (in some containers), and on macOS, which has none, the answer is what can be proven without it:
 * `false` for different files and for different access, and an error for the rest.
 *
 * @param a a descriptor, an object that has one, or a handle
 * @param b another one
 * @returns `false` also for two openings of one file
 * @throws {HandleError} `EBADF` when one is not open, `ENOTSUP` when the system does not tell
 * @throws {TypeError} when one is not a source
 * @see https://man7.org/linux/man-pages/man2/kcmp.2.html
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-compareobjecthandles
 *
 * @example
 * ```ts
 * import { duplicate, isSameObject } from "duphandle";
 *
 * using copy = duplicate(1);
 * console.log(isSameObject(1, copy)); // true
 * ```
 */
export function isSameObject(a: HandleSource, b: HandleSource): boolean {
  const first = rawOf(a);
  return inspector().isSame(first, rawOf(b));
}

/**
 * What the system knows of every handle of a process, lowest number first. What is opened or closed
 * meanwhile is in the list or not; what stays open is in it, and the list opens nothing that stays.
 *
 * Another process: Linux wants the permission to read what belongs to that process, which its own
 * user has; Windows wants to duplicate its handles, each for a moment. A handle that Windows does
 * not let this process duplicate is there with what the system's own list says of it. A file of
 * Windows on which an operation waits is not asked for more than its rights: it is `"other"`.
 *
 * On Linux another process is looked at through one free descriptor; this process needs none.
 *
 * @param pid the process, default this one
 * @returns one entry for each handle
 * @throws {HandleError} `ESRCH` when there is no such process, `EACCES` when it may not be
 * examined, `EPERM` when /proc hides it (`hidepid`), `EMFILE`, `ENFILE` when there is no free
 * descriptor for another process, `ENOTSUP` on macOS
 * @throws {TypeError} when `pid` is not an integer from 1 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
 * @see https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
 *
 * @example
 * ```ts
 * import { listHandles } from "duphandle";
 *
 * for (const { raw, kind, access, path } of listHandles()) {
 *   console.log(raw, kind, access, path ?? "");
 * }
 * ```
 */
export function listHandles(pid: number = ownPid()): HandleInfo[] {
  checkInteger(pid, "pid", 1, MAX_FD);
  return inspector().list(pid);
}
