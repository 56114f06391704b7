// The cache outside the checkout: where it is, whether a part of it is whole, and who may change it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, sep } from "node:path";
import { interrupted, say } from "./host.ts";

/** The folder that everything of the Windows runner lives in. */
export function windowsCache(): string {
  const cache = process.env["DUPHANDLE_CACHE"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "duphandle");
  mkdirSync(join(cache, "windows"), { recursive: true });
  // The name without links: mounts are compared by it.
  return realpathSync(join(cache, "windows"));
}

/** A short name for everything that a part of the cache was made from. */
export function keyOf(...ingredients: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const ingredient of ingredients) hash.update(ingredient).update("\0");
  return hash.digest("hex").slice(0, 32);
}

/** Whether a part was finished, and from these very ingredients. */
export function isStamped(dir: string, key: string): boolean {
  try {
    return readFileSync(join(dir, "stamp"), "utf8") === key;
  } catch {
    return false;
  }
}

/** Marks a part as finished. The last thing to do to it: whatever has no stamp is made anew. */
export function stamp(dir: string, key: string): void {
  writeFileSync(join(dir, "stamp.new"), key);
  renameSync(join(dir, "stamp.new"), join(dir, "stamp"));
}

/** The mount points at or under a folder. */
export function mountsUnder(dir: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8").split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((path) =>
      path.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)))
    )
    .filter((path) => path === dir || path.startsWith(dir + sep));
}

/** Removes a folder of the cache, unless something is mounted in it: that would empty the mount. */
export function removeTree(dir: string): void {
  let real: string;
  try {
    real = realpathSync(dir);
  } catch {
    return;
  }
  const mounts = mountsUnder(real);
  if (mounts.length > 0) {
    throw new Error(`not removing ${real}: mounted there: ${mounts.join(", ")}. Unmount it first`);
  }
  rmSync(real, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/**
 * Takes the lock of the cache: shared to use it, exclusive to change it. Waits for its turn, or with
 * `wait: false` returns `undefined`.
 *
 * The lock is the kernel's, held by a helper that ends when its standard input does. It thus ends with
 * this process, and a run that was killed leaves no stale lock to guess about.
 */
export async function lockCache(
  mode: "shared" | "exclusive",
  { wait = true }: { wait?: boolean } = {},
): Promise<AsyncDisposable | undefined> {
  interrupted.throwIfAborted();
  const file = join(windowsCache(), "lock");
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

/** One thing that the cache holds, in a folder of its own. */
export interface Part {
  /** Whether it is finished, made from what is pinned now, and seems to work. Changes nothing. */
  isWhole(): Promise<boolean>;
  /** Makes it from scratch, whatever was there. */
  make(): Promise<void>;
}

/**
 * Makes the parts that are not whole, and takes the lock to use them.
 *
 * `sessions` is a folder of things that are only there while their maker holds the lock: whoever gets the
 * exclusive lock knows that what is in it was left by runs that were killed.
 */
export async function prepareCache(
  parts: readonly Part[],
  sessions: string,
  mode: "shared" | "exclusive",
): Promise<AsyncDisposable> {
  for (let wait = false;; wait = true) {
    // First without waiting: when others are using the cache, it most likely is whole.
    const alone = await lockCache("exclusive", { wait });
    if (alone !== undefined) {
      await using _ = alone;
      removeTree(sessions);
      for (const part of parts) {
        if (!await part.isWhole()) await part.make();
      }
    }
    const lock = await lockCache(mode);
    const whole = await Promise.all(parts.map((part) => part.isWhole()));
    if (lock !== undefined && whole.every(Boolean)) return lock;
    await lock?.[Symbol.asyncDispose]();
  }
}
