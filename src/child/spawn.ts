/** Starts a child process with named handles and, on request, a channel. */
import type { ChildProcess, SpawnOptions, StdioOptions } from "node:child_process";
import { show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { builtin, isWindows, keptBuiltin } from "../../ffi/host.ts";
import { createChannel, type HandleChannel } from "../channel/channel.ts";
import { Connection } from "../channel/connection.ts";
import { type ChannelOptions, defaultSettings, parseChannelOptions } from "../channel/options.ts";
import { CHANNEL_VARIABLE } from "../channel/types.ts";
import {
  checkHandleName,
  encodeHandles,
  HANDLES_VARIABLE,
  type Program,
  stdioEntries,
  type StdioEntry,
  StdioHandle,
} from "./types.ts";
import { type Handle, isHandle } from "../handle/handle.ts";
import { type HandleSource, namedSources, rawsOf } from "../handle/source.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { channels } from "../channel/platform.ts";
import { refuseIgnoredUser } from "./user.ts";
import { children } from "./platform.ts";

/** What an array of the option `stdio` of {@linkcode spawn} may have: as in Node, or a handle. */
export type HandleStdioEntry = Exclude<StdioOptions, string>[number] | Handle;

/** The options of {@linkcode spawn}: those of `node:child_process`, and the handles of the child. */
export interface HandleSpawnOptions extends Omit<SpawnOptions, "stdio"> {
  /**
   * The standard input, output and error of the child, and further descriptors, as in Node; an entry may
   * also be a {@linkcode Handle}, of which the child gets a duplicate under the number of the entry. The
   * caller keeps it.
   *
   * Windows: a socket is `ENOTSUP`. In Deno for Windows so is what is no file, pipe or console: pass it by
   * `handles`.
   */
  readonly stdio?: StdioOptions | readonly HandleStdioEntry[] | undefined;
  /**
   * The handles that the child gets, by name. A name is any text that is not empty and does not
   * start with `duphandle:`, which is reserved for this library. The caller keeps the sources; the
   * child gets duplicates, with the access that the source has.
   */
  readonly handles?: Readonly<Record<string, HandleSource>> | undefined;
  /**
   * Whether to make a channel with the child, which opens it by {@linkcode parentChannel}; or what
   * this side of the channel accepts. It excludes an `"ipc"` entry of `stdio`, which uses the same
   * property, `channel`. The channel ends when the child ends or cannot be started.
   */
  readonly channel?: boolean | ChannelOptions | undefined;
}

/** A child process, as the runtime's own `spawn` returns it, with a channel. */
export interface HandleChild extends Omit<ChildProcess, "channel"> {
  /** The channel with the child, which the caller of `spawn` closes. */
  readonly channel: HandleChannel;
}

/**
 * The child process that {@linkcode spawn} returns for a type of the option `channel`: a
 * {@linkcode HandleChild} for `true` and for limits, a plain `ChildProcess` for `false` and
 * `undefined`, and a union of the two where the compiler cannot know.
 */
export type HandleChildFor<Channel> = Channel extends true | ChannelOptions ? HandleChild
  : ChildProcess;

/**
 * Starts a process that inherits the named handles and no other handle of this process, except its
 * standard input, output and error and what `stdio` lists.
 *
 * A child that uses this library, in any runtime, takes them by {@linkcode inherited}. Any other
 * program finds their numbers in the environment variable `DUPHANDLE_HANDLES`, which has the format
 * of a URL's query: `log=3&answers=4`. On POSIX they are the descriptors after those of `stdio`, of
 * which a source whose own number is among them keeps it; on Windows they are `HANDLE`s.
 *
 * The child's access is that of the source: pass `duplicate(file, { access: "read" })` to let it
 * read only. While the child starts, the other inheritable handles of this process are not
 * inheritable, so a child that another thread starts at that moment does not get them either. Threads
 * that call `spawn` at the same time take turns. Sources must be duplicable, except that on Windows a
 * socket is inherited as it is. On POSIX no descriptor of a source is closed in this process, so its
 * record locks stay; docs/children.md has the cases that Bun and Deno make exceptions.
 *
 * @param command the program, as `node:child_process` takes it
 * @param args its arguments
 * @param options those of `node:child_process`, and `handles` and `channel`
 * @returns the process, as the runtime's own `spawn` returns it; when the program cannot be
 * started, the process has an `error` event
 * @throws {HandleError} `EBADF` when a source or a handle in `stdio` is not open, `EMFILE`, `ENOTSUP` when a source cannot
 * be passed on, or in Bun and Deno only by a temporary duplicate, whose close would remove record locks, and for
 * `uid` and `gid` in Bun before 1.4 and Deno before 2.7.8, which ignore them
 * @throws {TypeError} when `args`, `handles`, `stdio`, a name, a source or `channel` has the wrong
 * type, or `stdio` has an `"ipc"` entry beside a channel; nothing was started
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
): HandleChildFor<Channel>;
/** Starts a program without arguments. */
export function spawn<Channel extends boolean | ChannelOptions | undefined = false>(
  command: string,
  options: HandleSpawnOptions & { readonly channel?: Channel },
): HandleChildFor<Channel>;
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

/**
 * The same, with handles of this library beside those of the caller.
 *
 * @param reserved the handles by their names, which are reserved ones
 */
export function spawnWithReserved(
  command: string,
  args: readonly string[],
  options: HandleSpawnOptions,
  reserved: Readonly<Record<string, RawHandle>>,
): ChildProcess {
  return start(command, args, options, reserved) as ChildProcess;
}

function start(
  command: string,
  args: readonly string[],
  options: HandleSpawnOptions | undefined,
  reserved: Readonly<Record<string, RawHandle>> = {},
): ChildProcess | HandleChild {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new TypeError(`Cannot use ${show(options)} as options: it must be an object`);
  }
  // All that is the caller's is read before the sources are looked at: reading it may run a program of
  // the caller, which may close one.
  const { handles, channel = false, ...others } = options ?? {};
  const settings = channel === false
    ? undefined
    : channel === true
    ? defaultSettings
    : parseChannelOptions(channel);
  refuseIgnoredUser(others);
  const entries = stdioEntries(others.stdio);
  if (settings !== undefined) refuseIpc(entries);
  const program = { command, args: Array.from(args, (arg) => `${arg}`) };
  const env = childEnvironment(others.env);
  const runtimeOptions = withPath(others);
  const named = handlesOption(handles);
  // At once, since reading one may run a program of the caller that closes another.
  const raws = rawsOf([...named.map(([, source]) => source), ...entries.filter(isHandle)]);
  const sources = named.map(([name]): NamedRaw => [name, raws.shift()!]);
  sources.push(...Object.entries(reserved));
  const launch: Launch = {
    program,
    options: runtimeOptions,
    entries: entries.map((entry) => isHandle(entry) ? new StdioHandle(raws.shift()!) : entry),
    env,
  };
  if (settings === undefined) return startWith(launch, sources, undefined);
  const { parentEnd, childHandles, environmentValue, started, cancel, releaseChildEnd } = channels()
    .createForChild();
  try {
    const value = createChannel(new Connection(parentEnd, settings.limits), settings);
    const monitor = errorMonitor();
    const all = [...sources, ...Object.entries(childHandles)];
    const child = startWith(launch, all, environmentValue);
    started(child.pid);
    child.once("exit", cancel);
    child.once(monitor, cancel);
    return Object.defineProperty(child, "channel", { value }) as unknown as HandleChild;
  } catch (error) {
    parentEnd.stream.destroy();
    tryOrUndefined(() => parentEnd.transport.close());
    cancel();
    throw error;
  } finally {
    releaseChildEnd();
  }
}

