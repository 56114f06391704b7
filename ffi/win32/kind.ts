/** What kind of object a handle refers to, asked of the kernel. */
import { readWideString, scratch } from "../backend/scratch.ts";
import { checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { ntdll } from "./libraries.ts";

const BASIC_INFORMATION = 0;
const NAME_INFORMATION = 1;
const TYPE_INFORMATION = 2;
const BASIC_INFORMATION_SIZE = 56;
const GRANTED_ACCESS = 4;
/** Enough for a name, which can be a long path. */
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
 * may not be asked. The kernel asks the file system, so it can wait for an operation on a file that
 * was not opened as overlapped.
 */
export function objectName(raw: number): string {
  return query(raw, NAME_INFORMATION, NAMES_SIZE) < 0 ? "" : unicodeString();
}

/**
 * Whether the handle has the lowest two rights of its kind, which for a file are to read and to
 * write data. Only the handle is asked: `false` also when it is not open.
 */
export function hasLowestRights(raw: number): boolean {
  if (query(raw, BASIC_INFORMATION, BASIC_INFORMATION_SIZE) < 0) return false;
  const access = scratch().data.getUint32(GRANTED_ACCESS, true);
  return (access & FILE_READ_AND_WRITE_DATA) === FILE_READ_AND_WRITE_DATA;
}

function query(raw: number, informationClass: number, size: number): number {
  return ntdll().NtQueryObject(raw, informationClass, scratch().address, size, 0);
}

/** The `UNICODE_STRING` at the start of the scratch memory. Its text lies behind it. */
function unicodeString(): string {
  const { address, data } = scratch();
  const length = data.getUint16(0, true);
  return length === 0 ? "" : readWideString(Number(data.getBigUint64(8, true)) - address, length);
}
