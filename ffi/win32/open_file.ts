/** What is done with a file that is open: its path, another opening, locks. winbase.h and fileapi.h. */
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { checkInteger, show } from "../check.ts";
import { failure, type HandleError } from "../error.ts";
import { checkAccessMask, checkDword, checkHandle } from "./check.ts";
import { showHandle, win32Error } from "./errors.ts";
import { CreateEventW } from "./event.ts";
import { CloseHandle } from "./handle.ts";
import { finalPath } from "./inspect.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { kernel32OpenFiles } from "./symbols/base.ts";

/** `LockFileEx`: fail with `ERROR_LOCK_VIOLATION` instead of waiting. */
export const LOCKFILE_FAIL_IMMEDIATELY = 1;
/** `LockFileEx`: nobody else may read or write the range; without it, nobody may write it. */
export const LOCKFILE_EXCLUSIVE_LOCK = 2;

/** `GetFinalPathNameByHandleW`: the path with its present names, without short ones. */
export const FILE_NAME_NORMALIZED = 0;
/** `GetFinalPathNameByHandleW`: the path as the file was opened. */
export const FILE_NAME_OPENED = 8;
/** `GetFinalPathNameByHandleW`: the volume by its letter, `\\?\C:\…`. */
export const VOLUME_NAME_DOS = 0;
/** `GetFinalPathNameByHandleW`: the volume by its identifier, `\\?\Volume{…}\…`. */
export const VOLUME_NAME_GUID = 1;
/** `GetFinalPathNameByHandleW`: the volume by its device, `\Device\HarddiskVolume1\…`. */
export const VOLUME_NAME_NT = 2;
/** `GetFinalPathNameByHandleW`: no volume, `\…`. */
export const VOLUME_NAME_NONE = 4;

/** The place in a file of a lock: the part of an `OVERLAPPED` that the caller fills in. */
export interface OverlappedOffset {
  /** The low 32 bits of the offset in bytes. */
  readonly Offset: number;
  /** The high 32 bits of the offset in bytes. */
  readonly OffsetHigh: number;
}

/** The `OVERLAPPED`, after the part of the scratch memory that the making of an event writes to. */
const OVERLAPPED = SCRATCH_SIZE;
const OFFSET = 16;
const OFFSET_HIGH = 20;
const EVENT = 24;
const OVERLAPPED_SIZE = 32;
/** Where the count of bytes lies, which means nothing for a lock. */
const COUNT = OVERLAPPED + OVERLAPPED_SIZE;

const ERROR_IO_PENDING = 997;
/**
 * What stands in `Internal`, the status, before the call. Windows writes STATUS_PENDING there when it waits. Wine
 * says that it waits, does not, and writes nothing.
 */
const NOT_BEGUN = 0x7fff_ffff;

const openFiles: Library<typeof kernel32OpenFiles> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32OpenFiles,
);

/**
 * `ReOpenFile(hOriginalFile, dwDesiredAccess, dwShareMode, dwFlagsAndAttributes)` — opens the file of a
 * handle once more, also when it was renamed meanwhile: with access, sharing and a position of its own.
 *
 * @param hOriginalFile a handle of the file
 * @param dwDesiredAccess the rights of the new handle: `GENERIC_READ`, `GENERIC_WRITE`, both, or others. Its
 * sharing and that of all other handles must allow them
 * @param dwShareMode what others may do while the new handle is open: `FILE_SHARE_READ`, …
 * @param dwFlagsAndAttributes flags such as `FILE_FLAG_OVERLAPPED` (0x40000000), without attributes; 0 for none
 * @returns the new handle, which children do not inherit
 * @throws {HandleError} `ERROR_SHARING_VIOLATION`, `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-reopenfile
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, FILE_SHARE_READ, GENERIC_READ } from "duphandle/win32";
 * import { FILE_ATTRIBUTE_NORMAL, OPEN_EXISTING, ReOpenFile } from "duphandle/win32";
 *
 * const [path, share] = ["C:\\Windows\\win.ini", FILE_SHARE_READ];
 * const file = CreateFileW(path, GENERIC_READ, share, null, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0);
 * const second = ReOpenFile(file, GENERIC_READ, share, 0); // at a position of its own
 * CloseHandle(second);
 * CloseHandle(file);
 * ```
 */
export function ReOpenFile(
  hOriginalFile: number,
  dwDesiredAccess: number,
  dwShareMode: number,
  dwFlagsAndAttributes: number,
): number {
  checkHandle(hOriginalFile, "hOriginalFile");
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  checkInteger(dwShareMode, "dwShareMode", 0, 7);
  checkDword(dwFlagsAndAttributes, "dwFlagsAndAttributes");
  const { ReOpenFile } = openFiles();
  const { GetLastError } = kernel32();
  const access = dwDesiredAccess >>> 0;
  const handle = ReOpenFile(hOriginalFile, access, dwShareMode, dwFlagsAndAttributes);
  if (handle === -1) throw win32Error(GetLastError(), "ReOpenFile", hOriginalFile);
  return handle;
}

