/** Threads: processthreadsapi.h. */
import { checkBoolean, checkInteger } from "../check.ts";
import { checkAccessMask, checkHandle } from "./check.ts";
import { notOpened, win32Error } from "./errors.ts";
import { kernel32, kernel32Processes } from "./libraries.ts";

/**
 * `GetCurrentThread()` — the pseudo-handle of this thread, −2.
 *
 * @returns −2
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getcurrentthread
 *
 * @example
 * ```ts
 * import { GetCurrentThread, GetThreadId } from "duphandle/win32";
 *
 * console.log(GetThreadId(GetCurrentThread()));
 * ```
 */
export function GetCurrentThread(): number {
  return kernel32().GetCurrentThread();
}

/**
 * `GetCurrentThreadId()` — the identifier of this thread.
 *
 * @returns the thread identifier
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getcurrentthreadid
 *
 * @example
 * ```ts
 * import { GetCurrentThread, GetCurrentThreadId, GetThreadId } from "duphandle/win32";
 *
 * console.log(GetCurrentThreadId() === GetThreadId(GetCurrentThread())); // true
 * ```
 */
export function GetCurrentThreadId(): number {
  return kernel32Processes().GetCurrentThreadId();
}

/**
 * `OpenThread(dwDesiredAccess, bInheritHandle, dwThreadId)` — opens a thread by its identifier.
 *
 * @param dwDesiredAccess the rights: `THREAD_QUERY_LIMITED_INFORMATION`, `SYNCHRONIZE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param dwThreadId the identifier of the thread
 * @returns a new handle of the thread
 * @throws {HandleError} `ESRCH` (`ERROR_INVALID_PARAMETER`) when there is no such thread;
 * `ERROR_ACCESS_DENIED` when this process may not open it with these rights
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openthread
 *
 * @example
 * ```ts
 * import { CloseHandle, GetCurrentThreadId, OpenThread, SYNCHRONIZE } from "duphandle/win32";
 *
 * CloseHandle(OpenThread(SYNCHRONIZE, false, GetCurrentThreadId()));
 * ```
 */
export function OpenThread(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  dwThreadId: number,
): number {
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  checkBoolean(bInheritHandle, "bInheritHandle");
  checkInteger(dwThreadId, "dwThreadId", 0, 0xffff_ffff);
  const { OpenThread } = kernel32Processes();
  const { GetLastError } = kernel32();
  const handle = OpenThread(dwDesiredAccess >>> 0, bInheritHandle ? 1 : 0, dwThreadId);
  if (handle === 0) throw notOpened(GetLastError(), "OpenThread", `thread ${dwThreadId}`);
  return handle;
}

/**
 * `GetThreadId(Thread)` — the identifier of the thread that a handle refers to.
 *
 * @param Thread a handle of the thread
 * @returns the thread identifier
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getthreadid
 *
 * @example
 * ```ts
 * import { GetCurrentThread, GetThreadId } from "duphandle/win32";
 *
 * console.log(GetThreadId(GetCurrentThread()));
 * ```
 */
export function GetThreadId(Thread: number): number {
  checkHandle(Thread, "Thread");
  const id = kernel32Processes().GetThreadId(Thread);
  if (id === 0) throw win32Error(kernel32().GetLastError(), "GetThreadId", Thread);
  return id;
}
