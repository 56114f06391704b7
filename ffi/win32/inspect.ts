/** Lists the open handles of a process, and describes files on disks. */
import { readWideString, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { addressOf } from "../backend/mod.ts";
import * as tables from "./symbols/base.ts";
import { win32Error } from "./errors.ts";
import { FILE_BEGIN, FILE_CURRENT, WAIT_TIMEOUT } from "./constants.ts";
import { kernel32, kernel32Files, lazy, type Library, ntdll } from "./libraries.ts";

/** winbase.h and winnt.h. */
const FILE_NAME_OPENED = 8;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const FileStandardInfo = 1;
const STANDARD_SIZE = 24;

/** Offsets in `FILE_STANDARD_INFO`. */
const LINKS = 16;
const DELETE_PENDING = 20;

/** Offsets in `BY_HANDLE_FILE_INFORMATION`. */
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
  /** The volume and the number of the file, exactly: equal for two handles of one file. */
  readonly identity: string;
}

const kernel32System: Library<typeof tables.kernel32System> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  tables.kernel32System,
);

const kernel32Wait: Library<typeof tables.kernel32Wait> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  tables.kernel32Wait,
);

const kernel32Inspect: Library<typeof tables.kernel32Inspect> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  tables.kernel32Inspect,
);

/**
 * Describes a file on a disk; `undefined` when the handle lacks the right or refers to a disk itself.
 *
 * @see https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-getfileinformationbyhandle
 */
export function diskFileOf(handle: number): DiskFile | undefined {
  const { address, data } = scratch();
  if (kernel32Inspect().GetFileInformationByHandle(handle, address) === 0) return undefined;
  const device = data.getUint32(VOLUME, true);
  const [high, low] = [data.getUint32(INDEX_HIGH, true), data.getUint32(INDEX_LOW, true)];
  return {
    isDirectory: (data.getUint32(ATTRIBUTES, true) & FILE_ATTRIBUTE_DIRECTORY) !== 0,
    device,
    inode: high * 2 ** 32 + low,
    identity: `${device}:${high}:${low}`,
  };
}

/** The position of a file in bytes; `undefined` when it has none. */
export function positionOf(handle: number): number | undefined {
  return seek(handle, 0, FILE_CURRENT);
}

/** Moves the position of a file, where it has one. */
export function seekTo(handle: number, position: number): void {
  seek(handle, position, FILE_BEGIN);
}

function seek(handle: number, distance: number, method: number): number | undefined {
  const { address, data } = scratch();
  const { SetFilePointerEx } = kernel32Files();
  if (SetFilePointerEx(handle, distance, address, method) === 0) return undefined;
  return Number(data.getBigInt64(0, true));
}

/**
 * Whether no operation is under way on a file. While there is one, a query of a file that was not opened as
 * overlapped waits for its end.
 */
export function isIdle(handle: number): boolean {
  // A file object is signalled then. A wait of 0 ms changes nothing.
  return kernel32Wait().WaitForSingleObject(handle, 0) !== WAIT_TIMEOUT;
}

/** Whether a file is deleted: it disappears with its last handle, or has no path any more. */
export function isDeleted(handle: number): boolean {
  const { address, bytes, data } = scratch();
  const { GetFileInformationByHandleEx } = kernel32Inspect();
  if (GetFileInformationByHandleEx(handle, FileStandardInfo, address, STANDARD_SIZE) === 0) {
    return false;
  }
  return bytes[DELETE_PENDING] !== 0 || data.getUint32(LINKS, true) === 0;
}

/** The path of a file on a disk; `undefined` when the system does not report it. */
export function pathOf(handle: number): string | undefined {
  // The normalized name needs the right to read the directories; the name as opened does not.
  const path = finalPath(handle, 0) ?? finalPath(handle, FILE_NAME_OPENED);
  return path && withoutPrefix(path);
}

/** What `GetFinalPathNameByHandleW` returns; `undefined` right after it has failed. */
export function finalPath(handle: number, flags: number): string | undefined {
  const { address } = scratch();
  const { GetFinalPathNameByHandleW } = kernel32Inspect();
  // No path is longer than 32,767 characters, and the prefix has 8.
  const length = GetFinalPathNameByHandleW(handle, address, SCRATCH_SIZE / 2, flags);
  return length === 0 ? undefined : readWideString(0, length * 2);
}

/** Removes the prefix that turns off the parsing of a path, which paths usually do not have. */
function withoutPrefix(path: string): string {
  if (path.startsWith("\\\\?\\UNC\\")) return `\\\\${path.slice(8)}`;
  return /^\\\\\?\\[A-Za-z]:/.test(path) ? path.slice(4) : path;
}

/**
 * The folder of the system's own files.
 *
 * @see https://learn.microsoft.com/windows/win32/api/sysinfoapi/nf-sysinfoapi-getsystemdirectoryw
 */
