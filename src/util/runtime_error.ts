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
  const native = nativeOf(cause);
  const { message, ...fields } = platformError(native ?? EIO(), syscall, fd, what);
  if (native !== undefined) return new HandleError(message, { ...fields, cause });
  // Not an error of the system: what it says is all that is known.
  const { message: text = cause } = (cause ?? {}) as { message?: unknown };
  return new HandleError(`Cannot ${syscall} ${what}: ${String(text)}`, { ...fields, cause });
}

const EIO = () => failureByCode("EIO").native;

/**
 * The number of the failure; `undefined` when it is none of the system. The runtimes have names for some
 * only; on POSIX `errno` has the number.
 */
function nativeOf(cause: unknown): number | undefined {
  const { code, errno, message } = (cause ?? {}) as {
    code?: unknown;
    errno?: unknown;
    message?: unknown;
  };
  if (!isWindows() && typeof errno === "number" && errno < 0) return -errno;
  // Deno has a code for some errors only.
  const [, number] = /\(os error (\d+)\)/.exec(String(message)) ?? [];
  if (!isWindows() && number !== undefined) return Number(number);
  // A name such as ERR_INVALID_FD_TYPE has no number.
  const known = typeof code === "string" ? failureByCode(code).native : 0;
  return known === 0 ? undefined : known;
}
