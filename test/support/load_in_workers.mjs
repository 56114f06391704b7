/** Has the workers of Node 20 read TypeScript, as its main thread does: `--import=load_in_workers.mjs`. */
import { isMainThread } from "node:worker_threads";

if (!isMainThread) (await import("tsx/esm/api")).register();
