/** Closing descriptors of the runtime. */
import { hasCode } from "../../ffi/error.ts";
import { nodeFs } from "../util/node.ts";
import { runtimeError } from "../util/runtime_error.ts";
import { lookupFd } from "../windows_file/fd_table.ts";
import { platform } from "./platform.ts";

/**
 * Closes a descriptor with the runtime that owns it.
 *
 * Deno closes only descriptors that its own `node:fs` opened. It does not know any other one: the
 * operating system closes that.
 */
export function closeRuntimeFd(fd: number): void {
  const file = lookupFd(fd);
  if (file !== undefined) return void file.close();
  try {
    closeWithNodeFs(fd);
  } catch (error) {
    if (!("Deno" in globalThis) || !hasCode(error, "EBADF")) throw error;
    platform().close(platform().rawOfFd(fd));
  }
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
