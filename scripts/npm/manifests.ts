/**
 * Checks that the files in which tools want the entry points and the names, as plain JSON, say what the
 * description of the package says. It is a step of `npm run check`.
 */
import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";
import { entryPoints, fields, jsrEntryPoints, specifier } from "./description.ts";

/** The names that users import, and what they lead to. */
const names = relative(entryPoints, specifier);
const subpaths = relative(entryPoints);

const deno = read("deno.json");
const manifest = read("package.json");
const { compilerOptions } = read("tsconfig.json") as { compilerOptions: Record<string, unknown> };
const { name, license } = fields();

deepStrictEqual(deno["imports"], names, "deno.json: imports");
deepStrictEqual(deno["exports"], relative(jsrEntryPoints), "deno.json: exports");
deepStrictEqual(deno["license"], license, "deno.json: license");
deepStrictEqual(manifest["exports"], subpaths, "package.json: exports");
deepStrictEqual(manifest["name"], name, "package.json: name");
deepStrictEqual(manifest["license"], license, "package.json: license");
deepStrictEqual(
  compilerOptions["paths"],
  Object.fromEntries(Object.entries(names).map(([name, file]) => [name, [file]])),
  "tsconfig.json: paths",
);

/** Entry points as manifests name them: by a name, the path from the top folder. */
function relative(
  modules: Readonly<Record<string, string>>,
  nameOf: (entryPoint: string) => string = (entryPoint) => entryPoint,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(modules).map(([name, module]) => [nameOf(name), `./${module}`]),
  );
}

function read(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}
