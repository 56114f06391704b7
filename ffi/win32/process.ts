/** What stands for this process and this thread: processthreadsapi.h and processenv.h. */
import { checkInteger } from "../check.ts";
import { scratch } from "../scratch.ts";
import { checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, kernel32Files } from "./libraries.ts";

/**
 * `GetCurrentProcess()` — the pseudo-handle of this process, −1.
 *
 * It means the process that uses it, whichever that is; duplicated, it becomes a real handle.
 *
 * @returns −1
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getcurrentprocess
 *
 * @example
 * ```ts
 * import { GetCurrentProcess, GetProcessHandleCount } from "duphandle/win32";
 *
 * console.log(GetProcessHandleCount(GetCurrentProcess()));
 * ```
 */
export function GetCurrentProcess(): number {
  return kernel32().GetCurrentProcess();
}

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
 * `GetStdHandle(nStdHandle)` — a standard handle of this process.
 *
 * @param nStdHandle `STD_INPUT_HANDLE`, `STD_OUTPUT_HANDLE` or `STD_ERROR_HANDLE`
 * @returns the handle, or 0 when the process has none
 * @throws {HandleError} `ERROR_INVALID_HANDLE` for another number
 * @throws {TypeError} when the number is not a `DWORD`
 * @see https://learn.microsoft.com/windows/console/getstdhandle
 *
 * @example
 * ```ts
 * import { GetFileType, GetStdHandle, STD_OUTPUT_HANDLE } from "duphandle/win32";
 *
 * console.log(GetFileType(GetStdHandle(STD_OUTPUT_HANDLE)));
 * ```
 */
export function GetStdHandle(nStdHandle: number): number {
  checkInteger(nStdHandle, "nStdHandle", 0, 0xffff_ffff);
  const k = kernel32();
  const handle = k.GetStdHandle(nStdHandle);
  if (handle === -1) throw win32Error(k.GetLastError(), "GetStdHandle", undefined);
  return handle;
}

/**
 * `GetProcessHandleCount(hProcess, pdwHandleCount)` — how many handles a process has open.
 *
 * @param hProcess a handle of the process
 * @returns the number of open handles
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getprocesshandlecount
 *
 * @example
 * ```ts
 * import { GetCurrentProcess, GetProcessHandleCount } from "duphandle/win32";
 *
 * console.log(GetProcessHandleCount(GetCurrentProcess()));
 * ```
 */
export function GetProcessHandleCount(hProcess: number): number {
  checkHandle(hProcess, "hProcess");
  const { address, data } = scratch();
  const k = kernel32();
  if (k.GetProcessHandleCount(hProcess, address) === 0) {
    throw win32Error(k.GetLastError(), "GetProcessHandleCount", hProcess);
  }
  return data.getUint32(0, true);
}

/**
 * `GetProcessId(Process)` — the identifier of the process that a handle refers to.
 *
 * @param Process a handle of the process
 * @returns the process identifier
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getprocessid
 *
 * @example
 * ```ts
 * import { GetCurrentProcess, GetProcessId } from "duphandle/win32";
 *
 * console.log(GetProcessId(GetCurrentProcess()));
 * ```
 */
export function GetProcessId(Process: number): number {
  checkHandle(Process, "Process");
  const id = kernel32Files().GetProcessId(Process);
  if (id === 0) throw win32Error(kernel32().GetLastError(), "GetProcessId", Process);
  return id;
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
  const id = kernel32Files().GetThreadId(Thread);
  if (id === 0) throw win32Error(kernel32().GetLastError(), "GetThreadId", Thread);
  return id;
}
