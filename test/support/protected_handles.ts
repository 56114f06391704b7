/** Handles of Windows that are protected from closing, and what closing one throws. */
import {
  GetHandleInformation,
  HANDLE_FLAG_PROTECT_FROM_CLOSE,
  SetHandleInformation,
} from "duphandle/win32";
import { expect } from "vitest";

/**
 * What closing a handle that is protected from closing throws.
 *
 * @param native the system's own number: each call that closes has one
 */
export function refusedClose(raw: number, native: unknown = 6): unknown {
  return expect.objectContaining({
    name: "HandleError",
    code: "EPERM",
    status: "ERROR_ACCESS_DENIED",
    native,
    handle: raw,
    message: expect.stringMatching(
      /protected from closing.*stays open.*SetHandleInformation\(handle, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0\)/,
    ) as string,
  });
}

/** Protects a handle from closing. */
export function protect(raw: number): void {
  SetHandleInformation(raw, HANDLE_FLAG_PROTECT_FROM_CLOSE, HANDLE_FLAG_PROTECT_FROM_CLOSE);
}

/** Ends the protection of a handle. */
export function unprotect(raw: number): void {
  SetHandleInformation(raw, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0);
}

/** Whether a handle is protected from closing. Throws when it is not open. */
export function isProtected(raw: number): boolean {
  return (GetHandleInformation(raw) & HANDLE_FLAG_PROTECT_FROM_CLOSE) !== 0;
}
