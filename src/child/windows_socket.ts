/** A socket that a child inherited, on Windows: its handle is not yet a socket of the child's own. */
import { hasCode } from "../../ffi/error.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { closesocket } from "../../ffi/win32/socket.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import { duplicateSocket, socketFromInfo } from "../socket/socket.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * Makes a socket that this process's Winsock knows from an inherited one, which is closed. Windows
 * learns of an inherited socket at its first use; Wine never does, and refuses to send through it.
 *
 * @throws {HandleError} what Winsock says; the inherited one is open then
 */
export function adoptSocket(raw: RawHandle): OwnedHandle {
  const socket = socketFromInfo(duplicateSocket(raw, globalThis.process.pid));
  try {
    closeInherited(raw);
  } catch (error) {
    socket.close(); // nobody will receive it
    throw error;
  }
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
