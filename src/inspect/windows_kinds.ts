/** What a `HANDLE` refers to and what may be done with it, from what the kernel calls its kind. */
import {
  FILE_APPEND_DATA,
  FILE_CURRENT,
  FILE_READ_DATA,
  FILE_TYPE_CHAR,
  FILE_TYPE_DISK,
  FILE_TYPE_PIPE,
  FILE_WRITE_DATA,
  WAIT_TIMEOUT,
} from "../../ffi/win32/constants.ts";
import { GetConsoleMode } from "../../ffi/win32/console.ts";
import { GetFileType, SetFilePointerEx } from "../../ffi/win32/file.ts";
import { diskFileOf, isDeleted, pathOf } from "../../ffi/win32/inspect.ts";
import { WaitForSingleObject } from "../../ffi/win32/wait.ts";
import { tryOrUndefined } from "../util/try_or_undefined.ts";
import { accessOf, type HandleAccess, type HandleFacts, type HandleKind } from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { isSocket } from "../handle/windows_kinds.ts";

/** What the rights of a kind mean: those that ask its state, and those that change it. */
interface Kind {
  readonly kind: HandleKind;
  readonly reads: number;
  readonly writes: number;
}

/** The kinds by the kernel's names for them; the rights are those of winnt.h and winuser.h. */
const kinds: Readonly<Record<string, Kind>> = {
  Event: { kind: "event", reads: 1, writes: 2 },
  Mutant: { kind: "mutex", reads: 1, writes: 0x10_0000 }, // to own it is to wait for it
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
/** Of a pipe, the right to append is the one to make another instance of it. */
const PIPE: Kind = { kind: "pipe", reads: FILE_READ_DATA, writes: FILE_WRITE_DATA };
const OTHER: Kind = { kind: "other", reads: 1, writes: 2 };

/** The kind that the kernel's name means; a `File` can be many. */
export function kindOfName(name: string | undefined): HandleKind {
  return kinds[name ?? ""]?.kind ?? "other";
}

/** What rights of a kind of object allow. */
export function accessOfRights(
  name: string | undefined,
  kind: HandleKind,
  rights: number,
): HandleAccess {
  const { reads, writes } = kind === "pipe"
    ? PIPE
    : name === "File"
    ? FILE
    : kinds[name ?? ""] ?? OTHER;
  return accessOf((rights & reads) !== 0, (rights & writes) !== 0);
}

/**
 * Reads, does not write, and may change attributes: what `CreatePipe` gives to its reader, and what
 * hardly anybody opens a file for.
 */
const READER = 0x100 | FILE_READ_DATA;
const NO_READER = FILE_WRITE_DATA | FILE_APPEND_DATA;

/** What is known of a file. */
export type FileFacts =
  & Pick<HandleFacts, "kind">
  & Partial<Pick<HandleFacts, "path" | "deleted" | "position" | "device" | "inode">>;

/**
 * What is known of a file, a pipe, a socket, a console or a device.
 *
 * The system answers for a file that was not opened as overlapped when the operation on it ends that
 * another thread is waiting for, which for a pipe may be never. So the reader of a plain pipe is told
 * by its rights then, and who has many to look at asks only what is at rest.
 *
 * @param rights those of the handle
 * @param mayWait whether the answer may take as long as somebody's read
 */
export function lookAtFile(handle: RawHandle, rights: number, mayWait: boolean): FileFacts {
  if (!isAtRest(handle)) {
    if ((rights & (READER | NO_READER)) === READER) return { kind: "pipe" };
    if (!mayWait) return { kind: "other" };
  }
  switch (GetFileType(handle)) {
    case FILE_TYPE_DISK:
      return lookAtDisk(handle);
    case FILE_TYPE_PIPE:
      return { kind: isSocket(handle) ? "socket" : "pipe" };
    case FILE_TYPE_CHAR:
      return { kind: isConsole(handle) ? "terminal" : "device" };
    default:
      return { kind: "other" };
  }
}

/** A file is signalled unless an operation is under way. Waiting for no time changes nothing. */
function isAtRest(handle: RawHandle): boolean {
  return tryOrUndefined(() => WaitForSingleObject(handle, 0)) !== WAIT_TIMEOUT;
}

function lookAtDisk(handle: RawHandle): FileFacts {
  const file = diskFileOf(handle);
  const path = pathOf(handle);
  const deleted = isDeleted(handle) ? true : undefined;
  if (file?.isDirectory === true) {
    return { kind: "directory", path, deleted, device: file.device, inode: file.inode };
  }
  const position = tryOrUndefined(() => SetFilePointerEx(handle, 0, FILE_CURRENT));
  const { device, inode } = file ?? {};
  return { kind: "file", path, deleted, position, device, inode };
}

function isConsole(handle: RawHandle): boolean {
  return tryOrUndefined(() => GetConsoleMode(handle)) !== undefined;
}
