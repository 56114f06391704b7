/** Inspecting handles on Windows: those of this process directly, those of another by duplicates. */
import { failure, HandleError } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { isPseudoHandle, SELF } from "../../ffi/win32/check.ts";
import { HANDLE_FLAG_INHERIT, PROCESS_DUP_HANDLE } from "../../ffi/win32/constants.ts";
import { CloseHandle, CompareObjectHandles, GetHandleInformation } from "../../ffi/win32/handle.ts";
import { type OpenHandle, openHandles } from "../../ffi/win32/inspect.ts";
import { NtQueryObject } from "../../ffi/win32/object.ts";
import { OpenProcess } from "../../ffi/win32/process.ts";
import { consume } from "../util/late_close.ts";
import { type HandleInfo, handleInfo, type InspectPlatform } from "./types.ts";
import { findAtPath, findAtPort, findObject } from "./windows_find.ts";
import { inspectDuplicate, type Inspection, inspectOne, type Target } from "./windows_handle.ts";
import { accessOfRights, kindOfName } from "./windows_kinds.ts";

/** The implementation for Windows. */
export const windowsInspect: InspectPlatform = {
  inspect(raw) {
    const target = { raw, pid: ownPid(), inheritable: false, mayWait: true };
    // A pseudo-handle is a constant without an entry in the handle table: query a duplicate instead.
    if (isPseudoHandle(raw)) return inspectDuplicate(SELF, target).info;
    const inheritable = (GetHandleInformation(raw) & HANDLE_FLAG_INHERIT) !== 0;
    return inspectOne(raw, { ...target, inheritable }).info;
  },
  isSame(a, b) {
    for (const raw of [a, b]) NtQueryObject(raw); // throws when it is not open
    return CompareObjectHandles(a, b);
  },
  list(pid) {
    if (pid === ownPid()) return inspectAll(pid, (target) => inspectOne(target.raw, target));
    const process = OpenProcess(PROCESS_DUP_HANDLE, false, pid);
    return consume({ close: () => CloseHandle(process) }, () => {
      const found = inspectAll(pid, (target) => inspectDuplicate(process, target));
      // A process that has ended can be opened as long as another process has a handle to it.
      if (found.length === 0) throw noSuchProcess(pid);
      return found;
    });
  },
  find(target) {
    if ("path" in target) return findAtPath(target.path);
    return "port" in target ? findAtPort(target.port) : findObject(target.raw);
  },
};

/**
 * Inspects every handle of a process. One that cannot be inspected is described by the system's list at
 * the end, when the names of the kinds are known from the others.
 */
function inspectAll(pid: number, inspect: (target: Target) => Inspection): HandleInfo[] {
  const kernelNames = new Map<number, string>();
  const found: (HandleInfo | OpenHandle)[] = [];
  for (const entry of openHandles(pid).sort((a, b) => a.handle - b.handle)) {
    try {
      const { handle: raw, inheritable } = entry;
      const { info, kernelName } = inspect({ raw, pid, inheritable, mayWait: false });
      kernelNames.set(entry.kind, kernelName);
      found.push(info);
    } catch (error) {
      if (!(error instanceof HandleError)) throw error;
      if (error.code !== "EBADF") found.push(entry); // else it is closed by now
    }
  }
  return found.map((each) =>
    "raw" in each ? each : fromList(each, pid, kernelNames.get(each.kind))
  );
}

/** Describes a handle by its entry in the system's list. */
function fromList(entry: OpenHandle, pid: number, kernelName: string | undefined): HandleInfo {
  const { handle: raw, inheritable, access: accessMask } = entry;
  const kind = kindOfName(kernelName);
  const access = accessOfRights(kernelName, kind, accessMask);
  return handleInfo({ raw, pid, kind, access, accessMask, inheritable });
}

function noSuchProcess(pid: number): HandleError {
  return failure("ESRCH", "NtQuerySystemInformation", {
    message: `Cannot list the handles of process ${pid}: it has ended, and its handles with it; ` +
      "list them while it runs",
  });
}
