/** What is in the packed file, and what the checkers of packages say of it. */
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, inject, test } from "vitest";
import {
  built,
  copied,
  entryPoints,
  ESM,
  MAX_PACKED,
  SCRIPT,
  specifier,
} from "../../scripts/npm/description.ts";
import { root } from "../../scripts/runtimes.ts";
import { project, run, toolPath } from "./support/project.ts";
import { newestNode } from "./support/runtimes.ts";

/** Every file, by its path in the package. */
function files(): string[] {
  return fs.globSync("**/*", { cwd: inject("unpacked"), withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(inject("unpacked"), path.join(entry.parentPath, entry.name)));
}

const inUnpacked = (file: string): string => path.join(inject("unpacked"), file);
const read = (file: string): string => fs.readFileSync(inUnpacked(file), "utf8");

test("it has the modules, their declarations and what people read", () => {
  const modules = Object.values(entryPoints);
  const reexports = modules.map((module) => built(SCRIPT, module, ".mjs"));
  const declarations = modules.map((module) => built(ESM, module, ".d.ts"));
  const bundled = files().filter((file) => /^(esm|script)\/.*\.js$|^script\/.*\.d\.ts$/.test(file));
  const others = files().filter((file) => !bundled.includes(file));
  expect(others.toSorted()).toEqual(
    [
      ...["package.json", "esm/package.json", "script/package.json", ...copied],
      ...[...reexports, ...declarations].map((file) => path.normalize(file)),
    ].toSorted(),
  );
  expect(bundled.filter((file) => /test|bench|example|scripts/.test(file))).toEqual([]);
  for (const module of modules) {
    const paths = [built(ESM, module), built(SCRIPT, module), built(SCRIPT, module, ".d.ts")];
    expect(bundled).toEqual(expect.arrayContaining(paths.map((file) => path.normalize(file))));
  }
});

test("both kinds of module are the same files", () => {
  const modulesOf = (kind: string): string[] =>
    files().filter((file) => file.startsWith(`${kind}/`) && file.endsWith(".js"))
      .map((file) => path.relative(kind, file)).toSorted();
  expect(modulesOf(ESM).length).toBeGreaterThan(Object.keys(entryPoints).length);
  expect(modulesOf(ESM)).toEqual(modulesOf(SCRIPT));
});

test("nothing is imported at a call, so that a bundler can make one file of it", () => {
  const modules = files().filter((file) => /^(esm|script)\/.*\.(js|mjs)$/.test(file));
  expect(modules.length).toBeGreaterThan(0);
  expect(modules.filter((file) => /\bimport\(/.test(read(file)))).toEqual([]);
});

test("duphandle/handle is two files, which import no other", () => {
  const importsOf = (file: string): string[] =>
    [...read(file).matchAll(/^(?:import|export) [^;]*"(\.[^"]+)";$/gm)]
      .map(([, from = ""]) => path.join(path.dirname(file), from));
  expect(importsOf(built(ESM, entryPoints["./handle"]!))).toEqual(["esm/shared/handle.js"]);
  expect(importsOf("esm/shared/handle.js")).toEqual([]);
});

test("it depends on nothing", () => {
  const manifest = JSON.parse(read("package.json")) as Record<string, unknown>;
  const fields = Object.keys(manifest).filter((name) => /depend|scripts|bundle/i.test(name));
  expect(fields).toEqual(["peerDependencies", "peerDependenciesMeta"]);
  expect(manifest["peerDependenciesMeta"]).toEqual({ koffi: { optional: true } });
  const imports = files().filter((file) => /\.m?js$/.test(file)).flatMap((file) =>
    [...read(file).matchAll(/(?:\brequire\(|\bfrom |\bimport )["'`]([^"'`]+)["'`]/g)]
      .map(([, from]) => from as string)
  );
  expect(imports.length).toBeGreaterThan(5);
  expect(imports.filter((from) => !from.startsWith("."))).toEqual([]);
});

test("it is no larger than it may be", () => {
  const packed = fs.statSync(inject("packed")).size;
  const unpacked = files().reduce((sum, file) => sum + fs.statSync(inUnpacked(file)).size, 0);
  console.log(`${packed} bytes packed, ${unpacked} unpacked`);
  expect(packed).toBeLessThanOrEqual(MAX_PACKED);
});

test("its entry points export just what the sources export", async () => {
  using user = project();
  const names = (text: string): Promise<string> =>
    user.output([...newestNode, "--input-type=module", "--eval", text]);
  for (const [name, module] of Object.entries(entryPoints)) {
    // Registering is all that this one does.
    if (name === "./register") continue;
    const imported = JSON.stringify(specifier(name));
    const source = JSON.stringify(path.join(root, module));
    const print = "console.log(Object.keys(exported).sort().join())";
    const expected = await names(`import * as exported from ${source}; ${print}`);
    const isSubject = module.startsWith("src/");
    expect(expected.split(",").length).toBeGreaterThan(isSubject ? 1 : 20);
    expect(await names(`import * as exported from ${imported}; ${print}`)).toBe(expected);
    const required = `import { createRequire } from "node:module";
      const exported = createRequire(${JSON.stringify(`${user.folder}/`)})(${imported});`;
    expect(await names(`${required} ${print}`)).toBe(expected);
  }
});

test.concurrent("publint has nothing to say", async ({ expect }) => {
  const publint = toolPath("publint", "src", "cli.js");
  const { code, output, errors } = await run(inject("session"), [
    ...[...newestNode, publint, "run", inject("packed"), "--strict"],
  ]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output).toMatch(/Linting\.\.\.\nAll good!\n$/);
});

test.concurrent("Are The Types Wrong finds nothing, in any resolution", async ({ expect }) => {
  const attw = toolPath("@arethetypeswrong", "cli", "dist", "index.js");
  const { code, output } = await run(inject("session"), [
    ...[...newestNode, attw, inject("packed"), "--no-definitely-typed", "--format", "ascii"],
  ]);
  expect({ code, output }).toMatchObject({
    code: 0,
    output: expect.stringContaining("No problems found"),
  });
  const good = output.split("\n").filter((line) => /^(node1[06]|bundler)\b.*: 🟢/.test(line));
  // Each entry point and package.json: node10, node16 from both kinds of module, bundler.
  expect(good).toHaveLength(4 * (Object.keys(entryPoints).length + 1));
});
