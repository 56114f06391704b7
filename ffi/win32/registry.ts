/** Registry keys: winreg.h. These calls return their error and leave nothing for `GetLastError`. */
import { checkBuffer, copyFrom, show } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { advapi32Registry } from "./symbols/sessions.ts";
import { checkAccessMask, checkDword, checkKey, stringArgument } from "./check.ts";
import { closeError, win32Error } from "./errors.ts";
import { lazy, type Library } from "./libraries.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const registry: Library<typeof advapi32Registry> = /* @__PURE__ */ lazy(
  "advapi32.dll",
  advapi32Registry,
);

/** The scratch memory holds a name in its first half and data in its second half. */
const HALF = SCRATCH_SIZE / 2;
/** Other results of a call lie after both. */
const RESULT = SCRATCH_SIZE;
const SECOND = SCRATCH_SIZE + 8;

/** The result of {@linkcode RegCreateKeyExW}. */
export interface CreatedKey {
  /** The new handle. */
  readonly phkResult: number;
  /** `REG_CREATED_NEW_KEY` or `REG_OPENED_EXISTING_KEY`. */
  readonly lpdwDisposition: number;
}

/** The result of {@linkcode RegQueryValueExW}. */
export interface RegistryValue {
  /** `REG_SZ`, `REG_DWORD`, … */
  readonly lpType: number;
  /** The bytes of the value. */
  readonly lpData: Uint8Array;
}

/**
 * `RegCreateKeyExW(hKey, lpSubKey, Reserved, lpClass, dwOptions, samDesired, lpSecurityAttributes,
 * phkResult, lpdwDisposition)` — makes a key, or opens the existing one.
 *
 * @param hKey an open key, or `HKEY_CURRENT_USER`, `HKEY_LOCAL_MACHINE`, …
 * @param lpSubKey the path below it
 * @param Reserved 0
 * @param lpClass `null`
 * @param dwOptions `REG_OPTION_NON_VOLATILE`, or `REG_OPTION_VOLATILE` for a key that is removed at
 * the end of the session
 * @param samDesired the rights: `KEY_READ`, `KEY_WRITE`, …
 * @param lpSecurityAttributes whether child processes inherit the handle; `null` means that they do
 * not
 * @returns the new handle, to be closed with {@linkcode RegCloseKey}, and whether the key is new
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regcreatekeyexw
 *
 * @example
 * ```ts
 * import { HKEY_CURRENT_USER, KEY_ALL_ACCESS, REG_OPTION_VOLATILE } from "duphandle/win32";
 * import { RegCloseKey, RegCreateKeyExW, RegDeleteKeyW } from "duphandle/win32";
 *
 * const [root, path] = [HKEY_CURRENT_USER, "Software\\duphandle example"];
 * const { phkResult: key } = RegCreateKeyExW(
 *   root, path, 0, null, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, null,
 * );
 * RegCloseKey(key);
 * RegDeleteKeyW(root, path);
 * ```
 */
export function RegCreateKeyExW(
  hKey: number,
  lpSubKey: string,
  Reserved: 0,
  lpClass: null,
  dwOptions: number,
  samDesired: number,
  lpSecurityAttributes: SecurityAttributes | null,
): CreatedKey {
  checkKey(hKey, "hKey");
  checkReserved(Reserved, "Reserved", 0);
  checkReserved(lpClass, "lpClass", null);
  checkDword(dwOptions, "dwOptions");
  checkAccessMask(samDesired, "samDesired");
  const security = securityAttributes(lpSecurityAttributes);
  const path = stringArgument(lpSubKey, "lpSubKey");
  const { address, data } = scratch();
  const error = registry().RegCreateKeyExW(
    hKey,
    path,
    0,
    0,
    dwOptions,
    samDesired >>> 0,
    security,
    address + RESULT,
    address + SECOND,
  );
  if (error !== 0) throw win32Error(error, "RegCreateKeyExW", hKey, lpSubKey);
  return {
    phkResult: data.getInt32(RESULT, true),
    lpdwDisposition: data.getUint32(SECOND, true),
  };
}

