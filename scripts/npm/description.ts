/**
 * What the npm package is: its name, version, entry points and fields. Both ways of building it read
 * this; the version itself stands in deno.json, where JSR wants it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";

/** The modules that users import, by what comes after the package's name. */
export const entryPoints: Readonly<Record<string, string>> = {
  ".": "mod.ts",
  "./handle": "src/handle/mod.ts",
  "./file": "src/file/mod.ts",
  "./batch": "src/batch/mod.ts",
  "./redirect": "src/redirect/mod.ts",
  "./process": "src/process/mod.ts",
  "./socket": "src/socket/mod.ts",
  "./systemd": "src/systemd/mod.ts",
  "./channel": "src/channel/mod.ts",
  "./child": "src/child/mod.ts",
  "./pool": "src/pool/mod.ts",
  "./inspect": "src/inspect/mod.ts",
  "./track": "src/track/mod.ts",
  "./upgrade": "src/upgrade/mod.ts",
  "./posix": "ffi/posix/mod.ts",
  "./win32": "ffi/win32/mod.ts",
  "./register": "src/register.ts",
};

/** The one entry point that does something when it is imported. */
const WITH_EFFECT = "./register";

/** Those that JSR takes: it refuses what adds to the types of another module. */
export const jsrEntryPoints: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(entryPoints).filter(([name]) => name !== WITH_EFFECT),
);

/** What users import for an entry point: `duphandle/posix` for `./posix`. */
export function specifier(entryPoint: string): string {
  return entryPoint.replace(/^\./, "duphandle");
}

/** Where the package is built, from the checkout's top. */
export const OUTPUT = "npm";

/** The folders of the two kinds of module. */
export const ESM = "esm";
export const SCRIPT = "script";

/** What is copied into the package as it is. */
export const copied: readonly string[] = ["LICENSE", "README.md", "CHANGELOG.md"];

/** The language that the oldest Node of `engines` understands. */
export const TARGET = "ES2023";

/** The most bytes that the packed file may have. */
export const MAX_PACKED = 425_000;

const REPOSITORY = "https://github.com/duphandle/duphandle";

/** Where doc comments link to the guides: an editor and a registry have no folder of the repository. */
export const GUIDES: string = `${REPOSITORY}/blob/main/docs/`;

/** A module of the package: `src/register.ts` is `./esm/src/register.js`. */
export function built(kind: typeof ESM | typeof SCRIPT, module: string, ending = ".js"): string {
  return `./${kind}/${module.replace(/\.ts$/, ending)}`;
}

/**
 * What an entry point leads to. One process must have one set of classes, so `import` and `require` lead
 * to the same file wherever `require` takes ES modules: Deno, Bun, and the Node that knows `module-sync`.
 * Bundlers know `module`. For an older Node, the module for `import` exports the CommonJS again.
 */
function conditions(module: string): Readonly<Record<string, unknown>> {
  const esm = built(ESM, module);
  return {
    deno: esm,
    bun: esm,
    "module-sync": esm,
    module: esm,
    import: {
      types: built(ESM, module, ".d.ts"),
      default: built(SCRIPT, module, ".mjs"),
    },
    require: built(SCRIPT, module),
  };
}

/** The fields of its `package.json`. */
export function fields(): Readonly<Record<string, unknown>> {
  return {
    name: "duphandle",
    version: version(),
    description: "Duplicate operating-system handles in Deno, Bun and Node: dup3 and " +
      "DuplicateHandle through each runtime's own FFI.",
    keywords: [
      ...["dup", "dup2", "dup3", "DuplicateHandle", "file descriptor", "handle", "fd passing"],
      ...["SCM_RIGHTS", "pidfd_getfd", "redirect stdout", "inherit", "ffi", "deno", "bun", "node"],
    ],
    homepage: `${REPOSITORY}#readme`,
    repository: { type: "git", url: `git+${REPOSITORY}.git` },
    bugs: { url: `${REPOSITORY}/issues` },
    license: "MIT",
    // Of what is in neither folder: without it a Node would have to find out.
    type: "commonjs",
    main: built(SCRIPT, entryPoints["."]!),
    module: built(ESM, entryPoints["."]!),
    types: built(SCRIPT, entryPoints["."]!, ".d.ts"),
    exports: {
      ...Object.fromEntries(
        Object.entries(entryPoints).map(([name, module]) => [name, conditions(module)]),
      ),
      "./package.json": "./package.json",
    },
    // For resolution that knows no exports: TypeScript's node10.
    typesVersions: {
      "*": Object.fromEntries(
        Object.entries(entryPoints).filter(([name]) => name !== ".")
          .map(([name, module]) => [name.slice(2), [built(SCRIPT, module, ".d.ts")]]),
      ),
    },
    files: [ESM, SCRIPT, "CHANGELOG.md"],
    sideEffects: [
      built(ESM, entryPoints[WITH_EFFECT]!),
      built(SCRIPT, entryPoints[WITH_EFFECT]!),
      built(SCRIPT, entryPoints[WITH_EFFECT]!, ".mjs"),
    ],
    // process.getBuiltinModule came to 20 and 22 in these.
    engines: { node: "^20.16 || >=22.3" },
    peerDependencies: { koffi: "^3.3.4" },
    peerDependenciesMeta: { koffi: { optional: true } },
  };
}

/** The packages with the types of what it uses, for a compiler that has none. */
export function typePackages(): Readonly<Record<string, string>> {
  const { devDependencies } = read("package.json") as { devDependencies: Record<string, string> };
  return Object.fromEntries(
    ["@types/deno", "@types/node"].map((name) => [name, devDependencies[name]!]),
  );
}

function version(): string {
  return (read("deno.json") as { version: string }).version;
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}
