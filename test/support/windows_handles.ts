/**
 * The open handles of this process on Windows, from the kernel's own list of all handles.
 * `GetProcessHandleCount` would be simpler, but under Wine 10 it always says 0.
 */
import { backend, type Calls } from "../../ffi/backend.ts";
import { loadLibrary } from "../../ffi/library.ts";

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

let loaded: { calls: Calls<typeof table>; buffer: ArrayBuffer; address: number } | undefined;

/** Each open handle with the kind of its object, as a line of text. */
export function windowsHandles(): string[] {
  const { calls, buffer, address } = loaded ??= load();
  const status = calls.NtQuerySystemInformation(
    SystemExtendedHandleInformation,
    address,
    buffer.byteLength,
    0,
  );
  if (status !== 0) throw new Error(`NtQuerySystemInformation gave ${status.toString(16)}`);
  const data = new DataView(buffer);
  const lines: string[] = [];
  for (let left = Number(data.getBigUint64(0, true)), at = HEADER; left > 0; left--, at += ENTRY) {
    if (Number(data.getBigUint64(at + 8, true)) !== process.pid) continue;
    const handle = Number(data.getBigUint64(at + 16, true));
    lines.push(`0x${handle.toString(16)} of kind ${data.getUint16(at + 30, true)}`);
  }
  return lines;
}

function load() {
  const buffer = new ArrayBuffer(8 << 20);
  return {
    calls: loadLibrary(["ntdll.dll"], table),
    buffer,
    address: backend().addressOf(buffer),
  };
}
