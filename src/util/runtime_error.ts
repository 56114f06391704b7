/** Errors of the runtime's own `node:fs` or `Deno`, turned into a `HandleError`. */
import { failureByCode, HandleError } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { platformError } from "./platform.ts";

/**
 * The `HandleError` for an error that the runtime threw, with the message of a failed system call.
 *
 * @param what the object of the call as text: a path, or the descriptor
 */
export function runtimeError(
  cause: unknown,
  syscall: string,
  what: string,
  fd?: number,
): HandleError {
  const { message, ...fields } = platformError(nativeOf(cause), syscall, fd, what);
  return new HandleError(message, { ...fields, cause });
}

/** The number of the failure. The runtimes have names for some only; on POSIX `errno` has the number. */
function nativeOf(cause: unknown): number {
  const { code, errno } = cause as { code?: unknown; errno?: unknown };
  if (!isWindows() && typeof errno === "number" && errno < 0) return -errno;
  return failureByCode(typeof code === "string" ? code : "EIO").native;
}
