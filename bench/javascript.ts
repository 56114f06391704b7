/**
 * The programs of start/ with this library as one file of JavaScript each, as a bundler and the npm
 * package ship it: Node reads no TypeScript in node_modules, and to strip the types of many small
 * files costs it more than everything else here.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../scripts/runtimes.ts";
import { run } from "./processes.ts";

/**
 * Bundles the programs into a folder.
 *
 * @returns the folder that holds the programs
 */
export function compileStart(folder: string): string {
  const cli = join(root, "node_modules", "rolldown", "bin", "cli.mjs");
  for (const program of ["duplicate", "empty"]) {
    const source = join(root, "bench", "start", `${program}.ts`);
    run([process.execPath, cli, source, "--dir", folder, "--format", "esm", "--platform", "node"]);
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  return folder;
}
