/** Mailslots: messages to one reader, winbase.h. */
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

/** What {@linkcode GetMailslotInfo} tells. */
export interface MailslotInfo {
  /** The largest message in bytes; 0 for any. */
  readonly lpMaxMessageSize: number;
  /** The size of the next message in bytes, or `MAILSLOT_NO_MESSAGE`. */
  readonly lpNextSize: number;
  /** How many messages wait. */
  readonly lpMessageCount: number;
  /** How many milliseconds a read waits for one. */
  readonly lpReadTimeout: number;
}

/**
 * `CreateMailslotW(lpName, nMaxMessageSize, lReadTimeout, lpSecurityAttributes)` — makes a
 * mailslot. What others write under its name is read with {@linkcode ReadFile}, one message at a
 * time.
 *
 * @param lpName its name, `\\\\.\\mailslot\\…`
 * @param nMaxMessageSize the largest message in bytes; 0 for any
 * @param lReadTimeout how many milliseconds a read waits for a message; 0 for not at all,
 * `INFINITE` for as long as it takes
 * @param lpSecurityAttributes whether child processes inherit the handle; `null` for no
 * @returns a new handle
 * @throws {HandleError} `ERROR_ALREADY_EXISTS`, `ERROR_INVALID_NAME`
 * @throws {TypeError} when an argument is not of its kind
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
 * `GetMailslotInfo(hMailslot, lpMaxMessageSize, lpNextSize, lpMessageCount, lpReadTimeout)` — what
 * waits in a mailslot.
 *
 * @param hMailslot a handle of the mailslot
 * @returns what the C function writes behind each pointer
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
