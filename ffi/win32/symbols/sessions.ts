/**
 * Windows: the objects of other libraries: registry keys, tokens, desktops and window stations,
 * transactions. Each table is bound at its first use.
 */
import type { SymbolTable } from "../../backend/types.ts";

/** Registry keys, from advapi32.dll. These functions return their error. */
export const advapi32Registry = {
  // LSTATUS RegCreateKeyExW(HKEY hKey, LPCWSTR lpSubKey, DWORD Reserved, LPWSTR lpClass,
  //   DWORD dwOptions, REGSAM samDesired, const LPSECURITY_ATTRIBUTES lpSecurityAttributes,
  //   PHKEY phkResult, LPDWORD lpdwDisposition);
  RegCreateKeyExW: {
    // deno-fmt-ignore
    parameters: [
      "handle", "address", "u32", "address", "u32", "u32", "address", "address", "address",
    ],
    result: "i32",
  },
  // LSTATUS RegOpenKeyExW(HKEY hKey, LPCWSTR lpSubKey, DWORD ulOptions, REGSAM samDesired,
  //   PHKEY phkResult);
  RegOpenKeyExW: { parameters: ["handle", "address", "u32", "u32", "address"], result: "i32" },
  // LSTATUS RegSetValueExW(HKEY hKey, LPCWSTR lpValueName, DWORD Reserved, DWORD dwType,
  //   const BYTE *lpData, DWORD cbData);
  RegSetValueExW: {
    parameters: ["handle", "address", "u32", "u32", "address", "u32"],
    result: "i32",
  },
  // LSTATUS RegQueryValueExW(HKEY hKey, LPCWSTR lpValueName, LPDWORD lpReserved, LPDWORD lpType,
  //   LPBYTE lpData, LPDWORD lpcbData);
  RegQueryValueExW: {
    parameters: ["handle", "address", "address", "address", "address", "address"],
    result: "i32",
  },
  // LSTATUS RegDeleteKeyW(HKEY hKey, LPCWSTR lpSubKey);
  RegDeleteKeyW: { parameters: ["handle", "address"], result: "i32" },
  // LSTATUS RegCloseKey(HKEY hKey);
  RegCloseKey: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;

/** Access tokens, from advapi32.dll. */
export const advapi32Tokens = {
  // BOOL OpenProcessToken(HANDLE ProcessHandle, DWORD DesiredAccess, PHANDLE TokenHandle);
  OpenProcessToken: { parameters: ["handle", "u32", "address"], result: "i32" },
  // BOOL GetTokenInformation(HANDLE TokenHandle, TOKEN_INFORMATION_CLASS TokenInformationClass,
  //   LPVOID TokenInformation, DWORD TokenInformationLength, PDWORD ReturnLength);
  GetTokenInformation: {
    parameters: ["handle", "i32", "address", "u32", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** Desktops and window stations, from user32.dll. */
export const user32Desktops = {
  // HDESK CreateDesktopW(LPCWSTR lpszDesktop, LPCWSTR lpszDevice, DEVMODEW *pDevmode,
  //   DWORD dwFlags, ACCESS_MASK dwDesiredAccess, LPSECURITY_ATTRIBUTES lpsa);
  CreateDesktopW: {
    parameters: ["address", "address", "address", "u32", "u32", "address"],
    result: "handle",
  },
  // HDESK OpenDesktopW(LPCWSTR lpszDesktop, DWORD dwFlags, BOOL fInherit,
  //   ACCESS_MASK dwDesiredAccess);
  OpenDesktopW: { parameters: ["address", "u32", "i32", "u32"], result: "handle" },
  // BOOL CloseDesktop(HDESK hDesktop);
  CloseDesktop: { parameters: ["handle"], result: "i32" },
  // HWINSTA CreateWindowStationW(LPCWSTR lpwinsta, DWORD dwFlags, ACCESS_MASK dwDesiredAccess,
  //   LPSECURITY_ATTRIBUTES lpsa);
  CreateWindowStationW: { parameters: ["address", "u32", "u32", "address"], result: "handle" },
  // HWINSTA OpenWindowStationW(LPCWSTR lpszWinSta, BOOL fInherit, ACCESS_MASK dwDesiredAccess);
  OpenWindowStationW: { parameters: ["address", "i32", "u32"], result: "handle" },
  // BOOL CloseWindowStation(HWINSTA hWinSta);
  CloseWindowStation: { parameters: ["handle"], result: "i32" },
  // HWINSTA GetProcessWindowStation(void);
  GetProcessWindowStation: { parameters: [], result: "handle" },
  // BOOL GetUserObjectInformationW(HANDLE hObj, int nIndex, PVOID pvInfo, DWORD nLength,
  //   LPDWORD lpnLengthNeeded);
  GetUserObjectInformationW: {
    parameters: ["handle", "i32", "address", "u32", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** Transactions, from ktmw32.dll. */
export const ktmw32Transactions = {
  // HANDLE CreateTransaction(LPSECURITY_ATTRIBUTES lpTransactionAttributes, LPGUID UOW,
  //   DWORD CreateOptions, DWORD IsolationLevel, DWORD IsolationFlags, DWORD Timeout,
  //   LPWSTR Description);
  CreateTransaction: {
    parameters: ["address", "address", "u32", "u32", "u32", "u32", "address"],
    result: "handle",
  },
  // BOOL GetTransactionId(HANDLE TransactionHandle, LPGUID TransactionId);
  GetTransactionId: { parameters: ["handle", "address"], result: "i32" },
  // BOOL CommitTransaction(HANDLE TransactionHandle);
  CommitTransaction: { parameters: ["handle"], result: "i32" },
  // BOOL RollbackTransaction(HANDLE TransactionHandle);
  RollbackTransaction: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;
