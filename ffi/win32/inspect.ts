/** What Windows knows of open handles: the list of a process's, and the file behind one. */
import { readWideString, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { kernel32Looking } from "./symbols/inspect.ts";
import { backend } from "../backend/mod.ts";
import * as tables from "./symbols/inspect.ts";
import { win32Error } from "./errors.ts";
import { lazy, type Library, ntdll } from "./libraries.ts";

/** winbase.h and winnt.h. */
const FILE_NAME_OPENED = 8;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const FileStandardInfo = 1;
const STANDARD_SIZE = 24;

/** Where `FILE_STANDARD_INFO` has what is read here. */
const LINKS = 16;
const DELETE_PENDING = 20;

/** Where `BY_HANDLE_FILE_INFORMATION` has what is read here. */
const ATTRIBUTES = 0;
const VOLUME = 28;
const INDEX_HIGH = 44;
const INDEX_LOW = 48;

/** A file or a directory on a disk. */
export interface DiskFile {
  readonly isDirectory: boolean;
  /** The serial number of the volume. */
  readonly device: number;
  /** The number of the file on its volume, rounded to a `number`. */
  readonly inode: number;
}

const looking: Library<typeof kernel32Looking> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Looking,
);

/**
 * What is known of a file on a disk; `undefined` when the handle may not ask or is that of a disk.
 *
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfileinformationbyhandle
 */
export function diskFileOf(handle: number): DiskFile | undefined {
  const { address, data } = scratch();
  if (looking().GetFileInformationByHandle(handle, address) === 0) return undefined;
  return {
    isDirectory: (data.getUint32(ATTRIBUTES, true) & FILE_ATTRIBUTE_DIRECTORY) !== 0,
    device: data.getUint32(VOLUME, true),
    inode: data.getUint32(INDEX_HIGH, true) * 2 ** 32 + data.getUint32(INDEX_LOW, true),
  };
}

/** Whether a file is gone with its last handle, or has no path any more. */
export function isDeleted(handle: number): boolean {
  const { address, bytes, data } = scratch();
  const { GetFileInformationByHandleEx } = looking();
  if (GetFileInformationByHandleEx(handle, FileStandardInfo, address, STANDARD_SIZE) === 0) {
    return false;
  }
  return bytes[DELETE_PENDING] !== 0 || data.getUint32(LINKS, true) === 0;
}

/**
 * The path of a file on a disk; `undefined` when the system does not tell it.
 *
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfinalpathnamebyhandlew
 */
export function pathOf(handle: number): string | undefined {
  const { address } = scratch();
  const { GetFinalPathNameByHandleW } = looking();
  const room = SCRATCH_SIZE / 2;
  // The name with every part in full needs the right to read the folders, the other one does not.
  for (const flags of [0, FILE_NAME_OPENED]) {
    const length = GetFinalPathNameByHandleW(handle, address, room, flags);
    if (length > 0 && length < room) return withoutPrefix(readWideString(0, length * 2));
  }
  return undefined;
}

/** As everybody writes it: the prefix says that nothing in the path is special. */
function withoutPrefix(path: string): string {
  if (path.startsWith("\\\\?\\UNC\\")) return `\\\\${path.slice(8)}`;
  return /^\\\\\?\\[A-Za-z]:/.test(path) ? path.slice(4) : path;
}

/** The list of every handle of the system: Wine has none of a single process's. */
const SYSTEM_EXTENDED_HANDLE_INFORMATION = 64;

/** `SYSTEM_HANDLE_INFORMATION_EX` starts with two pointers' width; each entry has 40 bytes. */
const HEADER = 16;
const ENTRY = 40;

/** Where `SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX` has what is read here. */
const PROCESS = 8;
const HANDLE = 16;
const ACCESS = 24;
const KIND = 30;
const ENTRY_ATTRIBUTES = 32;

/** ntdef.h: child processes inherit the handle. */
const OBJ_INHERIT = 2;

/** ntstatus.h: the list is longer than the memory for it. */
const STATUS_INFO_LENGTH_MISMATCH = 0xc000_0004 | 0;

/** Room for 25000 handles at first, and for 6 million at last. */
const FIRST_SIZE = 1 << 20;
const LAST_SIZE = 1 << 28;

/** An open handle of a process. */
export interface OpenHandle {
  readonly handle: number;
  /** The number that the system has for the kind of object; 0 for one of Wine's own. */
  readonly kind: number;
  /** Whether child processes inherit it. */
  readonly inheritable: boolean;
  /** The rights of this handle. */
  readonly access: number;
}

const ntdllHandles: Library<typeof tables.ntdllHandles> = /* @__PURE__ */ lazy(
  "ntdll.dll",
  tables.ntdllHandles,
);

let size: number = FIRST_SIZE;

/**
 * The open handles of a process. What is opened or closed meanwhile is in it or not; what stays
 * open is in it. `GetProcessHandleCount` would count them, but under Wine it says 0.
 *
 * @param pid the process, default this one
 * @throws {HandleError} when the system does not give the list
 */
export function openHandles(pid: number = globalThis.process.pid): OpenHandle[] {
  const data = handleTable();
  const found: OpenHandle[] = [];
  for (let left = number(data, 0), at = HEADER; left > 0; left--, at += ENTRY) {
    if (number(data, at + PROCESS) !== pid) continue;
    found.push({
      handle: number(data, at + HANDLE),
      kind: data.getUint16(at + KIND, true),
      inheritable: (data.getUint32(at + ENTRY_ATTRIBUTES, true) & OBJ_INHERIT) !== 0,
      access: data.getUint32(at + ACCESS, true),
    });
  }
  return found;
}

/** The system's list. It is big, so its memory is not kept. */
function handleTable(): DataView {
  const { NtQuerySystemInformation } = ntdllHandles();
  for (;; size *= 2) {
    const buffer = new ArrayBuffer(size);
    const address = backend().addressOf(buffer);
    const status = NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, address, size, 0);
    if (status >= 0) return new DataView(buffer);
    if (status === STATUS_INFO_LENGTH_MISMATCH && size < LAST_SIZE) continue;
    throw win32Error(ntdll().RtlNtStatusToDosError(status), "NtQuerySystemInformation", undefined);
  }
}

function number(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}
