/** What the runtime's own `node:fs` or `Deno` throws, as the one error of this library. */
import { failureByCode, HandleError } from "../../ffi/error.ts";
import { platformError } from "./platform.ts";

/**
 * The error for what the runtime reported of a call, in the words of the system's.
 *
 * @param what the call's object in words: a path, or the descriptor
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
