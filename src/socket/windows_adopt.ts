/** Sockets of other processes on Windows: Winsock in this one has to learn of them. */
import { hasCode } from "../../ffi/error.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { closesocket } from "../../ffi/win32/socket.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import { duplicateSocket, socketFromInfo } from "./socket.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { tryOrUndefined } from "../util/platform.ts";

/**
 * Replaces a handle of a socket that was inherited, or taken out of another process, by a duplicate that
 * Winsock in this process knows, and closes the handle. Windows learns of such a socket at its first use;
 * Wine does not, and refuses to send through it.
 *
 * @throws {HandleError} the error of Winsock, when there is no duplicate; the handle stays open
 */
export function adoptSocket(raw: RawHandle): OwnedHandle {
  const socket = socketFromInfo(duplicateSocket(raw, globalThis.process.pid));
  tryOrUndefined(() => closeForeign(raw)); // the caller has the duplicate, whatever this says
  return socket;
}

function closeForeign(raw: RawHandle): void {
  try {
    closesocket(raw);
  } catch (error) {
    if (!hasCode(error, "ENOTSOCK")) throw error;
    CloseHandle(raw); // under Wine
  }
}
