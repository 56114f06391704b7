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
 * `CreateWaitableTimerW(lpTimerAttributes, bManualReset, lpTimerName)` — makes a timer that can be
 * waited for, or opens the one with this name.
 *
 * @param lpTimerAttributes whether child processes inherit the handle; `null` for no
 * @param bManualReset whether it stays signalled until it is set again; otherwise the first wait
 * that ends resets it
 * @param lpTimerName the name under which other processes find it; `null` for none. When there is
 * one with this name already, that is opened
 * @returns a new handle
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when the name is that of another kind of object;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument is not of its kind
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
 * `OpenWaitableTimerW(dwDesiredAccess, bInheritHandle, lpTimerName)` — a handle of a timer that has
 * a name.
 *
 * @param dwDesiredAccess the rights: `TIMER_MODIFY_STATE`, `SYNCHRONIZE`, …
 * @param bInheritHandle whether child processes inherit the handle
 * @param lpTimerName the name
 * @returns a new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when there is none with this name;
 * `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument is not of its kind
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
 * @param lpDueTime when it is to be signalled, in units of 100 ns: below 0 from now on, otherwise a
 * `FILETIME` in UTC; a `bigint` for one above 2^53
 * @param lPeriod after how many milliseconds again and again; 0 for once
 * @param pfnCompletionRoutine `null`: nothing of JavaScript can be called so
 * @param lpArgToCompletionRoutine `null`
 * @param fResume whether a sleeping machine is to wake for it
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument is not of its kind
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
 * `CancelWaitableTimer(hTimer)` — stops a timer. Whether it is signalled stays as it is.
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
