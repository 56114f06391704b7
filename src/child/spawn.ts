/** The verb that starts a child process with named handles. */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { builtin, isWindows } from "../../ffi/host.ts";
import { type ChannelOptions, HandleChannel, parseLimits } from "../channel/channel.ts";
import { CHANNEL_VARIABLE, defaultLimits, RESERVED } from "../channel/types.ts";
import { encodeHandles, VARIABLE } from "./types.ts";
import { type HandleSource, rawOf } from "../handle/source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { channels } from "../channel/platform.ts";
import { children } from "./platform.ts";

/** How {@linkcode spawn} starts a child: all that `node:child_process` knows, and its handles. */
export interface HandleSpawnOptions extends SpawnOptions {
  /**
   * The handles that the child gets, by the names that it finds them by. A name is any text but
   * the empty one and those that start with `duphandle:`, which are this library's. The sources
   * stay the caller's; the child gets duplicates, with the access that the source has.
   */
  readonly handles?: Readonly<Record<string, HandleSource>> | undefined;
  /**
   * Whether there is a channel with the child, which finds it by {@linkcode parentChannel}; or what
   * this side of it accepts. It excludes an `"ipc"` entry of `stdio`, whose name it has. The channel
   * of a child that ends, or was never started, ends as well.
   */
  readonly channel?: boolean | ChannelOptions | undefined;
}

/** A child process, as the runtime's own `spawn` returns it, and the channel with it. */
export interface HandleChild extends Omit<ChildProcess, "channel"> {
  /** The channel with the child, which whoever started the child closes. */
  readonly channel: HandleChannel;
}

/**
 * What {@linkcode spawn} returns: with a channel where the option `channel` asks for one, and either of
 * the two where that is not known before.
 */
export type SpawnedChild<Channel> = Channel extends true | ChannelOptions ? HandleChild
  : ChildProcess;

/**
 * Starts a process that gets the named handles, and none that it is not given: beside them it has
 * its standard input, output and error and what else `stdio` lists.
 *
 * A child that uses this library, in whichever runtime, finds them by {@linkcode inherited}. Any
 * other program finds their numbers in the environment variable `DUPHANDLE_HANDLES`, which reads
 * like the query of a URL: `log=3&answers=4`. On POSIX they are the descriptors after those of
 * `stdio`; on Windows they are `HANDLE`s.
 *
 * The child's access is that of the source: give `duplicate(file, { access: "read" })` to let it
 * read only. On POSIX, descriptors that are inheritable are made not so for the moment of the
 * start, and a child that another thread starts in that moment does not get them either; on Windows
 * the same goes for its handles. Sources must be duplicable, except that on Windows a socket is
 * inherited as it is.
 *
 * @param command the program, as `node:child_process` takes it
 * @param args its arguments
 * @param options those of `node:child_process`, and `handles` and `channel`
 * @returns the process, as the runtime's own `spawn` returns it; a program that cannot be started
 * is its `error` event
 * @throws {HandleError} `EBADF` when a source is not open, `EMFILE`, `ENOTSUP` when a source cannot
 * be passed on
 * @throws {TypeError} when `args`, `handles`, a name, a source or `channel` is not of its kind, or
 * `stdio` has an `"ipc"` entry beside a channel; nothing was started
 * @see https://nodejs.org/api/child_process.html#child_processspawncommand-args-options
 *
 * @example
 * ```ts
 * import { spawn } from "duphandle";
 * import { closeSync, openSync } from "node:fs";
 *
 * const file = openSync("README.md", "r");
 * const child = spawn("sh", ["-c", "cat <&3"], { stdio: "inherit", handles: { text: file } });
 * child.on("error", ({ message }) => console.log(message)); // where there is no sh
 * closeSync(file); // the child has its own
 * ```
 */
export function spawn<Channel extends boolean | ChannelOptions | undefined = false>(
  command: string,
  args?: readonly string[],
  options?: HandleSpawnOptions & { readonly channel?: Channel },
): SpawnedChild<Channel>;
/** As above, for a program without arguments. */
export function spawn<Channel extends boolean | ChannelOptions | undefined = false>(
  command: string,
  options: HandleSpawnOptions & { readonly channel?: Channel },
): SpawnedChild<Channel>;
export function spawn(
  command: string,
  args?: readonly string[] | HandleSpawnOptions,
  options?: HandleSpawnOptions,
): ChildProcess | HandleChild {
  if (args === undefined || args === null) return start(command, [], options);
  if (Array.isArray(args)) return start(command, args as readonly string[], options);
  if (typeof args === "object" && options === undefined) {
    return start(command, [], args as HandleSpawnOptions);
  }
  throw new TypeError(`Cannot use ${show(args)} as args: it must be an array`);
}

