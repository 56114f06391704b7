/** The buffers of the C library, through which native libraries print. */
import type { Calls } from "../backend/types.ts";
import { osName } from "../host.ts";
import { loadLibrary } from "../backend/library.ts";
import * as darwin from "./symbols/darwin.ts";
import * as linux from "./symbols/linux.ts";

let loaded: Calls<typeof linux.stdioSymbols> | undefined;

/**
 * Writes out what native code has printed with `printf` and the like. What it cannot write stays
 * with the C library, as it does for native code that flushes.
 */
export function flushC(): void {
  const libraries = osName() === "darwin" ? darwin.libraries : linux.libraries;
  loaded ??= loadLibrary(libraries, linux.stdioSymbols);
  loaded.fflush(0);
}
