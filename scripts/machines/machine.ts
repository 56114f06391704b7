// What the Windows and the arm64 machine have in common: runtimes of another system, and a project to
// run in them.

import type { Outcome } from "./host.ts";

/** A runtime that the suite runs in. */
export type Runtime = "deno" | "bun" | "node";

/** All of them, in the order in which they run. */
export const RUNTIMES: readonly Runtime[] = ["deno", "bun", "node"];

/** Where each executable is below the project, and what goes before the script's name. */
export type Commands = Readonly<Record<Runtime, readonly [executable: string, ...flags: string[]]>>;

/** How to run a script. */
export interface RunOptions {
  /** Milliseconds after which everything it started is killed. */
  timeoutMs: number;
  /** Added to the environment that the machine gives to every program. */
  env?: Readonly<Record<string, string>>;
}

/** A machine for this run, until it is disposed of. */
export interface Machine extends AsyncDisposable {
  /** The staged project, as the host sees it: what a program writes there can be read from here. */
  readonly project: string;
  /**
   * Runs a script, with its arguments, in a runtime: `run("bun", ["examples/demo.ts", "x"], …)`. It
   * starts in the project, and its output is this process's.
   */
  run(runtime: Runtime, args: readonly string[], options: RunOptions): Promise<Outcome>;
}
