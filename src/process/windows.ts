/** Other processes on Windows: DuplicateHandle with a process on either side. */
import { checkInteger, show } from "../../ffi/check.ts";
import { HandleError } from "../../ffi/error.ts";
import { pid } from "../../ffi/host.ts";
import {
  DUPLICATE_CLOSE_SOURCE,
  DUPLICATE_SAME_ACCESS,
  PROCESS_DUP_HANDLE,
  PROCESS_QUERY_LIMITED_INFORMATION,
  SYNCHRONIZE,
  WAIT_OBJECT_0,
} from "../../ffi/win32/constants.ts";
import { CloseHandle, DuplicateHandle } from "../../ffi/win32/handle.ts";
import { NtQueryObject } from "../../ffi/win32/object.ts";
import { GetExitCodeProcess, GetProcessId, OpenProcess } from "../../ffi/win32/process.ts";
import { WaitForSingleObject } from "../../ffi/win32/wait.ts";
import { checkHandle, SELF } from "../../ffi/win32/check.ts";
import { processEnded, type ProcessPlatform, type ProcessReference } from "./types.ts";
import { reportNumber } from "../handle/hooks.ts";
import { refuseUnduplicable } from "../handle/windows_kinds.ts";

/** The rights to duplicate its handles, and to find out whether it has ended. */
const RIGHTS = PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;

/** Where DuplicateHandle writes its result. */
const out: [number] = [0];

/** Other processes on Windows. */
export const windowsProcesses: ProcessPlatform = {
  open: (pid) => reportNumber(OpenProcess(RIGHTS, false, pid), CloseHandle),
  current: () => SELF,
  checkProcess(raw) {
    checkHandle(raw, "a process");
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
      CloseHandle(taken);
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
    CloseHandle(orProcessEnded(
      process,
      () => DuplicateHandle(process.raw, raw, SELF, out, 0, false, options),
    ));
  },
  allowTake(pid) {
    // Any process of the same user may open this one already.
    checkInteger(pid, "pid", -1, 0xffff_ffff);
  },
};

/** Gives a real handle of this process, made of the pseudo-handle that currentProcess() has. */
function giveSelf(to: ProcessReference, inheritable: boolean): number {
  const real = DuplicateHandle(SELF, SELF, SELF, out, 0, false, DUPLICATE_SAME_ACCESS);
  try {
    return windowsProcesses.give(real, to, inheritable);
  } finally {
    CloseHandle(real);
  }
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
