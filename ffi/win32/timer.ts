/** Waitable timers: synchapi.h. */
import { checkBoolean, checkInteger, MAX_FD as MAX_LONG, show } from "../check.ts";
import { scratch } from "../backend/scratch.ts";
import { kernel32Timers } from "./symbols/objects.ts";
import { checkAccessMask, checkHandle, nameArgument, stringArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const timers: Library<typeof kernel32Timers> = /* @__PURE__ */ lazy("kernel32.dll", kernel32Timers);

/**
 * `CreateWaitableTimerW(lpTimerAttributes, bManualReset, lpTimerName)` — makes a waitable timer, or
 * opens the existing one of this name.
 *
 * @param lpTimerAttributes whether child processes inherit the handle; `null` means that they do
 * not
 * @param bManualReset whether it stays signalled until it is set again; otherwise the first wait
 * that ends resets it
 * @param lpTimerName the name by which other processes open it; `null` for no name. When an object
 * of this kind has the name already, it is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when an object of another kind has the name;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createwaitabletimerw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateWaitableTimerW, INFINITE, SetWaitableTimer } from "duphandle/win32";
 * import { WaitForSingleObject } from "duphandle/win32";
 *
 * const timer = CreateWaitableTimerW(null, true, null);
 * SetWaitableTimer(timer, -10_000, 0, null, null, false); // in a millisecond
 * WaitForSingleObject(timer, INFINITE);
 * CloseHandle(timer);
 * ```
 */
export function CreateWaitableTimerW(
  lpTimerAttributes: SecurityAttributes | null,
  bManualReset: boolean,
  lpTimerName: string | null,
): number {
  checkBoolean(bManualReset, "bManualReset");
  const security = securityAttributes(lpTimerAttributes);
  const name = nameArgument(lpTimerName, "lpTimerName");
  const { CreateWaitableTimerW } = timers();
  const { GetLastError } = kernel32();
  const handle = CreateWaitableTimerW(security, bManualReset ? 1 : 0, name);
  if (handle === 0) {
    throw win32Error(GetLastError(), "CreateWaitableTimerW", undefined, lpTimerName ?? undefined);
  }
  return handle;
}

/**
 * `OpenWaitableTimerW(dwDesiredAccess, bInheritHandle, lpTimerName)` — opens a waitable timer by
 * its name.
 *
 * @param dwDesiredAccess the rights: `TIMER_MODIFY_STATE`, `SYNCHRONIZE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpTimerName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no object has the name; `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-openwaitabletimerw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateWaitableTimerW, OpenWaitableTimerW } from "duphandle/win32";
 * import { SYNCHRONIZE } from "duphandle/win32";
 *
 * const name = "Local\\an example";
 * const timer = CreateWaitableTimerW(null, true, name);
 * CloseHandle(OpenWaitableTimerW(SYNCHRONIZE, false, name));
 * CloseHandle(timer);
 * ```
 */
export function OpenWaitableTimerW(
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  lpTimerName: string,
): number {
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  checkBoolean(bInheritHandle, "bInheritHandle");
  const name = stringArgument(lpTimerName, "lpTimerName");
  const { OpenWaitableTimerW } = timers();
  const { GetLastError } = kernel32();
  const handle = OpenWaitableTimerW(dwDesiredAccess >>> 0, bInheritHandle ? 1 : 0, name);
  if (handle === 0) throw win32Error(GetLastError(), "OpenWaitableTimerW", undefined, lpTimerName);
  return handle;
}

/**
 * `SetWaitableTimer(hTimer, lpDueTime, lPeriod, pfnCompletionRoutine, lpArgToCompletionRoutine,
 * fResume)` — starts a timer.
 *
 * @param hTimer a handle of the timer with `TIMER_MODIFY_STATE`
 * @param lpDueTime the time at which it is signalled, in units of 100 ns: a negative number is
 * relative to now, others are a `FILETIME` in UTC; use a `bigint` above 2^53
 * @param lPeriod the period of further signals, in milliseconds; 0 for only one signal
 * @param pfnCompletionRoutine `null`: JavaScript functions cannot be used here
 * @param lpArgToCompletionRoutine `null`
 * @param fResume whether the timer wakes a machine that sleeps
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-setwaitabletimer
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateWaitableTimerW, SetWaitableTimer } from "duphandle/win32";
 *
 * const timer = CreateWaitableTimerW(null, true, null);
 * SetWaitableTimer(timer, -50_000_000, 0, null, null, false); // in five seconds
 * CloseHandle(timer);
 * ```
 */
export function SetWaitableTimer(
  hTimer: number,
  lpDueTime: number | bigint,
  lPeriod: number,
  pfnCompletionRoutine: null,
  lpArgToCompletionRoutine: null,
  fResume: boolean,
): void {
  checkHandle(hTimer, "hTimer");
  checkDueTime(lpDueTime);
  checkInteger(lPeriod, "lPeriod", 0, MAX_LONG);
  if (pfnCompletionRoutine !== null || lpArgToCompletionRoutine !== null) {
    throw new TypeError("Cannot use a completion routine: it must be null; wait for the timer");
  }
  checkBoolean(fResume, "fResume");
  const { address, data } = scratch();
  data.setBigInt64(0, BigInt(lpDueTime), true);
  const { SetWaitableTimer } = timers();
  const { GetLastError } = kernel32();
  if (SetWaitableTimer(hTimer, address, lPeriod, 0, 0, fResume ? 1 : 0) === 0) {
    throw win32Error(GetLastError(), "SetWaitableTimer", hTimer);
  }
}

/**
 * `CancelWaitableTimer(hTimer)` — stops a timer. Its signalled state does not change.
 *
 * @param hTimer a handle of the timer with `TIMER_MODIFY_STATE`
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-cancelwaitabletimer
 *
 * @example
 * ```ts
 * import { CancelWaitableTimer, CloseHandle, CreateWaitableTimerW } from "duphandle/win32";
 * import { SetWaitableTimer } from "duphandle/win32";
 *
 * const timer = CreateWaitableTimerW(null, true, null);
 * SetWaitableTimer(timer, -50_000_000, 0, null, null, false);
 * CancelWaitableTimer(timer);
 * CloseHandle(timer);
 * ```
 */
export function CancelWaitableTimer(hTimer: number): void {
  checkHandle(hTimer, "hTimer");
  const { CancelWaitableTimer } = timers();
  const { GetLastError } = kernel32();
  if (CancelWaitableTimer(hTimer) === 0) {
    throw win32Error(GetLastError(), "CancelWaitableTimer", hTimer);
  }
}

function checkDueTime(value: unknown): asserts value is number | bigint {
  const fits = typeof value === "bigint"
    ? BigInt.asIntN(64, value) === value
    : Number.isSafeInteger(value);
  if (fits) return;
  throw new TypeError(
    `Cannot use ${show(value)} as lpDueTime: it must be a safe integer or a 64-bit bigint`,
  );
}
