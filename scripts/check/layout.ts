/**
 * Checks the layout of the sources, which docs/architecture.md describes: which folder may import which,
 * where the choice between the systems is made, how long a file is, and how much an import loads. It is
 * a step of `npm run check`.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { entryPoints } from "../npm/description.ts";
import { root } from "../runtimes.ts";
import { findCircles, loadedBy, type Module, readModules } from "./modules.ts";

/** A folder imports itself and folders to its left. Those that stand together do not import each other. */
const order: readonly (readonly string[])[] = [
  ["ffi"],
  ["ffi/backend"],
  ["ffi/posix", "ffi/win32"],
  ["src/util"],
  ["src/windows_file"],
  ["src/handle"],
  ["src/batch", "src/file", "src/redirect", "src/process", "src/socket", "src/systemd"],
  ["src/channel", "src/inspect", "src/pool", "src/track"],
  ["src/child"],
  ["src/upgrade"],
  // src/register.ts, then mod.ts
  ["src"],
  ["."],
];

/** The most lines of a file that does not say, in one of its first ten lines, why it is longer. */
const MAX_LINES = 300;
const reason = new RegExp(`^// Longer than ${MAX_LINES} lines: \\S`);

/** The files with imports that no check can follow: koffi is looked for, and Bun loads a text. */
const withHidden: readonly string[] = ["ffi/backend/koffi.ts", "ffi/host.ts"];

/** Starting from sources takes time by the module, so what most people import has a limit. */
const MAX_MODULES = 60;
const HANDLE = entryPoints["./handle"]!;

const entries = Object.values(entryPoints);
const modules = readModules(entries);
const files = ["src", "ffi"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(join(root, folder, file)).isFile())
    .map((file) => `${folder}/${file.replaceAll("\\", "/")}`)
);
const loaded = loadedBy(HANDLE, modules);

const problems = [
  ...findCircles(modules).map((circle) => `a circle of imports: ${circle.join(" → ")}`),
  ...[...modules.values()].flatMap((module) => [
    ...directionProblems(module),
    ...systemProblems(module),
    ...entryProblems(module),
  ]),
  ...files.filter((file) => !modules.has(file)).map((file) =>
    `${file}: no entry point leads to it`
  ),
  ...files.flatMap(lengthProblems),
  ...files.flatMap(hiddenProblems),
  ...(loaded.length <= MAX_MODULES
    ? []
    : [`duphandle/handle loads ${loaded.length} modules: ${MAX_MODULES} at most`]),
];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
console.log(
  [
    ["duphandle/handle", loaded] as const,
    ["duphandle", loadedBy(entryPoints["."]!, modules)] as const,
  ]
    .map(([name, all]) => `${name} loads ${all.length} modules, ${kilobytes(all)}`).join("; "),
);

function directionProblems({ path, imports }: Module): string[] {
  const own = folderOf(path);
  if (placeOf(own) < 0) {
    return [`${path}: ${own} has no place in the order of scripts/check/layout.ts`];
  }
  return imports.filter((target) => folderOf(target) !== own)
    .filter((target) => placeOf(folderOf(target)) >= placeOf(own))
    .map((target) => `${path}: imports ${target}, and ${folderOf(target)} is not left of ${own}`);
}

/** What is for one system is in its folder of ffi/, or in a file that bears its name. */
function systemProblems({ path, imports }: Module): string[] {
  if (basename(path) === "platform.ts") return [];
  const all = [path, ...imports];
  const posix = all.find((file) => /^ffi\/posix\/|\/posix(_\w+)?\.ts$/.test(file));
  const windows = all.find((file) =>
    /^(ffi\/win32|src\/windows_file)\/|\/windows(_\w+)?\.ts$/.test(file)
  );
  if (posix === undefined || windows === undefined) return [];
  return [`${path}: ${posix} and ${windows}; only a platform.ts is for both systems`];
}

/** These two lead to every system call, and would load them all. */
function entryProblems({ path, imports }: Module): string[] {
  const calls = [entryPoints["./posix"]!, entryPoints["./win32"]!];
  return imports.filter((target) => calls.includes(target))
    .map((target) =>
      `${path}: imports ${target}, which is for users; import the file that it needs`
    );
}

/** Imports that cannot be read from the source. */
function hiddenProblems(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const hidden = [/\bimport\((?!"[^"$]*"\))/, /\bcreateRequire\b/, /^\/\/\/ *<reference/m];
  return hidden.filter((pattern) => pattern.test(text))
    .filter(() => !withHidden.includes(file))
    .map((pattern) => `${file}: an import that this check cannot follow (${pattern})`);
}

function lengthProblems(file: string): string[] {
  const lines = readFileSync(join(root, file), "utf8").trimEnd().split(/\r?\n/);
  const says = lines.slice(0, 10).some((line) => reason.test(line));
  const isLong = lines.length > MAX_LINES;
  if (isLong === says) return [];
  return [
    isLong
      ? `${file}: ${lines.length} lines; divide it, or say why: "// Longer than ${MAX_LINES} lines: …"`
      : `${file}: ${lines.length} lines, and says why it is longer than ${MAX_LINES}`,
  ];
}

function placeOf(folder: string): number {
  return order.findIndex((folders) => folders.includes(folder));
}

/** The folder in the order: what is deeper belongs to the one above it. */
function folderOf(path: string): string {
  const folders = path.split("/").slice(0, -1);
  return folders.length === 0 ? "." : folders.slice(0, 2).join("/");
}

function kilobytes(all: readonly Module[]): string {
  return `${Math.round(all.reduce((sum, { bytes }) => sum + bytes, 0) / 1000)} kB`;
}
