/**
 * Builds the npm package with the TypeScript compiler alone, into `npm/`, and packs it: `npm run build`.
 * `deno task build:npm` makes the same with dnt, where JSR is reached.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { entryPoints, ESM, OUTPUT, TARGET } from "./npm/description.ts";
import { finish, writeJson } from "./npm/finish.ts";
import { pack } from "./npm/pack.ts";
import { root } from "./runtimes.ts";

const folder = path.join(root, OUTPUT);
fs.rmSync(folder, { recursive: true, force: true });
compile(path.join(folder, ESM));
await finish(folder);
pack(folder);

/** Checks the types and emits ES modules with declarations. */
function compile(outDir: string): void {
  fs.mkdirSync(outDir, { recursive: true });
  const config = path.join(folder, "tsconfig.json");
  writeJson(config, {
    extends: path.join(root, "tsconfig.json"),
    include: [],
    files: Object.values(entryPoints).map((module) => path.join(root, module)),
    compilerOptions: {
      outDir,
      noEmit: false,
      rootDir: root,
      target: TARGET,
      typeRoots: [path.join(root, "node_modules", "@types")],
      rewriteRelativeImportExtensions: true,
    },
  });
  const tsc = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [tsc, "--project", config], {
    cwd: root,
    stdio: "inherit",
  });
  fs.rmSync(config);
  if (status !== 0) throw new Error("Cannot build: the compiler found errors; see above");
}
