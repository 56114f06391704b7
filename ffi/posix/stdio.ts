/** The output buffers of the C library, which native code such as `printf` fills. */
import type { Calls } from "../backend/types.ts";
import { osName } from "../host.ts";
import { loadLibrary } from "../backend/library.ts";
import * as darwin from "./symbols/darwin.ts";
import * as linux from "./symbols/linux.ts";

let loaded: Calls<typeof linux.stdioSymbols> | undefined;

/**
 * Writes out the output of native code that the C library still buffers (`fflush`). Errors are ignored:
 * what cannot be written stays in the buffers.
 */
export function flushC(): void {
  const libraries = osName() === "darwin" ? darwin.libraries : linux.libraries;
  loaded ??= loadLibrary(libraries, linux.stdioSymbols);
  loaded.fflush(0);
}
