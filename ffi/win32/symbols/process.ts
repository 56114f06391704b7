/** Windows: processes, threads and waiting. Each table is bound at its first use. */
import type { SymbolTable } from "../../backend/types.ts";

/** Processes and threads, from kernel32.dll. */
export const kernel32Processes = {
  // HANDLE OpenProcess(DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwProcessId);
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "handle" },
  // BOOL TerminateProcess(HANDLE hProcess, UINT uExitCode);
  TerminateProcess: { parameters: ["handle", "u32"], result: "i32" },
  // BOOL GetExitCodeProcess(HANDLE hProcess, LPDWORD lpExitCode);
  GetExitCodeProcess: { parameters: ["handle", "address"], result: "i32" },
  // DWORD GetProcessId(HANDLE Process);
  GetProcessId: { parameters: ["handle"], result: "u32" },
  // DWORD GetCurrentProcessId(void);
  GetCurrentProcessId: { parameters: [], result: "u32" },
  // HANDLE OpenThread(DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwThreadId);
  OpenThread: { parameters: ["u32", "i32", "u32"], result: "handle" },
  // DWORD GetThreadId(HANDLE Thread);
  GetThreadId: { parameters: ["handle"], result: "u32" },
  // DWORD GetCurrentThreadId(void);
  GetCurrentThreadId: { parameters: [], result: "u32" },
} as const satisfies SymbolTable;

/** Waiting, from kernel32.dll. */
export const kernel32Wait = {
  // DWORD WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds);
  WaitForSingleObject: { parameters: ["handle", "u32"], result: "u32" },
} as const satisfies SymbolTable;
