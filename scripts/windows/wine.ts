// A Windows for this run: the project on its drive D, and programs that run there.

import { closeSync, mkdirSync, mkdtempSync, openSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { prepareCache, removeTree, windowsCache } from "./cache.ts";
import { runHost } from "./host.ts";
import type { HostOptions, HostResult } from "./host.ts";
import { inRootfs } from "./inside.ts";
import { follow } from "./output.ts";
import { ROOTFS_WINE, rootfsPart } from "./rootfs.ts";
import { executableOf, flagsOf, linkTree, runtimesPart, stageProject } from "./runtimes.ts";
import type { Runtime } from "./runtimes.ts";
import { endServer, mountDrive, prefixPart, systemEnvironment, systemWine } from "./system.ts";

/** The checkout that this file is part of. */
export const REPO: string = resolve(import.meta.dirname, "../..");

/** How long a program may take when nothing else is said: 15 minutes. */
export const DEFAULT_TIMEOUT_MS: number = 15 * 60_000;

/** How to run a program under Wine. */
export interface WindowsRunOptions {
  /** The folder to start in, relative to the project. */
  cwd?: string;
  /** Added to the environment, which otherwise holds only what Wine needs and `DUPHANDLE_…`. */
  env?: Readonly<Record<string, string>>;
  /** Milliseconds after which everything it started is killed. Default: 15 minutes. */
  timeoutMs?: number;
  /** Gets the output while it comes, in whole lines. */
  onOutput?: (text: string) => void;
}

/** Windows, until it is disposed of. */
export interface Windows extends AsyncDisposable {
  /** The staged project, as the host sees it: what a program writes there can be read from here. */
  readonly project: string;
  /** Runs a script, with its arguments, in a runtime: `run("bun", ["examples/demo.ts", "x"])`. */
  run(runtime: Runtime, args: readonly string[], options?: WindowsRunOptions): Promise<HostResult>;
}

/** A command, made ready for {@link runHost}. */
type Command = [command: string, args: string[], options: HostOptions];

/** Makes what is missing from the cache, stages the project, and is ready to run programs. */
export async function openWindows(): Promise<Windows> {
  const cache = windowsCache();
  const dirs = {
    sessions: join(cache, "sessions"),
    rootfs: join(cache, "rootfs"),
    prefix: join(cache, "prefix"),
    runtimes: join(cache, "runtimes"),
  };
  const wine = await systemWine();
  const windows = wine === undefined ? rootfsPart(dirs.rootfs) : prefixPart(wine, dirs.prefix);
  const parts = [windows, runtimesPart(dirs.runtimes, REPO)];
  // The rootfs is shared by way of overlays; a prefix has one Wine server and one drive D.
  const mode = wine === undefined ? "shared" : "exclusive";
  await using stack = new AsyncDisposableStack();
  stack.use(await prepareCache(parts, dirs.sessions, mode));

  mkdirSync(dirs.sessions, { recursive: true });
  const session = mkdtempSync(join(dirs.sessions, "run-"));
  stack.defer(() => removeTree(session));
  const drive = join(session, "drive");
  const project = join(drive, "project");
  mkdirSync(join(drive, "temp"), { recursive: true });
  await stageProject(REPO, project);
  linkTree(join(dirs.runtimes, "node_modules"), join(project, "node_modules"));

  let prepare: (command: string[], cwd: string, env: Record<string, string>) => Command;
  if (wine === undefined) {
    prepare = (command, cwd, env) =>
      inRootfs("run", join(dirs.rootfs, "root"), session, [ROOTFS_WINE, ...command], {
        cwd: posix.join("/d/project", cwd),
        env,
      });
  } else {
    // A run that was killed may have left its server, which knows another drive D.
    await endServer(dirs.prefix);
    mountDrive(dirs.prefix, drive);
    stack.defer(() => endServer(dirs.prefix));
    prepare = (command, cwd, env) => [wine.command, command, {
      cwd: join(project, cwd),
      env: { ...systemEnvironment(dirs.prefix), ...env },
      onKill: () => void endServer(dirs.prefix),
    }];
  }

  let runs = 0;
  const kept = stack.move();
  return {
    project,
    run(runtime, args, options = {}) {
      const { cwd = "", env = {}, timeoutMs = DEFAULT_TIMEOUT_MS, onOutput } = options;
      // By its Windows name: relative to cwd, Wine would look for it there.
      const program = `D:\\project\\${executableOf(runtime).replaceAll("/", "\\")}`;
      const command = [program, ...flagsOf(runtime), ...args];
      const ready = prepare(command, cwd, { ...passedOn(), ...env });
      return runInto(join(session, `output-${++runs}`), ready, timeoutMs, onOutput);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Runs one program in a Windows of its own. To run several, {@link openWindows} once. */
export async function runWindows(
  runtime: Runtime,
  args: readonly string[],
  options: WindowsRunOptions = {},
): Promise<HostResult> {
  await using windows = await openWindows();
  return await windows.run(runtime, args, options);
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

async function runInto(
  file: string,
  [command, args, options]: Command,
  timeoutMs: number,
  onOutput?: (text: string) => void,
): Promise<HostResult> {
  // Appending: Bun writes its standard output and error at positions of its own, each over the other.
  const fd = openSync(file, "a+");
  const ended = new AbortController();
  let output = "";
  const following = follow(fd, ended.signal, (text) => {
    output += text;
    onOutput?.(text);
  });
  try {
    const result = await runHost(command, args, { ...options, outputFd: fd, timeoutMs });
    ended.abort();
    await following;
    return { ...result, output };
  } finally {
    ended.abort();
    await following;
    closeSync(fd);
  }
}
