/** The kinds of objects whose duplicates would silently not work. */
import { failure, type HandleError } from "../../ffi/error.ts";
import { FILE_TYPE_PIPE, FILE_TYPE_UNKNOWN } from "../../ffi/win32/constants.ts";
import { isPseudoHandle } from "../../ffi/win32/check.ts";
import { showHandle } from "../../ffi/win32/errors.ts";
import { fileTypeOf, hasLowestRights, kindOf, objectName } from "../../ffi/win32/object.ts";
import { isSocketOfWinsock } from "../../ffi/win32/winsock.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * Throws when a duplicate of the handle would not work. A handle that is not open passes: the call that
 * follows reports that.
 *
 * Ports and sockets have the rights to both read and write, so for most handles one query of their rights
 * is enough. In particular an end of a plain pipe gets no other query: Windows would answer it only after
 * a read for which another thread waits.
 *
 * @param raw the handle that is to be duplicated
 * @param syscall the call that would do it
 * @throws {HandleError} `ENOTSUP` for an I/O completion port and for a socket
 * @see https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-duplicatehandle
 */
export function refuseUnduplicable(raw: RawHandle, syscall: string): void {
  if (isPseudoHandle(raw) || !hasLowestRights(raw)) return;
  const type = fileTypeOf(raw);
  if (type === FILE_TYPE_PIPE) {
    if (isSocketPipe(raw)) throw refusal(raw, syscall, SOCKET);
  } else if (type === FILE_TYPE_UNKNOWN && kindOf(raw) === "IoCompletion") {
    throw refusal(raw, syscall, PORT);
  }
}

const SOCKET = "is a socket, and Winsock does not know a duplicate of its handle; " +
  "use duplicateSocket(), whose result another process turns into a socket of its own";
const PORT = "is an I/O completion port: a duplicate could not be used; " +
  "make every thread and process use the port's own handle, or a port of its own";

/** Whether the handle is a socket of Winsock; `false` for what is not open. */
export function isSocket(raw: RawHandle): boolean {
  if (isPseudoHandle(raw) || !hasLowestRights(raw)) return false;
  return fileTypeOf(raw) === FILE_TYPE_PIPE && isSocketPipe(raw);
}

function isSocketPipe(raw: RawHandle): boolean {
  const name = objectName(raw);
  if (name.startsWith("\\Device\\NamedPipe")) return false;
  if (name.startsWith("\\Device\\Afd")) return true;
  // Wine gives a socket no name. Winsock is not loaded for anything else.
  return isSocketOfWinsock(raw);
}

function refusal(raw: RawHandle, syscall: string, why: string): HandleError {
  return failure("ENOTSUP", syscall, {
    message: `Cannot duplicate handle ${showHandle(raw)}: it ${why}`,
    handle: raw,
  });
}
