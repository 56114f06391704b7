/** The limit of open descriptors. */
import { failure } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { raiseLimit } from "../../ffi/posix/raise_limit.ts";

/**
 * Raises the limit of open descriptors of this process as far as it can be raised without privileges:
 * the soft limit to the hard limit. Most runtimes do so when they start. When the limit is low after
 * that, the hard limit is low, and only the administrator or the parent process can raise it.
 *
 * Windows has no such limit: `ENOTSUP`.
 *
 * @returns how many descriptors this process may have from now on
 * @throws {HandleError} `ENOTSUP` on Windows; `EPERM` or `EINVAL` when the system refuses
 * @see https://man7.org/linux/man-pages/man2/getrlimit.2.html
 *
 * @example
 * ```ts
 * import { raiseDescriptorLimit } from "duphandle";
 *
 * try {
 *   console.log(raiseDescriptorLimit());
 * } catch (error) {
 *   console.log((error as Error).message); // on Windows
 * }
 * ```
 */
export function raiseDescriptorLimit(): number {
  if (!isWindows()) return raiseLimit();
  throw failure("ENOTSUP", "setrlimit", {
    message:
      "Cannot raise the limit of descriptors: Windows does not limit handles, and the limit of the " +
      "C runtime is fixed at 8192; use DescriptorPool",
  });
}
