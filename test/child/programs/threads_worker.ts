/** Starts children one after the other, and tells how many of them had the secret file. */
import { once } from "node:events";
import * as fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { spawn } from "duphandle";

const { list, secret, count } = workerData.data as { list: string; secret: string; count: number };
let seen = 0;
for (let child = 0; child < count; child++) {
  const output = fs.openSync(list, "w");
  const running = spawn("sh", ["-c", "ls -l /proc/$$/fd"], { stdio: ["ignore", output, "ignore"] });
  fs.closeSync(output);
  await once(running, "exit");
  if (fs.readFileSync(list, "utf8").includes(secret)) seen++;
}
parentPort?.postMessage(seen);
