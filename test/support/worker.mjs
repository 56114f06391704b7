/** Starts a worker written in TypeScript, also on Node 20, whose workers do not inherit a loader. */
import { isMainThread, Worker, workerData } from "node:worker_threads";

/** @param {URL} script @param {unknown} data */
export function startWorker(script, data) {
  return new Worker(new URL(import.meta.url), { workerData: { script: script.href, data } });
}

if (!isMainThread && typeof workerData?.script === "string") {
  if (process.release.name === "node" && Number(process.versions.node.split(".")[0]) < 22) {
    (await import("tsx/esm/api")).register();
  }
  await import(workerData.script);
}
