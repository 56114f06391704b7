/** Chooses how files of a pool get descriptors in the running runtime, on the running system. */
import { isWindows } from "../../ffi/host.ts";
import { PosixResidence } from "./posix.ts";
import type { Residence } from "./types.ts";
import { HandleResidence, WindowsResidence } from "./windows.ts";

/** What serves this runtime on this system. */
export function residence(): Residence<unknown> {
  if (!isWindows()) return new PosixResidence() as Residence<unknown>;
  return ("Deno" in globalThis ? new HandleResidence() : new WindowsResidence()) as Residence<
    unknown
  >;
}