/**
 * `RegOpenKeyExW(hKey, lpSubKey, ulOptions, samDesired, phkResult)` — opens a key.
 *
 * A predefined key is not a real handle, so it cannot be duplicated. With a predefined key and `""`
 * the result is the predefined key itself.
 *
 * @param hKey an open key, or `HKEY_CURRENT_USER`, `HKEY_LOCAL_MACHINE`, …
 * @param lpSubKey the path below it; `""` for the key itself
 * @param ulOptions 0
 * @param samDesired the rights: `KEY_READ`, `KEY_WRITE`, …
 * @returns the new handle; close it with {@linkcode RegCloseKey}
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when there is no such key, `ERROR_ACCESS_DENIED`,
 * `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regopenkeyexw
 *
 * @example
 * ```ts
 * import { HKEY_LOCAL_MACHINE, KEY_READ, RegCloseKey, RegOpenKeyExW } from "duphandle/win32";
 *
 * RegCloseKey(RegOpenKeyExW(HKEY_LOCAL_MACHINE, "Software", 0, KEY_READ));
 * ```
 */
export function RegOpenKeyExW(
  hKey: number,
  lpSubKey: string,
  ulOptions: number,
  samDesired: number,
): number {
  checkKey(hKey, "hKey");
  checkDword(ulOptions, "ulOptions");
  checkAccessMask(samDesired, "samDesired");
  const path = stringArgument(lpSubKey, "lpSubKey");
  const { address, data } = scratch();
  const { RegOpenKeyExW } = registry();
  const error = RegOpenKeyExW(hKey, path, ulOptions, samDesired >>> 0, address + RESULT);
  if (error !== 0) throw win32Error(error, "RegOpenKeyExW", hKey, lpSubKey);
  return data.getInt32(RESULT, true);
}

/**
 * `RegSetValueExW(hKey, lpValueName, Reserved, dwType, lpData, cbData)` — writes a value of a key.
 *
 * @param hKey a key with `KEY_SET_VALUE`
 * @param lpValueName the name of the value; `""` for the unnamed one
 * @param Reserved 0
 * @param dwType `REG_SZ`, `REG_DWORD`, `REG_BINARY`, …
 * @param lpData the bytes, at most 32 KiB; the bytes of a string end with a NUL
 * @param cbData how many bytes of `lpData` to write, default all
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regsetvalueexw
 *
 * @example
 * ```ts
 * import { HKEY_CURRENT_USER, KEY_ALL_ACCESS, REG_BINARY } from "duphandle/win32";
 * import { REG_OPTION_VOLATILE, RegCloseKey, RegCreateKeyExW } from "duphandle/win32";
 * import { RegDeleteKeyW, RegSetValueExW } from "duphandle/win32";
 *
 * const [root, path] = [HKEY_CURRENT_USER, "Software\\duphandle example"];
 * const { phkResult: key } = RegCreateKeyExW(
 *   root, path, 0, null, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, null,
 * );
 * RegSetValueExW(key, "some bytes", 0, REG_BINARY, new Uint8Array([1, 2, 3]));
 * RegCloseKey(key);
 * RegDeleteKeyW(root, path);
 * ```
 */
export function RegSetValueExW(
  hKey: number,
  lpValueName: string,
  Reserved: 0,
  dwType: number,
  lpData: Uint8Array,
  cbData?: number,
): void {
  checkKey(hKey, "hKey");
  checkReserved(Reserved, "Reserved", 0);
  checkDword(dwType, "dwType");
  const length = checkBuffer(lpData, cbData);
  if (length > HALF) throw new TypeError("Cannot use lpData: it is longer than 32 KiB");
  const name = stringArgument(lpValueName, "lpValueName", HALF);
  const { address, bytes } = scratch();
  copyFrom(lpData, length, bytes, HALF);
  const error = registry().RegSetValueExW(hKey, name, 0, dwType, address + HALF, length);
  if (error !== 0) throw win32Error(error, "RegSetValueExW", hKey, lpValueName);
}

