/** Asks for what the process was given. */
import { parentPort } from "node:worker_threads";
import { inherited } from "duphandle";
import { thrownBy } from "../../support/report.ts";

parentPort?.postMessage(thrownBy(() => inherited("log")));
