/** The backend that serves the running process, and the system libraries that it loads. */
import { bunBackend, denoBackend } from "./deno_bun.ts";
import { koffiBackend } from "./koffi.ts";
import { nodeBackend } from "./node.ts";
import type { Backend, Calls, SymbolTable } from "./types.ts";
import { causeOf, failure, type HandleError } from "../error.ts";
import { isForbidden } from "../host.ts";

let chosen: Backend | undefined;

/**
 * The backend of this runtime, found at the first call.
 *
 * @throws {HandleError} `ENOTSUP` when the runtime has no FFI; the message says what to install,
 * and `cause` holds what the runtime threw.
 */
export function backend(): Backend {
  return chosen ??= choose();
}

function choose(): Backend {
  const tried: string[] = [];
  const causes: unknown[] = [];
  for (const candidate of [denoBackend, bunBackend, nodeBackend, koffiBackend]) {
    try {
      const found = candidate();
      if (typeof found !== "string") return found;
      tried.push(found);
    } catch (cause) {
      causes.push(cause);
      tried.push(cause instanceof Error ? cause.message : String(cause));
    }
  }
  throw failure("ENOTSUP", "dlopen", {
    message: `Cannot call the system: this runtime offers no FFI (${tried.join("; ")}); ` +
      "use Deno, Bun, Node 26.9 or newer (from 26.1 with --experimental-ffi), or an older Node " +
      "with `npm install koffi`",
    cause: causeOf(causes),
  });
}

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
      if (isForbidden(cause)) throw forbidden(`load ${candidates[0]}`, name, cause);
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

/**
 * The address of a buffer.
 *
 * @throws {HandleError} `EACCES` when the runtime forbids FFI: Deno does so here too, before a library is opened
 */
export function addressOf(buffer: ArrayBuffer): number {
  const ffi = backend();
  try {
    return ffi.addressOf(buffer);
  } catch (cause) {
    if (!isForbidden(cause)) throw cause;
    throw forbidden("call the system", ffi.name, cause);
  }
}

function forbidden(what: string, ffi: string, cause: unknown): HandleError {
  return failure("EACCES", "dlopen", {
    message: `Cannot ${what}: ${ffi} is not permitted; ` +
      "run with --allow-ffi, without a list of paths",
    cause,
  });
}
