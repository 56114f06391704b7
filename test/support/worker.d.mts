import type { Worker } from "node:worker_threads";
export function startWorker(script: URL, data: unknown): Worker;
