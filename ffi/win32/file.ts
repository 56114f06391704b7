/** Files and pipes: fileapi.h and namedpipeapi.h. */
import { checkBuffer, checkInteger, copyFrom, copyTo, show } from "../check.ts";
import { scratch, SCRATCH_SIZE, wideString } from "../backend/scratch.ts";
import { checkAccessMask, checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, kernel32Files } from "./libraries.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";
import { fileTypeOf } from "./object.ts";

/** The offset of the count that a call writes, after the bytes. */
const COUNT_OFFSET = SCRATCH_SIZE;
const ERROR_HANDLE_EOF = 38;
const ERROR_BROKEN_PIPE = 109;

/**
 * `CreateFileW(lpFileName, dwDesiredAccess, dwShareMode, lpSecurityAttributes,
 * dwCreationDisposition, dwFlagsAndAttributes, hTemplateFile)` — opens a file, a pipe or a device.
 *
 * @param lpFileName the path
 * @param dwDesiredAccess the rights: `GENERIC_READ`, `GENERIC_WRITE`, both, or others
 * @param dwShareMode what others may do while the file is open: `FILE_SHARE_READ`, …
 * @param lpSecurityAttributes whether child processes inherit the handle; `null` means that they do
 * not
 * @param dwCreationDisposition `OPEN_EXISTING`, `CREATE_ALWAYS`, …
 * @param dwFlagsAndAttributes `FILE_ATTRIBUTE_NORMAL`, …
 * @param hTemplateFile a file whose attributes are copied to a new file; 0 for none
 * @returns the new handle
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND`, `ERROR_ACCESS_DENIED`, `ERROR_SHARING_VIOLATION`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-createfilew
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, OPEN_EXISTING } from "duphandle/win32";
 * import { FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ, GENERIC_READ } from "duphandle/win32";
 *
 * const flags = FILE_ATTRIBUTE_NORMAL;
 * const path = "C:\\Windows\\win.ini";
 * CloseHandle(
 *   CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, null, OPEN_EXISTING, flags, 0),
 * );
 * ```
 */
export function CreateFileW(
  lpFileName: string,
  dwDesiredAccess: number,
  dwShareMode: number,
  lpSecurityAttributes: SecurityAttributes | null,
  dwCreationDisposition: number,
  dwFlagsAndAttributes: number,
  hTemplateFile: number,
): number {
  if (typeof lpFileName !== "string") {
    throw new TypeError(`Cannot open ${show(lpFileName)}: not a string`);
  }
  checkAccessMask(dwDesiredAccess, "dwDesiredAccess");
  checkInteger(dwShareMode, "dwShareMode", 0, 7);
  checkInteger(dwCreationDisposition, "dwCreationDisposition", 1, 5);
  checkInteger(dwFlagsAndAttributes, "dwFlagsAndAttributes", 0, 0xffff_ffff);
  if (hTemplateFile !== 0) checkHandle(hTemplateFile, "hTemplateFile", "pass 0 for none");
  const security = securityAttributes(lpSecurityAttributes);
  const path = wideString(lpFileName, "lpFileName");
  const { CreateFileW } = kernel32Files();
  const { GetLastError } = kernel32();
  const handle = CreateFileW(
    path,
    dwDesiredAccess >>> 0,
    dwShareMode,
    security,
    dwCreationDisposition,
    dwFlagsAndAttributes,
    hTemplateFile,
  );
  if (handle === -1) throw win32Error(GetLastError(), "CreateFileW", undefined, lpFileName);
  return handle;
}

/**
 * `ReadFile(hFile, lpBuffer, nNumberOfBytesToRead, …)` — reads bytes at the position of the open
 * file.
 *
 * One call reads at most 64 KiB. As with the C function, it may read fewer bytes than requested.
 *
 * @param hFile the handle to read from
 * @param lpBuffer receives the bytes
 * @param nNumberOfBytesToRead the most bytes to read, default the length of `lpBuffer`
 * @returns how many bytes were read; 0 at the end of a file, and of a pipe without writers
 * @throws {HandleError} `ERROR_ACCESS_DENIED` when it is not open for reading, and others
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-readfile
 *
 * @example
 * ```ts
 * import { CloseHandle, CreatePipe, ReadFile, WriteFile } from "duphandle/win32";
 *
 * const [reader, writer] = CreatePipe();
 * WriteFile(writer, new TextEncoder().encode("hello"));
 * const buffer = new Uint8Array(16);
 * console.log(ReadFile(reader, buffer)); // 5
 * CloseHandle(reader);
 * CloseHandle(writer);
 * ```
 */
export function ReadFile(
  hFile: number,
  lpBuffer: Uint8Array,
  nNumberOfBytesToRead?: number,
): number {
  checkHandle(hFile, "hFile");
  const length = Math.min(checkBuffer(lpBuffer, nNumberOfBytesToRead), SCRATCH_SIZE);
  const { address, bytes, data } = scratch();
  const { ReadFile } = kernel32Files();
  const { GetLastError } = kernel32();
  if (ReadFile(hFile, address, length, address + COUNT_OFFSET, 0) === 0) {
    const error = GetLastError();
    if (error === ERROR_BROKEN_PIPE || error === ERROR_HANDLE_EOF) return 0;
    throw win32Error(error, "ReadFile", hFile);
  }
  const count = data.getUint32(COUNT_OFFSET, true);
  copyTo(lpBuffer, bytes.subarray(0, count));
  return count;
}

