/** Writes numbered lines until it gets a message to stop. A worker cannot redirect. */
import * as fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { redirect } from "duphandle";
import { thrownBy } from "../../support/report.ts";

const { shared } = workerData.data as { shared: Int32Array };
console.log(`refused ${thrownBy(() => redirect(1, 2))?.["code"]}`);
parentPort?.postMessage("ready");
for (let line = 0; Atomics.load(shared, 0) === 0; line++) {
  const rest = `${line} ${"x".repeat(line % 300)} end`;
  fs.writeSync(1, `fs ${rest}\n`);
  if (line % 10 === 0) console.log(`console ${rest}`);
  Atomics.store(shared, 1, line + 1);
}
