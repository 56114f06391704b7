// An arm64 machine for this run: a copy of the project, and programs that run in it.

import { mkdirSync, mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import { prepareCache, removeTree, windowsCache } from "../windows/cache.ts";
import { runHost } from "../windows/host.ts";
import type { HostResult } from "../windows/host.ts";
import { linkTree, stageProject } from "../windows/runtimes.ts";
import type { Runtime } from "../windows/runtimes.ts";
import { root } from "../runtimes.ts";
import { emulatorPart } from "./emulator.ts";
import { checkKernel, inArm64 } from "./inside.ts";
import { COMMANDS, ENVIRONMENTS, runtimesPart } from "./runtimes.ts";

/** The machine, until it is disposed of. */
export interface Arm64 extends AsyncDisposable {
  /** The staged project: what a program writes there can be read from here. */
  readonly project: string;
  /** Runs a script, with its arguments, in a runtime. Its output is this process's. */
  run(
    runtime: Runtime,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<HostResult>;
}

/** Makes what is missing from the cache, stages the project, and is ready to run programs. */
export async function openArm64(): Promise<Arm64> {
  const cache = join(dirname(windowsCache()), "arm64");
  const sessions = join(cache, "sessions");
  const emulator = join(cache, "emulator");
  const runtimes = join(cache, "runtimes");
  mkdirSync(sessions, { recursive: true });
  const parts = [emulatorPart(emulator), runtimesPart(runtimes, root)];
  await using stack = new AsyncDisposableStack();
  stack.use(await prepareCache(parts, sessions, "shared"));

  mkdirSync(sessions, { recursive: true });
  const session = mkdtempSync(join(sessions, "run-"));
  stack.defer(() => removeTree(session));
  // A copy: it has node_modules for arm64, and a runtime may write its caches into it.
  const project = join(session, "project");
  for (const folder of ["binfmt", "temp", "project/reports"]) {
    mkdirSync(join(session, folder), { recursive: true });
  }
  const places = { emulator, session, cwd: project };
  await checkKernel(places);
  await stageProject(root, project);
  linkTree(join(runtimes, "node_modules"), join(project, "node_modules"));

  const kept = stack.move();
  return {
    project,
    run(runtime, args, env, timeoutMs) {
      const [executable, ...flags] = COMMANDS[runtime];
      const command = [join(project, executable), ...flags, ...args];
      const all = { ...ENVIRONMENTS[runtime], ...env };
      const [unshare, before, options] = inArm64(places, command, all);
      return runHost(unshare, before, { ...options, outputFd: 1, timeoutMs });
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
