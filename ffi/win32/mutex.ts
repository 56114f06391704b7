/** Mutexes: synchapi.h. */
import { checkBoolean } from "../check.ts";
import { kernel32Mutexes } from "./symbols/objects.ts";
import { checkHandle, nameArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { openNamed } from "./named.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const mutexes: Library<typeof kernel32Mutexes> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Mutexes,
);

/**
 * `CreateMutexW(lpMutexAttributes, bInitialOwner, lpName)` — makes a mutex, or opens the existing
 * one of this name.
 *
 * A mutex is owned by a thread, not by a handle: its owner can release it through any handle.
 *
 * @param lpMutexAttributes whether child processes inherit the handle; `null` means that they do
 * not
 * @param bInitialOwner whether this thread owns the new mutex; of an existing mutex it does not
 * become the owner
 * @param lpName the name by which other processes open it; `null` for no name. When an object of
 * this kind has the name already, it is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when an object of another kind has the name;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createmutexw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateMutexW, INFINITE, ReleaseMutex } from "duphandle/win32";
 * import { WaitForSingleObject } from "duphandle/win32";
 *
 * const mutex = CreateMutexW(null, false, null);
 * WaitForSingleObject(mutex, INFINITE); // this thread owns it now
 * ReleaseMutex(mutex);
 * CloseHandle(mutex);
 * ```
 */
export function CreateMutexW(
  lpMutexAttributes: SecurityAttributes | null,
  bInitialOwner: boolean,
  lpName: string | null,
): number {
  checkBoolean(bInitialOwner, "bInitialOwner");
  const security = securityAttributes(lpMutexAttributes);
  const name = nameArgument(lpName, "lpName");
  const { CreateMutexW } = mutexes();
  const { GetLastError } = kernel32();
  const handle = CreateMutexW(security, bInitialOwner ? 1 : 0, name);
  if (handle === 0) {
    throw win32Error(GetLastError(), "CreateMutexW", undefined, lpName ?? undefined);
  }
  return handle;
}

/**
 * `OpenMutexW(dwDesiredAccess, bInheritHandle, lpName)` — opens a mutex by its name.
 *
 * @param dwDesiredAccess the rights: `SYNCHRONIZE`, `MUTEX_ALL_ACCESS`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no object has the name; `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-openmutexw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateMutexW, OpenMutexW, SYNCHRONIZE } from "duphandle/win32";
 *
 * const name = "Local\\an example";
 * const mutex = CreateMutexW(null, false, name);
 * CloseHandle(OpenMutexW(SYNCHRONIZE, false, name));
 * CloseHandle(mutex);
 * ```
 */
export function OpenMutexW(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  lpName: string,
): number {
  const find = () => mutexes().OpenMutexW;
  return openNamed("OpenMutexW", find, dwDesiredAccess, bInheritHandle, lpName);
}

/**
 * `ReleaseMutex(hMutex)` — releases a mutex that this thread owns.
 *
 * @param hMutex a handle of the mutex
 * @throws {HandleError} `EPERM` (`ERROR_NOT_OWNER`) when this thread does not own it
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-releasemutex
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateMutexW, ReleaseMutex } from "duphandle/win32";
 *
 * const mutex = CreateMutexW(null, true, null);
 * ReleaseMutex(mutex);
 * CloseHandle(mutex);
 * ```
 */
export function ReleaseMutex(hMutex: number): void {
  checkHandle(hMutex, "hMutex");
  const { ReleaseMutex } = mutexes();
  const { GetLastError } = kernel32();
  if (ReleaseMutex(hMutex) === 0) throw win32Error(GetLastError(), "ReleaseMutex", hMutex);
}
