/** Processes: processthreadsapi.h and processenv.h. */
import { checkBoolean, checkInteger } from "../check.ts";
import { scratch } from "../backend/scratch.ts";
import { checkAccessMask, checkHandle, isPseudoHandle } from "./check.ts";
import { notOpened, win32Error } from "./errors.ts";
import { kernel32, kernel32Processes, kernel32Runtime } from "./libraries.ts";

/**
 * `GetCurrentProcess()` — the pseudo-handle of this process, −1.
 *
 * It refers to the process that uses it. A duplicate of it is a real handle.
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
 * `SetStdHandle(nStdHandle, hHandle)` — replaces a standard handle of this process, for code that
 * calls `GetStdHandle` from now on. What called it before keeps the handle that it got.
 *
 * That is little of what prints: `console.log` of Node and Bun does not follow, nor do the children
 * of any runtime. `redirect` moves all of it, or throws.
 *
 * @param nStdHandle `STD_INPUT_HANDLE`, `STD_OUTPUT_HANDLE` or `STD_ERROR_HANDLE`
 * @param hHandle the handle, which stays the caller's; the one before it is not closed. 0 for none
 * @throws {HandleError} `ERROR_INVALID_HANDLE` for another number
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/console/setstdhandle
 *
 * @example
 * ```ts
 * import { GetStdHandle, SetStdHandle, STD_ERROR_HANDLE } from "duphandle/win32";
 * import { STD_OUTPUT_HANDLE } from "duphandle/win32";
 *
 * const before = GetStdHandle(STD_ERROR_HANDLE);
 * SetStdHandle(STD_ERROR_HANDLE, GetStdHandle(STD_OUTPUT_HANDLE));
 * SetStdHandle(STD_ERROR_HANDLE, before);
 * ```
 */
export function SetStdHandle(nStdHandle: number, hHandle: number): void {
  checkInteger(nStdHandle, "nStdHandle", 0, 0xffff_ffff);
  if (hHandle !== 0) checkHandle(hHandle, "hHandle", "pass 0 for none");
  if (isPseudoHandle(hHandle)) {
    throw new TypeError(`Cannot use ${hHandle} as hHandle: it is a pseudo-handle; pass 0 for none`);
  }
  if (kernel32Runtime().SetStdHandle(nStdHandle, hHandle) === 0) {
    throw win32Error(kernel32().GetLastError(), "SetStdHandle", hHandle);
  }
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
  const id = kernel32Processes().GetProcessId(Process);
  if (id === 0) throw win32Error(kernel32().GetLastError(), "GetProcessId", Process);
  return id;
}

/**
 * `GetCurrentProcessId()` — the identifier of this process.
 *
 * @returns the process identifier
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getcurrentprocessid
 *
 * @example
 * ```ts
 * import { GetCurrentProcess, GetCurrentProcessId, GetProcessId } from "duphandle/win32";
 *
 * console.log(GetCurrentProcessId() === GetProcessId(GetCurrentProcess())); // true
 * ```
 */
export function GetCurrentProcessId(): number {
  return kernel32Processes().GetCurrentProcessId();
}

/**
 * `OpenProcess(dwDesiredAccess, bInheritHandle, dwProcessId)` — opens a process by its identifier.
 *
 * @param dwDesiredAccess the rights: `PROCESS_DUP_HANDLE`, `SYNCHRONIZE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param dwProcessId the identifier of the process
 * @returns a new handle of the process
 * @throws {HandleError} `ESRCH` (`ERROR_INVALID_PARAMETER`) when there is no such process;
 * `ERROR_ACCESS_DENIED` when this process may not open it with these rights
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openprocess
 *
 * @example
 * ```ts
 * import { CloseHandle, GetCurrentProcessId, OpenProcess } from "duphandle/win32";
 * import { PROCESS_DUP_HANDLE } from "duphandle/win32";
 *
 * CloseHandle(OpenProcess(PROCESS_DUP_HANDLE, false, GetCurrentProcessId()));
 * ```
 */
export function OpenProcess(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  dwProcessId: number,
): number {
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  checkBoolean(bInheritHandle, "bInheritHandle");
  checkInteger(dwProcessId, "dwProcessId", 0, 0xffff_ffff);
  const { OpenProcess } = kernel32Processes();
  const { GetLastError } = kernel32();
  const handle = OpenProcess(dwDesiredAccess >>> 0, bInheritHandle ? 1 : 0, dwProcessId);
  if (handle === 0) throw notOpened(GetLastError(), "OpenProcess", `process ${dwProcessId}`);
  return handle;
}

/**
 * `TerminateProcess(hProcess, uExitCode)` — ends a process. It may still run for a moment after the
 * call: wait for its handle to know its end.
 *
 * @param hProcess a handle of the process with `PROCESS_TERMINATE`
 * @param uExitCode the exit code of the process
 * @throws {HandleError} `ERROR_INVALID_HANDLE`; `ERROR_ACCESS_DENIED`, also when the process has
 * ended
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-terminateprocess
 *
 * @example
 * ```ts
 * import { CloseHandle, OpenProcess, TerminateProcess } from "duphandle/win32";
 * import { INFINITE, PROCESS_TERMINATE, SYNCHRONIZE, WaitForSingleObject } from "duphandle/win32";
 * import { spawn } from "node:child_process";
 * import { once } from "node:events";
 *
 * const child = spawn("ping.exe", ["-n", "100", "localhost"], { stdio: "ignore" });
 * const handle = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, false, child.pid!);
 * TerminateProcess(handle, 3);
 * WaitForSingleObject(handle, INFINITE);
 * CloseHandle(handle);
 * await once(child, "exit");
 * ```
 */
export function TerminateProcess(hProcess: number, uExitCode: number): void {
  checkHandle(hProcess, "hProcess");
  checkInteger(uExitCode, "uExitCode", 0, 0xffff_ffff);
  const { TerminateProcess } = kernel32Processes();
  const { GetLastError } = kernel32();
  if (TerminateProcess(hProcess, uExitCode) === 0) {
    throw win32Error(GetLastError(), "TerminateProcess", hProcess);
  }
}

/**
 * `GetExitCodeProcess(hProcess, lpExitCode)` — the exit code of a process.
 *
 * @param hProcess a handle of the process with `PROCESS_QUERY_LIMITED_INFORMATION`
 * @returns the exit code; `STILL_ACTIVE` (259) while the process runs
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-getexitcodeprocess
 *
 * @example
 * ```ts
 * import { GetCurrentProcess, GetExitCodeProcess, STILL_ACTIVE } from "duphandle/win32";
 *
 * console.log(GetExitCodeProcess(GetCurrentProcess()) === STILL_ACTIVE); // true
 * ```
 */
export function GetExitCodeProcess(hProcess: number): number {
  checkHandle(hProcess, "hProcess");
  const { address, data } = scratch();
  const { GetExitCodeProcess } = kernel32Processes();
  const { GetLastError } = kernel32();
  if (GetExitCodeProcess(hProcess, address) === 0) {
    throw win32Error(GetLastError(), "GetExitCodeProcess", hProcess);
  }
  return data.getUint32(0, true);
}
