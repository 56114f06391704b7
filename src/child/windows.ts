/**
 * Children on Windows: an inherited handle has the same value in the child, so an inheritable
 * duplicate exists for the moment in which the child starts.
 */
import { failure } from "../../ffi/error.ts";
import {
  DUPLICATE_SAME_ACCESS,
  HANDLE_FLAG_INHERIT,
  STD_ERROR_HANDLE,
  STD_INPUT_HANDLE,
  STD_OUTPUT_HANDLE,
} from "../../ffi/win32/constants.ts";
import {
  DuplicateHandle,
  GetHandleInformation,
  SetHandleInformation,
} from "../../ffi/win32/handle.ts";
import { GetStdHandle } from "../../ffi/win32/process.ts";
import { isPseudoHandle, SELF } from "../../ffi/win32/check.ts";
import { showHandle } from "../../ffi/win32/errors.ts";
import { openHandles } from "../../ffi/win32/inspect.ts";
import { fdOfHandle } from "../../ffi/win32/osfhandle.ts";
import { closeAll } from "../handle/raw.ts";
import { closeQuietly } from "../util/late_close.ts";
import { nodeFs } from "../util/node.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { type ChildPlatform, type StdioEntry, StdioHandle } from "./types.ts";
import { isSocket, refuseUnduplicable } from "../handle/windows.ts";
import { denoWindowsAdopter } from "../handle/windows_adopt.ts";
import { startAlone } from "./windows_lock.ts";

/** Children on Windows. */
export const windowsChildren: ChildPlatform = {
  withInheritable(sources, entries, _program, start) {
    sources.forEach(checkSource);
    entries.forEach((entry) => checkEntry(entry));
    return startAlone(() => {
      const fds: number[] = [];
      const duplicates: number[] = [];
      const sharedSockets: number[] = [];
      const cleared: number[] = [];
      try {
        const values = sources.map((source, at) => {
          if (!isSocket(source)) return duplicateInheritable(source, duplicates);
          if (sources.indexOf(source) < at) throw repeatedSocketError(source);
          return makeSocketInheritable(source, sharedSockets);
        });
        const stdio = entries.map((entry, at) => stdioEntry(entry, at, fds));
        clearInheritanceExcept(new Set([...values, ...standardHandles()]), cleared);
        return start({ values, tags: sources.map(tagOf), stdio });
      } finally {
        for (const handle of cleared) setInheritance(handle, true);
        for (const socket of sharedSockets) setInheritance(socket, false);
        closeAll(duplicates);
        for (const fd of fds) closeQuietly(() => nodeFs().closeSync(fd));
      }
    });
  },
  takeOver(raw) {
    try {
      // An inherited handle is inheritable; a handle that the child has opened itself is not.
      if ((GetHandleInformation(raw) & HANDLE_FLAG_INHERIT) === 0) return false;
    } catch {
      return false;
    }
    return setInheritance(raw, false);
  },
  isStandard: (raw) => standardHandles().includes(raw),
  isSocket: (tag) => tag === SOCKET_TAG,
};

/** The tag of a socket: under Wine, a child cannot find out that a handle is one. */
const SOCKET_TAG = "socket";

function tagOf(source: number): string {
  return isSocket(source) ? SOCKET_TAG : "";
}

/**
 * Throws for a closed source, before anything is made: the next handle could get its value. Throws
 * also for kinds that are of no use in a child. A socket is inherited as it is.
 */
function checkSource(source: number): void {
  if (isPseudoHandle(source)) return;
  GetHandleInformation(source);
  if (!isSocket(source)) refuseUnduplicable(source, "DuplicateHandle");
}

/** Throws for a handle in `stdio` that is closed, or that cannot stand there. */
function checkEntry(entry: StdioEntry | StdioHandle): void {
  if (!(entry instanceof StdioHandle)) return;
  const { raw } = entry;
  checkSource(raw);
  if (isSocket(raw)) throw notInStdio(raw, "it is a socket, which Windows does not duplicate");
}

function notInStdio(raw: number, why: string): Error {
  return failure("ENOTSUP", "spawn", {
    message: `Cannot use handle ${showHandle(raw)} as an entry of stdio: ${why}; ` +
      "pass it by the option handles",
    handle: raw,
  });
}

/** Whether the handle is this process's own standard input, output or error of that number. */
function isStandardAt(raw: number, at: number): boolean {
  const which = STANDARD[at];
  return which !== undefined && tryOrUndefined(() => GetStdHandle(which)) === raw;
}

/**
 * An entry of `stdio` as the runtime takes it: for a handle a descriptor of the C runtime, which owns a
 * duplicate.
 *
 * @param fds gets the descriptors that are made, for the caller to close
 */
function stdioEntry(entry: StdioEntry | StdioHandle, at: number, fds: number[]): StdioEntry {
  if (!(entry instanceof StdioHandle)) return entry;
  if ("Deno" in globalThis) {
    if (isStandardAt(entry.raw, at)) return "inherit";
    const fd = denoWindowsAdopter.copyToFd(entry.raw, false);
    fds.push(fd);
    return fd;
  }
  const own = DuplicateHandle(SELF, entry.raw, SELF, [0], 0, false, DUPLICATE_SAME_ACCESS);
  let fd: number;
  try {
    fd = fdOfHandle(own);
  } catch (error) {
    closeAll([own]);
    throw error;
  }
  fds.push(fd);
  return fd;
}

/** Makes an inheritable duplicate, and adds it to `duplicates`, which the caller closes. */
function duplicateInheritable(source: number, duplicates: number[]): number {
  const duplicate = DuplicateHandle(SELF, source, SELF, [0], 0, true, DUPLICATE_SAME_ACCESS);
  duplicates.push(duplicate);
  return duplicate;
}

/** Makes the socket itself inheritable; adds it to `changed` if it was not before. */
function makeSocketInheritable(socket: number, changed: number[]): number {
  if ((GetHandleInformation(socket) & HANDLE_FLAG_INHERIT) === 0) {
    changed.push(socket);
    SetHandleInformation(socket, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  }
  return socket;
}

/** Under two names, the child would have two owners of one value. */
function repeatedSocketError(socket: number): Error {
  return failure("EINVAL", "spawn", {
    message: `Cannot pass the socket ${showHandle(socket)} under two names: Windows has no ` +
      "duplicates of sockets; pass it once, and use duplicateSocket() for another",
    handle: socket,
  });
}

const STANDARD = [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE];

/** The standard handles that exist: a process without a console may have none. */
function standardHandles(): number[] {
  return STANDARD.flatMap((which) => {
    try {
      return [GetStdHandle(which)];
    } catch {
      return [];
    }
  });
}

/**
 * Makes every other inheritable handle not inheritable. The runtime makes the standard input and output
 * of the child later, so the child inherits them.
 *
 * @param cleared gets those that were changed
 */
function clearInheritanceExcept(kept: ReadonlySet<number>, cleared: number[]): void {
  for (const { handle, inheritable } of openHandles()) {
    if (inheritable && !kept.has(handle) && setInheritance(handle, false)) cleared.push(handle);
  }
}

/** Sets whether children inherit a handle; `false` when another thread has closed it. */
function setInheritance(handle: number, inheritable: boolean): boolean {
  try {
    SetHandleInformation(handle, HANDLE_FLAG_INHERIT, inheritable ? HANDLE_FLAG_INHERIT : 0);
    return true;
  } catch {
    return false;
  }
}
