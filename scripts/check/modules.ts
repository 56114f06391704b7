/** The modules of the library and what each of them imports, as Deno reads them. */
import { spawnSync } from "node:child_process";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { denoPath } from "../binaries.mjs";
import { root } from "../runtimes.ts";

/** One module of this checkout. Paths are from the top folder. */
export interface Module {
  readonly path: string;
  readonly bytes: number;
  /** Every module that it imports: types, re-exports and dynamic imports too. */
  readonly imports: readonly string[];
  /** Those of them that are loaded when this one is. */
  readonly loads: readonly string[];
}

/** What `deno info --json` says of a module, as far as it is used. */
interface ModuleInfo {
  readonly specifier: string;
  readonly size?: number;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

/** Reads the modules that these lead to, by their paths. */
export function readModules(entries: readonly string[]): Map<string, Module> {
  // Deno takes one module: this one imports them all.
  const imports = entries.map((path) => `import "${pathToFileURL(join(root, path)).href}";`);
  const command = [
    "info",
    "--json",
    `data:text/typescript,${encodeURIComponent(imports.join(""))}`,
  ];
  const { status, stdout, stderr } = spawnSync(denoPath(root), command, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`Cannot read the imports: ${stderr}`);
  const { modules } = JSON.parse(stdout) as { modules: readonly ModuleInfo[] };
  const broken = modules.find(({ error }) => error !== undefined);
  if (broken !== undefined) throw new Error(`Cannot read the imports: ${broken.error}`);
  return new Map(
    modules.filter(({ specifier }) => isOurs(specifier)).map((info) => {
      const module = moduleOf(info);
      return [module.path, module];
    }),
  );
}

/** The modules that are loaded when this one is, with itself. */
export function loadedBy(path: string, modules: ReadonlyMap<string, Module>): Module[] {
  const loaded = new Set<Module>();
  const load = (path: string): void => {
    const module = modules.get(path);
    if (module === undefined || loaded.has(module)) return;
    loaded.add(module);
    module.loads.forEach(load);
  };
  load(path);
  return [...loaded];
}

/** Circles of imports, where there are any; the last module of each imports the first. */
export function findCircles(modules: ReadonlyMap<string, Module>): string[][] {
  const circles: string[][] = [];
  const finished = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    if (finished.has(path)) return;
    const start = trail.indexOf(path);
    if (start >= 0) {
      circles.push(trail.slice(start));
      return;
    }
    trail.push(path);
    modules.get(path)?.imports.forEach(visit);
    trail.pop();
    finished.add(path);
  };
  for (const path of modules.keys()) visit(path);
  return circles;
}

function moduleOf({ specifier, size = 0, dependencies = [] }: ModuleInfo): Module {
  const imported = dependencies.flatMap(({ code, type, isDynamic = false }) => {
    const target = code?.specifier ?? type?.specifier;
    if (target === undefined || !isOurs(target)) return [];
    return [{ path: pathOf(target), isLoaded: code !== undefined && !isDynamic }];
  });
  return {
    path: pathOf(specifier),
    bytes: size,
    imports: imported.map(({ path }) => path),
    loads: imported.filter(({ isLoaded }) => isLoaded).map(({ path }) => path),
  };
}

function isOurs(specifier: string): boolean {
  return specifier.startsWith("file:") && !specifier.includes("/node_modules/");
}

function pathOf(specifier: string): string {
  return relative(root, fileURLToPath(specifier)).replaceAll("\\", "/");
}
