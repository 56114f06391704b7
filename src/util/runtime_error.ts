/** Errors of the runtime's own `node:fs` or `Deno`, turned into a `HandleError`. */
import { failureByCode, HandleError } from "../../ffi/error.ts";
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
  const { code } = cause as { code?: unknown };
  const { native } = failureByCode(typeof code === "string" ? code : "EIO");
  const { message, ...fields } = platformError(native, syscall, fd, what);
  return new HandleError(message, { ...fields, cause });
}
