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
import {
  canExchangeHandles,
  exchangeHandle,
  handleOfFd,
  letOthersUseHandle,
} from "../../ffi/win32/osfhandle.ts";
import { isSocketOfWinsock } from "../../ffi/win32/winsock.ts";
import { closeOrWarn, closeQuietly } from "../util/late_close.ts";
import { handleOfDenoFd, lookupFd } from "../windows_file/fd_table.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { shared } from "../util/shared.ts";
import { reportNumber } from "./hooks.ts";
import {
  checkMainThread,
  checkNotReading,
  override,
  type StandardStream,
  type Stream,
  synchronousMethods,
  unbuffered,
  withStream,
  writeCorked,
} from "./standard_stream.ts";
import type { Access, HandlePlatform } from "./types.ts";

/** Handles on Windows. */
export const windowsPlatform: HandlePlatform = {
  checkBorrowed(raw) {
    checkHandle(raw, "a handle");
    if (raw === -1) throw minusOne();
  },
  checkOwned(raw) {
    windowsPlatform.checkBorrowed(raw);
    if (isPseudoHandle(raw)) {
      throw new TypeError(`Cannot own ${show(raw)}: a pseudo-handle has no owner; duplicate it`);
    }
  },
  rawOfFd(fd) {
    // Deno does not expose the HANDLE of a descriptor of its node:fs.
    const handleOf = fd > 2 && "Deno" in globalThis ? handleOfDenoFd : handleOfFd;
    return lookupFd(fd)?.raw ?? handleOf(fd);
  },
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
  duplicateOnto(raw, target, inheritable) {
    checkReplaceable(target);
    const old = handleOfFd(target);
    if (fileTypeOf(old) === FILE_TYPE_PIPE) throw notReplaced("ENOTSUP", target, IS_PIPE);
    windowsPlatform.refuseProtected(old);
    replaceHandle(raw, target, old, inheritable);
    letOthersUseHandle();
    closeOrWarn(() => CloseHandle(old));
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

/** The handles that `duplicateOnto` gave to fds 0 to 2, for all copies of this library. */
export const replacedHandles = (): Map<number, RawHandle> =>
  shared("replacedHandles", 1, () => new Map());

/**
 * Makes one of fds 0 to 2 refer to another object for good. The handle that it had at the start stays open:
 * native code may have read it, and would use what gets its number next.
 *
 * @throws {HandleError} when not all that is printed can follow; nothing has changed then
 */
export function replaceStandardWindows(raw: RawHandle, fd: number, inheritable: boolean): void {
  const stream = standardStreamWindows(fd);
  const old = handleOfFd(fd);
  const replaced = replacedHandles();
  stream.flush();
  const made = withStream(stream, () => replaceHandle(raw, fd, old, inheritable));
  const earlier = replaced.get(fd);
  replaced.set(fd, made);
  if (earlier !== old) return;
  letOthersUseHandle();
  closeOrWarn(() => CloseHandle(old));
}

/** Makes a descriptor refer to a duplicate of the handle, and returns that. The old handle stays open. */
function replaceHandle(
  raw: RawHandle,
  fd: number,
  old: RawHandle,
  inheritable: boolean,
): RawHandle {
  if (raw === old) throw notReplaced("EINVAL", fd, IS_SOURCE);
  refuseUnduplicable(raw, "DuplicateHandle");
  const own = DuplicateHandle(SELF, raw, SELF, out, 0, inheritable, DUPLICATE_SAME_ACCESS);
  if (!exchangeHandle(fd, old, own)) {
    closeQuietly(() => CloseHandle(own));
    throw notReplaced("EBUSY", fd, CHANGED);
  }
  return own;
}

/** The runtime's stream for a descriptor, made while nothing has changed, when all that uses it can follow. */
export function standardStreamWindows(fd: number): StandardStream {
  checkReplaceable(fd);
  if (fd > 2) return unbuffered;
  checkMainThread(fd);
  if (fd === 0) {
    checkNotReading();
    return unbuffered;
  }
  const stream = (fd === 1 ? globalThis.process.stdout : globalThis.process.stderr) as Stream;
  // To a file and a pipe Node writes by the descriptor. A console it has opened for itself.
  const properties = stream._handle === undefined ? {} : synchronousMethods(fd);
  return { ...unbuffered, flush: () => writeCorked(stream), ...override(stream, properties) };
}

/**
 * Throws when the descriptor cannot be made to refer to another object with all that uses it.
 *
 * Observed: `console.log` of Bun writes to the `HANDLE` that standard output was when Bun started, and Deno gives
 * children a duplicate that it made at its start. Neither tells where it keeps it. What exchanges the object behind a
 * `HANDLE` has to close it first, and then another thread may get its number.
 */
export function checkReplaceable(fd: number): void {
  const isStandard = fd <= 2;
  const why = "Deno" in globalThis
    ? isStandard
      ? "Deno gives children a HANDLE of its own"
      : "Deno does not expose its descriptors"
    : "Bun" in globalThis && isStandard && fd > 0
    ? "console.log of Bun writes to a HANDLE of its own"
    : canExchangeHandles()
    ? undefined
    : "the C runtime in this runtime is unknown";
  if (why === undefined) return;
  const advice = !isStandard
    ? "use duplicate() and give the new handle to the code that needs it"
    : "start a child process with stdio" +
      (fd === 0 ? "" : ", or replace console.log and process.stdout.write");
  throw failure("ENOTSUP", "dup3", {
    message: `Cannot make fd ${fd} refer to another object: on Windows ${why}; ${advice}`,
    handle: fd,
  });
}

/** The error for a descriptor whose handle cannot be replaced, and is not. */
function notReplaced(code: "ENOTSUP" | "EINVAL" | "EBUSY", fd: number, why: string): HandleError {
  return failure(code, "dup3", { message: `Cannot replace fd ${fd}: ${why}`, handle: fd });
}

const IS_PIPE = "it is a pipe, whose HANDLE the event loop may be using; " +
  "use duplicate() and give the new handle to the code that needs it, or redirect()";
const IS_SOURCE = "it has the handle of the source; name another target";
const CHANGED = "another thread has just closed or replaced it; keep it open during the call";

/**
 * The rights to request. For a file they are the requested rights that the source has, so that a source opened for
 * appending can be narrowed to writing; for another object Windows maps the generic rights to those of the object.
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
 * Throws when a duplicate of the handle would not work. A handle that is not open passes: the next call reports it.
 *
 * Ports and sockets have the rights to both read and write, so for most handles one query of their rights is enough.
 * An end of a plain pipe gets no other query: Windows would answer it only after a read for which another thread waits.
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
