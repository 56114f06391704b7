/** Consoles: consoleapi.h. `CreateFileW` opens `CONIN$` and `CONOUT$`. */
import { scratch } from "../backend/scratch.ts";
import { kernel32Consoles } from "./symbols/objects.ts";
import { checkDword, checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const consoles: Library<typeof kernel32Consoles> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Consoles,
);

/**
 * `AllocConsole()` — gives this process a console of its own.
 *
 * @throws {HandleError} `ERROR_ACCESS_DENIED` when this process has a console already
 * @see https://learn.microsoft.com/windows/console/allocconsole
 *
 * @example
 * ```ts
 * import { AllocConsole, FreeConsole } from "duphandle/win32";
 *
 * function withConsole(work: () => void) {
 *   AllocConsole();
 *   work();
 *   FreeConsole();
 * }
 * ```
 */
export function AllocConsole(): void {
  const { AllocConsole } = consoles();
  const { GetLastError } = kernel32();
  if (AllocConsole() === 0) throw win32Error(GetLastError(), "AllocConsole", undefined);
}

/**
 * `FreeConsole()` — detaches this process from its console.
 *
 * @throws {HandleError} `ERROR_INVALID_PARAMETER` when this process has no console
 * @see https://learn.microsoft.com/windows/console/freeconsole
 *
 * @example
 * ```ts
 * import { FreeConsole } from "duphandle/win32";
 *
 * function leaveConsole() {
 *   FreeConsole();
 * }
 * ```
 */
export function FreeConsole(): void {
  const { FreeConsole } = consoles();
  const { GetLastError } = kernel32();
  if (FreeConsole() === 0) throw win32Error(GetLastError(), "FreeConsole", undefined);
}

/**
 * `GetConsoleMode(hConsoleHandle, lpMode)` — the mode of the input or the output of a console.
 *
 * @param hConsoleHandle a handle of `CONIN$` or `CONOUT$` with `GENERIC_READ`
 * @returns the mode: `ENABLE_ECHO_INPUT`, …
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not a console
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/console/getconsolemode
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, ENABLE_ECHO_INPUT, GENERIC_READ } from "duphandle/win32";
 * import { GENERIC_WRITE, GetConsoleMode, OPEN_EXISTING } from "duphandle/win32";
 *
 * function showEcho() {
 *   const path = "CONIN$";
 *   const access = (GENERIC_READ | GENERIC_WRITE) >>> 0;
 *   const input = CreateFileW(path, access, 3, null, OPEN_EXISTING, 0, 0);
 *   console.log((GetConsoleMode(input) & ENABLE_ECHO_INPUT) !== 0);
 *   CloseHandle(input);
 * }
 * ```
 */
export function GetConsoleMode(hConsoleHandle: number): number {
  checkHandle(hConsoleHandle, "hConsoleHandle");
  const { address, data } = scratch();
  const { GetConsoleMode } = consoles();
  const { GetLastError } = kernel32();
  if (GetConsoleMode(hConsoleHandle, address) === 0) {
    throw win32Error(GetLastError(), "GetConsoleMode", hConsoleHandle);
  }
  return data.getUint32(0, true);
}

/**
 * `SetConsoleMode(hConsoleHandle, dwMode)` — changes the mode of the input or the output of a
 * console, for all its handles.
 *
 * @param hConsoleHandle a handle of `CONIN$` or `CONOUT$` with `GENERIC_READ`
 * @param dwMode the mode
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/console/setconsolemode
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, ENABLE_ECHO_INPUT, GENERIC_READ } from "duphandle/win32";
 * import { GENERIC_WRITE, GetConsoleMode, OPEN_EXISTING, SetConsoleMode } from "duphandle/win32";
 *
 * function hideInput() {
 *   const path = "CONIN$";
 *   const access = (GENERIC_READ | GENERIC_WRITE) >>> 0;
 *   const input = CreateFileW(path, access, 3, null, OPEN_EXISTING, 0, 0);
 *   SetConsoleMode(input, GetConsoleMode(input) & ~ENABLE_ECHO_INPUT);
 *   CloseHandle(input);
 * }
 * ```
 */
export function SetConsoleMode(hConsoleHandle: number, dwMode: number): void {
  checkHandle(hConsoleHandle, "hConsoleHandle");
  checkDword(dwMode, "dwMode");
  const { SetConsoleMode } = consoles();
  const { GetLastError } = kernel32();
  if (SetConsoleMode(hConsoleHandle, dwMode) === 0) {
    throw win32Error(GetLastError(), "SetConsoleMode", hConsoleHandle);
  }
}
