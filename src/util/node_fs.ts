/** The runtime's own `node:fs`. */
import { builtin } from "../../ffi/host.ts";

/** The runtime's own `node:fs`, found without an import that a bundler would follow. */
export function nodeFs(): typeof import("node:fs") {
  return builtin<typeof import("node:fs")>("node:fs")!;
}
