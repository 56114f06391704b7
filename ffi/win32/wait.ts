/** Waiting for an object: synchapi.h. */
import { checkInteger } from "../check.ts";
import { kernel32Wait } from "./symbols/base.ts";
import { checkHandle } from "./check.ts";
import { WAIT_FAILED } from "./constants.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const waiting: Library<typeof kernel32Wait> = /* @__PURE__ */ lazy("kernel32.dll", kernel32Wait);

/**
 * `WaitForSingleObject(hHandle, dwMilliseconds)` — waits until an object is signalled. It blocks
 * the thread, and with it the event loop, unless the time is 0.
 *
 * @param hHandle a handle with `SYNCHRONIZE`
 * @param dwMilliseconds the longest time to wait, in milliseconds; `INFINITE` waits without a limit
 * @returns `WAIT_OBJECT_0` when it is signalled, `WAIT_TIMEOUT` when it is not, `WAIT_ABANDONED`
 * for a mutex whose owner ended without releasing it: this thread owns it then
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject
 *
 * @example
 * ```ts
 * import { GetCurrentProcess, WAIT_TIMEOUT, WaitForSingleObject } from "duphandle/win32";
 *
 * console.log(WaitForSingleObject(GetCurrentProcess(), 0) === WAIT_TIMEOUT); // it runs
 * ```
 */
export function WaitForSingleObject(hHandle: number, dwMilliseconds: number): number {
  checkHandle(hHandle, "hHandle");
  checkInteger(dwMilliseconds, "dwMilliseconds", 0, 0xffff_ffff);
  const { WaitForSingleObject } = waiting();
  const { GetLastError } = kernel32();
  const outcome = WaitForSingleObject(hHandle, dwMilliseconds);
  if (outcome === WAIT_FAILED) throw win32Error(GetLastError(), "WaitForSingleObject", hHandle);
  return outcome;
}
