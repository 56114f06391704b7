/** Semaphores: synchapi.h. */
import { checkInteger, MAX_FD as MAX_LONG } from "../check.ts";
import { scratch } from "../backend/scratch.ts";
import { kernel32Semaphores } from "./symbols/objects.ts";
import { checkHandle, nameArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { openNamed } from "./named.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const semaphores: Library<typeof kernel32Semaphores> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Semaphores,
);

/**
 * `CreateSemaphoreW(lpSemaphoreAttributes, lInitialCount, lMaximumCount, lpName)` — makes a
 * semaphore, or opens the existing one of this name.
 *
 * @param lpSemaphoreAttributes whether child processes inherit the handle; `null` means that they
 * do not
 * @param lInitialCount the initial count: how many waits can end at once
 * @param lMaximumCount the maximum of the count
 * @param lpName the name by which other processes open it; `null` for no name. When an object of
 * this kind has the name already, it is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_INVALID_PARAMETER` when the initial count is above the maximum;
 * `ERROR_INVALID_HANDLE` when an object of another kind has the name; `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-createsemaphorew
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateSemaphoreW, WAIT_TIMEOUT } from "duphandle/win32";
 * import { WaitForSingleObject } from "duphandle/win32";
 *
 * const semaphore = CreateSemaphoreW(null, 1, 5, null);
 * WaitForSingleObject(semaphore, 0);
 * console.log(WaitForSingleObject(semaphore, 0) === WAIT_TIMEOUT); // true: it was the last
 * CloseHandle(semaphore);
 * ```
 */
export function CreateSemaphoreW(
  lpSemaphoreAttributes: SecurityAttributes | null,
  lInitialCount: number,
  lMaximumCount: number,
  lpName: string | null,
): number {
  checkInteger(lInitialCount, "lInitialCount", 0, MAX_LONG);
  checkInteger(lMaximumCount, "lMaximumCount", 1, MAX_LONG);
  const security = securityAttributes(lpSemaphoreAttributes);
  const name = nameArgument(lpName, "lpName");
  const { CreateSemaphoreW } = semaphores();
  const { GetLastError } = kernel32();
  const handle = CreateSemaphoreW(security, lInitialCount, lMaximumCount, name);
  if (handle === 0) {
    throw win32Error(GetLastError(), "CreateSemaphoreW", undefined, lpName ?? undefined);
  }
  return handle;
}

/**
 * `OpenSemaphoreW(dwDesiredAccess, bInheritHandle, lpName)` — opens a semaphore by its name.
 *
 * @param dwDesiredAccess the rights: `SEMAPHORE_MODIFY_STATE`, `SYNCHRONIZE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no object has the name; `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-opensemaphorew
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateSemaphoreW, OpenSemaphoreW } from "duphandle/win32";
 * import { ReleaseSemaphore, SEMAPHORE_MODIFY_STATE } from "duphandle/win32";
 *
 * const name = "Local\\an example";
 * const semaphore = CreateSemaphoreW(null, 0, 5, name);
 * const same = OpenSemaphoreW(SEMAPHORE_MODIFY_STATE, false, name);
 * ReleaseSemaphore(same, 1);
 * CloseHandle(same);
 * CloseHandle(semaphore);
 * ```
 */
export function OpenSemaphoreW(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  lpName: string,
): number {
  const find = () => semaphores().OpenSemaphoreW;
  return openNamed("OpenSemaphoreW", find, dwDesiredAccess, bInheritHandle, lpName);
}

/**
 * `ReleaseSemaphore(hSemaphore, lReleaseCount, lpPreviousCount)` — adds to the count of a
 * semaphore, so that more waits can end.
 *
 * @param hSemaphore a handle of the semaphore with `SEMAPHORE_MODIFY_STATE`
 * @param lReleaseCount how much to add
 * @returns the count before the call
 * @throws {HandleError} `ERROR_TOO_MANY_POSTS` when the sum is above the maximum;
 * `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-releasesemaphore
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateSemaphoreW, ReleaseSemaphore } from "duphandle/win32";
 *
 * const semaphore = CreateSemaphoreW(null, 1, 5, null);
 * console.log(ReleaseSemaphore(semaphore, 2)); // 1
 * CloseHandle(semaphore);
 * ```
 */
export function ReleaseSemaphore(hSemaphore: number, lReleaseCount: number): number {
  checkHandle(hSemaphore, "hSemaphore");
  checkInteger(lReleaseCount, "lReleaseCount", 1, MAX_LONG);
  const { address, int32 } = scratch();
  const { ReleaseSemaphore } = semaphores();
  const { GetLastError } = kernel32();
  if (ReleaseSemaphore(hSemaphore, lReleaseCount, address) === 0) {
    throw win32Error(GetLastError(), "ReleaseSemaphore", hSemaphore);
  }
  return int32[0]!;
}
