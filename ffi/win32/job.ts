/** Jobs, groups of processes: jobapi2.h. */
import { scratch } from "../backend/scratch.ts";
import { kernel32Jobs } from "./symbols/objects.ts";
import { checkDword, checkHandle, nameArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { openNamed } from "./named.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const jobs: Library<typeof kernel32Jobs> = /* @__PURE__ */ lazy("kernel32.dll", kernel32Jobs);

/**
 * `CreateJobObjectW(lpJobAttributes, lpName)` — makes a job, or opens the existing one of this
 * name.
 *
 * @param lpJobAttributes whether child processes inherit the handle; `null` means that they do not
 * @param lpName the name by which other processes open it; `null` for no name. When an object of
 * this kind has the name already, it is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when an object of another kind has the name;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/jobapi2/nf-jobapi2-createjobobjectw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateJobObjectW } from "duphandle/win32";
 *
 * CloseHandle(CreateJobObjectW(null, null));
 * ```
 */
export function CreateJobObjectW(
  lpJobAttributes: SecurityAttributes | null,
  lpName: string | null,
): number {
  const security = securityAttributes(lpJobAttributes);
  const name = nameArgument(lpName, "lpName");
  const { CreateJobObjectW } = jobs();
  const { GetLastError } = kernel32();
  const handle = CreateJobObjectW(security, name);
  if (handle === 0) {
    throw win32Error(GetLastError(), "CreateJobObjectW", undefined, lpName ?? undefined);
  }
  return handle;
}

/**
 * `OpenJobObjectW(dwDesiredAccess, bInheritHandle, lpName)` — opens a job by its name.
 *
 * @param dwDesiredAccess the rights: `JOB_OBJECT_QUERY`, `JOB_OBJECT_TERMINATE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no object has the name; `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-openjobobjectw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateJobObjectW, JOB_OBJECT_QUERY } from "duphandle/win32";
 * import { OpenJobObjectW } from "duphandle/win32";
 *
 * const name = "Local\\an example";
 * const job = CreateJobObjectW(null, name);
 * CloseHandle(OpenJobObjectW(JOB_OBJECT_QUERY, false, name));
 * CloseHandle(job);
 * ```
 */
export function OpenJobObjectW(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  lpName: string,
): number {
  const find = () => jobs().OpenJobObjectW;
  return openNamed("OpenJobObjectW", find, dwDesiredAccess, bInheritHandle, lpName);
}

/**
 * `AssignProcessToJobObject(hJob, hProcess)` — assigns a process to a job. It stays in the job, and
 * its child processes belong to it too.
 *
 * @param hJob a handle of the job with `JOB_OBJECT_ASSIGN_PROCESS`
 * @param hProcess a handle of the process with `PROCESS_SET_QUOTA` and `PROCESS_TERMINATE`
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, also when the process is in a job that this one
 * cannot be nested in
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/jobapi2/nf-jobapi2-assignprocesstojobobject
 *
 * @example
 * ```ts
 * import { AssignProcessToJobObject, CloseHandle, CreateJobObjectW } from "duphandle/win32";
 * import { OpenProcess, PROCESS_SET_QUOTA, PROCESS_TERMINATE } from "duphandle/win32";
 * import { TerminateJobObject } from "duphandle/win32";
 * import { spawn } from "node:child_process";
 * import { once } from "node:events";
 *
 * const child = spawn("ping.exe", ["-n", "100", "localhost"], { stdio: "ignore" });
 * const handle = OpenProcess(PROCESS_SET_QUOTA | PROCESS_TERMINATE, false, child.pid!);
 * const job = CreateJobObjectW(null, null);
 * AssignProcessToJobObject(job, handle);
 * TerminateJobObject(job, 1);
 * CloseHandle(job);
 * CloseHandle(handle);
 * await once(child, "exit");
 * ```
 */
export function AssignProcessToJobObject(hJob: number, hProcess: number): void {
  checkHandle(hJob, "hJob");
  checkHandle(hProcess, "hProcess");
  const { AssignProcessToJobObject } = jobs();
  const { GetLastError } = kernel32();
  if (AssignProcessToJobObject(hJob, hProcess) === 0) {
    throw win32Error(GetLastError(), "AssignProcessToJobObject", hJob);
  }
}

/**
 * `IsProcessInJob(ProcessHandle, JobHandle, Result)` — whether a process belongs to a job.
 *
 * @param ProcessHandle a handle of the process with `PROCESS_QUERY_LIMITED_INFORMATION`
 * @param JobHandle a handle of the job with `JOB_OBJECT_QUERY`; 0 for any job
 * @returns whether it belongs to the job
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/jobapi/nf-jobapi-isprocessinjob
 *
 * @example
 * ```ts
 * import { GetCurrentProcess, IsProcessInJob } from "duphandle/win32";
 *
 * console.log(IsProcessInJob(GetCurrentProcess(), 0));
 * ```
 */
export function IsProcessInJob(ProcessHandle: number, JobHandle: number): boolean {
  checkHandle(ProcessHandle, "ProcessHandle");
  if (JobHandle !== 0) checkHandle(JobHandle, "JobHandle", "pass 0 for any job");
  const { address, int32 } = scratch();
  const { IsProcessInJob } = jobs();
  const { GetLastError } = kernel32();
  if (IsProcessInJob(ProcessHandle, JobHandle, address) === 0) {
    throw win32Error(GetLastError(), "IsProcessInJob", JobHandle);
  }
  return int32[0] !== 0;
}

/**
 * `TerminateJobObject(hJob, uExitCode)` — ends every process of a job.
 *
 * @param hJob a handle of the job with `JOB_OBJECT_TERMINATE`
 * @param uExitCode the exit code of the processes
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/jobapi2/nf-jobapi2-terminatejobobject
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateJobObjectW, TerminateJobObject } from "duphandle/win32";
 *
 * const job = CreateJobObjectW(null, null);
 * TerminateJobObject(job, 1);
 * CloseHandle(job);
 * ```
 */
export function TerminateJobObject(hJob: number, uExitCode: number): void {
  checkHandle(hJob, "hJob");
  checkDword(uExitCode, "uExitCode");
  const { TerminateJobObject } = jobs();
  const { GetLastError } = kernel32();
  if (TerminateJobObject(hJob, uExitCode) === 0) {
    throw win32Error(GetLastError(), "TerminateJobObject", hJob);
  }
}
