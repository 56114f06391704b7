/** Starting a worker from a TypeScript file, in every runtime. */
import { Worker } from "node:worker_threads";

/** The workers there are. */
export type WorkerFile = "bare.ts" | "caller.ts" | "disturber.ts";

/**
 * V8 collects young garbage when this memory is full: so collections come by the ten thousand, at
 * any moment of a call. The main thread has the engine's own choice.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 2 };

/** Starts a worker. */
export function startWorker(file: WorkerFile, workerData: unknown): Worker {
  const url = new URL(file, import.meta.url);
  // Node 20 reads TypeScript with the help of tsx, which does not reach into workers by itself.
  return process.execArgv.includes("--import=tsx")
    ? new Worker(withTsx(url), { workerData, resourceLimits, eval: true })
    : new Worker(url, { workerData, resourceLimits });
}

function withTsx(url: URL): string {
  const tsx = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  return `import(${tsx}).then(({ register }) => (register(), import(${JSON.stringify(url)})))`;
}
