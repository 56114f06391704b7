/** Events: synchapi.h. */
import { checkBoolean } from "../check.ts";
import { kernel32Events } from "./symbols/objects.ts";
import { checkHandle, nameArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { openNamed } from "./named.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const events: Library<typeof kernel32Events> = /* @__PURE__ */ lazy("kernel32.dll", kernel32Events);

/**
 * `CreateEventW(lpEventAttributes, bManualReset, bInitialState, lpName)` — makes an event, or opens
 * the existing one of this name.
 *
 * @param lpEventAttributes whether child processes inherit the handle; `null` means that they do
 * not
 * @param bManualReset whether it stays signalled until {@linkcode ResetEvent}; otherwise the first
 * wait that ends resets it
 * @param bInitialState whether it is signalled at the beginning
 * @param lpName the name by which other processes open it; `null` for no name. When an object of
 * this kind has the name already, it is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when an object of another kind has the name;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createeventw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateEventW, SetEvent, WAIT_OBJECT_0 } from "duphandle/win32";
 * import { WaitForSingleObject } from "duphandle/win32";
 *
 * const event = CreateEventW(null, false, false, null);
 * SetEvent(event);
 * console.log(WaitForSingleObject(event, 0) === WAIT_OBJECT_0); // true
 * CloseHandle(event);
 * ```
 */
export function CreateEventW(
  lpEventAttributes: SecurityAttributes | null,
  bManualReset: boolean,
  bInitialState: boolean,
  lpName: string | null,
): number {
  checkBoolean(bManualReset, "bManualReset");
  checkBoolean(bInitialState, "bInitialState");
  const security = securityAttributes(lpEventAttributes);
  const name = nameArgument(lpName, "lpName");
  const { CreateEventW } = events();
  const { GetLastError } = kernel32();
  const handle = CreateEventW(security, bManualReset ? 1 : 0, bInitialState ? 1 : 0, name);
  if (handle === 0) {
    throw win32Error(GetLastError(), "CreateEventW", undefined, lpName ?? undefined);
  }
  return handle;
}

/**
 * `OpenEventW(dwDesiredAccess, bInheritHandle, lpName)` — opens an event by its name.
 *
 * @param dwDesiredAccess the rights: `EVENT_MODIFY_STATE`, `SYNCHRONIZE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no object has the name; `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-openeventw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateEventW, EVENT_MODIFY_STATE, OpenEventW } from "duphandle/win32";
 * import { SetEvent } from "duphandle/win32";
 *
 * const name = "Local\\an example";
 * const event = CreateEventW(null, true, false, name);
 * const same = OpenEventW(EVENT_MODIFY_STATE, false, name);
 * SetEvent(same);
 * CloseHandle(same);
 * CloseHandle(event);
 * ```
 */
export function OpenEventW(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  lpName: string,
): number {
  const find = () => events().OpenEventW;
  return openNamed("OpenEventW", find, dwDesiredAccess, bInheritHandle, lpName);
}

/**
 * `SetEvent(hEvent)` — makes an event signalled.
 *
 * @param hEvent a handle of the event with `EVENT_MODIFY_STATE`
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-setevent
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateEventW, SetEvent } from "duphandle/win32";
 *
 * const event = CreateEventW(null, true, false, null);
 * SetEvent(event);
 * CloseHandle(event);
 * ```
 */
export function SetEvent(hEvent: number): void {
  checkHandle(hEvent, "hEvent");
  const { SetEvent } = events();
  const { GetLastError } = kernel32();
  if (SetEvent(hEvent) === 0) throw win32Error(GetLastError(), "SetEvent", hEvent);
}

/**
 * `ResetEvent(hEvent)` — makes an event not signalled.
 *
 * @param hEvent a handle of the event with `EVENT_MODIFY_STATE`
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-resetevent
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateEventW, ResetEvent, WAIT_TIMEOUT } from "duphandle/win32";
 * import { WaitForSingleObject } from "duphandle/win32";
 *
 * const event = CreateEventW(null, true, true, null);
 * ResetEvent(event);
 * console.log(WaitForSingleObject(event, 0) === WAIT_TIMEOUT); // true
 * CloseHandle(event);
 * ```
 */
export function ResetEvent(hEvent: number): void {
  checkHandle(hEvent, "hEvent");
  const { ResetEvent } = events();
  const { GetLastError } = kernel32();
  if (ResetEvent(hEvent) === 0) throw win32Error(GetLastError(), "ResetEvent", hEvent);
}
