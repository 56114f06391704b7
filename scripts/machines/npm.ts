// What a lock file pins, in a cache: the builds of the runtimes for another system, with vitest's
// native parts, and other tools.

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

/** What a lock file pins, and where. */
export interface Locked {
  /** The folder with package.json and package-lock.json. */
  readonly from: string;
  /** Options of npm. */
  readonly options: readonly string[];
  /** What is said when it is installed. */
  readonly message: string;
  /** Throws when something was not installed. */
  check(dir: string): void;
}

/** The packages as a part of the cache: a folder with `node_modules` in it. */
export function npmPart(dir: string, packages: Packages): Part {
  const { options, message } = packages;
  const check = (made: string): void => checkPackages(made, packages);
  return lockedPart(dir, { from: root, options, message, check });
}

/** What a lock file pins as a part of the cache: a folder with `node_modules` in it. */
export function lockedPart(dir: string, { from, options, message, check }: Locked): Part {
  const install = ["ci", ...options, "--ignore-scripts", "--no-audit", "--no-fund"];
  const manifests = ["package.json", "package-lock.json"];
  // npm ci refuses a package.json that wants anything else.
  const pins = keyOf(...install, readFileSync(join(from, "package-lock.json")));
  const modules = join(dir, "node_modules");
  // The sizes are part of the stamp: a file lost or truncated later shows.
  const key = (): string => `${pins} ${sizes(modules)}`;
  return {
    isWhole: () => Promise.resolve(existsSync(modules) && isStamped(dir, key())),
    make: () =>
      timed(message, () =>
        renew(dir, async () => {
          for (const name of manifests) copyFileSync(join(from, name), join(dir, name));
          await mustRun("npm", install, { cwd: dir });
          check(dir);
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
