/** DuplicateHandle, CloseHandle, the flags of a handle, and comparing objects: handleapi.h. */
import { checkBoolean, checkInteger, show } from "../check.ts";
import { failure } from "../error.ts";
import { scratch } from "../backend/scratch.ts";
import { checkAccessMask, checkHandle, isPseudoHandle } from "./check.ts";
import {
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  DUPLICATE_SAME_ATTRIBUTES,
} from "./constants.ts";
import { closeError, isProtected, showHandle, win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { kernelbaseObjects } from "./symbols/base.ts";

const objects: Library<typeof kernelbaseObjects> = /* @__PURE__ */ lazy(
  "kernelbase.dll",
  kernelbaseObjects,
);

/** Where `DuplicateHandle` puts the new handle: its first element, as in `new Int32Array(1)` or `[0]`. */
export type HandleOut = { 0: number } | Int32Array;

/**
 * `DuplicateHandle(hSourceProcessHandle, hSourceHandle, hTargetProcessHandle, lpTargetHandle,
 * dwDesiredAccess, bInheritHandle, dwOptions)` — makes another handle to the same object.
 *
 * As in C, `-1` as the source handle refers to this process. It is also the result of failed calls.
 * So it is refused when another process is involved: the result would be full control of a process.
 *
 * @param hSourceProcessHandle a handle of the process that has the source handle
 * @param hSourceHandle the handle to duplicate, valid in that process; a pseudo-handle is
 * duplicated to a real handle
 * @param hTargetProcessHandle a handle of the process that gets the new handle; 0 for none, with
 * `DUPLICATE_CLOSE_SOURCE`
 * @param lpTargetHandle receives the new handle, or 0 when the call fails; `null` when it is not needed
 * @param dwDesiredAccess the access mask of the new handle, ignored with `DUPLICATE_SAME_ACCESS`
 * @param bInheritHandle whether the target's child processes inherit the new handle
 * @param dwOptions `DUPLICATE_CLOSE_SOURCE`, `DUPLICATE_SAME_ACCESS`, `DUPLICATE_SAME_ATTRIBUTES`, any
 * of them together, or 0. With `DUPLICATE_CLOSE_SOURCE` a source with `HANDLE_FLAG_PROTECT_FROM_CLOSE`
 * stays open, and the call succeeds
 * @returns the new handle, valid in the target process; 0 when there is no target
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED` and others; with
 * `DUPLICATE_CLOSE_SOURCE` the source is closed all the same
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 * @see https://learn.microsoft.com/windows-hardware/drivers/ddi/ntifs/nf-ntifs-zwduplicateobject
 *
 * @example
 * ```ts
 * import { CloseHandle, DUPLICATE_SAME_ACCESS, DuplicateHandle } from "duphandle/win32";
 * import { GetCurrentProcess, GetCurrentThread } from "duphandle/win32";
 *
 * const me = GetCurrentProcess();
 * const out: [number] = [0];
 * DuplicateHandle(me, GetCurrentThread(), me, out, 0, false, DUPLICATE_SAME_ACCESS);
 * CloseHandle(out[0]); // a real handle of this thread, which other threads may use
 * ```
 */
export function DuplicateHandle(
  hSourceProcessHandle: number,
  hSourceHandle: number,
  hTargetProcessHandle: number,
  lpTargetHandle: HandleOut | null,
  dwDesiredAccess: number,
  bInheritHandle: boolean,
  dwOptions: number,
): number {
  checkHandle(hSourceProcessHandle, "hSourceProcessHandle");
  checkHandle(hSourceHandle, "hSourceHandle");
  if (hTargetProcessHandle !== 0) {
    checkHandle(
      hTargetProcessHandle,
      "hTargetProcessHandle",
      "pass 0 for none, with DUPLICATE_CLOSE_SOURCE",
    );
  }
  checkOut(lpTargetHandle);
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  checkBoolean(bInheritHandle, "bInheritHandle");
  checkInteger(dwOptions, "dwOptions", 0, ALL_OPTIONS);
  const k = kernel32();
  if (hSourceHandle === -1 && (hSourceProcessHandle !== -1 || hTargetProcessHandle !== -1)) {
    throw minusOne();
  }
  const closesOnly = hTargetProcessHandle === 0 && (dwOptions & DUPLICATE_CLOSE_SOURCE) !== 0;
  if (closesOnly) probe(hSourceProcessHandle, hSourceHandle);
  // An object that takes no value throws here, where nothing is done yet.
  if (lpTargetHandle !== null) lpTargetHandle[0] = 0;
  const { address, int32 } = scratch();
  const target = lpTargetHandle === null ? 0 : address;
  int32[0] = 0;
  const done = k.DuplicateHandle(
    hSourceProcessHandle,
    hSourceHandle,
    hTargetProcessHandle,
    target,
    dwDesiredAccess >>> 0,
    bInheritHandle ? 1 : 0,
    dwOptions,
  );
  if (done === 0) {
    const error = k.GetLastError();
    if (closesOnly && isClosed(hSourceProcessHandle, hSourceHandle)) return 0;
    throw win32Error(error, "DuplicateHandle", hSourceHandle);
  }
  if (lpTargetHandle === null) return 0;
  const handle = int32[0]!;
  try {
    lpTargetHandle[0] = handle;
  } catch (error) {
    // Nobody knows the new handle. That of another process is out of reach.
    if (hTargetProcessHandle === -1) k.CloseHandle(handle);
    throw error;
  }
  return handle;
}

const ALL_OPTIONS = DUPLICATE_CLOSE_SOURCE | DUPLICATE_SAME_ACCESS | DUPLICATE_SAME_ATTRIBUTES;

/**
 * Duplicates the handle into this process and closes the duplicate, to find out whether that
 * throws.
 */
function probe(process: number, handle: number): void {
  CloseHandle(DuplicateHandle(process, handle, -1, [0], 0, false, DUPLICATE_SAME_ACCESS));
}

/**
 * Whether a handle that was open is closed now, or cannot be closed. Without a target process, some
 * systems close the source as requested and report a failure nevertheless, so its effect decides
 * whether the call succeeded.
 */
function isClosed(process: number, handle: number): boolean {
  try {
    probe(process, handle);
    return process === -1 && isProtected(handle);
  } catch {
    return true;
  }
}

/**
 * `CloseHandle(hObject)` — closes a handle, once.
 *
 * @param hObject the handle to close. A pseudo-handle is refused, since closing it does nothing
 * @throws {HandleError} `ERROR_INVALID_HANDLE` (`EBADF`) when it is not open; `EPERM`, with the same number
 * of the system, when it has `HANDLE_FLAG_PROTECT_FROM_CLOSE`: then it stays open
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-closehandle
 *
 * @example
 * ```ts
 * import { CloseHandle, CreatePipe } from "duphandle/win32";
 *
 * for (const end of CreatePipe()) CloseHandle(end);
 * ```
 */
export function CloseHandle(hObject: number): void {
  checkHandle(hObject, "hObject");
  if (isPseudoHandle(hObject)) {
    throw new TypeError(`Cannot close ${hObject}: it is a pseudo-handle, which needs no closing`);
  }
  const k = kernel32();
  if (k.CloseHandle(hObject) === 0) throw closeError(k.GetLastError(), "CloseHandle", hObject);
}

/**
 * `GetHandleInformation(hObject, lpdwFlags)` — the flags of a handle.
 *
 * @param hObject the handle
 * @returns `HANDLE_FLAG_INHERIT`, `HANDLE_FLAG_PROTECT_FROM_CLOSE`, both, or 0
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-gethandleinformation
 *
 * @example
 * ```ts
 * import { GetHandleInformation, GetStdHandle } from "duphandle/win32";
 * import { HANDLE_FLAG_INHERIT, STD_OUTPUT_HANDLE } from "duphandle/win32";
 *
 * const flags = GetHandleInformation(GetStdHandle(STD_OUTPUT_HANDLE));
 * const childrenInherit = (flags & HANDLE_FLAG_INHERIT) !== 0;
 * ```
 */
export function GetHandleInformation(hObject: number): number {
  checkHandle(hObject, "hObject");
  const { address, data } = scratch();
  const k = kernel32();
  if (k.GetHandleInformation(hObject, address) === 0) {
    throw win32Error(k.GetLastError(), "GetHandleInformation", hObject);
  }
  return data.getUint32(0, true);
}

/**
 * `SetHandleInformation(hObject, dwMask, dwFlags)` — changes flags of a handle, but not of its
 * duplicates.
 *
 * @param hObject the handle
 * @param dwMask the flags to change
 * @param dwFlags their new values
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-sethandleinformation
 *
 * @example
 * ```ts
 * import { CloseHandle, CreatePipe } from "duphandle/win32";
 * import { HANDLE_FLAG_INHERIT, SetHandleInformation } from "duphandle/win32";
 *
 * const [reader, writer] = CreatePipe();
 * SetHandleInformation(reader, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
 * CloseHandle(reader);
 * CloseHandle(writer);
 * ```
 */
export function SetHandleInformation(hObject: number, dwMask: number, dwFlags: number): void {
  checkHandle(hObject, "hObject");
  checkInteger(dwMask, "dwMask", 0, 3);
  checkInteger(dwFlags, "dwFlags", 0, 3);
  const k = kernel32();
  if (k.SetHandleInformation(hObject, dwMask, dwFlags) === 0) {
    throw win32Error(k.GetLastError(), "SetHandleInformation", hObject);
  }
}

/**
 * `CompareObjectHandles(hFirstObjectHandle, hSecondObjectHandle)` — whether two handles refer to the
 * same object. Windows 10 and newer.
 *
 * @param hFirstObjectHandle a handle of this process
 * @param hSecondObjectHandle another one
 * @returns whether they refer to the same object; also `false` when one of them is not open, which
 * the C function does not distinguish
 * @throws {TypeError} when one of them is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-compareobjecthandles
 *
 * @example
 * ```ts
 * import { CloseHandle, CompareObjectHandles, CreateEventW } from "duphandle/win32";
 * import { DUPLICATE_SAME_ACCESS, DuplicateHandle } from "duphandle/win32";
 *
 * const event = CreateEventW(null, true, false, null);
 * const copy = DuplicateHandle(-1, event, -1, [0], 0, false, DUPLICATE_SAME_ACCESS);
 * console.log(CompareObjectHandles(event, copy)); // true
 * CloseHandle(copy);
 * CloseHandle(event);
 * ```
 */
export function CompareObjectHandles(
  hFirstObjectHandle: number,
  hSecondObjectHandle: number,
): boolean {
  checkHandle(hFirstObjectHandle, "hFirstObjectHandle");
  checkHandle(hSecondObjectHandle, "hSecondObjectHandle");
  return objects().CompareObjectHandles(hFirstObjectHandle, hSecondObjectHandle) !== 0;
}

function checkOut(out: unknown): asserts out is HandleOut | null {
  if (typeof out === "object") return;
  throw new TypeError(
    `Cannot use ${show(out)} as lpTargetHandle: it must be [0], an Int32Array or null`,
  );
}

function minusOne(): Error {
  return failure("EBADF", "DuplicateHandle", {
    message:
      `Cannot duplicate handle ${showHandle(-1)} from or into another process: it is what a ` +
      "failed call returns, and would give full control of a process; if that is intended, " +
      "duplicate it within this process first",
    handle: -1,
  });
}
