// A cache outside the checkout: where it is, what a part of it is, and whether a part is finished.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, sep } from "node:path";

/** One thing that a cache holds, in a folder of its own. */
export interface Part {
  /** Whether it is finished, made from what is pinned now, and seems to work. Changes nothing. */
  isWhole(): Promise<boolean>;
  /** Makes it from scratch, whatever was there. */
  make(): Promise<void>;
}

/** The cache of this name. What is made for one machine knows nothing of another's. */
export function cacheFolder(name: string): string {
  const caches = process.env["DUPHANDLE_CACHE"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "duphandle");
  mkdirSync(join(caches, name), { recursive: true });
  // The name without links: mounts are compared by it.
  return realpathSync(join(caches, name));
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

/**
 * Makes a part's folder anew. It gets its stamp last: whatever has none is not finished. `steps` fills
 * the empty folder and returns the key.
 */
export async function renew(dir: string, steps: () => Promise<string>): Promise<void> {
  removeTree(dir);
  mkdirSync(dir, { recursive: true });
  const key = await steps();
  writeFileSync(join(dir, "stamp.new"), key);
  renameSync(join(dir, "stamp.new"), join(dir, "stamp"));
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

/** The mount points at or under a folder. */
function mountsUnder(dir: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8").split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((path) =>
      path.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8)))
    )
    .filter((path) => path === dir || path.startsWith(dir + sep));
}
