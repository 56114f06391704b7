// The packages of the lock file for another system: its builds of the runtimes, and vitest's native parts.

import { copyFileSync, existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../runtimes.ts";
import { isStamped, keyOf, renew } from "./cache.ts";
import type { Part } from "./cache.ts";
import { mustRun } from "./host.ts";
import type { Commands } from "./machine.ts";
import { timed } from "./program.ts";

/** What to install. */
export interface Packages {
  /** The system, for people. */
  readonly system: string;
  /** What npm calls it. */
  readonly options: readonly string[];
  /** What is said when it is installed. */
  readonly message: string;
  /** What starts the runtimes: each executable has to be there. */
  readonly commands: Commands;
  /** The native package of vite's bundler. Without it, vite's message about npm sends people astray. */
  readonly binding: string;
}

/** The packages as a part of the cache: a folder with `node_modules` in it. */
export function npmPart(dir: string, packages: Packages): Part {
  const install = ["ci", ...packages.options, "--ignore-scripts", "--no-audit", "--no-fund"];
  const manifests = ["package.json", "package-lock.json"];
  const pins = keyOf(...install, ...manifests.map((name) => readFileSync(join(root, name))));
  const modules = join(dir, "node_modules");
  // The sizes are part of the stamp: a file lost or truncated later shows.
  const key = (): string => `${pins} ${sizes(modules)}`;
  return {
    isWhole: () => Promise.resolve(existsSync(modules) && isStamped(dir, key())),
    make: () =>
      timed(packages.message, () =>
        renew(dir, async () => {
          for (const name of manifests) copyFileSync(join(root, name), join(dir, name));
          await mustRun("npm", install, { cwd: dir });
          checkPackages(dir, packages);
          return key();
        })),
  };
}

/** npm skips what is optional and not for this system, without a word. */
function checkPackages(dir: string, { system, commands, binding }: Packages): void {
  const missing = [
    ...Object.values(commands).map(([executable]) => executable),
    `node_modules/${binding}/package.json`,
    "node_modules/vitest/vitest.mjs",
  ].filter((file) => !existsSync(join(dir, file)));
  if (missing.length === 0) return;
  throw new Error(`package-lock.json does not bring these for ${system}: ${missing.join(", ")}`);
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
