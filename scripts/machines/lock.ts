// The lock of a cache: shared to use it, exclusive to change it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { interrupted, say } from "./program.ts";

/** Shared to use a cache, exclusive to change it. */
export type LockMode = "shared" | "exclusive";

/**
 * Takes the lock of one cache. Waits for its turn, or with `wait: false` returns `undefined`.
 *
 * flock(1) takes the kernel's lock, and holds it until its standard input ends. So the lock ends with this
 * process, and a run that was killed leaves no stale lock.
 */
export async function lockCache(
  cache: string,
  mode: LockMode,
  { wait = true }: { wait?: boolean } = {},
): Promise<AsyncDisposable | undefined> {
  interrupted.throwIfAborted();
  const file = join(cache, "lock");
  const args = [`--${mode}`, ...(wait ? [] : ["--nonblock"]), file, "sh", "-c", "echo; exec cat"];
  const holder = spawn("flock", args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const ended = once(holder, "exit");
  const reminder = setTimeout(() => say("waiting for another run that uses the cache"), 1000);
  const [held] = await Promise.race([
    once(holder.stdout, "data").then(() => [true]),
    ended.then(() => [false]),
    once(interrupted, "abort").then(() => [false]),
  ]);
  clearTimeout(reminder);
  if (interrupted.aborted) {
    // While it waits for its turn it does not read its input, and would get the lock later.
    if (holder.pid !== undefined) process.kill(-holder.pid, "SIGKILL");
    throw interrupted.reason;
  }
  if (held !== true) {
    if (wait) throw new Error("flock failed: cannot lock the cache");
    return undefined;
  }
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.destroy();
      await ended;
    },
  };
}
