// An arm64 machine for this run: a copy of the project, and programs that run in it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../cache.ts";
import { runHost } from "../host.ts";
import type { Machine } from "../machine.ts";
import { npmPart } from "../npm.ts";
import { openSession } from "../session.ts";
import { stageProject } from "../stage.ts";
import { emulatorPart } from "./emulator.ts";
import { checkKernel, inArm64 } from "./inside.ts";
import { COMMANDS, ENVIRONMENTS, PACKAGES } from "./runtimes.ts";

/** Makes what is missing from the cache, stages the project, and is ready to run programs. */
export async function openArm64(): Promise<Machine> {
  if (process.platform !== "linux") {
    throw new Error("this needs Linux: the emulator runs there only");
  }
  const cache = cacheFolder("arm64");
  const emulator = join(cache, "emulator");
  const packages = join(cache, "runtimes");
  await using stack = new AsyncDisposableStack();
  const parts = [emulatorPart(emulator), npmPart(packages, PACKAGES)];
  const { folder: session } = stack.use(await openSession(cache, parts, "shared"));

  const project = join(session, "project");
  for (const folder of ["binfmt", "temp", "project"]) mkdirSync(join(session, folder));
  const places = { emulator, session, cwd: project };
  await checkKernel(places);
  await stageProject(project, join(packages, "node_modules"));

  const kept = stack.move();
  return {
    project,
    run(runtime, args, { timeoutMs, env = {} }) {
      const [executable, ...flags] = COMMANDS[runtime];
      const [command, before, options] = inArm64(
        places,
        [join(project, executable), ...flags, ...args],
        { ...ENVIRONMENTS[runtime], ...env },
      );
      return runHost(command, before, { ...options, outputFd: 1, timeoutMs });
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
