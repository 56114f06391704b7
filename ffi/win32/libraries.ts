/** The libraries of Windows. Each table of functions is bound at its first use. */
import type { Calls, SymbolTable } from "../backend/types.ts";
import { failure } from "../error.ts";
import { isWindows } from "../host.ts";
import { loadLibrary } from "../backend/mod.ts";
import * as tables from "./symbols/base.ts";

/** Returns the functions of one table. The first call binds them. */
export type Library<Table extends SymbolTable> = () => Calls<Table>;

/** kernel32.dll: the functions for every duplicate. */
export const kernel32: Library<typeof tables.kernel32> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  tables.kernel32,
);

/** kernel32.dll: the functions for files. */
export const kernel32Files: Library<typeof tables.kernel32Files> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  tables.kernel32Files,
);

/** kernel32.dll: the functions for processes and threads. */
export const kernel32Processes: Library<typeof tables.kernel32Processes> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  tables.kernel32Processes,
);

/** kernel32.dll: the standard handles, functions by their names, and yielding. */
export const kernel32Runtime: Library<typeof tables.kernel32Runtime> = /* @__PURE__ */ lazy(
  "kernel32.dll",
  tables.kernel32Runtime,
);

/** ntdll.dll: the function that queries a handle. */
export const ntdll: Library<typeof tables.ntdll> = /* @__PURE__ */ lazy("ntdll.dll", tables.ntdll);

/**
 * Makes a library that is loaded at its first call. Each table has only functions that are used
 * together, because some runtimes compile code for every function that they bind.
 */
export function lazy<Table extends SymbolTable>(library: string, table: Table): Library<Table> {
  let loaded: Calls<Table> | undefined;
  return () => loaded ?? (loaded = load(library, table));
}

function load<Table extends SymbolTable>(library: string, table: Table): Calls<Table> {
  if (isWindows()) return loadLibrary([library], table);
  throw failure("ENOTSUP", "LoadLibrary", {
    message: "Cannot call a Windows function: this system is not Windows; " +
      "use duplicate(), or duphandle/posix for the system's own calls",
  });
}
