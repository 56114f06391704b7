/**
 * What is behind the fds and files of Deno for Windows.
 *
 * A file of ours has an fd of a table: this library accepts it as a source like any descriptor; for `node:fs` it
 * is not open. For a descriptor of Deno's `node:fs`, and for a `Deno.FsFile`, the handle is searched for.
 */
import { failure, type HandleError } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { FILE_READ_DATA, FILE_TYPE_DISK } from "../../ffi/win32/constants.ts";
import { CompareObjectHandles } from "../../ffi/win32/handle.ts";
import { diskFileOf, isIdle, openHandles, positionOf, seekTo } from "../../ffi/win32/inspect.ts";
import { fileTypeOf, kindOf, NtQueryObject } from "../../ffi/win32/object.ts";
import {
  type DenoFile,
  type FileId,
  type Group,
  identityOfFile,
  MAX_ATTEMPTS,
  movedWith,
  nodeFs,
  withPositionOf,
} from "../util/node.ts";
import { runtimeError, tryOrUndefined } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { shared } from "../util/shared.ts";

/** Far above the descriptors of any runtime, and within an `int`. */
const FIRST = 0x4000_0000;

/** The file that an fd refers to. */
export interface RegisteredFile {
  readonly raw: RawHandle;
  close(): unknown;
}

/** The fds of all copies of this library. */
interface FdTable {
  /** An fd is never reused, so that a stale one does not refer to another file. */
  next: number;
  readonly open: Map<number, RegisteredFile>;
}

const table = (): FdTable => shared("windowsFiles", 1, () => ({ next: FIRST, open: new Map() }));

/** Adds a file to the table, and returns its fd. */
export function registerFd(file: RegisteredFile): number {
  const files = table();
  files.open.set(files.next, file);
  return files.next++;
}

/** Removes a file from the table, when it is closed. */
export function unregisterFd(fd: number): void {
  table().open.delete(fd);
}

/**
 * The file of an fd; `undefined` for an fd that is not of this table.
 *
 * @throws {HandleError} `EBADF` when the file is closed
 */
export function lookupFd(fd: number): RegisteredFile | undefined {
  if (fd < FIRST) return undefined;
  const { next, open } = table();
  if (fd >= next) return undefined;
  const file = open.get(fd);
  if (file !== undefined) return file;
  throw failure("EBADF", "DuplicateHandle", {
    message: `Cannot use fd ${fd}: its file is closed; duplicate it before`,
    handle: fd,
  });
}

/**
 * The handle of a descriptor of Deno's `node:fs`, which does not show it: a handle of this process with the file of
 * the descriptor. Where that file was opened several times, one byte is read through the descriptor: the handle is
 * the one whose position moves, and it is put back at once.
 *
 * Where several handles share the open file, any of them is returned: a duplicate of it is the same.
 *
 * @throws {HandleError} `EBADF` when the descriptor is not open; `ENOTSUP` when it is no file on a disk, and when
 * its handle cannot be told from those of other opens of its file
 */
export function handleOfDenoFd(fd: number): RawHandle {
  const handles = handlesWith(identityOfFd(fd));
  const found = isOneFile(handles) ? handles : readWith(fd, handles);
  if (!isOneFile(found)) throw notFound(`fd ${fd}`, handles.length);
  return found[0]!;
}

/**
 * The handle of a `Deno.FsFile`, searched for as that of a descriptor is. Where its file was opened several times,
 * the positions are compared; where that is not enough, that of the file is moved and put back at once.
 *
 * @throws {HandleError} `EBADF` when the file is closed; `ENOTSUP` as for a descriptor
 * @throws {TypeError} when it is not a `Deno.FsFile` but an imitation of one
 */
export function handlesOfDenoFile(file: DenoFile): Group {
  const handles = handlesWith(identityOfFile(file));
  const each = handles.map((raw): Group => [raw]);
  let found = handles;
  if (!isOneFile(found)) found = withPositionOf(file, each, positionOf).flat();
  // All of them again: positions may have been moved while they were compared.
  if (!isOneFile(found)) found = movedWith(file, each, positionOf).flat();
  if (!isOneFile(found)) throw notFound("a Deno.FsFile", handles.length);
  return found;
}

