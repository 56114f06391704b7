/** The permission for other processes to take handles of this one. */
import { checkInteger, MAX_FD } from "../../ffi/check.ts";
import { processes } from "./platform.ts";

/**
 * Permits another process to take handles of this one, on Linux under Yama. Each call replaces the
 * one before.
 *
 * Without Yama, and on Windows, any process of the same user has the permission: there the call
 * does nothing.
 *
 * @param pid the process that gets the permission, with its descendants; `"any"` for every process
 * of this user
 * @throws {HandleError} `ESRCH` when there is no such process; `ENOTSUP` on macOS
 * @throws {TypeError} when `pid` is not an integer from 1 to 2^31 − 1 and not `"any"`
 * @see https://man7.org/linux/man-pages/man2/PR_SET_PTRACER.2const.html
 *
 * @example
 * ```ts
 * import { allowTake } from "duphandle";
 *
 * allowTake(process.ppid);
 * ```
 */
export function allowTake(pid: number | "any"): void {
  if (pid !== "any") checkInteger(pid, "pid", 1, MAX_FD);
  processes().allowTake(pid === "any" ? -1 : pid);
}
