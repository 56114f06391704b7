/** What differs by runtime in who owns a descriptor. */
import { builtin } from "../ffi/host.ts";
import { system } from "./system.ts";

/**
 * Closes a descriptor with the runtime that owns it.
 *
 * Deno closes only descriptors that its own `node:fs` opened; any other one is nobody's, and the
 * system closes it.
 */
export function closeRuntimeFd(fd: number): void {
  try {
    builtin<typeof import("node:fs")>("node:fs")?.closeSync(fd);
  } catch (error) {
    if (!("Deno" in globalThis) || (error as { code?: unknown }).code !== "EBADF") throw error;
    system().close(system().rawOfFd(fd));
  }
}
