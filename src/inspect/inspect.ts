/**
 * Inspecting handles: what one refers to, whether two refer to one object, which ones a process has.
 */
import { checkInteger, MAX_FD } from "../../ffi/check.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import type { HandleInfo } from "./types.ts";
import { type HandleSource, rawOf, rawsOf } from "../handle/source.ts";
import { inspectPlatform } from "./platform.ts";

/**
 * Describes a handle: what it refers to, which access it has, whether child processes inherit it, its
 * path and its position, and of a socket its addresses. It changes nothing.
 *
 * Windows: while another thread waits in a read or write on a pipe that was not opened as overlapped,
 * this call waits for the end of that read or write. The reading end that `CreatePipe` makes is
 * recognized by its rights, without waiting. macOS: there is no path and no `references`, and in Deno
 * no kind.
 *
 * @param source a descriptor, an object that has one, or a handle
 * @returns the state at this moment
 * @throws {HandleError} `EBADF` when the source is not open
 * @throws {TypeError} when `source` is not a source
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
  return inspectPlatform().inspect(rawOf(source));
}

/**
 * Whether two handles of this process refer to the same object, as a duplicate and its source do. Two
 * openings of one path are two objects.
 *
 * The kernel compares them: with fcntl(2) since Linux 6.10, with kcmp(2) before, with
 * `CompareObjectHandles` on Windows. Some containers forbid kcmp, and macOS has neither. There the result
 * is `false` for different files and for different access, and every other pair is `ENOTSUP`.
 *
 * @param a a descriptor, an object that has one, or a handle
 * @param b another one
 * @returns whether the two refer to one object
 * @throws {HandleError} `EBADF` when one of them is not open; `ENOTSUP` when the system cannot compare
 * them; `EINTR`, `ENOMEM` and other errors of kcmp(2)
 * @throws {TypeError} when one of them is not a source
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
  const [first, second] = rawsOf([a, b]);
  return inspectPlatform().isSame(first!, second!);
}

/**
 * Describes every handle of a process, lowest number first. A handle that stays open during the call is
 * in the list. One that is opened or closed meanwhile may be missing.
 *
 * - Linux: to list another process, this process needs permission to read its /proc directory, which
 *   processes of the same user normally have, and one free descriptor.
 * - Windows: to list another process, each of its handles is duplicated for a moment. A handle that
 *   cannot be duplicated is described by what the system's own list has. A file on which an operation
 *   is under way is described by its rights only, as `"other"`.
 *
 * @param pid the process identifier, default this process
 * @returns one entry for each handle
 * @throws {HandleError} `ESRCH` when there is no such process; `EACCES` when this process may not
 * examine it; `EPERM` when /proc hides it (`hidepid`); `EMFILE` or `ENFILE` when no descriptor is free;
 * `ENOTSUP` on macOS
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
  return inspectPlatform().list(pid);
}
