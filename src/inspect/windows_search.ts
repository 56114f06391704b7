/** Examining processes on Windows: which of their handles are wanted ones. */
import { HandleError } from "../../ffi/error.ts";
import { pid as ownPid } from "../../ffi/host.ts";
import { OPEN_EXISTING, PROCESS_DUP_HANDLE } from "../../ffi/win32/constants.ts";
import { CreateFileW } from "../../ffi/win32/file.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import type { TableSocket } from "../../ffi/win32/holders.ts";
import type { OpenHandle } from "../../ffi/win32/inspect.ts";
import { OpenProcess } from "../../ffi/win32/process.ts";
import { consume } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { socketInfo } from "./socket_info.ts";
import type { FoundHandle, HandleInfo, HiddenProcess } from "./types.ts";
import { inspectOne, withDuplicate } from "./windows_handle.ts";

/** winnt.h and winbase.h: rights and flags with which a file can be opened whatever others share. */
const FILE_READ_ATTRIBUTES = 0x80;
const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;
const SHARE_ALL = 7;

const ANOTHER_USER = "it is another user's, or protected: run as that user, or elevated";

/** The open handles of all processes, by pid. */
export type Handles = ReadonlyMap<number, readonly OpenHandle[]>;

/**
 * Whether a handle is a wanted one, by a handle of this process to the same object; `"busy"` when that object
 * cannot be queried now.
 */
export type Match = (
  handle: RawHandle,
  target: { readonly pid: number } & OpenHandle,
) => boolean | "busy";

/** What is found in one process, and why something could not be examined there. */
export interface Holder {
  readonly found: readonly HandleInfo[];
  readonly unseen: Unseen | undefined;
}

export type Unseen = Pick<HiddenProcess, "code" | "reason">;

/** Opens a path without any right to its data, so that it matters to nobody, while a function runs. */
export function withProbe<Result>(path: string, use: (probe: RawHandle) => Result): Result {
  const flags = FILE_FLAG_BACKUP_SEMANTICS;
  const probe = CreateFileW(path, FILE_READ_ATTRIBUTES, SHARE_ALL, null, OPEN_EXISTING, flags, 0);
  return consume({ close: () => CloseHandle(probe) }, () => use(probe));
}

/** The processes that have handles, and others that are to be examined, lowest number first. */
export function pidsOf(handles: Handles, others: Iterable<number> = []): number[] {
  return [...new Set([...handles.keys(), ...others])].sort((a, b) => a - b);
}

/** Looks for handles in a process; `undefined` when it has ended. */
export function examine(
  pid: number,
  entries: readonly OpenHandle[],
  match: Match,
): Holder | undefined {
  if (pid === ownPid()) return examineAll(entries, pid, (raw, use) => use(raw), match);
  let process: RawHandle;
  try {
    process = OpenProcess(PROCESS_DUP_HANDLE, false, pid);
  } catch (error) {
    if (!(error instanceof HandleError)) throw error;
    if (error.code === "ESRCH") return undefined;
    const reason = error.code === "EACCES" ? ANOTHER_USER : error.message;
    return { found: [], unseen: { code: error.code, reason } };
  }
  return consume(
    { close: () => CloseHandle(process) },
    () => examineAll(entries, pid, (raw, use) => withDuplicate(process, raw, use), match),
  );
}

/** @param open has a function use a handle of this process to the object of a handle of that one */
function examineAll(
  entries: readonly OpenHandle[],
  pid: number,
  open: <Result>(raw: RawHandle, use: (handle: RawHandle) => Result) => Result,
  match: Match,
): Holder {
  const found: HandleInfo[] = [];
  let busy = 0;
  let refused: HandleError | undefined;
  const own = pid === ownPid() ? 0 : 1;
  for (const entry of entries.toSorted((a, b) => a.handle - b.handle)) {
    const { handle: raw, inheritable } = entry;
    try {
      open(raw, (handle) => {
        const answer = match(handle, { pid, ...entry });
        if (answer === "busy") busy++;
        if (answer !== true) return;
        const { info } = inspectOne(handle, { raw, pid, inheritable, mayWait: false });
        found.push({ ...info, references: (info.references ?? own) - own });
      });
    } catch (error) {
      if (!(error instanceof HandleError)) throw error;
      if (error.code !== "EBADF") refused = error; // else it is closed by now
    }
  }
  return { found, unseen: unseenOf(busy, refused) };
}

function unseenOf(busy: number, refused: HandleError | undefined): Unseen | undefined {
  if (busy > 0) {
    const reason =
      `${busy} of its handles cannot be queried while an operation is under way on them`;
    return { code: "EBUSY", reason };
  }
  return refused && { code: refused.code, reason: refused.message };
}

/** A handle of which no more is known than that the process has it. */
export function unknownHandle(
  pid: number,
  kind: "file" | "socket",
  reason: string,
  socket?: TableSocket,
): FoundHandle {
  return {
    raw: undefined,
    pid,
    kind,
    access: undefined,
    inheritable: undefined,
    ...(socket && { socket: socketInfo(socket) }),
    reason,
  };
}
