/** The kind and the access of a `HANDLE`, from the kernel's name for the kind of its object. */
import {
  FILE_APPEND_DATA,
  FILE_READ_DATA,
  FILE_TYPE_CHAR,
  FILE_TYPE_DISK,
  FILE_TYPE_PIPE,
  FILE_WRITE_DATA,
} from "../../ffi/win32/constants.ts";
import { GetConsoleMode } from "../../ffi/win32/console.ts";
import { GetFileType } from "../../ffi/win32/file.ts";
import { diskFileOf, isDeleted, isIdle, pathOf, positionOf } from "../../ffi/win32/inspect.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { accessOf, type HandleAccess, type HandleFacts, type HandleKind } from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { isSocket } from "../handle/windows.ts";

/** A kind of object: the rights that query its state and those that change it. */
interface Kind {
  readonly kind: HandleKind;
  readonly reads: number;
  readonly writes: number;
}

/** The kinds by the kernel's names for them. The rights are those of winnt.h and winuser.h. */
const KINDS: Readonly<Record<string, Kind>> = {
  Event: { kind: "event", reads: 1, writes: 2 },
  Mutant: { kind: "mutex", reads: 1, writes: 0x10_0000 }, // SYNCHRONIZE: waiting for a mutex acquires it
  Semaphore: { kind: "semaphore", reads: 1, writes: 2 },
  Timer: { kind: "timer", reads: 1, writes: 2 },
  Section: { kind: "section", reads: 4, writes: 2 },
  Process: { kind: "process", reads: 0x1410, writes: 0x62b },
  Thread: { kind: "thread", reads: 0x848, writes: 0x433 },
  Job: { kind: "job", reads: 4, writes: 0xb },
  Token: { kind: "token", reads: 8, writes: 0xe0 },
  Key: { kind: "key", reads: 1, writes: 6 },
  Desktop: { kind: "desktop", reads: 1, writes: 0x82 },
  WindowStation: { kind: "window-station", reads: 3, writes: 0x1c },
  IoCompletion: { kind: "completion-port", reads: 1, writes: 2 },
  TmTx: { kind: "transaction", reads: 1, writes: 0x1e },
  Directory: { kind: "object-directory", reads: 3, writes: 0xc },
  "ALPC Port": { kind: "port", reads: 1, writes: 1 },
};

const FILE: Kind = {
  kind: "other",
  reads: FILE_READ_DATA,
  writes: FILE_WRITE_DATA | FILE_APPEND_DATA,
};
/** For a pipe, the bit of FILE_APPEND_DATA is the right to make another instance. */
const PIPE: Kind = { kind: "pipe", reads: FILE_READ_DATA, writes: FILE_WRITE_DATA };
const OTHER: Kind = { kind: "other", reads: 1, writes: 2 };

/** The kind by the kernel's name for it. `File` is not one kind, so it is `"other"`. */
export function kindOfName(name: string | undefined): HandleKind {
  return KINDS[name ?? ""]?.kind ?? "other";
}

/** The access that rights on a kind of object give. */
export function accessOfRights(
  name: string | undefined,
  kind: HandleKind,
  rights: number,
): HandleAccess {
  const { reads, writes } = kind === "pipe"
    ? PIPE
    : name === "File"
    ? FILE
    : KINDS[name ?? ""] ?? OTHER;
  return accessOf((rights & reads) !== 0, (rights & writes) !== 0);
}

/**
 * The rights of the reading end that `CreatePipe` makes: to read and to change attributes, without the
 * right to write. Files are hardly ever opened with these rights.
 */
const READER = 0x100 | FILE_READ_DATA;
const NO_READER = FILE_WRITE_DATA | FILE_APPEND_DATA;

/** The description of a file. */
export type FileFacts =
  & Pick<HandleFacts, "kind">
  & Partial<Pick<HandleFacts, "path" | "deleted" | "position" | "device" | "inode">>;

/**
 * Describes a file, a pipe, a socket, a console or a device.
 *
 * While an operation is under way on a file that was not opened as overlapped, a query waits for the end
 * of that operation, which for a pipe may never come. So the reading end of a plain pipe is recognized by
 * its rights then, and a list of many handles (`mayWait` false) queries only idle files.
 *
 * @param rights the access mask of the handle
 * @param mayWait whether the query may wait for an operation that is under way
 */
export function inspectFile(handle: RawHandle, rights: number, mayWait: boolean): FileFacts {
  if (!isIdle(handle)) {
    if (isReadingEnd(rights)) return { kind: "pipe" };
    if (!mayWait) return { kind: "other" };
  }
  switch (GetFileType(handle)) {
    case FILE_TYPE_DISK:
      return inspectDiskFile(handle);
    case FILE_TYPE_PIPE:
      return { kind: isSocket(handle) ? "socket" : "pipe" };
    case FILE_TYPE_CHAR:
      return { kind: isConsole(handle) ? "terminal" : "device" };
    default:
      return { kind: "other" };
  }
}

/** Whether a file has the rights of the reading end that `CreatePipe` makes. */
export function isReadingEnd(rights: number): boolean {
  return (rights & (READER | NO_READER)) === READER;
}

function inspectDiskFile(handle: RawHandle): FileFacts {
  const file = diskFileOf(handle);
  const path = pathOf(handle);
  const deleted = isDeleted(handle) ? true : undefined;
  if (file?.isDirectory === true) {
    return { kind: "directory", path, deleted, device: file.device, inode: file.inode };
  }
  const position = positionOf(handle);
  const { device, inode } = file ?? {};
  return { kind: "file", path, deleted, position, device, inode };
}

function isConsole(handle: RawHandle): boolean {
  return tryOrUndefined(() => GetConsoleMode(handle)) !== undefined;
}