function start(
  command: string,
  args: readonly string[],
  options: HandleSpawnOptions | undefined,
): ChildProcess | HandleChild {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new TypeError(`Cannot use ${show(options)} as options: it must be an object`);
  }
  const { handles, channel = false, ...others } = options ?? {};
  const named = sourcesIn(handles);
  if (channel === false) return startWith(command, args, others, named, undefined);
  const accepted = channel === true ? defaultLimits : parseLimits(channel);
  refuseIpc(others.stdio);
  const made = channels().forChild();
  try {
    const all = [...named, ...Object.entries(made.handles)];
    const child = startWith(command, args, others, all, made.value);
    child.once("exit", made.cancel);
    child.once(errorMonitor(), made.cancel);
    const value = HandleChannel.of(made.mine, accepted);
    return Object.defineProperty(child, "channel", { value }) as unknown as HandleChild;
  } catch (error) {
    made.mine.stream.destroy();
    made.mine.transport.close();
    made.cancel();
    throw error;
  } finally {
    made.started();
  }
}

function startWith(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  named: readonly [name: string, raw: RawHandle][],
  channel: string | undefined,
): ChildProcess {
  const run = nodeSpawn();
  const names = named.map(([name]) => name);
  return children().lend(named.map(([, raw]) => raw), options.stdio, (lent) => {
    const told = names.length === 0 ? undefined : encodeHandles(names, lent);
    const stdio = lent.stdio === undefined ? {} : { stdio: lent.stdio };
    return run(command, [...args], {
      ...options,
      ...stdio,
      env: environment(options.env, { [VARIABLE]: told, [CHANNEL_VARIABLE]: channel }),
    });
  });
}

function refuseIpc(stdio: unknown): void {
  if (!Array.isArray(stdio) || !stdio.includes("ipc")) return;
  throw new TypeError('Cannot use channel with an "ipc" entry of stdio: choose one of them');
}

/** The event that comes before "error", and leaves an error that nobody listens for unheard. */
function errorMonitor(): symbol {
  return builtin<typeof import("node:events")>("node:events")!.errorMonitor;
}

function nodeSpawn(): typeof import("node:child_process").spawn {
  const found = builtin<typeof import("node:child_process")>("node:child_process")?.spawn;
  if (found !== undefined) return found;
  throw failure("ENOTSUP", "spawn", {
    message: "Cannot start a process: this runtime has no node:child_process; " +
      "use Deno, Bun, or Node 20.16, or 22.3 and newer",
  });
}

/** The names and the raw handles, all checked, so that nothing is started that cannot be. */
function sourcesIn(handles: unknown): [name: string, raw: RawHandle][] {
  if (handles === undefined) return [];
  if (typeof handles !== "object" || handles === null || Symbol.iterator in handles) {
    throw new TypeError(
      `Cannot use ${show(handles)} as handles: it must be an object of sources by their names`,
    );
  }
  return Object.entries(handles).map(([name, source]): [string, RawHandle] => {
    if (name === "" || !name.isWellFormed() || name.startsWith(RESERVED)) {
      throw new TypeError(
        `Cannot use ${show(name)} as the name of a handle: it must be a text that does not start ` +
          `with ${RESERVED}`,
      );
    }
    return [name, rawOf(source as HandleSource)];
  });
}

/** The child's environment: what the variables said in this process is not for the child. */
function environment(
  env: NodeJS.ProcessEnv | undefined,
  ours: Readonly<Record<string, string | undefined>>,
): NodeJS.ProcessEnv {
  // Without a prototype, since a variable may be named __proto__.
  const copy = Object.create(null) as NodeJS.ProcessEnv;
  const source = env ?? process.env;
  // Also what it has from its prototype, as node:child_process does. Windows ignores the case.
  for (const name in source) {
    const isOurs = Object.hasOwn(ours, isWindows() ? name.toUpperCase() : name);
    if (!isOurs) copy[name] = source[name];
  }
  for (const [name, value] of Object.entries(ours)) if (value !== undefined) copy[name] = value;
  return copy;
}
