/** Windows: which processes have a file or a socket. Each table is bound at its first use. */
import type { SymbolTable } from "../../backend/types.ts";
import { ntdllFiles } from "./base.ts";

/** Which processes use a file, and the address of a socket of any process, from ntdll.dll. */
export const ntdllHolders = {
  NtQueryInformationFile: ntdllFiles.NtQueryInformationFile,
  // NTSTATUS NtDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine,
  //   PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, ULONG IoControlCode, PVOID InputBuffer,
  //   ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength);
  NtDeviceIoControlFile: {
    // deno-fmt-ignore
    parameters: [
      "handle", "handle", "address", "address", "address", "u32", "address", "u32", "address",
      "u32",
    ],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** The sockets of all processes, from iphlpapi.dll. They return their error. */
export const iphlpapi = {
  // DWORD GetExtendedTcpTable(PVOID pTcpTable, PDWORD pdwSize, BOOL bOrder, ULONG ulAf,
  //   TCP_TABLE_CLASS TableClass, ULONG Reserved);
  GetExtendedTcpTable: {
    parameters: ["address", "address", "i32", "u32", "i32", "u32"],
    result: "u32",
  },
  // DWORD GetExtendedUdpTable(PVOID pUdpTable, PDWORD pdwSize, BOOL bOrder, ULONG ulAf,
  //   UDP_TABLE_CLASS TableClass, ULONG Reserved);
  GetExtendedUdpTable: {
    parameters: ["address", "address", "i32", "u32", "i32", "u32"],
    result: "u32",
  },
} as const satisfies SymbolTable;
