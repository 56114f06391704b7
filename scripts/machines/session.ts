// One run's share of a cache: the lock to use its parts, and a folder that is removed when the run ends.

import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "./cache.ts";
import type { Part } from "./cache.ts";
import { lockCache } from "./lock.ts";
import type { LockMode } from "./lock.ts";

/** The share, until it is disposed of. */
export interface Session extends AsyncDisposable {
  /** The folder of this run alone. */
  readonly folder: string;
}

/** Makes the parts that are not whole, takes the lock to use them, and makes the folder. */
export async function openSession(
  cache: string,
  parts: readonly Part[],
  mode: LockMode,
): Promise<Session> {
  const sessions = join(cache, "sessions");
  await using stack = new AsyncDisposableStack();
  stack.use(await prepareCache(cache, parts, sessions, mode));
  mkdirSync(sessions, { recursive: true });
  const folder = mkdtempSync(join(sessions, "run-"));
  stack.defer(() => removeTree(folder));
  const kept = stack.move();
  return { folder, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/**
 * Makes the parts that are not whole, and takes the lock to use them.
 *
 * A run's folder in `sessions` exists only while the run holds the lock: with the exclusive lock, all that
 * is there was left by runs that were killed.
 */
async function prepareCache(
  cache: string,
  parts: readonly Part[],
  sessions: string,
  mode: LockMode,
): Promise<AsyncDisposable> {
  for (let wait = false;; wait = true) {
    // First without waiting: when others are using the cache, it most likely is whole.
    const alone = await lockCache(cache, "exclusive", { wait });
    if (alone !== undefined) {
      await using _ = alone;
      removeTree(sessions);
      for (const part of parts) {
        if (!await part.isWhole()) await part.make();
      }
    }
    const lock = await lockCache(cache, mode);
    const whole = await Promise.all(parts.map((part) => part.isWhole()));
    if (lock !== undefined && whole.every(Boolean)) return lock;
    await lock?.[Symbol.asyncDispose]();
  }
}