type NamedRaw = [name: string, raw: RawHandle];

/** What a child is started with, as it was read from the caller's options. */
interface Launch {
  readonly program: Program;
  readonly options: Omit<SpawnOptions, "stdio">;
  readonly entries: readonly (StdioEntry | StdioHandle)[];
  readonly env: NodeJS.ProcessEnv;
}

function startWith(
  { program, options, entries, env }: Launch,
  sources: readonly NamedRaw[],
  channelValue: string | undefined,
): ChildProcess {
  const runtimeSpawn = nodeSpawn();
  const names = sources.map(([name]) => name);
  const raws = sources.map(([, raw]) => raw);
  return children().withInheritable(raws, entries, program, (handles) => {
    if (names.length > 0) env[HANDLES_VARIABLE] = encodeHandles(names, handles);
    if (channelValue !== undefined) env[CHANNEL_VARIABLE] = channelValue;
    const { stdio } = handles;
    return runtimeSpawn(program.command, [...program.args], { ...options, stdio, env });
  });
}

function refuseIpc(entries: readonly (StdioEntry | Handle)[]): void {
  if (!entries.includes("ipc")) return;
  throw new TypeError('Cannot use channel with an "ipc" entry of stdio: choose one of them');
}

/** The event that precedes "error". Listening to it does not count as handling the error. */
function errorMonitor(): symbol {
  return builtin<typeof import("node:events")>("node:events")!.errorMonitor;
}

function nodeSpawn(): typeof import("node:child_process").spawn {
  const found = keptBuiltin("node:child_process")?.spawn;
  if (found !== undefined) return found;
  throw failure("ENOTSUP", "spawn", {
    message: "Cannot start a process: this runtime has no node:child_process; " +
      "use Deno, Bun, or Node 20.16, or 22.3 and newer",
  });
}

/** Checks the option `handles`; returns the names and the sources. */
function handlesOption(handles: unknown): [name: string, source: HandleSource][] {
  const named = namedSources(handles);
  for (const [name] of named) checkHandleName(name);
  return named;
}

/**
 * The child's environment without the variables of this library, whose values in this process are not
 * meant for the child.
 */
function childEnvironment(env: NodeJS.ProcessEnv | undefined): NodeJS.ProcessEnv {
  // Without a prototype, since a variable may be named __proto__.
  const copy = Object.create(null) as NodeJS.ProcessEnv;
  const source = env ?? process.env;
  // Includes inherited properties, as node:child_process does. Windows ignores the case of names.
  for (const name in source) {
    const known = isWindows() ? name.toUpperCase() : name;
    if (known === HANDLES_VARIABLE || known === CHANNEL_VARIABLE) continue;
    const value: unknown = source[name];
    if (value !== undefined) copy[name] = `${value}`;
  }
  return copy;
}

/** The options with a path in place of a URL as working folder, which the runtime would read later. */
function withPath<Options extends Pick<SpawnOptions, "cwd">>(options: Options): Options {
  const { cwd } = options;
  if (typeof cwd !== "object" || cwd === null) return options;
  const url = builtin<typeof import("node:url")>("node:url");
  return url === undefined ? options : { ...options, cwd: url.fileURLToPath(cwd) };
}
