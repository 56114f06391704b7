/** Starts an Upgrade in a thread. */
import { parentPort } from "node:worker_threads";
import { Upgrade } from "duphandle";

Upgrade.start().then(
  ({ generation }) => parentPort?.postMessage({ generation }),
  ({ name, code }) => parentPort?.postMessage({ name, code }),
);
