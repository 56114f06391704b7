/**
 * Bundles the entry points, as ES modules and as CommonJS, into few files: a runtime that starts reads
 * few files faster than many.
 */
import * as path from "node:path";
import { type ChunkingContext, type OutputOptions, rolldown } from "rolldown";
import { entryPoints } from "./description.ts";

/** The subject that every other needs, and one that needs nothing else and is small. */
const FIRST = ["src/handle/mod.js", "src/file/mod.js"];
/**
 * The subjects that are apart from what is common, by the name of their file. Node takes 0.7 ms for a
 * file, so small ones are together.
 */
const apart = { channel: ["channel", "child"], inspect: ["pool", "inspect", "track"] };
/** Bun runs a file that starts with this as it is: it has nothing to compile to JavaScript. */
const FOR_BUN = "// @bun";

/** What the bundler makes of one kind of module. */
const output: OutputOptions = {
  exports: "named",
  entryFileNames: "[name].js",
  chunkFileNames: "shared/[name].js",
  // The names that a stack shows stay, and so do lines: Node prints the one that threw.
  minify: {
    compress: true,
    mangle: { toplevel: false, keepNames: { function: true, class: true } },
    codegen: { removeWhitespace: false },
  },
  // What tells a user's bundler that a call can go.
  comments: { annotation: true, legal: false, jsdoc: false },
};

/** Where the two kinds of module are written. */
export interface Folders {
  readonly esm: string;
  readonly cjs: string;
}

/** Bundles what is in `emitted`; returns the names that each entry point exports. */
export async function bundle(
  emitted: string,
  folders: Folders,
): Promise<Map<string, readonly string[]>> {
  const modules = Object.values(entryPoints);
  const input = Object.fromEntries(
    modules.map((module) => [module.replace(/\.ts$/, ""), path.join(emitted, toJs(module))]),
  );
  await using bundler = await rolldown({
    input,
    platform: "node",
    external: /^node:/,
    // Only entry points do something when they are imported, and nothing imports those for it.
    treeshake: { moduleSideEffects: false },
    experimental: { attachDebugInfo: "none" },
  });
  const codeSplitting = { groups: groups(emitted) };
  const format = { ...output, codeSplitting };
  await bundler.write({ ...format, format: "cjs", dir: folders.cjs });
  const { output: chunks } = await bundler.write({
    ...format,
    format: "es",
    dir: folders.esm,
    postBanner: FOR_BUN,
  });
  return new Map(modules.map((module) => {
    const chunk = chunks.find(({ fileName }) => fileName === toJs(module));
    if (chunk?.type !== "chunk") throw new Error(`Cannot find ${module} in the bundle`);
    return [module, chunk.exports.toSorted()];
  }));
}

/**
 * The files that modules become part of, the first that fits: the one that every program reads, the one
 * of what is common, and those of the subjects apart. What one entry point alone needs is in its own.
 */
function groups(emitted: string) {
  const isIn = (folders: readonly string[]) => {
    const paths = folders.map((name) => path.join(emitted, "src", name));
    return (id: string): boolean => paths.includes(path.dirname(id));
  };
  let needed: ReadonlySet<string> | undefined;
  const isNeeded = (id: string, context: ChunkingContext): string | null => {
    // With what is imported when it is called: an `import()` in the package would keep users from bundling
    // it into one file.
    const importsOf = (from: string) => {
      const { importedIds = [], dynamicallyImportedIds = [] } = context.getModuleInfo(from) ?? {};
      return [...importedIds, ...dynamicallyImportedIds];
    };
    needed ??= reached(FIRST.map((name) => path.join(emitted, name)), importsOf);
    return needed.has(id) ? "handle" : null;
  };
  const isElsewhere = isIn(Object.values(apart).flat());
  return [
    { name: isNeeded, debugName: "handle" },
    { name: "common", test: (id: string): boolean => !isElsewhere(id), minShareCount: 2 },
    ...Object.entries(apart).map(([name, folders]) => ({ name, test: isIn(folders) })),
  ].map((group, index, { length }) => ({ ...group, priority: length - index }));
}

/** These modules and those that they import, by way of others too. */
function reached(
  first: readonly string[],
  importsOf: (id: string) => readonly string[],
): Set<string> {
  const found = new Set(first);
  // A set also gives what is added while it is read.
  for (const id of found) importsOf(id).forEach((imported) => found.add(imported));
  return found;
}

/** A module's file, after the compiler. */
function toJs(module: string): string {
  return module.replace(/\.ts$/, ".js");
}
