/** Makes the error for a Windows call that failed, with advice for that failure. */
import { failureByCode, failureByWin32, type HandleError, systemError } from "../error.ts";
import { scratch } from "../backend/scratch.ts";
import { kernel32 } from "./libraries.ts";

const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_PARAMETER = 87;

/**
 * Makes the error for a call that failed. The caller must call `GetLastError` immediately after the
 * call, because any later code may change it.
 *
 * @param subject the object of the call in words, when it is not the handle
 */
export function win32Error(
  error: number,
  syscall: string,
  handle: number | undefined,
  subject?: string,
): HandleError {
  const failed = failureByWin32(error);
  return systemError(
    failed,
    syscall,
    subject ?? (handle === undefined ? "(no handle)" : `handle ${showHandle(handle)}`),
    adviceByStatus[failed.status]?.() ?? `see ${syscall} in the Win32 reference`,
    handle,
  );
}

/**
 * Makes the error for a process or a thread that cannot be opened. An invalid parameter means that
 * its identifier is wrong.
 */
export function notOpened(error: number, syscall: string, subject: string): HandleError {
  if (error === ERROR_ACCESS_DENIED) {
    const advice = "it is another user's, or protected: run as that user, or elevated";
    return systemError(failureByWin32(error), syscall, subject, advice);
  }
  if (error !== ERROR_INVALID_PARAMETER) return win32Error(error, syscall, undefined, subject);
  const advice = "it has ended or never existed: check the number";
  return systemError(failureByCode("ESRCH"), syscall, subject, advice);
}

/** Formats a handle as Windows tools do. */
export function showHandle(handle: number): string {
  return handle < 0 ? String(handle) : `0x${handle.toString(16)}`;
}

const adviceByStatus: Readonly<Record<string, () => string>> = {
  ERROR_INVALID_HANDLE: () =>
    "it is closed or was never open: check how it was opened, and that only its owner closes it",
  ERROR_ACCESS_DENIED: () =>
    "the source or the process lacks the right: open the source with that access",
  ERROR_TOO_MANY_OPEN_FILES: () => `${tooMany()}, or use DescriptorPool`,
  ERROR_NO_SYSTEM_RESOURCES: tooMany,
  ERROR_IO_DEVICE: () => "check the device",
  ERROR_DISK_FULL: () => "free space and call again",
  ERROR_DISK_QUOTA_EXCEEDED: () => "free space or raise the quota, and call again",
  ERROR_INVALID_PARAMETER: () => "a flag is unknown or a handle is missing",
};

function tooMany(): string {
  const { address, data } = scratch();
  const k = kernel32();
  const counted = k.GetProcessHandleCount(k.GetCurrentProcess(), address) !== 0;
  const count = counted ? data.getUint32(0, true) : "an unknown number of";
  return `${count} of at most 16,777,216 handles are open: close what is not needed`;
}