/**
 * `WriteFile(hFile, lpBuffer, nNumberOfBytesToWrite, …)` — writes bytes at the position of the open
 * file.
 *
 * One call writes at most 64 KiB.
 *
 * @param hFile the handle to write to
 * @param lpBuffer the bytes to write
 * @param nNumberOfBytesToWrite how many bytes of `lpBuffer` to write, default all
 * @returns how many bytes were written
 * @throws {HandleError} `ERROR_ACCESS_DENIED` when it is not open for writing, `ERROR_DISK_FULL`,
 * `ERROR_NO_DATA` when a pipe has no reader, and others
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-writefile
 *
 * @example
 * ```ts
 * import { GetStdHandle, STD_OUTPUT_HANDLE, WriteFile } from "duphandle/win32";
 *
 * WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), new TextEncoder().encode("hello\n"));
 * ```
 */
export function WriteFile(
  hFile: number,
  lpBuffer: Uint8Array,
  nNumberOfBytesToWrite?: number,
): number {
  checkHandle(hFile, "hFile");
  const length = Math.min(checkBuffer(lpBuffer, nNumberOfBytesToWrite), SCRATCH_SIZE);
  const { address, bytes, data } = scratch();
  const { WriteFile } = kernel32Files();
  const { GetLastError } = kernel32();
  copyFrom(lpBuffer, length, bytes);
  if (WriteFile(hFile, address, length, address + COUNT_OFFSET, 0) === 0) {
    throw win32Error(GetLastError(), "WriteFile", hFile);
  }
  return data.getUint32(COUNT_OFFSET, true);
}

/**
 * `SetFilePointerEx(hFile, liDistanceToMove, lpNewFilePointer, dwMoveMethod)` — moves the position
 * of the open file, which its duplicates share.
 *
 * @param hFile a handle of the file
 * @param liDistanceToMove the distance in bytes, within ±2^53
 * @param dwMoveMethod the origin: `FILE_BEGIN`, `FILE_CURRENT` or `FILE_END`
 * @returns the new position in bytes from the start
 * @throws {HandleError} `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-setfilepointerex
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateFileW, FILE_END, SetFilePointerEx } from "duphandle/win32";
 * import { FILE_ATTRIBUTE_NORMAL, GENERIC_READ, OPEN_EXISTING } from "duphandle/win32";
 *
 * const path = "C:\\Windows\\win.ini";
 * const file = CreateFileW(path, GENERIC_READ, 1, null, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, 0);
 * const size = SetFilePointerEx(file, 0, FILE_END);
 * CloseHandle(file);
 * ```
 */
export function SetFilePointerEx(
  hFile: number,
  liDistanceToMove: number,
  dwMoveMethod: number,
): number {
  checkHandle(hFile, "hFile");
  const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number;
  checkInteger(liDistanceToMove, "liDistanceToMove", MIN_SAFE_INTEGER, MAX_SAFE_INTEGER);
  checkInteger(dwMoveMethod, "dwMoveMethod", 0, 2);
  const { address, data } = scratch();
  const { SetFilePointerEx } = kernel32Files();
  const { GetLastError } = kernel32();
  if (SetFilePointerEx(hFile, liDistanceToMove, address, dwMoveMethod) === 0) {
    throw win32Error(GetLastError(), "SetFilePointerEx", hFile);
  }
  return Number(data.getBigInt64(0, true));
}

/**
 * `GetFileType(hFile)` — the type of the file that a handle refers to.
 *
 * @param hFile the handle
 * @returns `FILE_TYPE_DISK`, `FILE_TYPE_CHAR`, `FILE_TYPE_PIPE`, or `FILE_TYPE_UNKNOWN` when it is
 * not a file
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfiletype
 *
 * @example
 * ```ts
 * import { FILE_TYPE_PIPE, GetFileType, GetStdHandle, STD_INPUT_HANDLE } from "duphandle/win32";
 *
 * const piped = GetFileType(GetStdHandle(STD_INPUT_HANDLE)) === FILE_TYPE_PIPE;
 * ```
 */
export function GetFileType(hFile: number): number {
  checkHandle(hFile, "hFile");
  return fileTypeOf(hFile);
}

/**
 * `CreatePipe(hReadPipe, hWritePipe, lpPipeAttributes, nSize)` — makes a pipe.
 *
 * @param lpPipeAttributes whether child processes inherit the ends; `null` means that they do not
 * @param nSize the suggested size of its buffer in bytes; 0 for the default size
 * @returns the reading end, then the writing end
 * @throws {HandleError} when the system lacks resources
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/namedpipeapi/nf-namedpipeapi-createpipe
 *
 * @example
 * ```ts
 * import { CloseHandle, CreatePipe } from "duphandle/win32";
 *
 * const [reader, writer] = CreatePipe();
 * CloseHandle(writer);
 * CloseHandle(reader);
 * ```
 */
export function CreatePipe(
  lpPipeAttributes: SecurityAttributes | null = null,
  nSize: number = 0,
): [reader: number, writer: number] {
  const security = securityAttributes(lpPipeAttributes);
  checkInteger(nSize, "nSize", 0, 0xffff_ffff);
  const { address, int32 } = scratch();
  const { CreatePipe } = kernel32Files();
  const { GetLastError } = kernel32();
  if (CreatePipe(address, address + 8, security, nSize) === 0) {
    throw win32Error(GetLastError(), "CreatePipe", undefined);
  }
  return [int32[0]!, int32[2]!];
}
