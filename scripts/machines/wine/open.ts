// A Windows for this run: the project on its drive D, and programs that run there.

import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../cache.ts";
import { runHost } from "../host.ts";
import type { HostCommand, Outcome } from "../host.ts";
import type { Machine } from "../machine.ts";
import { npmPart } from "../npm.ts";
import { openSession } from "../session.ts";
import { stageProject } from "../stage.ts";
import { inRootfs } from "./inside.ts";
import { follow } from "./output.ts";
import { ROOTFS_WINE, rootfsPart } from "./rootfs.ts";
import { COMMANDS, PACKAGES } from "./runtimes.ts";
import { endServer, mountDrive, prefixPart, systemEnvironment, systemWine } from "./system_wine.ts";

/**
 * Makes what is missing from the cache, stages the project, and is ready to run programs.
 *
 * @param pinned whether Windows gets one processor, which is faster. On several, threads truly run at once.
 */
export async function openWindows({ pinned = true } = {}): Promise<Machine> {
  const cache = cacheFolder("windows");
  const rootfs = join(cache, "rootfs");
  const prefix = join(cache, "prefix");
  const packages = join(cache, "runtimes");
  const wine = await systemWine();
  const windows = wine === undefined ? rootfsPart(rootfs) : prefixPart(wine, prefix);
  // The rootfs is shared by way of overlays; a prefix has one Wine server and one drive D.
  const mode = wine === undefined ? "shared" : "exclusive";
  await using stack = new AsyncDisposableStack();
  const parts = [windows, npmPart(packages, PACKAGES)];
  const { folder: session } = stack.use(await openSession(cache, parts, mode));

  const drive = join(session, "drive");
  const project = join(drive, "project");
  mkdirSync(join(drive, "temp"), { recursive: true });
  await stageProject(project, join(packages, "node_modules"));

  let prepare: (command: string[], env: Record<string, string>) => HostCommand;
  if (wine === undefined) {
    const root = join(rootfs, "root");
    prepare = (command, env) =>
      inRootfs("run", root, session, [ROOTFS_WINE, ...command], { cwd: "/d/project", env });
  } else {
    // A run that was killed may have left its server, which knows another drive D.
    await endServer(prefix);
    mountDrive(prefix, drive);
    stack.defer(() => endServer(prefix));
    prepare = (command, env) => [wine.command, command, {
      cwd: project,
      env: { ...systemEnvironment(prefix), ...env },
      onKill: () => void endServer(prefix),
    }];
  }

  let runs = 0;
  const kept = stack.move();
  return {
    project,
    run(runtime, args, { timeoutMs, env = {} }) {
      const [executable, ...flags] = COMMANDS[runtime];
      // By its Windows name: a relative one Wine would look for below the folder to start in.
      const name = `D:\\project\\${executable.replaceAll("/", "\\")}`;
      const ready = prepare([name, ...flags, ...args], { ...passedOn(), ...env });
      return runInto(join(session, `output-${++runs}`), pinned ? pin(ready) : ready, timeoutMs);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Our own settings reach the suite; what else is in the environment of this machine does not. */
function passedOn(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined || name === "DUPHANDLE_CACHE") continue;
    if (name === "CI" || name.startsWith("DUPHANDLE_")) env[name] = value;
  }
  // On Windows, libraries colour their output without asking where it goes.
  if (!process.stdout.isTTY) env["NO_COLOR"] = "1";
  return env;
}

/** Runs a command whose output goes through a file, and from there to standard output. */
async function runInto(
  file: string,
  [command, args, options]: HostCommand,
  timeoutMs: number,
): Promise<Outcome> {
  // Appending: Bun writes its standard output and error at positions of its own, each over the other.
  const fd = openSync(file, "a+");
  const ended = new AbortController();
  const following = follow(fd, ended.signal, (text) => process.stdout.write(text));
  try {
    return await runHost(command, args, { ...options, outputFd: fd, timeoutMs });
  } finally {
    ended.abort();
    await following;
    closeSync(fd);
  }
}

function pin([command, args, options]: HostCommand): HostCommand {
  return ["taskset", ["--cpu-list", lastCpu(), command, ...args], options];
}

/**
 * The processor that Windows gets. Nearly each call is a message to the Wine server and one back: that
 * takes several times as long when the other processor has to be woken for it.
 */
function lastCpu(): string {
  const status = readFileSync("/proc/self/status", "utf8");
  const last = /^Cpus_allowed_list:\s.*?(\d+)$/m.exec(status)?.[1];
  if (last === undefined) throw new Error("Cannot find the processors in /proc/self/status");
  return last;
}
