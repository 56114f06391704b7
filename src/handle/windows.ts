/** Handles on Windows. */
import { show } from "../../ffi/check.ts";
import { failure, type HandleError } from "../../ffi/error.ts";
import {
  DUPLICATE_SAME_ACCESS,
  FILE_APPEND_DATA,
  FILE_GENERIC_READ,
  FILE_GENERIC_WRITE,
  FILE_READ_DATA,
  FILE_TYPE_PIPE,
  FILE_TYPE_UNKNOWN,
  FILE_WRITE_DATA,
  GENERIC_READ,
  GENERIC_WRITE,
  HANDLE_FLAG_INHERIT,
} from "../../ffi/win32/constants.ts";
import {
  CloseHandle,
  DuplicateHandle,
  GetHandleInformation,
  SetHandleInformation,
} from "../../ffi/win32/handle.ts";
import {
  fileTypeOf,
  hasLowestRights,
  kindOf,
  NtQueryObject,
  objectName,
} from "../../ffi/win32/object.ts";
import { checkHandle, isPseudoHandle, SELF } from "../../ffi/win32/check.ts";
import { closeRefused, isProtected, showHandle } from "../../ffi/win32/errors.ts";
import { handleOfFd } from "../../ffi/win32/osfhandle.ts";
import { isSocketOfWinsock } from "../../ffi/win32/winsock.ts";
import { closeQuietly } from "../util/late_close.ts";
import { lookupFd } from "../windows_file/fd_table.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { reportNumber } from "./hooks.ts";
import type { Access, HandlePlatform } from "./types.ts";

/** Handles on Windows. */
export const windowsPlatform: HandlePlatform = {
  checkBorrowed(raw) {
    checkHandle(raw, "a handle");
    if (raw === -1) throw minusOne();
  },
  checkOwned(raw) {
    checkHandle(raw, "a handle");
    if (raw === -1) throw minusOne();
    if (isPseudoHandle(raw)) {
      throw new TypeError(`Cannot own ${show(raw)}: a pseudo-handle has no owner; duplicate it`);
    }
  },
  rawOfFd: (fd) => lookupFd(fd)?.raw ?? handleOfFd(fd),
  duplicate(raw, inheritable, minimum) {
    refuseMinimum(raw, minimum);
    refuseUnduplicable(raw, "DuplicateHandle");
    return reportNumber(
      DuplicateHandle(SELF, raw, SELF, out, 0, inheritable, DUPLICATE_SAME_ACCESS),
      CloseHandle,
    );
  },
  hasExactly: () => false,
  narrow(raw, access, inheritable, minimum) {
    refuseMinimum(raw, minimum);
    refuseUnduplicable(raw, "DuplicateHandle");
    const held = NtQueryObject(raw).GrantedAccess;
    const mask = accessMask(raw, access, held);
    const copy = DuplicateHandle(SELF, raw, SELF, out, mask, inheritable, 0);
    try {
      // For some kinds of object, Windows gives a duplicate more access than its source has.
      if ((NtQueryObject(copy).GrantedAccess & ~held) !== 0) throw lacksAccess(raw);
    } catch (error) {
      closeQuietly(() => CloseHandle(copy));
      throw error;
    }
    return reportNumber(copy, CloseHandle);
  },
  duplicateOnto(raw, target) {
    throw failure("ENOTSUP", "dup3", {
      message: `Cannot replace fd ${target}: Windows cannot do it in one step; ` +
        "use duplicate() and give the new handle to the code that needs it",
      handle: raw,
    });
  },
  isInheritable: (raw) => (GetHandleInformation(raw) & HANDLE_FLAG_INHERIT) !== 0,
  setInheritable(raw, inheritable) {
    SetHandleInformation(raw, HANDLE_FLAG_INHERIT, inheritable ? HANDLE_FLAG_INHERIT : 0);
  },
  close: CloseHandle,
  refuseProtected(raw) {
    if (isProtected(raw)) throw closeRefused(raw, "CloseHandle");
  },
};

