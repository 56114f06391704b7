/** Windows: what lists handles. */
import type { SymbolTable } from "../../backend/mod.ts";

/** From ntdll.dll. */
export const ntdllHandles = {
  // NTSTATUS NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS SystemInformationClass,
  //   PVOID SystemInformation, ULONG SystemInformationLength, PULONG ReturnLength);
  NtQuerySystemInformation: {
    parameters: ["i32", "address", "u32", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;
