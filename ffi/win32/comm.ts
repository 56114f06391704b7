/** Communications devices, such as serial ports: winbase.h. `CreateFileW` opens them. */
import { scratch } from "../backend/scratch.ts";
import { kernel32Devices } from "./symbols/objects.ts";
import { checkDword, checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const devices: Library<typeof kernel32Devices> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Devices,
);

/** The timeouts of a communications device, in milliseconds. */
export interface CommTimeouts {
  /** The longest time between two bytes of a read. */
  readonly ReadIntervalTimeout: number;
  /** The time for each byte of a read. */
  readonly ReadTotalTimeoutMultiplier: number;
  /** The time for each read, in addition. */
  readonly ReadTotalTimeoutConstant: number;
  /** The time for each byte of a write. */
  readonly WriteTotalTimeoutMultiplier: number;
  /** The time for each write, in addition. */
  readonly WriteTotalTimeoutConstant: number;
}

const fields = [
  "ReadIntervalTimeout",
  "ReadTotalTimeoutMultiplier",
  "ReadTotalTimeoutConstant",
  "WriteTotalTimeoutMultiplier",
  "WriteTotalTimeoutConstant",
] as const;

/**
 * `GetCommTimeouts(hFile, lpCommTimeouts)` — the timeouts of a communications device.
 *
 * @param hFile a handle of the device
 * @returns the timeouts, in milliseconds
 * @throws {HandleError} `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-getcommtimeouts
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, GetCommTimeouts, OPEN_EXISTING } from "duphandle/win32";
 *
 * function timeoutsOf(port: string) {
 *   const device = CreateFileW(`\\\\.\\${port}`, 0xc000_0000, 0, null, OPEN_EXISTING, 0, 0);
 *   try {
 *     return GetCommTimeouts(device);
 *   } finally {
 *     CloseHandle(device);
 *   }
 * }
 * ```
 */
export function GetCommTimeouts(hFile: number): CommTimeouts {
  checkHandle(hFile, "hFile");
  const { address, data } = scratch();
  const { GetCommTimeouts } = devices();
  const { GetLastError } = kernel32();
  if (GetCommTimeouts(hFile, address) === 0) {
    throw win32Error(GetLastError(), "GetCommTimeouts", hFile);
  }
  return {
    ReadIntervalTimeout: data.getUint32(0, true),
    ReadTotalTimeoutMultiplier: data.getUint32(4, true),
    ReadTotalTimeoutConstant: data.getUint32(8, true),
    WriteTotalTimeoutMultiplier: data.getUint32(12, true),
    WriteTotalTimeoutConstant: data.getUint32(16, true),
  };
}

/**
 * `SetCommTimeouts(hFile, lpCommTimeouts)` — changes the timeouts of a communications device, for
 * all its handles.
 *
 * @param hFile a handle of the device
 * @param lpCommTimeouts the timeouts, in milliseconds
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-setcommtimeouts
 *
 * @example
 * ```ts
 * import { GetCommTimeouts, SetCommTimeouts } from "duphandle/win32";
 *
 * function readAtOnce(device: number) {
 *   const ReadIntervalTimeout = 0xffff_ffff;
 *   SetCommTimeouts(device, { ...GetCommTimeouts(device), ReadIntervalTimeout });
 * }
 * ```
 */
export function SetCommTimeouts(hFile: number, lpCommTimeouts: CommTimeouts): void {
  checkHandle(hFile, "hFile");
  // Each is read once, and before anything is written: a getter may call the library.
  const values = fields.map((field) => {
    const value: unknown = lpCommTimeouts?.[field];
    checkDword(value, field);
    return value;
  });
  const { address, data } = scratch();
  for (const [at, value] of values.entries()) data.setUint32(at * 4, value, true);
  const { SetCommTimeouts } = devices();
  const { GetLastError } = kernel32();
  if (SetCommTimeouts(hFile, address) === 0) {
    throw win32Error(GetLastError(), "SetCommTimeouts", hFile);
  }
}
