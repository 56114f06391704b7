/** Windows: named pipes, and comparing objects. Each table is bound at its first use. */
import type { SymbolTable } from "../../backend/types.ts";

/** Named pipes, from kernel32.dll. */
export const kernel32Pipes = {
  // BOOL WaitNamedPipeW(LPCWSTR lpNamedPipeName, DWORD nTimeOut);
  WaitNamedPipeW: { parameters: ["address", "u32"], result: "i32" },
  // BOOL GetNamedPipeServerProcessId(HANDLE Pipe, PULONG ServerProcessId);
  GetNamedPipeServerProcessId: { parameters: ["handle", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** Comparing objects, from kernelbase.dll: kernel32.dll does not export it. */
export const kernelbaseObjects = {
  // BOOL CompareObjectHandles(HANDLE hFirstObjectHandle, HANDLE hSecondObjectHandle);
  CompareObjectHandles: { parameters: ["handle", "handle"], result: "i32" },
} as const satisfies SymbolTable;
