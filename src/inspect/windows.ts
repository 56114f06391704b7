/** Inspecting handles on Windows: those of this process directly, those of another by duplicates. */
import { consume } from "../util/late_close.ts";
import { failure, HandleError } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { isPseudoHandle, SELF } from "../../ffi/win32/check.ts";
import { CompareObjectHandles } from "../../ffi/win32/compare.ts";
import {
  DUPLICATE_SAME_ACCESS,
  HANDLE_FLAG_INHERIT,
  PROCESS_DUP_HANDLE,
} from "../../ffi/win32/constants.ts";
import { CloseHandle, DuplicateHandle, GetHandleInformation } from "../../ffi/win32/handle.ts";
import { type OpenHandle, openHandles } from "../../ffi/win32/inspect.ts";
import { kindOf, NtQueryObject, objectName } from "../../ffi/win32/object.ts";
import { OpenProcess } from "../../ffi/win32/process.ts";
import { socketFacts } from "../../ffi/win32/socket_name.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { socketInfo } from "./socket_info.ts";
import { type HandleInfo, handleInfo, type InspectPlatform, type SocketInfo } from "./types.ts";
import { accessOfRights, inspectFile, kindOfName } from "./windows_kinds.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The out parameter of DuplicateHandle. Its result is used instead. */
const out: [number] = [0];

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
};

/** A handle to inspect, of this process or of another. */
interface Target {
  readonly raw: RawHandle;
  readonly pid: number;
  readonly inheritable: boolean;
  /** Whether the inspection may wait for a read or write that another thread has under way. */
  readonly mayWait: boolean;
}

/** The result of inspecting one handle. */
interface Inspection {
  readonly info: HandleInfo;
  /** The kernel's name for the kind of object. */
  readonly kernelName: string;
}

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

/** Inspects a target through a handle of this process to the same object. */
function inspectOne(
  handle: RawHandle,
  { raw, pid, inheritable, mayWait }: Target,
): Inspection {
  const { GrantedAccess, HandleCount } = NtQueryObject(handle);
  const kernelName = kindOf(handle);
  const isFile = kernelName === "File";
  const facts = isFile
    ? inspectFile(handle, GrantedAccess, mayWait)
    : { kind: kindOfName(kernelName) };
  const info = handleInfo({
    raw,
    pid,
    access: accessOfRights(kernelName, facts.kind, GrantedAccess),
    accessMask: GrantedAccess,
    inheritable,
    // Not for files: the file system gives their names, and may wait for an operation under way.
    name: isFile ? undefined : objectName(handle) || undefined,
    references: HandleCount,
    // Winsock knows the sockets of this process, and no duplicates of their handles.
    socket: facts.kind === "socket" && pid === ownPid() ? socketOf(raw) : undefined,
    ...facts,
  });
  return { info, kernelName };
}

function socketOf(raw: RawHandle): SocketInfo | undefined {
  const facts = tryOrUndefined(() => socketFacts(raw));
  return facts && socketInfo(facts);
}

/** Inspects a target through a duplicate, which is closed again. */
function inspectDuplicate(process: RawHandle, target: Target): Inspection {
  const copy = DuplicateHandle(process, target.raw, SELF, out, 0, false, DUPLICATE_SAME_ACCESS);
  return consume({ close: () => CloseHandle(copy) }, () => {
    const { info, kernelName } = inspectOne(copy, target);
    return {
      info: { ...info, references: (info.references ?? 1) - 1 },
      kernelName,
    };
  });
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
