/**
 * Duplicates operating-system handles in Deno, Bun and Node, on Linux and Windows: a second,
 * independent handle to the same open file, through each runtime's own FFI.
 *
 * @example
 * ```ts
 * import { duplicate } from "duphandle";
 * import { closeSync, openSync } from "node:fs";
 *
 * const file = openSync("README.md", "r");
 * using copy = duplicate(file);
 * closeSync(file); // the copy goes on
 * ```
 *
 * @module
 */
export * from "./src/handle/mod.ts";
export * from "./src/batch/mod.ts";
export * from "./src/file/mod.ts";
export * from "./src/redirect/mod.ts";
export * from "./src/process/mod.ts";
export * from "./src/socket/mod.ts";
export * from "./src/systemd/mod.ts";
export * from "./src/channel/mod.ts";
export * from "./src/child/mod.ts";
export * from "./src/pool/mod.ts";
export * from "./src/inspect/mod.ts";
export * from "./src/track/mod.ts";
export * from "./src/upgrade/mod.ts";
