/** The open handles of a process, from the kernel's own list. */
import { backend } from "../backend/mod.ts";
import * as tables from "./symbols/handles.ts";
import { win32Error } from "./errors.ts";
import { lazy, type Library, ntdll } from "./libraries.ts";

/** The list of every handle of the system: Wine has none of a single process's. */
const SYSTEM_EXTENDED_HANDLE_INFORMATION = 64;

/** `SYSTEM_HANDLE_INFORMATION_EX` starts with two pointers' width; each entry has 40 bytes. */
const HEADER = 16;
const ENTRY = 40;

/** Where `SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX` has what is read here. */
const PROCESS = 8;
const HANDLE = 16;
const ACCESS = 24;
const KIND = 30;
const ATTRIBUTES = 32;

/** ntdef.h: child processes inherit the handle. */
const OBJ_INHERIT = 2;

/** ntstatus.h: the list is longer than the memory for it. */
const STATUS_INFO_LENGTH_MISMATCH = 0xc000_0004 | 0;

/** Room for 25000 handles at first, and for 6 million at last. */
const FIRST_SIZE = 1 << 20;
const LAST_SIZE = 1 << 28;

/** An open handle of a process. */
export interface OpenHandle {
  readonly handle: number;
  /** The number that the system has for the kind of object; 0 for one of Wine's own. */
  readonly kind: number;
  /** Whether child processes inherit it. */
  readonly inheritable: boolean;
  /** The rights of this handle. */
  readonly access: number;
}

const ntdllHandles: Library<typeof tables.ntdllHandles> = /* @__PURE__ */ lazy(
  "ntdll.dll",
  tables.ntdllHandles,
);

let size: number = FIRST_SIZE;

/**
 * The open handles of a process. What is opened or closed meanwhile is in it or not; what stays
 * open is in it. `GetProcessHandleCount` would count them, but under Wine it says 0.
 *
 * @param pid the process, default this one
 * @throws {HandleError} when the system does not give the list
 */
export function openHandles(pid: number = globalThis.process.pid): OpenHandle[] {
  const data = handleTable();
  const found: OpenHandle[] = [];
  for (let left = number(data, 0), at = HEADER; left > 0; left--, at += ENTRY) {
    if (number(data, at + PROCESS) !== pid) continue;
    found.push({
      handle: number(data, at + HANDLE),
      kind: data.getUint16(at + KIND, true),
      inheritable: (data.getUint32(at + ATTRIBUTES, true) & OBJ_INHERIT) !== 0,
      access: data.getUint32(at + ACCESS, true),
    });
  }
  return found;
}

/** The system's list. It is big, so its memory is not kept. */
function handleTable(): DataView {
  const { NtQuerySystemInformation } = ntdllHandles();
  for (;; size *= 2) {
    const buffer = new ArrayBuffer(size);
    const address = backend().addressOf(buffer);
    const status = NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, address, size, 0);
    if (status >= 0) return new DataView(buffer);
    if (status === STATUS_INFO_LENGTH_MISMATCH && size < LAST_SIZE) continue;
    throw win32Error(ntdll().RtlNtStatusToDosError(status), "NtQuerySystemInformation", undefined);
  }
}

function number(data: DataView, at: number): number {
  return Number(data.getBigUint64(at, true));
}
