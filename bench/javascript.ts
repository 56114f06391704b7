/**
 * The programs of start/ and this library as JavaScript. That is what Node's users get: Node reads
 * no TypeScript in node_modules, and stripping types costs it more than everything else here.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../scripts/runtimes.ts";
import { run } from "./processes.ts";

/**
 * Translates into a folder, file by file and with no check.
 *
 * @returns the folder that holds the programs
 */
export function compileStart(folder: string): string {
  const project = join(folder, "tsconfig.json");
  const programs = join(root, "bench", "start");
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      declaration: false,
      removeComments: true,
      rewriteRelativeImportExtensions: true,
      rootDir: root,
      outDir: folder,
      typeRoots: [join(root, "node_modules", "@types")],
    },
    include: [programs],
  };
  writeFileSync(project, JSON.stringify(config));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  run([process.execPath, join(root, "node_modules", "typescript", "bin", "tsc"), "-p", project]);
  return join(folder, "bench", "start");
}
