/** Chooses the words in which the operating system reports a failed call. */
import type { HandleError } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { win32Error } from "../../ffi/win32/errors.ts";

/** The error for a call that the running system reported as failed, by the system's own number. */
export const platformError = (
  native: number,
  syscall: string,
  handle: number | undefined,
  what: string,
): HandleError => (isWindows() ? win32Error : posixError)(native, syscall, handle, what);