/**
 * `GetFinalPathNameByHandleW(hFile, lpszFilePath, cchFilePath, dwFlags)` — the path of a file that is open,
 * where it is now: after a rename, and with links followed.
 *
 * @param hFile a handle of the file
 * @param dwFlags `FILE_NAME_NORMALIZED` or `FILE_NAME_OPENED`, combined with `VOLUME_NAME_DOS` or another
 * form of the volume
 * @returns the path; with the volume's letter it begins with `\\?\`
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND`, `ERROR_PATH_NOT_FOUND` when the volume has no such name,
 * `ERROR_ACCESS_DENIED` when this process may not read the folders, `ERROR_INVALID_HANDLE`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfinalpathnamebyhandlew
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, FILE_ATTRIBUTE_NORMAL, GENERIC_READ } from "duphandle/win32";
 * import { FILE_NAME_NORMALIZED, GetFinalPathNameByHandleW, OPEN_EXISTING } from "duphandle/win32";
 *
 * const path = "C:\\Windows\\win.ini";
 * const file = CreateFileW(path, GENERIC_READ, 1, null, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0);
 * console.log(GetFinalPathNameByHandleW(file, FILE_NAME_NORMALIZED)); // \\?\C:\windows\win.ini
 * CloseHandle(file);
 * ```
 */
export function GetFinalPathNameByHandleW(hFile: number, dwFlags: number): string {
  checkHandle(hFile, "hFile");
  checkInteger(dwFlags, "dwFlags", 0, 15);
  const { GetLastError } = kernel32();
  const path = finalPath(hFile, dwFlags);
  if (path === undefined) throw win32Error(GetLastError(), "GetFinalPathNameByHandleW", hFile);
  return path;
}

/**
 * `LockFileEx(hFile, dwFlags, dwReserved, nNumberOfBytesToLockLow, nNumberOfBytesToLockHigh,
 * lpOverlapped)` — locks a range of a file for this process and this open file. The range may lie behind the
 * end of the file. Windows keeps others from reading and writing what is locked; `node:fs` gets `EBUSY`.
 *
 * The lock ends with `UnlockFileEx`, or some time after its last handle is closed. Duplicates of the handle
 * in this process have the same lock; another opening, and a duplicate in another process, has not.
 *
 * @param hFile a handle of the file that may read or write
 * @param dwFlags `LOCKFILE_EXCLUSIVE_LOCK`, `LOCKFILE_FAIL_IMMEDIATELY`, both or 0. Without
 * `LOCKFILE_FAIL_IMMEDIATELY` the call blocks the thread, and with it the event loop, until the range is free
 * @param dwReserved 0
 * @param nNumberOfBytesToLockLow the low 32 bits of the length of the range in bytes
 * @param nNumberOfBytesToLockHigh its high 32 bits
 * @param lpOverlapped where the range begins
 * @throws {HandleError} `ERROR_LOCK_VIOLATION` when the range is locked and the call was not to wait;
 * `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-lockfileex
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, FILE_ATTRIBUTE_NORMAL, GENERIC_READ } from "duphandle/win32";
 * import { LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, OPEN_EXISTING, UnlockFileEx } from "duphandle/win32";
 *
 * const path = "C:\\Windows\\win.ini";
 * const file = CreateFileW(path, GENERIC_READ, 7, null, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0);
 * const start = { Offset: 0, OffsetHigh: 0 };
 * LockFileEx(file, LOCKFILE_FAIL_IMMEDIATELY, 0, 16, 0, start); // nobody writes the first 16 bytes
 * UnlockFileEx(file, 0, 16, 0, start);
 * CloseHandle(file);
 * ```
 */
export function LockFileEx(
  hFile: number,
  dwFlags: number,
  dwReserved: number,
  nNumberOfBytesToLockLow: number,
  nNumberOfBytesToLockHigh: number,
  lpOverlapped: OverlappedOffset,
): void {
  checkHandle(hFile, "hFile");
  checkInteger(dwFlags, "dwFlags", 0, 3);
  checkInteger(dwReserved, "dwReserved", 0, 0);
  checkDword(nNumberOfBytesToLockLow, "nNumberOfBytesToLockLow");
  checkDword(nNumberOfBytesToLockHigh, "nNumberOfBytesToLockHigh");
  const place = checkOffset(lpOverlapped);
  const { GetOverlappedResult, LockFileEx } = openFiles();
  const { GetLastError } = kernel32();
  // A handle of an overlapped file does not wait in the call, but writes to the OVERLAPPED when it has the
  // lock. The event is that of this lock alone, so nothing writes to it after this function.
  const event = CreateEventW(null, true, false, null);
  const { address, data } = scratch();
  const overlapped = writeOverlapped(place, event);
  const [low, high] = [nNumberOfBytesToLockLow, nNumberOfBytesToLockHigh];
  let error = 0;
  if (LockFileEx(hFile, dwFlags, 0, low, high, overlapped) === 0) error = GetLastError();
  if (error === ERROR_IO_PENDING && data.getUint32(OVERLAPPED, true) !== NOT_BEGUN) {
    const isLocked = GetOverlappedResult(hFile, overlapped, address + COUNT, 1) !== 0;
    error = isLocked ? 0 : GetLastError();
  }
  CloseHandle(event);
  if (error === ERROR_IO_PENDING) throw cannotWait(hFile);
  if (error !== 0) throw win32Error(error, "LockFileEx", hFile);
}

