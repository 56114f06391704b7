/** Inherited sockets on Windows: Winsock in the child has to learn of them. */
import { hasCode } from "../../ffi/error.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { closesocket } from "../../ffi/win32/socket.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import { duplicateSocket, socketFromInfo } from "../socket/socket.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { tryOrUndefined } from "../util/try_or_undefined.ts";

/**
 * Replaces an inherited socket by a duplicate that Winsock in this process knows, and closes the
 * inherited one. Windows learns of an inherited socket at its first use; Wine does not, and refuses
 * to send through it.
 *
 * @throws {HandleError} the error of Winsock, when there is no duplicate; the inherited socket stays open
 */
export function adoptSocket(raw: RawHandle): OwnedHandle {
  const socket = socketFromInfo(duplicateSocket(raw, globalThis.process.pid));
  tryOrUndefined(() => closeInherited(raw)); // the caller has the duplicate, whatever this says
  return socket;
}

function closeInherited(raw: RawHandle): void {
  try {
    closesocket(raw);
  } catch (error) {
    if (!hasCode(error, "ENOTSOCK")) throw error;
    CloseHandle(raw); // under Wine
  }
}
