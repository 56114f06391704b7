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
 * `CreateMutexW(lpMutexAttributes, bInitialOwner, lpName)` — makes a mutex, or opens the one with
 * this name.
 *
 * A thread owns it, not a handle: a duplicate lets the same thread release it.
 *
 * @param lpMutexAttributes whether child processes inherit the handle; `null` for no
 * @param bInitialOwner whether this thread owns it at first; of a mutex that exists already it does
 * not become the owner
 * @param lpName the name under which other processes find it; `null` for none. When there is one
 * with this name already, that is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when the name is that of another kind of object;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument is not of its kind
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
 * `OpenMutexW(dwDesiredAccess, bInheritHandle, lpName)` — a handle of a mutex that has a name.
 *
 * @param dwDesiredAccess the rights: `SYNCHRONIZE`, `MUTEX_ALL_ACCESS`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when there is none with this name;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument is not of its kind
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
 * `ReleaseMutex(hMutex)` — gives up the mutex that this thread owns.
 *
 * @param hMutex a handle of the mutex
 * @throws {HandleError} `EPERM` (`ERROR_NOT_OWNER`) when another thread owns it, or none
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
