/** The runtime's own modules of Node, found without an import that a bundler would follow. */
import { builtin } from "../../ffi/host.ts";

/** The runtime's own `node:fs`, found without an import that a bundler would follow. */
export function nodeFs(): typeof import("node:fs") {
  return builtin<typeof import("node:fs")>("node:fs")!;
}

/** The runtime's own `node:net`, found without an import that a bundler would follow. */
export function nodeNet(): typeof import("node:net") {
  return builtin<typeof import("node:net")>("node:net")!;
}
