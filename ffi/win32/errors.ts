/** Makes the error for a Windows call that failed, with advice for that failure. */
import {
  ERROR_INVALID_HANDLE,
  failureByCode,
  failureByWin32,
  type HandleError,
  systemError,
} from "../error.ts";
import { scratch } from "../backend/scratch.ts";
import { HANDLE_FLAG_PROTECT_FROM_CLOSE } from "./constants.ts";
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

/**
 * Makes the error for a call that did not close a handle. The number does not tell a handle that is
 * protected from closing from one that is not open, so this function looks at the handle.
 */
export function closeError(error: number, syscall: string, handle: number): HandleError {
  return isProtected(handle)
    ? closeRefused(handle, syscall, { error })
    : win32Error(error, syscall, handle);
}

/** Whether a handle of this process is open and protected from closing. */
export function isProtected(handle: number): boolean {
  const { address, data } = scratch();
  if (kernel32().GetHandleInformation(handle, address) === 0) return false;
  return (data.getUint32(0, true) & HANDLE_FLAG_PROTECT_FROM_CLOSE) !== 0;
}

/**
 * Makes the error for a handle that is protected from closing. It is open, and stays so.
 *
 * @param syscall the call that refused to close it, or that was to be made
 * @param details the number of the failure; the process that has the handle, in words, when it is not
 * this one
 */
export function closeRefused(
  handle: number,
  syscall: string,
  { error = ERROR_INVALID_HANDLE, process }: { error?: number; process?: string } = {},
): HandleError {
  const { code, status } = failureByCode("EPERM");
  return systemError(
    { code, status, native: error, state: "it is protected from closing" },
    syscall,
    `handle ${showHandle(handle)}${process === undefined ? "" : ` of ${process}`}`,
    "it stays open: " +
      (process === undefined ? "call" : "that process must call") +
      " SetHandleInformation(handle, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0) of duphandle/win32 first, then " +
      "close it again",
    handle,
  );
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
  ERROR_FILE_NOT_FOUND: () => "check the path or the name",
  ERROR_PATH_NOT_FOUND: () => "check the path",
  ERROR_SHARING_VIOLATION: () =>
    "findHandles({ path }) tells which process has it open: close it there, or share it here as it does",
  ERROR_LOCK_VIOLATION: () => "findHandles({ path }) tells who has it open: wait for that one",
  ERROR_NOT_LOCKED: () => "unlock exactly what was locked",
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
