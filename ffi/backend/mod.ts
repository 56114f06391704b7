/** Chooses the backend of the running runtime. */
import { bunBackend } from "./bun.ts";
import { denoBackend } from "./deno.ts";
import { causeOf, failure } from "../error.ts";
import { koffiBackend } from "./koffi.ts";
import { nodeBackend } from "./node.ts";
import type { Backend } from "./types.ts";

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
