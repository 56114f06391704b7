/** Looking at handles on Windows: of this process by asking, of another by a duplicate of each. */
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
import { type HandleInfo, handleInfo, type InspectPlatform } from "./types.ts";
import { accessOfRights, kindOfName, lookAtFile } from "./windows_kinds.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** Where DuplicateHandle leaves its result. */
const out: [number] = [0];

/** Looking at handles on Windows. */
export const windowsInspector: InspectPlatform = {
  inspect(raw) {
    const subject = { raw, pid: ownPid(), inheritable: false, mayWait: true };
    // The system knows what a pseudo-handle stands for, and nothing of the handle: there is none.
    if (isPseudoHandle(raw)) return lookAtCopy(SELF, subject).info;
    const inheritable = (GetHandleInformation(raw) & HANDLE_FLAG_INHERIT) !== 0;
    return look(raw, { ...subject, inheritable }).info;
  },
  isSame(a, b) {
    for (const raw of [a, b]) NtQueryObject(raw); // throws when it is not open
    return CompareObjectHandles(a, b);
  },
  list(pid) {
    if (pid === ownPid()) return lookAtAll(pid, (subject) => look(subject.raw, subject));
    const process = OpenProcess(PROCESS_DUP_HANDLE, false, pid);
    try {
      const found = lookAtAll(pid, (subject) => lookAtCopy(process, subject));
      if (found.length === 0) throw hasEnded(pid); // somebody still has a handle of it
      return found;
    } finally {
      CloseHandle(process);
    }
  },
};

/** A handle that is to be looked at, which need not be one of this process. */
interface Subject {
  readonly raw: RawHandle;
  readonly pid: number;
  readonly inheritable: boolean;
  /** Whether the answer may take as long as somebody's read. */
  readonly mayWait: boolean;
}

/** What was found, and what the kernel calls the kind of the object. */
interface Sight {
  readonly info: HandleInfo;
  readonly kernelName: string;
}

/** Looks at every handle. One that cannot be asked is told by the list, once its kind is known. */
function lookAtAll(pid: number, see: (subject: Subject) => Sight): HandleInfo[] {
  const kernelNames = new Map<number, string>();
  const found: (HandleInfo | OpenHandle)[] = [];
  for (const entry of openHandles(pid).sort((a, b) => a.handle - b.handle)) {
    try {
      const { handle: raw, inheritable } = entry;
      const { info, kernelName } = see({ raw, pid, inheritable, mayWait: false });
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

/** Looks at a handle by means of a handle of this process to the same object. */
function look(handle: RawHandle, { raw, pid, inheritable, mayWait }: Subject): Sight {
  const { GrantedAccess, HandleCount } = NtQueryObject(handle);
  const kernelName = kindOf(handle);
  const isFile = kernelName === "File";
  const facts = isFile
    ? lookAtFile(handle, GrantedAccess, mayWait)
    : { kind: kindOfName(kernelName) };
  const info = handleInfo({
    raw,
    pid,
    access: accessOfRights(kernelName, facts.kind, GrantedAccess),
    accessMask: GrantedAccess,
    inheritable,
    // The name of a file comes from the file system, which may let us wait.
    name: isFile ? undefined : objectName(handle) || undefined,
    references: HandleCount,
    ...facts,
  });
  return { info, kernelName };
}

/** Looks at a handle by means of a duplicate, which is closed again. */
function lookAtCopy(process: RawHandle, subject: Subject): Sight {
  const copy = DuplicateHandle(process, subject.raw, SELF, out, 0, false, DUPLICATE_SAME_ACCESS);
  try {
    // Every handle of another process has a number that may be that of our copy, too.
    const { info, kernelName } = look(copy, { ...subject, raw: copy });
    return {
      info: { ...info, raw: subject.raw, references: (info.references ?? 1) - 1 },
      kernelName,
    };
  } finally {
    CloseHandle(copy);
  }
}

/** What the system's list itself tells. */
function fromList(entry: OpenHandle, pid: number, kernelName: string | undefined): HandleInfo {
  const { handle: raw, inheritable, access: accessMask } = entry;
  const kind = kindOfName(kernelName);
  const access = accessOfRights(kernelName, kind, accessMask);
  return handleInfo({ raw, pid, kind, access, accessMask, inheritable });
}

function hasEnded(pid: number): HandleError {
  return failure("ESRCH", "NtQuerySystemInformation", {
    message: `Cannot list the handles of process ${pid}: it has ended, and its handles with it; ` +
      "list them while it runs",
  });
}