/**
 * `RegQueryValueExW(hKey, lpValueName, lpReserved, lpType, lpData, lpcbData)` — reads a value of a
 * key.
 *
 * @param hKey a key with `KEY_QUERY_VALUE`
 * @param lpValueName the name of the value; `""` for the unnamed one
 * @param lpReserved `null`
 * @returns its type and its bytes, at most 32 KiB
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when there is no such value, `ERROR_MORE_DATA` when
 * it is longer, `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regqueryvalueexw
 *
 * @example
 * ```ts
 * import { HKEY_CURRENT_USER, KEY_ALL_ACCESS, REG_BINARY } from "duphandle/win32";
 * import { REG_OPTION_VOLATILE, RegCloseKey, RegCreateKeyExW } from "duphandle/win32";
 * import { RegDeleteKeyW, RegQueryValueExW, RegSetValueExW } from "duphandle/win32";
 *
 * const [root, path] = [HKEY_CURRENT_USER, "Software\\duphandle example"];
 * const { phkResult: key } = RegCreateKeyExW(
 *   root, path, 0, null, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, null,
 * );
 * RegSetValueExW(key, "some bytes", 0, REG_BINARY, new Uint8Array([1, 2, 3]));
 * console.log(RegQueryValueExW(key, "some bytes", null).lpData); // 1, 2, 3
 * RegCloseKey(key);
 * RegDeleteKeyW(root, path);
 * ```
 */
export function RegQueryValueExW(
  hKey: number,
  lpValueName: string,
  lpReserved: null,
): RegistryValue {
  checkKey(hKey, "hKey");
  checkReserved(lpReserved, "lpReserved", null);
  const name = stringArgument(lpValueName, "lpValueName", HALF);
  const { address, bytes, data } = scratch();
  data.setUint32(SECOND, HALF, true);
  const { RegQueryValueExW } = registry();
  const [type, size] = [address + RESULT, address + SECOND];
  const error = RegQueryValueExW(hKey, name, 0, type, address + HALF, size);
  if (error !== 0) throw win32Error(error, "RegQueryValueExW", hKey, lpValueName);
  return {
    lpType: data.getUint32(RESULT, true),
    lpData: bytes.slice(HALF, HALF + data.getUint32(SECOND, true)),
  };
}

/**
 * `RegDeleteKeyW(hKey, lpSubKey)` — removes a key that has no subkeys.
 *
 * @param hKey an open key, or `HKEY_CURRENT_USER`, `HKEY_LOCAL_MACHINE`, …
 * @param lpSubKey the path below it
 * @throws {HandleError} `ERROR_FILE_NOT_FOUND` when there is no such key, `ERROR_ACCESS_DENIED`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regdeletekeyw
 *
 * @example
 * ```ts
 * import { HKEY_CURRENT_USER, KEY_ALL_ACCESS, REG_OPTION_VOLATILE } from "duphandle/win32";
 * import { RegCloseKey, RegCreateKeyExW, RegDeleteKeyW } from "duphandle/win32";
 *
 * const [root, path] = [HKEY_CURRENT_USER, "Software\\duphandle example"];
 * const { phkResult: key } = RegCreateKeyExW(
 *   root, path, 0, null, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, null,
 * );
 * RegCloseKey(key);
 * RegDeleteKeyW(root, path);
 * ```
 */
export function RegDeleteKeyW(hKey: number, lpSubKey: string): void {
  checkKey(hKey, "hKey");
  const path = stringArgument(lpSubKey, "lpSubKey");
  const error = registry().RegDeleteKeyW(hKey, path);
  if (error !== 0) throw win32Error(error, "RegDeleteKeyW", hKey, lpSubKey);
}

/**
 * `RegCloseKey(hKey)` — closes a handle of a key, which may be a duplicate.
 *
 * @param hKey the handle to close
 * @throws {HandleError} `ERROR_INVALID_HANDLE` when it is not open; `EPERM` when it is protected from
 * closing, as by `CloseHandle`
 * @throws {TypeError} when it is not a key
 * @see https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regclosekey
 *
 * @example
 * ```ts
 * import { HKEY_CURRENT_USER, KEY_READ, RegCloseKey, RegOpenKeyExW } from "duphandle/win32";
 *
 * RegCloseKey(RegOpenKeyExW(HKEY_CURRENT_USER, "Software", 0, KEY_READ));
 * ```
 */
export function RegCloseKey(hKey: number): void {
  checkKey(hKey, "hKey");
  const error = registry().RegCloseKey(hKey);
  if (error !== 0) throw closeError(error, "RegCloseKey", hKey);
}

function checkReserved(value: unknown, name: string, only: 0 | null): void {
  if (value !== only) {
    throw new TypeError(`Cannot use ${show(value)} as ${name}: it must be ${only}`);
  }
}
