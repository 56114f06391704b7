/** Asks for the channel with the parent. */
import { parentPort } from "node:worker_threads";
import { parentChannel } from "duphandle";
import { thrownBy } from "../../support/report.ts";

parentPort?.postMessage(thrownBy(() => parentChannel()) ?? "nothing");