export function systemDirectory(): string {
  const { address } = scratch();
  const length = kernel32System().GetSystemDirectoryW(address, SCRATCH_SIZE / 2);
  if (length > 0 && length < SCRATCH_SIZE / 2) return readWideString(0, length * 2);
  throw win32Error(kernel32().GetLastError(), "GetSystemDirectoryW", undefined);
}

/** The information class for all handles of the system. Wine has none for a single process. */
const SYSTEM_EXTENDED_HANDLE_INFORMATION = 64;

/** The header of `SYSTEM_HANDLE_INFORMATION_EX` has 16 bytes, each entry 40. */
const HEADER = 16;
const ENTRY = 40;

/** Offsets in `SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX`. */
const OBJECT = 0;
const PROCESS = 8;
const HANDLE = 16;
const ACCESS = 24;
const KIND = 30;
const ENTRY_ATTRIBUTES = 32;

/** ntdef.h: the handle is protected from closing. */
const OBJ_PROTECT_CLOSE = 1;
/** ntdef.h: child processes inherit the handle. */
const OBJ_INHERIT = 2;

/** ntstatus.h: the buffer is too small for the list. */
const STATUS_INFO_LENGTH_MISMATCH = 0xc000_0004 | 0;

/** The first size of the buffer, for 25,000 handles, and the largest, for 6 million. */
const FIRST_SIZE = 1 << 20;
const LAST_SIZE = 1 << 28;

/** An open handle of a process. */
export interface OpenHandle {
  readonly handle: number;
  /** The system's number for the kind of object; 0 for a kind that only Wine has. */
  readonly kind: number;
  /** Whether child processes inherit it. */
  readonly inheritable: boolean;
  /** Whether it is protected from closing. */
  readonly isProtected: boolean;
  /** The access mask of this handle. */
  readonly access: number;
}

const ntdllHandles: Library<typeof tables.ntdllHandles> = /* @__PURE__ */ lazy(
  "ntdll.dll",
  tables.ntdllHandles,
);

let size: number = FIRST_SIZE;

/**
 * The open handles of a process. A handle that stays open during the call is in the list. One that is
 * opened or closed meanwhile may be missing.
 *
 * @param pid the process identifier, default this process
 * @throws {HandleError} when the system refuses the list
 */
export function openHandles(pid: number = globalThis.process.pid): OpenHandle[] {
  const found: OpenHandle[] = [];
  visitEntries((data, at) => {
    if (number(data, at + PROCESS) === pid) found.push(readEntry(data, at));
  });
  return found;
}

/**
 * The open handles of all processes, by pid, to objects of the same kind as that of a handle of this process.
 * Where the system tells the addresses of objects, `isSameObject` leaves only the handles to that object.
 *
 * @throws {HandleError} when the system refuses the list
 */
export function handlesLike(
  handle: number,
  isSameObject: boolean,
): Map<number, OpenHandle[]> {
  const pid = globalThis.process.pid;
  let [kind, object]: [number | undefined, bigint] = [undefined, 0n];
  const data = visitEntries((data, at) => {
    if (number(data, at + HANDLE) !== handle || number(data, at + PROCESS) !== pid) return;
    [kind, object] = [data.getUint16(at + KIND, true), data.getBigUint64(at + OBJECT, true)];
  });
  const found = new Map<number, OpenHandle[]>();
  const isAddressed = isSameObject && object !== 0n;
  visitEntries((data, at) => {
    if (data.getUint16(at + KIND, true) !== kind) return;
    if (isAddressed && data.getBigUint64(at + OBJECT, true) !== object) return;
    const owner = number(data, at + PROCESS);
    const handles = found.get(owner);
    if (handles === undefined) found.set(owner, [readEntry(data, at)]);
    else handles.push(readEntry(data, at));
  }, data);
  return found;
}

/** Visits the entries of the list of all handles, and returns the list. */
function visitEntries(
  visit: (data: DataView, at: number) => void,
  data: DataView = handleTable(),
): DataView {
  for (let left = number(data, 0), at = HEADER; left > 0; left--, at += ENTRY) visit(data, at);
  return data;
}

function readEntry(data: DataView, at: number): OpenHandle {
  const attributes = data.getUint32(at + ENTRY_ATTRIBUTES, true);
  return {
    handle: number(data, at + HANDLE),
    kind: data.getUint16(at + KIND, true),
    inheritable: (attributes & OBJ_INHERIT) !== 0,
    isProtected: (attributes & OBJ_PROTECT_CLOSE) !== 0,
    access: data.getUint32(at + ACCESS, true),
  };
}

/** Reads the list of all handles of the system. It is large, so its buffer is not kept. */
function handleTable(): DataView {
  const { NtQuerySystemInformation } = ntdllHandles();
  for (;; size *= 2) {
    const buffer = new ArrayBuffer(size);
    const address = addressOf(buffer);
    const status = NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, address, size, 0);
    if (status >= 0) return new DataView(buffer);
    if (status === STATUS_INFO_LENGTH_MISMATCH && size < LAST_SIZE) continue;
    throw win32Error(ntdll().RtlNtStatusToDosError(status), "NtQuerySystemInformation", undefined);
  }
}

function number(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}