/** DuplicateHandle writes its result here: one for the thread, since the call is synchronous. */
const out: [number] = [0];

/**
 * The rights to request. For a file they are the requested rights that the source has, so that a source
 * opened for appending can be narrowed to writing; for another object Windows maps the generic rights to
 * those of the object.
 */
function accessMask(raw: number, access: Access, held: number): number {
  if (typeof access === "number") return access;
  const reads = access !== "write";
  const writes = access !== "read";
  if (fileTypeOf(raw) === FILE_TYPE_UNKNOWN) {
    return (reads ? GENERIC_READ : 0) | (writes ? GENERIC_WRITE : 0);
  }
  const mayRead = (held & FILE_READ_DATA) !== 0;
  const mayWrite = (held & (FILE_WRITE_DATA | FILE_APPEND_DATA)) !== 0;
  if ((reads && !mayRead) || (writes && !mayWrite)) throw lacksAccess(raw);
  return held & ((reads ? FILE_GENERIC_READ : 0) | (writes ? FILE_GENERIC_WRITE : 0));
}

function refuseMinimum(raw: number, minimum: number | undefined): void {
  if (minimum === undefined) return;
  throw failure("ENOTSUP", "DuplicateHandle", {
    message: `Cannot choose the number of a duplicate of handle ${showHandle(raw)}: Windows ` +
      "chooses it; leave out minimum",
    handle: raw,
  });
}

function lacksAccess(raw: number): HandleError {
  return failure("EACCES", "DuplicateHandle", {
    message: `Cannot duplicate handle ${showHandle(raw)} with access that it lacks; ` +
      "open the source with the access that its duplicates need",
    handle: raw,
  });
}

function minusOne(): TypeError {
  return new TypeError(
    "Cannot use -1 as a handle: it is what a failed call returns; if this process is meant, " +
      "use currentProcess()",
  );
}

/**
 * Throws when a duplicate of the handle would not work. A handle that is not open passes: the call that
 * follows reports that.
 *
 * Ports and sockets have the rights to both read and write, so for most handles one query of their rights
 * is enough. In particular an end of a plain pipe gets no other query: Windows would answer it only after
 * a read for which another thread waits.
 *
 * @param raw the handle that is to be duplicated
 * @param syscall the call that would do it
 * @throws {HandleError} `ENOTSUP` for an I/O completion port and for a socket
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 */
export function refuseUnduplicable(raw: RawHandle, syscall: string): void {
  if (isPseudoHandle(raw) || !hasLowestRights(raw)) return;
  const type = fileTypeOf(raw);
  if (type === FILE_TYPE_PIPE) {
    if (isSocketPipe(raw)) throw refusal(raw, syscall, SOCKET);
  } else if (type === FILE_TYPE_UNKNOWN && kindOf(raw) === "IoCompletion") {
    throw refusal(raw, syscall, PORT);
  }
}

const SOCKET = "is a socket, and Winsock does not know a duplicate of its handle; " +
  "use duplicateSocket(), whose result another process turns into a socket of its own";
const PORT = "is an I/O completion port: a duplicate could not be used; " +
  "make every thread and process use the port's own handle, or a port of its own";

/** Whether the handle is a socket of Winsock; `false` for what is not open. */
export function isSocket(raw: RawHandle): boolean {
  if (isPseudoHandle(raw) || !hasLowestRights(raw)) return false;
  return fileTypeOf(raw) === FILE_TYPE_PIPE && isSocketPipe(raw);
}

function isSocketPipe(raw: RawHandle): boolean {
  const name = objectName(raw);
  if (name.startsWith("\\Device\\NamedPipe")) return false;
  if (name.startsWith("\\Device\\Afd")) return true;
  // Wine gives a socket no name. Winsock is not loaded for anything else.
  return isSocketOfWinsock(raw);
}

function refusal(raw: RawHandle, syscall: string, why: string): HandleError {
  return failure("ENOTSUP", syscall, {
    message: `Cannot duplicate handle ${showHandle(raw)}: it ${why}`,
    handle: raw,
  });
}
