/** Channels on Windows in tests: servers, processes, and peers that break the protocol. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { HandleError } from "duphandle";
import * as win32 from "duphandle/win32";
import { Connection } from "../../src/channel/connection.ts";
import { type ChannelEnd, defaultLimits } from "../../src/channel/types.ts";
import { windowsChannels } from "../../src/channel/windows.ts";
import { place } from "./channel_ends.ts";
import { Liar } from "./channel_liar.ts";
import { programPath, root } from "./program.ts";
import type { RuntimeCommand } from "./runtime_commands.ts";

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<HandleError> {
  return await promise.then(() => {
    throw new Error("it was fulfilled");
  }, (error: HandleError) => error);
}

/** How many handles an object has, in all processes. */
export const handlesOf = (raw: number): number => win32.NtQueryObject(raw).HandleCount;

/** Waits until the object has this many handles: another process closes some when it likes. */
export async function untilHandles(raw: number, count: number): Promise<void> {
  while (handlesOf(raw) !== count) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Starts a program beside the tests in a runtime. */
export function start(
  runtime: RuntimeCommand,
  output: number | "ignore",
  ...args: string[]
): ChildProcess {
  const [command, ...before] = runtime.command as [string, ...string[]];
  const [program, ...rest] = args as [string, ...string[]];
  const script = programPath(program);
  const stdio = ["ignore", output, output] as const;
  return spawn(command, [...before, script, ...rest], { stdio: [...stdio], cwd: root });
}

/** A server whose connections get no hello from the library. */
export async function rawServer(
  name: string,
): Promise<{ end: Promise<ChannelEnd>; close(): Promise<void> }> {
  let found: (end: ChannelEnd) => void = () => {};
  const end = new Promise<ChannelEnd>((resolve) => found = resolve);
  return { end, ...await windowsChannels.listen(name, found) };
}

/** A connection whose other end is a liar in this process, which claims to be the process `pid`. */
export async function lied(
  pid: number,
): Promise<{ connection: Connection; liar: Liar } & AsyncDisposable> {
  using where = place();
  const server = await rawServer(where.path);
  const liar = await Liar.connect(where.path, pid);
  const connection = new Connection(await server.end, defaultLimits);
  return {
    connection,
    liar,
    async [Symbol.asyncDispose]() {
      liar[Symbol.dispose]();
      await connection.close();
      await server.close();
    },
  };
}

/** A process that only waits. */
export function waitingProcess(): { pid: number } & AsyncDisposable {
  const child = spawn("cmd.exe", ["/q", "/k"], { stdio: ["pipe", "ignore", "ignore"] });
  const over = once(child, "close");
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      child.kill();
      await over;
    },
  };
}
