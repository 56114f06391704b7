/**
 * Children on Windows: a handle that is inheritable has the same number in the child, so an
 * inheritable duplicate is made for the moment in which the child starts.
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
  CloseHandle,
  DuplicateHandle,
  GetHandleInformation,
  SetHandleInformation,
} from "../../ffi/win32/handle.ts";
import { GetStdHandle } from "../../ffi/win32/process.ts";
import { isPseudoHandle, SELF } from "../../ffi/win32/check.ts";
import { showHandle } from "../../ffi/win32/errors.ts";
import { openHandles } from "../../ffi/win32/inspect.ts";
import type { ChildPlatform } from "./types.ts";
import { isSocket, refuseUnduplicable } from "../handle/windows_kinds.ts";

/** Children on Windows. */
export const windowsChildren: ChildPlatform = {
  lend(sources, stdio, start) {
    const copies: number[] = [];
    const shared: number[] = [];
    let hidden: number[] = [];
    try {
      sources.forEach(checkSource);
      const numbers = sources.map((source, at) => {
        if (!isSocket(source)) return copy(source, copies);
        if (sources.indexOf(source) < at) throw givenTwice(source);
        return share(source, shared);
      });
      hidden = hideAllBut(new Set([...numbers, ...standardHandles()]));
      return start({ numbers, marks: sources.map(markOf), stdio });
    } finally {
      for (const handle of hidden) inherit(handle, true);
      for (const socket of shared) inherit(socket, false);
      for (const made of copies) CloseHandle(made);
    }
  },
  accept(raw) {
    try {
      // Inherited handles are inheritable, and what the child opened itself is not.
      if ((GetHandleInformation(raw) & HANDLE_FLAG_INHERIT) === 0) return false;
    } catch {
      return false;
    }
    SetHandleInformation(raw, HANDLE_FLAG_INHERIT, 0);
    return true;
  },
  isSocket: (mark) => mark === SOCKET,
};

/** The mark of a socket: under Wine, a child cannot tell that it is one. */
const SOCKET = "socket";

function markOf(source: number): string {
  return isSocket(source) ? SOCKET : "";
}

/**
 * Throws for what is closed, before anything is made: its number may be that of the next handle.
 * Also for what is of no use in a child; sockets are, when they are inherited as they are.
 */
function checkSource(source: number): void {
  if (isPseudoHandle(source)) return;
  GetHandleInformation(source);
  if (!isSocket(source)) refuseUnduplicable(source, "DuplicateHandle");
}

/** An inheritable duplicate; `made` gets it as well, for the caller to close. */
function copy(source: number, made: number[]): number {
  const duplicate = DuplicateHandle(SELF, source, SELF, [0], 0, true, DUPLICATE_SAME_ACCESS);
  made.push(duplicate);
  return duplicate;
}

/** The socket itself, made inheritable; `shared` gets it when that is to be undone. */
function share(socket: number, shared: number[]): number {
  if ((GetHandleInformation(socket) & HANDLE_FLAG_INHERIT) === 0) {
    shared.push(socket);
    SetHandleInformation(socket, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  }
  return socket;
}

/** The child would have two owners of one number. */
function givenTwice(socket: number): Error {
  return failure("EINVAL", "spawn", {
    message: `Cannot pass the socket ${showHandle(socket)} under two names: Windows has no ` +
      "duplicates of sockets; pass it once, and duplicateSocket() for another",
    handle: socket,
  });
}

/** Those that there are: a process without a console may have none. */
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
 * Takes the inheritance from every handle that has it. What the runtime makes for the standard
 * input and output of the child is made later, and reaches it.
 */
function hideAllBut(kept: ReadonlySet<number>): number[] {
  const hidden = openHandles()
    .filter(({ handle, inheritable }) => inheritable && !kept.has(handle))
    .map(({ handle }) => handle);
  return hidden.filter((handle) => inherit(handle, false));
}

/** Sets whether children inherit a handle; `false` when another thread closed it meanwhile. */
function inherit(handle: number, inheritable: boolean): boolean {
  try {
    SetHandleInformation(handle, HANDLE_FLAG_INHERIT, inheritable ? HANDLE_FLAG_INHERIT : 0);
    return true;
  } catch {
    return false;
  }
}
