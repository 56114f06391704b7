/** Other processes on Windows: DuplicateHandle with a process on either side. */
import { checkInteger, show } from "../../ffi/check.ts";
import { HandleError } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import {
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  DUPLICATE_SAME_ATTRIBUTES,
  HANDLE_FLAG_INHERIT,
  HANDLE_FLAG_PROTECT_FROM_CLOSE,
  PROCESS_DUP_HANDLE,
  PROCESS_QUERY_LIMITED_INFORMATION,
  SYNCHRONIZE,
  WAIT_OBJECT_0,
} from "../../ffi/win32/constants.ts";
import { CompareObjectHandles } from "../../ffi/win32/handle.ts";
import { closeRefused } from "../../ffi/win32/errors.ts";
import {
  CloseHandle,
  DuplicateHandle,
  GetHandleInformation,
  SetHandleInformation,
} from "../../ffi/win32/handle.ts";
import { openHandles } from "../../ffi/win32/inspect.ts";
import { NtQueryObject } from "../../ffi/win32/object.ts";
import { GetExitCodeProcess, GetProcessId, OpenProcess } from "../../ffi/win32/process.ts";
import { WaitForSingleObject } from "../../ffi/win32/wait.ts";
import { checkHandle, isPseudoHandle, SELF } from "../../ffi/win32/check.ts";
import { closeQuietly, consume } from "../util/late_close.ts";
import { tryOrUndefined } from "../util/platform.ts";
import {
  type Attributes,
  isSelf,
  processEnded,
  type ProcessPlatform,
  type ProcessReference,
  showProcess,
} from "./types.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { reportNumber } from "../handle/hooks.ts";
import { refuseUnduplicable } from "../handle/windows.ts";

/** The rights to duplicate its handles, and to find out whether it has ended. */
const RIGHTS = PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;

const ALL_FLAGS = HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE;

/** Where DuplicateHandle writes its result. */
const out: [number] = [0];

/** Other processes on Windows. */
export const windowsProcesses: ProcessPlatform = {
  open: (pid) => reportNumber(OpenProcess(RIGHTS, false, pid), CloseHandle),
  current: () => SELF,
  checkProcess(raw) {
    checkHandle(raw, "a process", raw === 0 ? "for no targetProcess pass null" : undefined);
    if (raw < SELF && raw >= -6) {
      throw new TypeError(`Cannot use ${show(raw)} as a process: it is another pseudo-handle`);
    }
  },
  pidOf(raw) {
    if (raw === SELF) return pid();
    try {
      // Without this right it is treated as another process even when it is this one, so that the
      // system refuses the call.
      const mayDuplicate = (NtQueryObject(raw).GrantedAccess & PROCESS_DUP_HANDLE) !== 0;
      return mayDuplicate ? GetProcessId(raw) : undefined;
    } catch {
      return undefined; // the call that uses the handle reports the error
    }
  },
  checkGive() {},
  take(raw, from, inheritable, closeSource) {
    const options = DUPLICATE_SAME_ACCESS | (closeSource ? DUPLICATE_CLOSE_SOURCE : 0);
    const taken = orProcessEnded(
      from,
      () => DuplicateHandle(from.raw, raw, SELF, out, 0, inheritable, options),
    );
    try {
      refuseUnduplicable(taken, "DuplicateHandle");
    } catch (error) {
      closeQuietly(() => CloseHandle(taken));
      throw error;
    }
    return reportNumber(taken, CloseHandle);
  },
  give(raw, to, inheritable) {
    if (raw === SELF) return giveSelf(to, inheritable);
    refuseUnduplicable(raw, "DuplicateHandle");
    return orProcessEnded(
      to,
      () => DuplicateHandle(SELF, raw, to.raw, out, 0, inheritable, DUPLICATE_SAME_ACCESS),
    );
  },
  closeIn(process, raw) {
    // Moved to this process and closed here. One call with a null target would do the same on
    // Windows, but Wine refuses it.
    const options = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE;
    const copy = orProcessEnded(
      process,
      () => DuplicateHandle(process.raw, raw, SELF, out, 0, false, options),
    );
    consume({ close: () => CloseHandle(copy) }, () => {
      // A source that is protected from closing stays open, and the call succeeds all the same.
      if (
        !refersTo(copy, process, raw) || !windowsProcesses.attributesOf(raw, process).isProtected
      ) return;
      throw closeRefused(raw, "DuplicateHandle", { process: showProcess(process) });
    });
  },
  attributesOf(raw, process) {
    if (isSelf(process)) {
      return attributesOfFlags(isPseudoHandle(raw) ? 0 : GetHandleInformation(raw));
    }
    // Where the pid is not known or the handle is not open, the call that uses it reports the error.
    const handles = process.pid === undefined ? [] : openHandles(process.pid);
    const found = handles.find(({ handle }) => handle === raw);
    return { inheritable: found?.inheritable === true, isProtected: found?.isProtected === true };
  },
  protect(raw) {
    try {
      SetHandleInformation(raw, HANDLE_FLAG_PROTECT_FROM_CLOSE, HANDLE_FLAG_PROTECT_FROM_CLOSE);
      return raw;
    } catch (error) {
      closeQuietly(() => CloseHandle(raw));
      throw error;
    }
  },
  giveProtected(temporary, to, inheritable) {
    const flags = HANDLE_FLAG_PROTECT_FROM_CLOSE | (inheritable ? HANDLE_FLAG_INHERIT : 0);
    const close = () => {
      SetHandleInformation(temporary, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0);
      CloseHandle(temporary);
    };
    return consume({ close }, () => {
      SetHandleInformation(temporary, ALL_FLAGS, flags);
      const options = DUPLICATE_SAME_ACCESS | DUPLICATE_SAME_ATTRIBUTES;
      return orProcessEnded(
        to,
        () => DuplicateHandle(SELF, temporary, to.raw, out, 0, inheritable, options),
      );
    });
  },
  allowTake(pid) {
    // Any process of the same user may open this one already.
    checkInteger(pid, "pid", -1, 0xffff_ffff);
  },
};

