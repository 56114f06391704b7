/** Channels on Windows in tests: servers, processes, and peers that break the protocol. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import type { HandleChannel, HandleError } from "duphandle";
import * as win32 from "duphandle/win32";
import { createChannel } from "../../src/channel/channel.ts";
import { Connection } from "../../src/channel/connection.ts";
import { defaultSettings } from "../../src/channel/options.ts";
import type { DropReason } from "../../src/channel/pending.ts";
import {
  type ChannelEnd,
  defaultLimits,
  defaultPendingLimits,
  type PendingLimits,
  thisUserOnly,
} from "../../src/channel/types.ts";
import { windowsChannels } from "../../src/channel/windows.ts";
import { place } from "./channel_ends.ts";
import { Liar } from "./channel_liar.ts";
import { programPath, root } from "./program.ts";
import type { RuntimeCommand } from "./runtime_commands.ts";
import { temporaryFolder } from "./system.ts";

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

/** Runs a program beside the tests in a runtime: its exit code and its output, which goes to a file. */
export async function run(
  runtime: RuntimeCommand,
  ...args: string[]
): Promise<[number | null, string]> {
  using folder = temporaryFolder();
  const file = path.join(folder.path, "output.txt");
  const output = fs.openSync(file, "w");
  const child = start(runtime, output, ...args);
  fs.closeSync(output);
  const [code] = await once(child, "exit") as [number | null];
  return [code, fs.readFileSync(file, "utf8")];
}

/** A server whose connections get no hello from the library. */
export interface RawServer {
  /** The first connection. */
  readonly end: Promise<ChannelEnd>;
  /** Why connections were dropped, in this order. */
  readonly drops: DropReason[];
  close(): Promise<void>;
}

/** Starts a server whose connections get no hello from the library, and are never settled. */
export async function rawServer(
  name: string,
  limits: PendingLimits = defaultPendingLimits,
): Promise<RawServer> {
  const drops: DropReason[] = [];
  let found: (end: ChannelEnd) => void = () => {};
  const end = new Promise<ChannelEnd>((resolve) => found = resolve);
  const listener = await windowsChannels.listen(
    name,
    {
      onEnd(end) {
        found(end);
        return (reason) => {
          drops.push(reason);
          end.stream.destroy();
        };
      },
      onError(error) {
        throw error;
      },
    },
    limits,
    thisUserOnly,
  );
  return { end, drops, close: () => listener.close() };
}

/** Connects to a pipe and says nothing. */
export async function silentClient(name: string): Promise<net.Socket> {
  for (;;) {
    const socket = net.connect(name).on("error", () => {}).resume();
    const isConnected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("close", () => resolve(false)); // the pipe was busy
    });
    if (isConnected) return socket;
  }
}

/** The channel of an end. */
export function channelOf(end: ChannelEnd): HandleChannel {
  return createChannel(new Connection(end, defaultLimits), defaultSettings);
}

/** The next message of a connection, with its handles as they are. */
export function receive({ inbox }: Connection) {
  return inbox.receive((message, handles) => ({ message, handles }));
}

/** A connection whose other end is a liar in this process, which claims to be the process `pid`. */
export async function lied(
  pid: number,
): Promise<{ connection: Connection; liar: Liar } & AsyncDisposable> {
  using where = place();
  const server = await rawServer(where.path);
  const liar = await Liar.connect(where.path, pid);
  const connection = new Connection(await server.end, defaultLimits, "server");
  return {
    connection,
    liar,
    async [Symbol.asyncDispose]() {
      liar[Symbol.dispose]();
      await connection.close(defaultSettings.closeTimeout);
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
