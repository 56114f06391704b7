/** Windows: the functions for inspecting handles. */
import type { SymbolTable } from "../../backend/types.ts";

/** Files on disks, from kernel32.dll. */
export const kernel32Inspect = {
  // DWORD GetFinalPathNameByHandleW(HANDLE hFile, LPWSTR lpszFilePath, DWORD cchFilePath,
  //   DWORD dwFlags);
  GetFinalPathNameByHandleW: { parameters: ["handle", "address", "u32", "u32"], result: "u32" },
  // BOOL GetFileInformationByHandle(HANDLE hFile,
  //   LPBY_HANDLE_FILE_INFORMATION lpFileInformation);
  GetFileInformationByHandle: { parameters: ["handle", "address"], result: "i32" },
  // BOOL GetFileInformationByHandleEx(HANDLE hFile, FILE_INFO_BY_HANDLE_CLASS
  //   FileInformationClass, LPVOID lpFileInformation, DWORD dwBufferSize);
  GetFileInformationByHandleEx: {
    parameters: ["handle", "i32", "address", "u32"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** The list of all handles, from ntdll.dll. */
export const ntdllHandles = {
  // NTSTATUS NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS SystemInformationClass,
  //   PVOID SystemInformation, ULONG SystemInformationLength, PULONG ReturnLength);
  NtQuerySystemInformation: {
    parameters: ["i32", "address", "u32", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;
