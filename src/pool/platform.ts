/** Chooses the backend of a pool for the running system and runtime. */
import { isWindows } from "../../ffi/host.ts";
import { PosixPoolBackend } from "./posix.ts";
import type { PoolBackend } from "./types.ts";
import { FdPoolBackend, HandlePoolBackend } from "./windows.ts";

/** Makes the backend of one pool. */
export function poolBackend(): PoolBackend<unknown> {
  if (!isWindows()) return new PosixPoolBackend();
  return "Deno" in globalThis ? new HandlePoolBackend() : new FdPoolBackend();
}
