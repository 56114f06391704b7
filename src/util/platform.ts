/** Chooses how the error of a failed system call is made. */
import type { HandleError } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { win32Error } from "../../ffi/win32/errors.ts";

/** The error for a failed call, made from the error number of the running system. */
export const platformError = (
  native: number,
  syscall: string,
  handle: number | undefined,
  what: string,
): HandleError => (isWindows() ? win32Error : posixError)(native, syscall, handle, what);
