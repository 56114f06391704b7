/** What Windows knows of a file on a disk, asked by its handle. */
import { readWideString, scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { kernel32Looking } from "./symbols/looking.ts";
import { lazy, type Library } from "./libraries.ts";

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
