/**
 * The open handles of this process on Windows, from the kernel's own list of all handles.
 * `GetProcessHandleCount` would be simpler, but under Wine 10 it always says 0.
 */
import { backend, type Calls } from "../../ffi/backend.ts";
import { loadLibrary } from "../../ffi/library.ts";
import {
  CloseHandle,
  DUPLICATE_SAME_ACCESS,
  DuplicateHandle,
  GetCurrentThread,
} from "../../ffi/win32.ts";

const SystemExtendedHandleInformation = 64;
/** `SYSTEM_HANDLE_INFORMATION_EX` starts with two pointers' width; each entry has 40 bytes. */
const HEADER = 16;
const ENTRY = 40;

const table = {
  // NTSTATUS NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS SystemInformationClass,
  //   PVOID SystemInformation, ULONG SystemInformationLength, PULONG ReturnLength);
  NtQuerySystemInformation: {
    parameters: ["i32", "address", "u32", "address"],
    result: "i32",
  },
} as const;

interface Loaded {
  readonly calls: Calls<typeof table>;
  readonly buffer: ArrayBuffer;
  readonly address: number;
}

/** An entry of the list, for a handle of this process. */
interface Entry {
  readonly handle: number;
  readonly kind: number;
}

let loaded: Loaded | undefined;
let threadKind: number | undefined;

/** Objects to which Wine's server gives no kind come and go with its own work. Windows has none. */
const WINE_INTERNAL = 0;

/**
 * Each open handle with the kind of its object, as a line of text. Those of threads are left out:
 * the runtime starts threads when it likes.
 */
export function windowsHandles(): string[] {
  threadKind ??= kindOfThreads();
  return entries()
    .filter(({ kind }) => kind !== threadKind && kind !== WINE_INTERNAL)
    .map(({ handle, kind }) => `0x${handle.toString(16)} of kind ${kind}`);
}

function kindOfThreads(): number | undefined {
  const thread = DuplicateHandle(-1, GetCurrentThread(), -1, [0], 0, false, DUPLICATE_SAME_ACCESS);
  const kind = entries().find(({ handle }) => handle === thread)?.kind;
  CloseHandle(thread);
  return kind;
}

function entries(): Entry[] {
  const { calls, buffer, address } = loaded ??= load();
  const status = calls.NtQuerySystemInformation(
    SystemExtendedHandleInformation,
    address,
    buffer.byteLength,
    0,
  );
  if (status !== 0) throw new Error(`NtQuerySystemInformation gave ${status.toString(16)}`);
  const data = new DataView(buffer);
  const found: Entry[] = [];
  for (let left = Number(data.getBigUint64(0, true)), at = HEADER; left > 0; left--, at += ENTRY) {
    if (Number(data.getBigUint64(at + 8, true)) !== process.pid) continue;
    const handle = Number(data.getBigUint64(at + 16, true));
    found.push({ handle, kind: data.getUint16(at + 30, true) });
  }
  return found;
}

function load(): Loaded {
  const buffer = new ArrayBuffer(8 << 20);
  return {
    calls: loadLibrary(["ntdll.dll"], table),
    buffer,
    address: backend().addressOf(buffer),
  };
}