/**
 * `UnlockFileEx(hFile, dwReserved, nNumberOfBytesToUnlockLow, nNumberOfBytesToUnlockHigh, lpOverlapped)` —
 * ends a lock of `LockFileEx`. The range must be one that was locked, and no part of it or several together.
 *
 * @param hFile the handle that has the lock, or a duplicate of it in this process
 * @param dwReserved 0
 * @param nNumberOfBytesToUnlockLow the low 32 bits of the length of the range in bytes
 * @param nNumberOfBytesToUnlockHigh its high 32 bits
 * @param lpOverlapped where the range begins
 * @throws {HandleError} `ERROR_NOT_LOCKED` when it has no such lock; `ERROR_INVALID_HANDLE`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-unlockfileex
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, FILE_ATTRIBUTE_NORMAL, GENERIC_READ } from "duphandle/win32";
 * import { LockFileEx, OPEN_EXISTING, UnlockFileEx } from "duphandle/win32";
 *
 * const path = "C:\\Windows\\win.ini";
 * const file = CreateFileW(path, GENERIC_READ, 7, null, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0);
 * LockFileEx(file, 0, 0, 16, 0, { Offset: 0, OffsetHigh: 0 });
 * UnlockFileEx(file, 0, 16, 0, { Offset: 0, OffsetHigh: 0 });
 * CloseHandle(file);
 * ```
 */
export function UnlockFileEx(
  hFile: number,
  dwReserved: number,
  nNumberOfBytesToUnlockLow: number,
  nNumberOfBytesToUnlockHigh: number,
  lpOverlapped: OverlappedOffset,
): void {
  checkHandle(hFile, "hFile");
  checkInteger(dwReserved, "dwReserved", 0, 0);
  checkDword(nNumberOfBytesToUnlockLow, "nNumberOfBytesToUnlockLow");
  checkDword(nNumberOfBytesToUnlockHigh, "nNumberOfBytesToUnlockHigh");
  const place = checkOffset(lpOverlapped);
  const { UnlockFileEx } = openFiles();
  const { GetLastError } = kernel32();
  const overlapped = writeOverlapped(place, 0);
  const [low, high] = [nNumberOfBytesToUnlockLow, nNumberOfBytesToUnlockHigh];
  // Nothing waits for an unlock, also of a file that was opened as overlapped.
  if (UnlockFileEx(hFile, 0, low, high, overlapped) === 0) {
    throw win32Error(GetLastError(), "UnlockFileEx", hFile);
  }
}

function cannotWait(handle: number): HandleError {
  return failure("ENOTSUP", "LockFileEx", {
    message:
      `Cannot LockFileEx handle ${
        showHandle(handle)
      }: the range is locked, and this system does not ` +
      "wait for a range of a file that was opened as overlapped; call again with " +
      "LOCKFILE_FAIL_IMMEDIATELY, or use a handle that was opened without FILE_FLAG_OVERLAPPED",
    handle,
  });
}

/** Checks the place of a lock, and reads each of its properties once. */
function checkOffset(place: OverlappedOffset): OverlappedOffset {
  if (typeof place !== "object" || place === null) {
    throw new TypeError(
      `Cannot use ${show(place)} as lpOverlapped: it must be { Offset, OffsetHigh }`,
    );
  }
  const { Offset, OffsetHigh } = place;
  checkDword(Offset, "Offset");
  checkDword(OffsetHigh, "OffsetHigh");
  return { Offset, OffsetHigh };
}

/** Writes an `OVERLAPPED` to the scratch memory and returns its address. */
function writeOverlapped({ Offset, OffsetHigh }: OverlappedOffset, event: number): number {
  const { address, bytes, data } = scratch();
  bytes.fill(0, OVERLAPPED, OVERLAPPED + OVERLAPPED_SIZE);
  data.setUint32(OVERLAPPED, NOT_BEGUN, true);
  data.setUint32(OVERLAPPED + OFFSET, Offset, true);
  data.setUint32(OVERLAPPED + OFFSET_HIGH, OffsetHigh, true);
  // With the lowest bit, which is no part of a handle, nothing is queued to a completion port that the file has.
  data.setBigInt64(OVERLAPPED + EVENT, BigInt(event === 0 ? 0 : event | 1), true);
  return address + OVERLAPPED;
}
