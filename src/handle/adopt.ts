/** Closing descriptors of the runtime. */
import { hasCode } from "../../ffi/error.ts";
import { nodeFs } from "../util/node.ts";
import { runtimeError } from "../util/runtime_error.ts";
import { tryOrUndefined } from "../util/try_or_undefined.ts";
import { lookupFd } from "../windows_file/fd_table.ts";
import { platform } from "./platform.ts";

/**
 * Closes a descriptor with the runtime that owns it.
 *
 * Deno closes only descriptors that its own `node:fs` opened. It does not know any other one: the
 * operating system closes that.
 *
 * @returns the promise of a file of ours in Deno for Windows
 */
export function closeRuntimeFd(fd: number): unknown {
  refuseProtectedFd(fd);
  const file = lookupFd(fd);
  if (file !== undefined) return file.close();
  try {
    return closeWithNodeFs(fd);
  } catch (error) {
    if (!("Deno" in globalThis) || !hasCode(error, "EBADF")) throw error;
    return platform().close(platform().rawOfFd(fd));
  }
}

/**
 * Throws when the handle of a descriptor is protected from closing, which only Windows knows. There the
 * runtime would free the descriptor, call it "not open", and leave the handle open.
 */
export function refuseProtectedFd(fd: number): void {
  const raw = tryOrUndefined(() => platform().rawOfFd(fd));
  if (raw !== undefined) platform().refuseProtected(raw);
}

/**
 * Closes a descriptor that the runtime's `node:fs` has opened.
 *
 * @throws {HandleError} with the code of the runtime's error: `EBADF` when other code has closed it
 */
export function closeWithNodeFs(fd: number): void {
  const fs = nodeFs();
  try {
    fs.closeSync(fd);
  } catch (cause) {
    throw runtimeError(cause, "close", `fd ${fd}`, fd);
  }
}
