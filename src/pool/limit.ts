/** The limit of descriptors. */
import { failure } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { raiseLimit } from "../../ffi/posix/raise_limit.ts";

/**
 * Raises the limit of descriptors of this process to the highest that it may have without
 * privileges: the soft limit to the hard one. Most runtimes do so when they start; a low limit that
 * stays is then a hard one, which only the administrator or the parent process can raise.
 *
 * On Windows there is no such limit: `ENOTSUP`.
 *
 * @returns how many descriptors this process may have now
 * @throws {HandleError} `ENOTSUP` on Windows; `EPERM`, `EINVAL` when the system refuses
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
      "Cannot raise the limit of descriptors: Windows has none for handles, and a fixed one of " +
      "8192 for those of the C runtime; use DescriptorPool",
  });
}
