/**
 * The whole suite on the built npm package, in every runtime: the tests run in a folder where
 * `duphandle` is the package, and nothing leads to the sources by that name.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { copyFiles } from "../machines/stage.ts";
import { ESM, SCRIPT } from "../npm/description.ts";
import { writeJson } from "../npm/finish.ts";
import { root } from "../runtimes.ts";

/**
 * What says that `duphandle` is the sources: the folder has its own, which do not. Without them the ones of
 * the checkout around it would count: Bun and tsx follow the paths of the next tsconfig.json above.
 */
const MANIFESTS = ["package.json", "package-lock.json", "deno.json", "tsconfig.json"];

/** Makes the folder, inside the built package's, whose packages are the checkout's and the built one. */
export async function stageSuite(built: string): Promise<string> {
  const folder = path.join(built, "suite");
  fs.rmSync(folder, { recursive: true, force: true });
  await copyFiles(folder);
  for (const file of MANIFESTS) fs.rmSync(path.join(folder, file), { force: true });
  writeJson(path.join(folder, "package.json"), { private: true, type: "module" });
  writeJson(path.join(folder, "deno.json"), { nodeModulesDir: "manual", lock: false });
  const { paths: _, ...compilerOptions } =
    JSON.parse(fs.readFileSync(path.join(root, "tsconfig.json"), "utf8")).compilerOptions;
  writeJson(path.join(folder, "tsconfig.json"), { compilerOptions });
  const modules = path.join(folder, "node_modules");
  fs.mkdirSync(modules);
  for (const name of fs.readdirSync(path.join(root, "node_modules"))) {
    fs.symlinkSync(path.join(root, "node_modules", name), path.join(modules, name));
  }
  for (const name of ["package.json", ESM, SCRIPT]) {
    fs.cpSync(path.join(built, name), path.join(modules, "duphandle", name), { recursive: true });
  }
  return folder;
}
