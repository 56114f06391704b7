/** Desktops and window stations: winuser.h. */
import { checkBoolean, checkInt, show } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { user32Desktops } from "./symbols/sessions.ts";
import { checkAccessMask, checkDword, checkHandle, nameArgument, stringArgument } from "./check.ts";
import { closeError, win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const desktops: Library<typeof user32Desktops> = /* @__PURE__ */ lazy("user32.dll", user32Desktops);

/**
 * `CreateDesktopW(lpszDesktop, lpszDevice, pDevmode, dwFlags, dwDesiredAccess, lpsa)` — makes a
 * desktop in the window station of this process, or opens the existing one of this name.
 *
 * @param lpszDesktop the name, which must not contain a backslash
 * @param lpszDevice `null`
 * @param pDevmode `null`
 * @param dwFlags 0, or `DF_ALLOWOTHERACCOUNTHOOK`
 * @param dwDesiredAccess the rights, including `DESKTOP_CREATEWINDOW`
 * @param lpsa whether child processes inherit the handle; `null` means that they do not
 * @returns a new handle; close it with {@linkcode CloseDesktop}
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-createdesktopw
 *
 * @example
 * ```ts
 * import { CloseDesktop, CreateDesktopW, DESKTOP_CREATEWINDOW } from "duphandle/win32";
 *
 * const name = `example ${process.pid}`;
 * const desktop = CreateDesktopW(name, null, null, 0, DESKTOP_CREATEWINDOW, null);
 * CloseDesktop(desktop);
 * ```
 */
export function CreateDesktopW(
  lpszDesktop: string,
  lpszDevice: null,
  pDevmode: null,
  dwFlags: number,
  dwDesiredAccess: number,
  lpsa: SecurityAttributes | null,
): number {
  for (const value of [lpszDevice, pDevmode]) {
    if (value !== null) throw new TypeError(`Cannot use ${show(value)} as device: it must be null`);
  }
  checkDword(dwFlags, "dwFlags");
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  const security = securityAttributes(lpsa);
  const name = stringArgument(lpszDesktop, "lpszDesktop");
  const { CreateDesktopW } = desktops();
  const { GetLastError } = kernel32();
  const handle = CreateDesktopW(name, 0, 0, dwFlags, dwDesiredAccess >>> 0, security);
  if (handle === 0) throw win32Error(GetLastError(), "CreateDesktopW", undefined, lpszDesktop);
  return handle;
}

/**
 * `OpenDesktopW(lpszDesktop, dwFlags, fInherit, dwDesiredAccess)` — opens a desktop of the window
 * station of this process.
 *
 * @param lpszDesktop the name
 * @param dwFlags 0, or `DF_ALLOWOTHERACCOUNTHOOK`
 * @param fInherit whether child processes inherit the handle
 * @param dwDesiredAccess the rights
 * @returns a new handle; close it with {@linkcode CloseDesktop}
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no such object exists, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-opendesktopw
 *
 * @example
 * ```ts
 * import { CloseDesktop, CreateDesktopW, DESKTOP_CREATEWINDOW } from "duphandle/win32";
 * import { GENERIC_READ, OpenDesktopW } from "duphandle/win32";
 *
 * const name = `example ${process.pid}`;
 * const desktop = CreateDesktopW(name, null, null, 0, DESKTOP_CREATEWINDOW, null);
 * CloseDesktop(OpenDesktopW(name, 0, false, GENERIC_READ));
 * CloseDesktop(desktop);
 * ```
 */
export function OpenDesktopW(
  lpszDesktop: string,
  dwFlags: number,
  fInherit: boolean,
  dwDesiredAccess: number,
): number {
  checkDword(dwFlags, "dwFlags");
  checkBoolean(fInherit, "fInherit");
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  const name = stringArgument(lpszDesktop, "lpszDesktop");
  const { OpenDesktopW } = desktops();
  const { GetLastError } = kernel32();
  const handle = OpenDesktopW(name, dwFlags, fInherit ? 1 : 0, dwDesiredAccess >>> 0);
  if (handle === 0) throw win32Error(GetLastError(), "OpenDesktopW", undefined, lpszDesktop);
  return handle;
}

/**
 * `CloseDesktop(hDesktop)` — closes a handle of a desktop, which may be a duplicate.
 *
 * @param hDesktop the handle to close
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open; `ERROR_BUSY` when a thread of
 * this process uses it
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-closedesktop
 *
 * @example
 * ```ts
 * import { CloseDesktop, CreateDesktopW, DESKTOP_CREATEWINDOW } from "duphandle/win32";
 *
 * const name = `example ${process.pid}`;
 * const desktop = CreateDesktopW(name, null, null, 0, DESKTOP_CREATEWINDOW, null);
 * CloseDesktop(desktop);
 * ```
 */
export function CloseDesktop(hDesktop: number): void {
  checkHandle(hDesktop, "hDesktop");
  const { CloseDesktop } = desktops();
  const { GetLastError } = kernel32();
  if (CloseDesktop(hDesktop) === 0) throw closeError(GetLastError(), "CloseDesktop", hDesktop);
}

/**
 * `CreateWindowStationW(lpwinsta, dwFlags, dwDesiredAccess, lpsa)` — makes a window station, or
 * opens the existing one of this name.
 *
 * @param lpwinsta the name, which only administrators may choose; `null` for a name made from the
 * session
 * @param dwFlags 0, or `CWF_CREATE_ONLY`
 * @param dwDesiredAccess the rights: `WINSTA_ALL_ACCESS`, …
 * @param lpsa whether child processes inherit the handle; `null` means that they do not
 * @returns a new handle; close it with {@linkcode CloseWindowStation}
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-createwindowstationw
 *
 * @example
 * ```ts
 * import { CloseWindowStation, CreateWindowStationW, GENERIC_READ } from "duphandle/win32";
 *
 * CloseWindowStation(CreateWindowStationW(null, 0, GENERIC_READ, null));
 * ```
 */
export function CreateWindowStationW(
  lpwinsta: string | null,
  dwFlags: number,
  dwDesiredAccess: number,
  lpsa: SecurityAttributes | null,
): number {
  checkDword(dwFlags, "dwFlags");
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  const security = securityAttributes(lpsa);
  const name = nameArgument(lpwinsta, "lpwinsta");
  const { CreateWindowStationW } = desktops();
  const { GetLastError } = kernel32();
  const handle = CreateWindowStationW(name, dwFlags, dwDesiredAccess >>> 0, security);
  if (handle === 0) {
    throw win32Error(GetLastError(), "CreateWindowStationW", undefined, lpwinsta ?? undefined);
  }
  return handle;
}

/**
 * `OpenWindowStationW(lpszWinSta, fInherit, dwDesiredAccess)` — opens a window station.
 *
 * @param lpszWinSta the name
 * @param fInherit whether child processes inherit the handle
 * @param dwDesiredAccess the rights: `WINSTA_ALL_ACCESS`, …
 * @returns a new handle; close it with {@linkcode CloseWindowStation}
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when no such object exists, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-openwindowstationw
 *
 * @example
 * ```ts
 * import { CloseWindowStation, GENERIC_READ, GetProcessWindowStation } from "duphandle/win32";
 * import { GetUserObjectInformationW, OpenWindowStationW, UOI_NAME } from "duphandle/win32";
 *
 * const bytes = GetUserObjectInformationW(GetProcessWindowStation(), UOI_NAME);
 * const name = new TextDecoder("utf-16le").decode(bytes).replace("\0", "");
 * CloseWindowStation(OpenWindowStationW(name, false, GENERIC_READ));
 * ```
 */
export function OpenWindowStationW(
  lpszWinSta: string,
  fInherit: boolean,
  dwDesiredAccess: number,
): number {
  checkBoolean(fInherit, "fInherit");
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  const name = stringArgument(lpszWinSta, "lpszWinSta");
  const { OpenWindowStationW } = desktops();
  const { GetLastError } = kernel32();
  const handle = OpenWindowStationW(name, fInherit ? 1 : 0, dwDesiredAccess >>> 0);
  if (handle === 0) throw win32Error(GetLastError(), "OpenWindowStationW", undefined, lpszWinSta);
  return handle;
}

/**
 * `CloseWindowStation(hWinSta)` — closes a handle of a window station, which may be a duplicate.
 *
 * @param hWinSta the handle to close
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open; `ERROR_BUSY` when it is the
 * window station of this process
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-closewindowstation
 *
 * @example
 * ```ts
 * import { CloseWindowStation, CreateWindowStationW, GENERIC_READ } from "duphandle/win32";
 *
 * CloseWindowStation(CreateWindowStationW(null, 0, GENERIC_READ, null));
 * ```
 */
export function CloseWindowStation(hWinSta: number): void {
  checkHandle(hWinSta, "hWinSta");
  const { CloseWindowStation } = desktops();
  const { GetLastError } = kernel32();
  if (CloseWindowStation(hWinSta) === 0) {
    throw closeError(GetLastError(), "CloseWindowStation", hWinSta);
  }
}

/**
 * `GetProcessWindowStation()` — the window station of this process. The handle must not be closed.
 *
 * @returns the handle
 * @throws {HandleError} when the process has no window station
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-getprocesswindowstation
 *
 * @example
 * ```ts
 * import { GetProcessWindowStation, GetUserObjectInformationW, UOI_NAME } from "duphandle/win32";
 *
 * const bytes = GetUserObjectInformationW(GetProcessWindowStation(), UOI_NAME);
 * console.log(new TextDecoder("utf-16le").decode(bytes)); // WinSta0
 * ```
 */
export function GetProcessWindowStation(): number {
  const { GetProcessWindowStation } = desktops();
  const { GetLastError } = kernel32();
  const handle = GetProcessWindowStation();
  if (handle === 0) throw win32Error(GetLastError(), "GetProcessWindowStation", undefined);
  return handle;
}

/**
 * `GetUserObjectInformationW(hObj, nIndex, pvInfo, nLength, lpnLengthNeeded)` — information about a
 * desktop or a window station.
 *
 * @param hObj the handle
 * @param nIndex `UOI_NAME`, `UOI_TYPE`, …
 * @returns the bytes of the value; a string ends with a NUL
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-getuserobjectinformationw
 *
 * @example
 * ```ts
 * import { GetProcessWindowStation, GetUserObjectInformationW, UOI_TYPE } from "duphandle/win32";
 *
 * const bytes = GetUserObjectInformationW(GetProcessWindowStation(), UOI_TYPE);
 * console.log(new TextDecoder("utf-16le").decode(bytes)); // WindowStation
 * ```
 */
export function GetUserObjectInformationW(hObj: number, nIndex: number): Uint8Array {
  checkHandle(hObj, "hObj");
  checkInt(nIndex, "nIndex");
  const { address, bytes, data } = scratch();
  const needed = address + SCRATCH_SIZE;
  const { GetUserObjectInformationW } = desktops();
  const { GetLastError } = kernel32();
  if (GetUserObjectInformationW(hObj, nIndex, address, SCRATCH_SIZE, needed) === 0) {
    throw win32Error(GetLastError(), "GetUserObjectInformationW", hObj);
  }
  return bytes.slice(0, data.getUint32(SCRATCH_SIZE, true));
}
