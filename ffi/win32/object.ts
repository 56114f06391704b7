/** Queries a handle and its object: NtQueryObject. */
import { readWideString, scratch } from "../backend/scratch.ts";
import { checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, ntdll } from "./libraries.ts";

/** The information class of {@linkcode ObjectBasicInformation}. */
const BASIC_INFORMATION = 0;
const BASIC_INFORMATION_SIZE = 56;

/** The part of `PUBLIC_OBJECT_BASIC_INFORMATION` that is documented. */
export interface ObjectBasicInformation {
  /** `OBJ_INHERIT` (2) and others. */
  readonly Attributes: number;
  /** The access mask of this handle. */
  readonly GrantedAccess: number;
  /** How many handles refer to the object, in all processes. */
  readonly HandleCount: number;
  /** How many references the object has, handles included. */
  readonly PointerCount: number;
}

/**
 * `NtQueryObject(Handle, ObjectBasicInformation, …)` — the access mask of a handle, and how many
 * handles its object has.
 *
 * @param Handle the handle
 * @returns the information
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntqueryobject
 *
 * @example
 * ```ts
 * import { CloseHandle, CreatePipe, NtQueryObject } from "duphandle/win32";
 *
 * const [reader, writer] = CreatePipe();
 * console.log(NtQueryObject(reader).HandleCount); // 1
 * CloseHandle(reader);
 * CloseHandle(writer);
 * ```
 */
export function NtQueryObject(Handle: number): ObjectBasicInformation {
  checkHandle(Handle, "Handle");
  const { address, data } = scratch();
  const { NtQueryObject, RtlNtStatusToDosError } = ntdll();
  const status = NtQueryObject(Handle, BASIC_INFORMATION, address, BASIC_INFORMATION_SIZE, 0);
  if (status < 0) throw win32Error(RtlNtStatusToDosError(status), "NtQueryObject", Handle);
  return {
    Attributes: data.getUint32(0, true),
    GrantedAccess: data.getUint32(4, true),
    HandleCount: data.getUint32(8, true),
    PointerCount: data.getUint32(12, true),
  };
}

const NAME_INFORMATION = 1;
const TYPE_INFORMATION = 2;
const GRANTED_ACCESS = 4;
/** The size of the buffer for names, which can be long paths. */
const NAMES_SIZE = 4096;
const FILE_READ_AND_WRITE_DATA = 3;

/**
 * The kernel's name for the kind of a handle's object: `"File"`, `"Event"`, `"IoCompletion"`, …
 *
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open
 */
export function kindOf(raw: number): string {
  checkHandle(raw, "a handle");
  const status = query(raw, TYPE_INFORMATION, NAMES_SIZE);
  if (status < 0) {
    throw win32Error(ntdll().RtlNtStatusToDosError(status), "NtQueryObject", raw);
  }
  return unicodeString();
}

/**
 * The kernel's name of a handle's object, such as `\\Device\\NamedPipe\\…`; "" when it has none or
 * the handle lacks the right. For a file the kernel queries the file system, so the call can wait
 * for an operation that is under way on a file that was not opened as overlapped.
 */
export function objectName(raw: number): string {
  return query(raw, NAME_INFORMATION, NAMES_SIZE) < 0 ? "" : unicodeString();
}

/**
 * Whether the handle has the lowest two rights of its kind: for a file, those to read and to write
 * data. It does not query the file system. `false` also when the handle is not open.
 */
export function hasLowestRights(raw: number): boolean {
  if (query(raw, BASIC_INFORMATION, BASIC_INFORMATION_SIZE) < 0) return false;
  const access = scratch().data.getUint32(GRANTED_ACCESS, true);
  return (access & FILE_READ_AND_WRITE_DATA) === FILE_READ_AND_WRITE_DATA;
}

function query(raw: number, informationClass: number, size: number): number {
  return ntdll().NtQueryObject(raw, informationClass, scratch().address, size, 0);
}

/** Reads the `UNICODE_STRING` at the start of the scratch memory. Its text lies after it. */
function unicodeString(): string {
  const { address, data } = scratch();
  const length = data.getUint16(0, true);
  return length === 0 ? "" : readWideString(Number(data.getBigUint64(8, true)) - address, length);
}

/** The type of file that a handle refers to, as `GetFileType` returns it. */
export function fileTypeOf(raw: number): number {
  return kernel32().GetFileType(raw);
}
