/** A worker that makes its share of the calls and posts what it did. */
import { parentPort, workerData } from "node:worker_threads";
import { makeCalls, type Share } from "./caller.ts";

parentPort?.postMessage(await makeCalls(workerData as Share));
