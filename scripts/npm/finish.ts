/**
 * Makes the package of what a compiler emitted: each entry point in one file, since a Node that starts
 * reads few files faster than many, and one implementation behind both kinds of module.
 *
 * `import` and `require` in one process must find the same classes: a handle that one part of a program
 * made is an `OwnedHandle` for the other, and what is taken or tracked is known to both. So the ES
 * modules are doors to the CommonJS ones, which every Node that is supported can load from either.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { rolldown } from "rolldown";
import { built, copied, entryPoints, ESM, fields, SCRIPT } from "./description.ts";
import { root } from "../runtimes.ts";

/** What is emitted into `esm/` beside the modules. */
const DECLARATION = ".d.ts";
/** What a declaration imports from its neighbours: dnt writes `.js`, the compiler leaves `.ts`. */
const RELATIVE = /(?<=(?:from |import |import\())"(\.\.?\/[^"]+)\.[jt]s"/g;
/** The example of a system call: there are hundreds, a fifth of the package, and the reference has them. */
const EXAMPLE = /^ *\* @example\n *\* ```ts\n[^]*?\* ```\n/gm;

/** Turns emitted ES modules with declarations, in `esm/`, into the package. */
export async function finish(folder: string): Promise<void> {
  const emitted = path.join(folder, ESM);
  const script = path.join(folder, SCRIPT);
  fs.rmSync(script, { recursive: true, force: true });
  const names = await bundle(emitted, script);
  for (const [file, text] of publicDeclarations(emitted)) {
    write(path.join(script, path.relative(emitted, file)), text);
  }
  fs.rmSync(emitted, { recursive: true });
  for (const module of Object.values(entryPoints)) {
    const door = path.join(folder, built(ESM, module));
    const inner = path.relative(path.dirname(door), path.join(folder, built(SCRIPT, module)));
    const from = JSON.stringify(inner.replaceAll("\\", "/"));
    write(door, doorTo(from, names.get(module)!));
    write(door.replace(/\.js$/, DECLARATION), declarationOf(from, names.get(module)!));
  }
  writeJson(path.join(emitted, "package.json"), { type: "module" });
  writeJson(path.join(script, "package.json"), { type: "commonjs" });
  writeJson(path.join(folder, "package.json"), fields());
  for (const file of copied) fs.copyFileSync(path.join(root, file), path.join(folder, file));
}

/** Writes JSON as npm does. */
export function writeJson(file: string, value: unknown): void {
  fs.writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** Bundles the entry points to CommonJS; returns the names that each exports. */
async function bundle(emitted: string, script: string): Promise<Map<string, readonly string[]>> {
  const modules = Object.values(entryPoints);
  const input = Object.fromEntries(
    modules.map((module) => [module.replace(/\.ts$/, ""), path.join(emitted, toJs(module))]),
  );
  await using bundler = await rolldown({ input, platform: "node", external: /^node:/ });
  const { output } = await bundler.write({
    dir: script,
    format: "cjs",
    exports: "named",
    entryFileNames: "[name].js",
    chunkFileNames: "shared/[name].js",
    // The names that a stack shows stay, and so do lines: Node prints the one that threw.
    minify: {
      compress: true,
      mangle: { toplevel: false, keepNames: { function: true, class: true } },
      codegen: { removeWhitespace: false },
    },
    comments: false,
  });
  return new Map(modules.map((module) => {
    const chunk = output.find(({ fileName }) => fileName === toJs(module));
    if (chunk?.type !== "chunk") throw new Error(`Cannot find ${module} in the bundle`);
    return [module, chunk.exports.toSorted()];
  }));
}

/** The declarations that those of the entry points lead to, by file. They import `.js`, as older compilers want. */
function publicDeclarations(emitted: string): Map<string, string> {
  const found = new Map<string, string>();
  const follow = (file: string) => {
    if (found.has(file)) return;
    const whole = fs.readFileSync(file, "utf8").replaceAll(RELATIVE, '"$1.js"');
    const isCall = path.relative(emitted, file).startsWith("ffi");
    const text = isCall ? whole.replaceAll(EXAMPLE, "") : whole;
    found.set(file, text);
    for (const [, from] of text.matchAll(RELATIVE)) {
      follow(path.join(path.dirname(file), from + DECLARATION));
    }
  };
  for (const module of Object.values(entryPoints)) {
    follow(path.join(emitted, module.replace(/\.ts$/, DECLARATION)));
  }
  return found;
}

/** Every name is spelled out: not every runtime sees what a CommonJS module exports. */
function doorTo(from: string, names: readonly string[]): string {
  if (names.length === 0) return `import ${from};\n`;
  return `import script from ${from};\nexport const { ${names.join(", ")} } = script;\n`;
}

function declarationOf(from: string, names: readonly string[]): string {
  return names.length === 0 ? `import ${from};\n` : `export * from ${from};\n`;
}

function toJs(module: string): string {
  return module.replace(/\.ts$/, ".js");
}

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}
