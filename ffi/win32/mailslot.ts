/** Mailslots, which carry messages to one reader: winbase.h. */
import { scratch } from "../backend/scratch.ts";
import { kernel32Mailslots } from "./symbols/objects.ts";
import { checkDword, checkHandle, stringArgument } from "./check.ts";
import { win32Error } from "./errors.ts";
import { kernel32, lazy, type Library } from "./libraries.ts";
import { type SecurityAttributes, securityAttributes } from "./security.ts";

const mailslots: Library<typeof kernel32Mailslots> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  kernel32Mailslots,
);

/** The result of {@linkcode GetMailslotInfo}. */
export interface MailslotInfo {
  /** The maximum size of a message in bytes; 0 for no maximum. */
  readonly lpMaxMessageSize: number;
  /** The size of the next message in bytes, or `MAILSLOT_NO_MESSAGE`. */
  readonly lpNextSize: number;
  /** How many messages can be read. */
  readonly lpMessageCount: number;
  /** How long a read waits for a message, in milliseconds. */
  readonly lpReadTimeout: number;
}

/**
 * `CreateMailslotW(lpName, nMaxMessageSize, lReadTimeout, lpSecurityAttributes)` — makes a
 * mailslot. Other processes open it by its name with {@linkcode CreateFileW} and write messages;
 * its owner reads them with {@linkcode ReadFile}, one at a time.
 *
 * @param lpName the name of the mailslot, `\\\\.\\mailslot\\…`
 * @param nMaxMessageSize the maximum size of a message in bytes; 0 for no maximum
 * @param lReadTimeout how long a read waits for a message, in milliseconds; 0 does not wait,
 * `INFINITE` waits without a limit
 * @param lpSecurityAttributes whether child processes inherit the handle; `null` means that they do
 * not
 * @returns a new handle
 * @throws {HandleError} `ERROR_ALREADY_EXISTS`, `ERROR_INVALID_NAME`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-createmailslotw
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateMailslotW } from "duphandle/win32";
 *
 * const name = `\\\\.\\mailslot\\example ${process.pid}`;
 * CloseHandle(CreateMailslotW(name, 0, 0, null));
 * ```
 */
export function CreateMailslotW(
  lpName: string,
  nMaxMessageSize: number,
  lReadTimeout: number,
  lpSecurityAttributes: SecurityAttributes | null,
): number {
  checkDword(nMaxMessageSize, "nMaxMessageSize");
  checkDword(lReadTimeout, "lReadTimeout");
  const security = securityAttributes(lpSecurityAttributes);
  const name = stringArgument(lpName, "lpName");
  const { CreateMailslotW } = mailslots();
  const { GetLastError } = kernel32();
  const handle = CreateMailslotW(name, nMaxMessageSize, lReadTimeout, security);
  if (handle === -1) throw win32Error(GetLastError(), "CreateMailslotW", undefined, lpName);
  return handle;
}

/**
 * `GetMailslotInfo(hMailslot, lpMaxMessageSize, lpNextSize, lpMessageCount, lpReadTimeout)` —
 * information about the messages in a mailslot.
 *
 * @param hMailslot a handle of the mailslot
 * @returns the values that the C function writes through its pointers
 * @throws {HandleError} `ERROR_INVALID_HANDLE`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-getmailslotinfo
 *
 * @example
 * ```ts
 * import { CloseHandle, CreateMailslotW, GetMailslotInfo } from "duphandle/win32";
 *
 * const slot = CreateMailslotW(`\\\\.\\mailslot\\example ${process.pid}`, 0, 0, null);
 * console.log(GetMailslotInfo(slot).lpMessageCount); // 0
 * CloseHandle(slot);
 * ```
 */
export function GetMailslotInfo(hMailslot: number): MailslotInfo {
  checkHandle(hMailslot, "hMailslot");
  const { address, data } = scratch();
  const { GetMailslotInfo } = mailslots();
  const { GetLastError } = kernel32();
  if (GetMailslotInfo(hMailslot, address, address + 4, address + 8, address + 12) === 0) {
    throw win32Error(GetLastError(), "GetMailslotInfo", hMailslot);
  }
  return {
    lpMaxMessageSize: data.getUint32(0, true),
    lpNextSize: data.getUint32(4, true),
    lpMessageCount: data.getUint32(8, true),
    lpReadTimeout: data.getUint32(12, true),
  };
}
