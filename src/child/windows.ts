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
import type { ChildPlatform } from "./types.ts";
import { closeAll } from "../handle/raw.ts";
import { isSocket, refuseUnduplicable } from "../handle/windows_kinds.ts";
import { startAlone } from "./windows_lock.ts";

/** Children on Windows. */
export const windowsChildren: ChildPlatform = {
  withInheritable(sources, entries, _program, start) {
    sources.forEach(checkSource);
    return startAlone(() => {
      const duplicates: number[] = [];
      const sharedSockets: number[] = [];
      const cleared: number[] = [];
      try {
        const values = sources.map((source, at) => {
          if (!isSocket(source)) return duplicateInheritable(source, duplicates);
          if (sources.indexOf(source) < at) throw repeatedSocketError(source);
          return makeSocketInheritable(source, sharedSockets);
        });
        clearInheritanceExcept(new Set([...values, ...standardHandles()]), cleared);
        return start({ values, tags: sources.map(tagOf), stdio: [...entries] });
      } finally {
        for (const handle of cleared) setInheritance(handle, true);
        for (const socket of sharedSockets) setInheritance(socket, false);
        closeAll(duplicates);
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

/** The standard handles that exist: a process without a console may have none. */
function standardHandles(): number[] {
  return [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE].flatMap((which) => {
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
