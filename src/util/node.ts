/** The runtime's own modules of Node, found without an import that a bundler would follow. */
import { builtin, keptBuiltin } from "../../ffi/host.ts";

type Kept<Name extends "node:fs" | "node:net"> = NonNullable<ReturnType<typeof keptBuiltin<Name>>>;

/** What is used of the runtime's own `node:fs`, as {@linkcode keptBuiltin} has it. */
export function nodeFs(): Kept<"node:fs"> {
  return keptBuiltin("node:fs")!;
}

/** What is used of the runtime's own `node:net`, as {@linkcode keptBuiltin} has it. */
export function nodeNet(): Kept<"node:net"> {
  return keptBuiltin("node:net")!;
}

/** The symbol with this description under which the runtime keeps something in an object of its own. */
export function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((each) => each.description === description);
}

/** Whether this process is a worker of `node:cluster`, whose primary process listens for it. */
export function isClusterWorker(): boolean {
  return builtin<typeof import("node:cluster")>("node:cluster")?.isWorker === true;
}

/** Whether this is a worker thread; `false` where the runtime does not say. */
export function isWorker(): boolean {
  const threads = builtin<typeof import("node:worker_threads")>("node:worker_threads");
  return threads?.isMainThread === false;
}