function identityOfFd(fd: number): FileId | undefined {
  try {
    const { dev, ino } = nodeFs().fstatSync(fd);
    return { device: dev, inode: ino };
  } catch (cause) {
    if (isForbidden(cause)) return undefined;
    throw runtimeError(cause, "fstat", `fd ${fd}`, fd);
  }
}

/**
 * The handles of this process with a file, or with any file where Deno may not identify it. Another file can be
 * among them, since the numbers of files are rounded.
 */
function handlesWith(id: FileId | undefined): RawHandle[] {
  return diskFiles().filter((handle) => {
    const found = diskFileOf(handle);
    if (found === undefined || id === undefined) return found !== undefined;
    return found.inode === id.inode && found.device === id.device;
  });
}

/** Whether there are handles, and all to one open file. A program may have thousands to others of the same file. */
function isOneFile(handles: readonly RawHandle[]): handles is Group {
  const [first] = handles;
  return first !== undefined && handles.every((raw) => CompareObjectHandles(first, raw));
}

/**
 * The handles of this process to files on disks. A file with an operation under way is left out: a query would
 * wait for its end, which for a pipe may never come.
 */
function diskFiles(): RawHandle[] {
  const areFiles = new Map<number, boolean>();
  return openHandles().filter(({ handle, kind }) =>
    tryOrUndefined(() => {
      const isFile = areFiles.get(kind) ?? kindOf(handle) === "File";
      if (kind !== NO_KIND) areFiles.set(kind, isFile);
      return isFile && isIdle(handle) && fileTypeOf(handle) === FILE_TYPE_DISK;
    })
  ).map(({ handle }) => handle);
}

/** What stands in the list for every kind that only Wine has. */
const NO_KIND = 0;

/**
 * The handles that the descriptor can have. Their position moves when bytes are read through it, and it is put
 * back at once.
 */
function readWith(fd: number, handles: readonly RawHandle[]): readonly RawHandle[] {
  const { fstatSync, readSync } = nodeFs();
  const before = new Map(handles.map((raw) => [raw, positionOf(raw) ?? NaN]));
  const byte = new Uint8Array(1);
  let moved = handles;
  let count = 0;
  // A second byte when another thread reads one at the same time.
  while (moved.length > 0 && count < MAX_ATTEMPTS && (count === 0 || !isOneFile(moved))) {
    try {
      const isEnd = readSync(fd, byte, 0, 1, null) === 0;
      if (isEnd && count === 0) return atEnd(handles, fstatSync(fd).size);
      if (isEnd) break;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== "EPERM" && code !== "EACCES") break;
      return handles.filter((raw) => !isReadable(raw));
    }
    count++;
    moved = moved.filter((raw) => positionOf(raw) === before.get(raw)! + count);
  }
  if (!isOneFile(moved)) return handles;
  seekTo(moved[0], before.get(moved[0])!);
  return moved;
}

/** The handles that have read all of a file of so many bytes. */
function atEnd(handles: readonly RawHandle[], size: number): readonly RawHandle[] {
  return handles.filter((raw) => isReadable(raw) && (positionOf(raw) ?? 0) >= size);
}

function isReadable(raw: RawHandle): boolean {
  return (NtQueryObject(raw).GrantedAccess & FILE_READ_DATA) !== 0;
}

function notFound(what: string, count: number): HandleError {
  const reason = count === 0
    ? "no handle of this process refers to a file on a disk that it has"
    : `the open files of ${count} handles cannot be told apart`;
  return failure("ENOTSUP", "NtQuerySystemInformation", {
    message: `Cannot find the HANDLE of ${what}: ${reason}; open the file with CreateFileW of ` +
      "duphandle/win32 and use OwnedHandle.fromRaw()",
  });
}
