/** Inspecting one handle on Windows: of this process directly, of another by a duplicate. */
import { pid as ownPid } from "../../ffi/host.ts";
import { SELF } from "../../ffi/win32/check.ts";
import { DUPLICATE_SAME_ACCESS } from "../../ffi/win32/constants.ts";
import { CloseHandle, DuplicateHandle } from "../../ffi/win32/handle.ts";
import { kindOf, NtQueryObject, objectName } from "../../ffi/win32/object.ts";
import { socketFacts } from "../../ffi/win32/socket_name.ts";
import { consume } from "../util/late_close.ts";
import { tryOrUndefined } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { socketInfo } from "./socket_info.ts";
import { type HandleInfo, handleInfo, type SocketInfo } from "./types.ts";
import { accessOfRights, inspectFile, kindOfName } from "./windows_kinds.ts";

/** The out parameter of DuplicateHandle. Its result is used instead. */
const out: [number] = [0];

/** A handle to inspect, of this process or of another. */
export interface Target {
  readonly raw: RawHandle;
  readonly pid: number;
  readonly inheritable: boolean;
  /** Whether the inspection may wait for a read or write that another thread has under way. */
  readonly mayWait: boolean;
}

/** The result of inspecting one handle. */
export interface Inspection {
  readonly info: HandleInfo;
  /** The kernel's name for the kind of object. */
  readonly kernelName: string;
}

/** Inspects a target through a handle of this process to the same object. */
export function inspectOne(
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
export function inspectDuplicate(process: RawHandle, target: Target): Inspection {
  return withDuplicate(process, target.raw, (copy) => {
    const { info, kernelName } = inspectOne(copy, target);
    return {
      info: { ...info, references: (info.references ?? 1) - 1 },
      kernelName,
    };
  });
}

/** Duplicates a handle of a process into this one while a function runs. */
export function withDuplicate<Result>(
  process: RawHandle,
  raw: RawHandle,
  use: (copy: RawHandle) => Result,
): Result {
  const copy = DuplicateHandle(process, raw, SELF, out, 0, false, DUPLICATE_SAME_ACCESS);
  return consume({ close: () => CloseHandle(copy) }, () => use(copy));
}
