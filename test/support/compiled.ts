/**
 * The programs of the tests, compiled for Node 20: once, before all tests. This Node does not read
 * TypeScript, and compiling at each start takes many times as long as most of the programs.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { entryPoints, specifier } from "../../scripts/npm/description.ts";
import { root } from "../../scripts/runtimes.ts";

/**
 * The folders whose programs are not compiled: of another runner, that import what is written while
 * they run, and that say at which lines of their sources something happened.
 */
const LEFT_OUT = ["package", "docs", "track"];

/** The programs by the name that start_compiled.mjs knows: `test/batch/programs/count`. */
function programs(): Record<string, string> {
  const files = fs.readdirSync(path.join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /^\w+\/programs\/\w+\.ts$/.test(file))
    .filter((file) => !LEFT_OUT.includes(path.dirname(path.dirname(file))));
  const names = files.map((file) => `test/${file.slice(0, -".ts".length)}`);
  return Object.fromEntries(names.map((name) => [name, path.join(root, `${name}.ts`)]));
}

/** Whether the tests are those of the built package: there `duphandle` leads to it. */
const ofPackage = process.env["DUPHANDLE_PACKAGE"] !== undefined;

/** The sources by their public names, the longest first, since `duphandle` is also how the others begin. */
const sources = Object.fromEntries(
  Object.entries(entryPoints)
    .map(([name, module]) => [specifier(name), path.join(root, module)] as const)
    .sort(([one], [other]) => other.length - one.length),
);

/** Whether a test may start a program in Node 20. The folder of the package's tests has none of its own. */
function isNeeded(): boolean {
  if (ofPackage) return process.env["DUPHANDLE_TARGET"] === "node20";
  return fs.existsSync(path.join(root, "scripts", "node20", "node_modules"));
}

/** Vitest calls it before it starts the tests, and what it returns after the last of them. */
export default async function setUp(): Promise<(() => void) | undefined> {
  if (!isNeeded()) return undefined;
  const { rolldown } = await import("rolldown");
  // Where `duphandle` is the built package, they lie where Node finds it.
  const place = ofPackage ? path.join(root, "node_modules") : os.tmpdir();
  const folder = fs.mkdtempSync(path.join(place, "duphandle-compiled-"));
  fs.chmodSync(folder, 0o755); // some tests start programs as another user
  await using bundler = await rolldown({
    input: programs(),
    platform: "node",
    external: [/^node:/, "tsx/esm/api", ...ofPackage ? [/^duphandle($|\/)/] : []],
    resolve: { alias: ofPackage ? {} : sources },
    transform: { target: "node20" },
    tsconfig: false,
    // With it, a module that one program has as well as the namespace of an entry is put into that program, which then
    // runs in every other program that imports the entry dynamically.
    treeshake: false,
    plugins: [{
      // What a module finds beside itself stays where it is.
      name: "import.meta.url",
      transform: {
        filter: { code: "import.meta.url" },
        handler: (code, id) => ({
          code: code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href)),
          map: null,
        }),
      },
    }],
  });
  await bundler.write({ dir: folder, format: "esm", entryFileNames: "[name].mjs" });
  process.env["DUPHANDLE_COMPILED"] = folder;
  return () => fs.rmSync(folder, { recursive: true, force: true });
}
