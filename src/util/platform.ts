/** Errors of the running system and runtime: making them, and going on without what failed. */
import { failureByCode, HandleError } from "../../ffi/error.ts";
import { isForbidden, isWindows } from "../../ffi/host.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { win32Error } from "../../ffi/win32/errors.ts";

/** The error for a failed call, made from the error number of the running system. */
export const platformError = (
  native: number,
  syscall: string,
  handle: number | undefined,
  what: string,
): HandleError => (isWindows() ? win32Error : posixError)(native, syscall, handle, what);

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
  const code = isForbidden(cause) ? "EACCES" : "EIO";
  const { message, ...fields } = platformError(native ?? numberOf(code), syscall, fd, what);
  if (native !== undefined) return new HandleError(message, { ...fields, cause });
  // Not an error of the system: what it says is all that is known.
  const { message: text = cause } = (cause ?? {}) as { message?: unknown };
  return new HandleError(`Cannot ${syscall} ${what}: ${String(text)}`, { ...fields, cause });
}

const numberOf = (code: string) => failureByCode(code).native;

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
  const known = typeof code === "string" ? numberOf(code) : 0;
  return known === 0 ? undefined : known;
}

/** The result of the call; `undefined` when it throws a {@linkcode HandleError}. */
export function tryOrUndefined<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof HandleError) return undefined;
    throw error;
  }
}

/** Whether this is the runtime, in a version before the wanted one; `false` in the other runtimes. */
export function isBefore(runtime: "Bun" | "Deno", wanted: readonly number[]): boolean {
  const { Bun, Deno } = globalThis as {
    Bun?: { readonly version: string };
    Deno?: { readonly version: { readonly deno: string } };
  };
  const version = runtime === "Bun" ? Bun?.version : Deno?.version.deno;
  if (version === undefined) return false;
  const numbers = version.split(".").map((part) => parseInt(part, 10));
  const differing = wanted.findIndex((number, at) => numbers[at] !== number);
  return differing !== -1 && (numbers[differing] ?? 0) < wanted[differing]!;
}
