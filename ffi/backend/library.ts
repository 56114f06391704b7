/** Loads a system library. The error lists what was tried when none can be loaded. */
import { backend } from "./mod.ts";
import type { Calls, SymbolTable } from "./types.ts";
import { causeOf, failure, type HandleError } from "../error.ts";
import { isForbidden } from "../host.ts";

/**
 * Opens the first library that loads and binds the whole table.
 *
 * @throws {HandleError} `EACCES` when the runtime forbids FFI, `ENOENT` when no library loads; the
 * message lists what was tried, and `cause` holds the errors of the runtime
 */
export function loadLibrary<Table extends SymbolTable>(
  candidates: readonly string[],
  table: Table,
): Calls<Table> {
  const { name, load } = backend();
  const causes: Error[] = [];
  for (const candidate of candidates) {
    try {
      return load(candidate, table);
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (isForbidden(cause)) throw forbidden(candidates, name, cause);
      causes.push(cause);
    }
  }
  const tried = candidates.map((candidate, at) => `${candidate} (${causes[at]?.message.trim()})`);
  throw failure("ENOENT", "dlopen", {
    message: `Cannot load ${Object.keys(table).join(", ")}: ${name} refused ${tried.join(", ")}; ` +
      "this system's library has another name or lacks a function: please report it",
    cause: causeOf(causes),
  });
}

function forbidden(libraries: readonly string[], ffi: string, cause: Error): HandleError {
  return failure("EACCES", "dlopen", {
    message: `Cannot load ${libraries[0]}: ${ffi} is not permitted; ` +
      "run with --allow-ffi, without a list of paths",
    cause,
  });
}
