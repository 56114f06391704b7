// Commands of the machine itself: nothing that is started here outlives this process.

import { spawn } from "node:child_process";
import type { StdioOptions } from "node:child_process";
import { interrupted } from "./program.ts";

/** How a command ended. */
export interface Outcome {
  /** The exit code; 128 and more when a signal ended it. */
  code: number;
  /** Whether it was killed because its time was over. */
  timedOut: boolean;
}

/** What a command left behind. */
export interface HostResult extends Outcome {
  /** Standard output and standard error, in the order in which they came. */
  output: string;
}

/** How to run a command. */
export interface HostOptions {
  cwd?: string;
  /** The whole environment of the command; without it, this process's own. */
  env?: NodeJS.ProcessEnv;
  /** A file descriptor that takes the output instead of `output`. */
  outputFd?: number;
  /** Milliseconds after which it is killed. */
  timeoutMs?: number;
  /** Runs after the command was killed, to end what is not its child. */
  onKill?: () => void;
  /** Runs it also after this process was interrupted: it is part of the clean-up. */
  tidying?: boolean;
}

/** A command, made ready for {@link runHost}. */
export type HostCommand = [command: string, args: string[], options: HostOptions];

/**
 * The options of `unshare` for every command that runs in namespaces: when the command ends, however it
 * does, the kernel ends every process and every mount that it leaves behind.
 */
export const NAMESPACES: readonly string[] = ["--mount", "--pid", "--fork", "--kill-child"];

/**
 * Runs a command to its end.
 *
 * `setpriv` has the kernel kill it when this process dies, however that comes about: a `kill -9`
 * leaves no chance to do it ourselves.
 */
export function runHost(
  command: string,
  args: readonly string[],
  options: HostOptions = {},
): Promise<HostResult> {
  if (options.tidying !== true) interrupted.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<HostResult>();
  const out = options.outputFd ?? "pipe";
  // Nothing is written to the fourth. Every process that the command starts holds it open, so "close"
  // is emitted only when all of them have ended, and not just the first one.
  const stdio: StdioOptions = ["ignore", out, out, "pipe"];
  const child = spawn("setpriv", ["--pdeathsig=KILL", "--", command, ...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env ?? process.env,
    stdio,
  });
  let output = "";
  let timedOut = false;
  const take = (text: string): void => {
    output += text;
  };
  child.stdout?.setEncoding("utf8").on("data", take);
  child.stderr?.setEncoding("utf8").on("data", take);
  child.stdio[3]?.on("error", () => {});
  const kill = (): void => {
    child.kill("SIGKILL");
    options.onKill?.();
  };
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => {
    timedOut = true;
    kill();
  }, options.timeoutMs);
  if (options.tidying !== true) interrupted.addEventListener("abort", kill, { once: true });
  const settle = (): void => {
    clearTimeout(timer);
    interrupted.removeEventListener("abort", kill);
  };
  child.on("error", (cause) => {
    settle();
    reject(new Error(`cannot run ${command}: is it installed?`, { cause }));
  });
  child.on("close", (code, signal) => {
    settle();
    if (interrupted.aborted && options.tidying !== true) reject(interrupted.reason);
    else resolve({ code: code ?? (signal === "SIGKILL" ? 137 : 128), output, timedOut });
  });
  return promise;
}

/** Runs a command that must succeed, and returns its output. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: HostOptions = {},
): Promise<string> {
  const { code, output } = await runHost(command, args, options);
  if (code !== 0) {
    const end = output.trimEnd().split("\n").slice(-30).join("\n");
    throw new Error(`${command} ${args[0] ?? ""} ended with code ${code}:\n${end}`);
  }
  return output;
}
