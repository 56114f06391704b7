/** Calls listenFds() in a worker thread. */
import { parentPort } from "node:worker_threads";
import { listenFds } from "duphandle";
import { thrownBy } from "../../support/report.ts";

parentPort?.postMessage(thrownBy(() => listenFds()));
