/** Access tokens: processthreadsapi.h and securitybaseapi.h. */
import { checkInteger } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { advapi32Tokens } from "./symbols/sessions.ts";
import { checkAccessMask, checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";

const tokens: Library<typeof advapi32Tokens> = /* @__PURE__ */ lazy("advapi32.dll", advapi32Tokens);

/** The classes of information go up to about 50. */
const MOST = 0xffff;

/**
 * `OpenProcessToken(ProcessHandle, DesiredAccess, TokenHandle)` — the access token of a process:
 * its user and its privileges.
 *
 * @param ProcessHandle a handle of the process with `PROCESS_QUERY_LIMITED_INFORMATION`
 * @param DesiredAccess the rights: `TOKEN_QUERY`, …
 * @returns a new handle
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-openprocesstoken
 *
 * @example
 * ```ts
 * import { CloseHandle, GetCurrentProcess, OpenProcessToken, TOKEN_QUERY } from "duphandle/win32";
 *
 * CloseHandle(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY));
 * ```
 */
export function OpenProcessToken(ProcessHandle: number, DesiredAccess: number): number {
  checkHandle(ProcessHandle, "ProcessHandle");
  checkAccessMask(DesiredAccess, "DesiredAccess");
  const { address, int32 } = scratch();
  const { OpenProcessToken } = tokens();
  const { GetLastError } = kernel32();
  if (OpenProcessToken(ProcessHandle, DesiredAccess >>> 0, address) === 0) {
    throw win32Error(GetLastError(), "OpenProcessToken", ProcessHandle);
  }
  return int32[0]!;
}

/**
 * `GetTokenInformation(TokenHandle, TokenInformationClass, TokenInformation,
 * TokenInformationLength, ReturnLength)` — information about a token.
 *
 * @param TokenHandle a handle of the token with `TOKEN_QUERY`
 * @param TokenInformationClass `TokenUser`, `TokenSource`, `TokenStatistics`, …
 * @returns the structure of that class. Pointers in it are not valid after the call
 * @throws {HandleError} `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`, `ERROR_INVALID_PARAMETER`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/securitybaseapi/nf-securitybaseapi-gettokeninformation
 *
 * @example
 * ```ts
 * import { CloseHandle, GetCurrentProcess, GetTokenInformation } from "duphandle/win32";
 * import { OpenProcessToken, TOKEN_QUERY, TokenStatistics } from "duphandle/win32";
 *
 * const token = OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY);
 * const tokenId = GetTokenInformation(token, TokenStatistics).subarray(0, 8);
 * CloseHandle(token);
 * ```
 */
export function GetTokenInformation(
  TokenHandle: number,
  TokenInformationClass: number,
): Uint8Array {
  checkHandle(TokenHandle, "TokenHandle");
  checkInteger(TokenInformationClass, "TokenInformationClass", 1, MOST);
  const { address, bytes, data } = scratch();
  const length = address + SCRATCH_SIZE;
  const { GetTokenInformation } = tokens();
  const { GetLastError } = kernel32();
  if (
    GetTokenInformation(TokenHandle, TokenInformationClass, address, SCRATCH_SIZE, length) === 0
  ) throw win32Error(GetLastError(), "GetTokenInformation", TokenHandle);
  return bytes.slice(0, data.getUint32(SCRATCH_SIZE, true));
}
