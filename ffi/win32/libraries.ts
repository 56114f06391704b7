/** The libraries of Windows, each loaded at its first call. */
import type { Calls, SymbolTable } from "../backend.ts";
import { failure } from "../error.ts";
import { isWindows } from "../host.ts";
import { loadLibrary } from "../library.ts";
import * as tables from "../symbols/windows.ts";

let loadedKernel32: Calls<typeof tables.kernel32> | undefined;
let loadedKernel32Files: Calls<typeof tables.kernel32Files> | undefined;
let loadedNtdll: Calls<typeof tables.ntdll> | undefined;

/** kernel32.dll: what every duplicate needs. */
export function kernel32(): Calls<typeof tables.kernel32> {
  return loadedKernel32 ?? (loadedKernel32 = load("kernel32.dll", tables.kernel32));
}

/** kernel32.dll: what only files and other objects need. */
export function kernel32Files(): Calls<typeof tables.kernel32Files> {
  return loadedKernel32Files ?? (loadedKernel32Files = load("kernel32.dll", tables.kernel32Files));
}

/** ntdll.dll. */
export function ntdll(): Calls<typeof tables.ntdll> {
  return loadedNtdll ?? (loadedNtdll = load("ntdll.dll", tables.ntdll));
}

function load<Table extends SymbolTable>(library: string, table: Table): Calls<Table> {
  if (isWindows()) return loadLibrary([library], table);
  throw failure("ENOTSUP", "LoadLibrary", {
    message: "Cannot call a Windows function: this system is not Windows; " +
      "use duplicate(), or duphandle/posix for the system's own calls",
  });
}
