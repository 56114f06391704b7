/** The programs of the part "starts": with this library, from its sources and as the npm package, and without. */
import * as fs from "node:fs";
import { join } from "node:path";
import { root, type Runtime, type RuntimeName } from "../scripts/runtimes.ts";
import type { Environment } from "./processes.ts";

/** Where `npm run build` puts the package, from the checkout's top. */
const OUTPUT = "npm";

/** What a program imports. */
export type EntryPoint = "duphandle" | "duphandle/handle";

/** The same program twice: with this library and without. */
export interface Program {
  readonly label: string;
  readonly from: "sources" | "package";
  readonly entryPoint: EntryPoint;
  readonly full: readonly string[];
  readonly empty: readonly string[];
  readonly environment: Environment;
  /** The most that the library may add, as a ratio to the time of the empty program. */
  readonly most?: number;
}

/** The programs over the TypeScript files, by what they import. */
const sources: Readonly<Record<EntryPoint, string>> = {
  "duphandle": "main",
  "duphandle/handle": "handle",
};
const entryPoints = Object.keys(sources) as EntryPoint[];

/** Targets for `duphandle/handle` from its sources. Those of Node hold with its compile cache. */
const mostOfSources: Partial<Readonly<Record<RuntimeName, number>>> = { deno: 0.45, bun: 0.9 };
const MOST_WITH_CACHE = 0.5;
const mostOfPackage: Readonly<Record<RuntimeName, number>> = {
  deno: 0.3,
  bun: 0.6,
  node: 0.15,
  node20: 0.2,
};

/**
 * The programs over the sources.
 *
 * @param folder where Node keeps what it compiles
 */
export function listSourcePrograms(found: readonly Runtime[], folder: string): Program[] {
  const file = (name: string) => join(root, "bench", "start", `${name}.ts`);
  return found.flatMap(({ name, label, command }) =>
    entryPoints.flatMap((entryPoint) => {
      const program: Program = {
        label,
        from: "sources",
        entryPoint,
        full: [...command, file(sources[entryPoint])],
        empty: [...command, file("empty")],
        environment: {},
      };
      const isHandle = entryPoint === "duphandle/handle";
      const programs = [isHandle ? withTarget(program, mostOfSources[name]) : program];
      if (name === "node") {
        const cached = {
          ...program,
          label: `${label}, compile cache`,
          environment: { NODE_COMPILE_CACHE: join(folder, "compile-cache") },
        };
        programs.push(isHandle ? withTarget(cached, MOST_WITH_CACHE) : cached);
      }
      return programs;
    })
  );
}

/**
 * The programs over the npm package, in a project that has it in its `node_modules`.
 *
 * @param folder where the project is made
 * @returns the programs, none without the package; and what is wrong with the package
 */
export function listPackagePrograms(
  found: readonly Runtime[],
  folder: string,
): { programs: Program[]; problem: string | undefined } {
  const built = join(root, OUTPUT);
  const manifest = join(built, "package.json");
  if (!fs.existsSync(manifest)) {
    const problem = `Left out: the package, since there is no ${OUTPUT}/; npm run build makes it`;
    return { programs: [], problem };
  }
  const { exports } = JSON.parse(fs.readFileSync(manifest, "utf8")) as {
    exports: Record<string, unknown>;
  };
  const project = join(folder, "project");
  makeProject(project, built);
  const file = (name: string) => join(project, `${name}.js`);
  const programs = found.flatMap(({ name, label, command }) => {
    // What reads TypeScript is not needed for JavaScript.
    const start = command.filter((part) => part !== "--import=tsx");
    const offered = entryPoints.filter((each) => each.replace("duphandle", ".") in exports);
    return offered.map((entryPoint) =>
      withTarget({
        label,
        from: "package",
        entryPoint,
        full: [...start, file(sources[entryPoint])],
        empty: [...start, file("empty")],
        environment: {},
      }, mostOfPackage[name])
    );
  });
  const problem = isOlderThanSources(manifest)
    ? `The package in ${OUTPUT}/ is older than the sources; npm run build makes it anew`
    : undefined;
  return { programs, problem };
}

function isOlderThanSources(file: string): boolean {
  const built = fs.statSync(file).mtimeMs;
  return ["src", "ffi"].some((folder) =>
    fs.readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .some((name) => fs.statSync(join(root, folder, name)).mtimeMs > built)
  );
}

/** A project as the package's users have it, with koffi, which the package needs in older Node. */
function makeProject(project: string, built: string): void {
  const modules = join(project, "node_modules");
  fs.mkdirSync(modules, { recursive: true });
  fs.symlinkSync(built, join(modules, "duphandle"), "dir");
  fs.symlinkSync(join(root, "node_modules", "koffi"), join(modules, "koffi"), "dir");
  const dependencies = { duphandle: "*", koffi: "*" };
  fs.writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", dependencies }));
  fs.writeFileSync(join(project, "empty.js"), "export {};\n");
  for (const entryPoint of entryPoints) {
    fs.writeFileSync(
      join(project, `${sources[entryPoint]}.js`),
      `import { duplicate } from "${entryPoint}";\n\nduplicate(1).close();\n`,
    );
  }
}

function withTarget(program: Program, most: number | undefined): Program {
  return most === undefined ? program : { ...program, most };
}
