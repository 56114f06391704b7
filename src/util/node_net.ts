/** The runtime's own `node:net`. */
import { builtin } from "../../ffi/host.ts";

/** The runtime's own `node:net`, found without an import that a bundler would follow. */
export function nodeNet(): typeof import("node:net") {
  return builtin<typeof import("node:net")>("node:net")!;
}
