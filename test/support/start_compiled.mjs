/**
 * Starts a program in Node 20 as compiled.ts has compiled it, and as it is if it has not:
 * `node start_compiled.mjs PROGRAM [arguments]`.
 */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

process.argv.splice(1, 1);
const script = process.argv[1];
const root = fileURLToPath(new URL("../..", import.meta.url));
const compiled = join(
  process.env["DUPHANDLE_COMPILED"] ?? "",
  relative(root, script).replace(/\.ts$/, ".mjs"),
);
if (script.endsWith(".ts") && !existsSync(compiled)) (await import("tsx/esm/api")).register();
await import(pathToFileURL(existsSync(compiled) ? compiled : script).href);
