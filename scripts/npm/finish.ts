/**
 * Makes the package of what a compiler emitted: ES modules, CommonJS, and declarations for both.
 *
 * `import` and `require` in one process must find the same classes: a handle that one part of a program
 * made is an `OwnedHandle` for the other, and what is taken or tracked is known to both. So where
 * `require` takes ES modules, both get those; in an older Node both get CommonJS, `import` by way of a
 * module that exports it again. The conditions that choose are in description.ts.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { bundle } from "./bundle.ts";
import { built, copied, entryPoints, ESM, fields, SCRIPT } from "./description.ts";
import { root } from "../runtimes.ts";

/** What is emitted into `esm/` beside the modules. */
const DECLARATION = ".d.ts";
/** What a declaration imports from its neighbours: dnt writes `.js`, the compiler leaves `.ts`. */
const RELATIVE = /(?<=(?:from |import |import\())"(\.\.?\/[^"]+)\.[jt]s"/g;
/** What dnt writes for `import.meta`: a call of a polyfill, which the bundler leaves out. */
const IMPORT_META = 'globalThis[Symbol.for("import-meta-ponyfill-esmodule")](import.meta)';
/** The one module that uses it. */
const USES_IMPORT_META = path.join("ffi", "backend", "koffi.js");
/** The example of a system call: there are hundreds, a fifth of the package, and the reference has them. */
const EXAMPLE = /^ *\* @example\n *\* ```ts\n[^]*?\* ```\n/gm;

/** Turns emitted ES modules with declarations, in `esm/`, into the package. */
export async function finish(folder: string): Promise<void> {
  const esm = path.join(folder, ESM);
  const script = path.join(folder, SCRIPT);
  const emitted = path.join(folder, "emitted");
  for (const old of [script, emitted]) fs.rmSync(old, { recursive: true, force: true });
  fs.renameSync(esm, emitted);
  const koffi = path.join(emitted, USES_IMPORT_META);
  write(koffi, fs.readFileSync(koffi, "utf8").replaceAll(IMPORT_META, "import.meta"));
  const names = await bundle(emitted, { esm, cjs: script });
  for (const [file, text] of publicDeclarations(emitted)) {
    write(path.join(script, path.relative(emitted, file)), text);
  }
  fs.rmSync(emitted, { recursive: true });
  for (const module of Object.values(entryPoints)) {
    const inScript = path.join(folder, built(SCRIPT, module));
    const reexport = reexportOf(`./${path.basename(inScript)}`, names.get(module)!);
    write(path.join(folder, built(SCRIPT, module, ".mjs")), reexport);
    const declaration = path.join(folder, built(ESM, module, DECLARATION));
    const inner = path.relative(path.dirname(declaration), inScript).replaceAll("\\", "/");
    write(declaration, declarationOf(inner, names.get(module)!));
  }
  writeJson(path.join(esm, "package.json"), { type: "module" });
  writeJson(path.join(script, "package.json"), { type: "commonjs" });
  writeJson(path.join(folder, "package.json"), fields());
  for (const file of copied) fs.copyFileSync(path.join(root, file), path.join(folder, file));
}

/** Writes JSON as npm does. */
export function writeJson(file: string, value: unknown): void {
  fs.writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
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

/** Every name is spelled out: Node does not see what every CommonJS module exports. */
function reexportOf(from: string, names: readonly string[]): string {
  if (names.length === 0) return `import ${JSON.stringify(from)};\n`;
  return `import script from ${JSON.stringify(from)};\n` +
    `export const { ${names.join(", ")} } = script;\n`;
}

function declarationOf(from: string, names: readonly string[]): string {
  const what = names.length === 0 ? "import" : "export * from";
  return `${what} ${JSON.stringify(from)};\n`;
}

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}
