/** What only Linux has, and its calls that not every C library has a function for. */
import type { Calls } from "../backend/mod.ts";
import { failure } from "../error.ts";
import { arch, isWindows, osName } from "../host.ts";
import { loadLibrary } from "../backend/library.ts";
import { callNumbers, kernelSymbols, libraries } from "./symbols/linux.ts";
import { libc } from "./libc.ts";

let loaded: Calls<typeof kernelSymbols> | undefined;

/**
 * `syscall` and `prctl`.
 *
 * @param name the call that is wanted, for the message
 * @throws {HandleError} `ENOTSUP` where the kernel is not Linux
 */
export function kernel(name: string): Calls<typeof kernelSymbols> {
  return loaded ?? (loaded = load(name));
}

function load(name: string): Calls<typeof kernelSymbols> {
  if (isWindows()) libc(); // throws, and says what to use there
  if (osName() !== "linux") {
    throw failure("ENOTSUP", name, { message: `Cannot call ${name}: only Linux has it` });
  }
  return loadLibrary(libraries, kernelSymbols);
}

/** The numbers of the calls on this processor. */
export function numbers(): { readonly [Name in keyof typeof callNumbers.x64]: number } {
  return arch() === "x64" ? callNumbers.x64 : callNumbers.others;
}
