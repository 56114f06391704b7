/** The pinned tools of the consumer tests, in a cache outside the checkout. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../machines/cache.ts";
import { lockedPart } from "../machines/npm.ts";
import { openSession } from "../machines/session.ts";
import { root } from "../runtimes.ts";

/** The tools, and a folder for this run. */
export interface Tools extends AsyncDisposable {
  /** The folder with `node_modules`. */
  readonly tools: string;
  /** A folder that goes when the run ends. */
  readonly session: string;
}

/** Installs what is missing, and holds the cache until it is disposed of. */
export async function openTools(): Promise<Tools> {
  if (process.platform !== "linux") {
    throw new Error("this needs Linux: the consumers' runtimes are pinned for it alone");
  }
  const cache = cacheFolder("consumers");
  const tools = join(cache, "tools");
  const part = lockedPart(tools, {
    from: join(root, "test", "package"),
    options: [],
    message: "installing old runtimes, compilers and bundlers (half a minute, 900 MB)",
    check: checkTools,
  });
  const opened = await openSession(cache, [part], "shared");
  const close = (): Promise<void> => Promise.resolve(opened[Symbol.asyncDispose]());
  return { tools, session: opened.folder, [Symbol.asyncDispose]: close };
}

/** npm skips what is optional and not for this system, without a word. */
function checkTools(dir: string): void {
  for (const line of [20, "22first", 22, 24, 26]) {
    const name = `node${line}-${process.platform}-${process.arch}`;
    if (existsSync(join(dir, "node_modules", name, "bin", "node"))) continue;
    throw new Error(`test/package/package-lock.json does not bring ${name}`);
  }
}