/** Gives a real handle of this process, made of the pseudo-handle that currentProcess() has. */
function giveSelf(to: ProcessReference, inheritable: boolean): number {
  const real = DuplicateHandle(SELF, SELF, SELF, out, 0, false, DUPLICATE_SAME_ACCESS);
  return consume(
    { close: () => CloseHandle(real) },
    () => windowsProcesses.give(real, to, inheritable),
  );
}

/**
 * Takes a handle without a look at its object, which may be one whose duplicates are of no use.
 *
 * @returns a handle that is not inheritable, which the caller closes
 */
export function takeUnexamined(raw: RawHandle, from: ProcessReference): RawHandle {
  const taken = orProcessEnded(
    from,
    () => DuplicateHandle(from.raw, raw, SELF, out, 0, false, DUPLICATE_SAME_ACCESS),
  );
  return reportNumber(taken, CloseHandle);
}

/** Whether a handle of a process is open and refers to the object of a handle of ours. */
function refersTo(ours: number, process: ProcessReference, raw: number): boolean {
  const options = DUPLICATE_SAME_ACCESS;
  const taken = tryOrUndefined(
    () => DuplicateHandle(process.raw, raw, SELF, out, 0, false, options),
  );
  if (taken === undefined) return false;
  return consume(
    { close: () => CloseHandle(taken) },
    () => CompareObjectHandles(ours, taken),
  );
}

function attributesOfFlags(flags: number): Attributes {
  return {
    inheritable: (flags & HANDLE_FLAG_INHERIT) !== 0,
    isProtected: (flags & HANDLE_FLAG_PROTECT_FROM_CLOSE) !== 0,
  };
}

/** Calls; when the call fails because the process has ended, the error says so. */
function orProcessEnded(process: ProcessReference, call: () => number): number {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof HandleError) || !hasProcessEnded(process.raw)) throw error;
    throw processEnded(process, error);
  }
}

function hasProcessEnded(process: number): boolean {
  try {
    GetExitCodeProcess(process); // fails when the handle is not of a process
    return WaitForSingleObject(process, 0) === WAIT_OBJECT_0;
  } catch {
    return false; // the error of the failed call is the one to report
  }
}
