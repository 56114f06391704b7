/** Change notifications: fileapi.h. */
import { checkBoolean } from "../check.ts";
import { kernel32Notifications } from "./symbols/objects.ts";
import { checkDword, checkHandle, stringArgument } from "./check.ts";
import { closeError, win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const notifications: Library<typeof kernel32Notifications> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Notifications,
);

/**
 * `FindFirstChangeNotificationW(lpPathName, bWatchSubtree, dwNotifyFilter)` — makes a change
 * notification, which is signalled when something changes in a directory.
 *
 * @param lpPathName the directory
 * @param bWatchSubtree whether changes in its subdirectories count too
 * @param dwNotifyFilter the kinds of changes: `FILE_NOTIFY_CHANGE_FILE_NAME`, …
 * @returns a new handle; close it with {@linkcode FindCloseChangeNotification}
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND`, `ERROR_INVALID_PARAMETER`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-findfirstchangenotificationw
 *
 * @example
 * ```ts
 * import { FILE_NOTIFY_CHANGE_FILE_NAME, FindCloseChangeNotification } from "duphandle/win32";
 * import { FindFirstChangeNotificationW, WAIT_TIMEOUT } from "duphandle/win32";
 * import { WaitForSingleObject } from "duphandle/win32";
 *
 * const folder = "C:\\Windows";
 * const change = FindFirstChangeNotificationW(folder, false, FILE_NOTIFY_CHANGE_FILE_NAME);
 * console.log(WaitForSingleObject(change, 0) === WAIT_TIMEOUT);
 * FindCloseChangeNotification(change);
 * ```
 */
export function FindFirstChangeNotificationW(
  lpPathName: string,
  bWatchSubtree: boolean,
  dwNotifyFilter: number,
): number {
  checkBoolean(bWatchSubtree, "bWatchSubtree");
  checkDword(dwNotifyFilter, "dwNotifyFilter");
  const path = stringArgument(lpPathName, "lpPathName");
  const { FindFirstChangeNotificationW } = notifications();
  const { GetLastError } = kernel32();
  const handle = FindFirstChangeNotificationW(path, bWatchSubtree ? 1 : 0, dwNotifyFilter);
  if (handle === -1) {
    throw win32Error(GetLastError(), "FindFirstChangeNotificationW", undefined, lpPathName);
  }
  return handle;
}

/**
 * `FindNextChangeNotification(hChangeHandle)` — makes the notification wait for the next change.
 *
 * @param hChangeHandle a handle of the notification
 * @throws {HandleError} `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-findnextchangenotification
 *
 * @example
 * ```ts
 * import { FILE_NOTIFY_CHANGE_FILE_NAME, FindCloseChangeNotification } from "duphandle/win32";
 * import { FindFirstChangeNotificationW, FindNextChangeNotification } from "duphandle/win32";
 *
 * const folder = "C:\\Windows";
 * const change = FindFirstChangeNotificationW(folder, false, FILE_NOTIFY_CHANGE_FILE_NAME);
 * FindNextChangeNotification(change);
 * FindCloseChangeNotification(change);
 * ```
 */
export function FindNextChangeNotification(hChangeHandle: number): void {
  checkHandle(hChangeHandle, "hChangeHandle");
  const { FindNextChangeNotification } = notifications();
  const { GetLastError } = kernel32();
  if (FindNextChangeNotification(hChangeHandle) === 0) {
    throw win32Error(GetLastError(), "FindNextChangeNotification", hChangeHandle);
  }
}

/**
 * `FindCloseChangeNotification(hChangeHandle)` — closes a handle of a change notification, which
 * may be a duplicate.
 *
 * @param hChangeHandle the handle to close
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open; `EPERM` when it is protected from
 * closing, as by `CloseHandle`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-findclosechangenotification
 *
 * @example
 * ```ts
 * import { FILE_NOTIFY_CHANGE_FILE_NAME, FindCloseChangeNotification } from "duphandle/win32";
 * import { FindFirstChangeNotificationW } from "duphandle/win32";
 *
 * const folder = "C:\\Windows";
 * const change = FindFirstChangeNotificationW(folder, false, FILE_NOTIFY_CHANGE_FILE_NAME);
 * FindCloseChangeNotification(change);
 * ```
 */
export function FindCloseChangeNotification(hChangeHandle: number): void {
  checkHandle(hChangeHandle, "hChangeHandle");
  const { FindCloseChangeNotification } = notifications();
  const { GetLastError } = kernel32();
  if (FindCloseChangeNotification(hChangeHandle) === 0) {
    throw closeError(GetLastError(), "FindCloseChangeNotification", hChangeHandle);
  }
}
