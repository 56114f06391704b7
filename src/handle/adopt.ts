/**
 * What a runtime can adopt, the one thing beside its FFI that differs by runtime: making a handle
 * the runtime's own, and having the runtime close what is its own.
 */
import type { FileHandle } from "node:fs/promises";
import { hasCode } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { posixAdopter } from "./posix_adopt.ts";
import { denoWindowsAdopter, windowsAdopter } from "./windows_adopt.ts";
import { nodeFs } from "../util/node_fs.ts";
import { runtimeError } from "../util/runtime_error.ts";
import { standsFor } from "../windows_file/fd.ts";
import { type RawHandle, system } from "./platform.ts";

/** How a runtime takes over a handle. Both ways consume it, whatever the outcome. */
export interface Adopter {
  /** A descriptor that the runtime's synchronous `node:fs` functions accept and close. */
  toFd(raw: RawHandle, inheritable: boolean): number;
  /** The runtime's own `fs/promises` `FileHandle`, or an object with the same methods. */
  toFileHandle(raw: RawHandle, inheritable: boolean): Promise<FileHandle>;
}

let chosen: Adopter | undefined;

/** How the running runtime takes over a handle. */
export function adopter(): Adopter {
  return chosen ?? (chosen = choose());
}

function choose(): Adopter {
  if (!isWindows()) return posixAdopter;
  return "Deno" in globalThis ? denoWindowsAdopter : windowsAdopter;
}

/**
 * Closes a descriptor with the runtime that owns it.
 *
 * Deno closes only descriptors that its own `node:fs` opened; any other one is nobody's, and the
 * system closes it.
 */
export function closeRuntimeFd(fd: number): void {
  const file = standsFor(fd);
  if (file !== undefined) return void file.close();
  try {
    closeWithNodeFs(fd);
  } catch (error) {
    if (!("Deno" in globalThis) || !hasCode(error, "EBADF")) throw error;
    system().close(system().rawOfFd(fd));
  }
}

/**
 * Closes a descriptor that the runtime's `node:fs` has opened.
 *
 * @throws {HandleError} what the runtime says, in our words: `EBADF` when somebody else has closed it
 */
export function closeWithNodeFs(fd: number): void {
  const fs = nodeFs();
  try {
    fs.closeSync(fd);
  } catch (cause) {
    throw runtimeError(cause, "close", `fd ${fd}`, fd);
  }
}
