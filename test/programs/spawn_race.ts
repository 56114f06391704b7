/** Starts children while a worker duplicates and closes a file: none of them may ever see it. */
import * as fs from "node:fs";
import * as path from "node:path";
import { once } from "node:events";
import { duplicate, spawn } from "duphandle";
import { report } from "./report.ts";
import { startWorker } from "./worker.mjs";

const [folder, count] = [process.argv[2] as string, Number(process.argv[3])];
const secret = path.join(folder, "secret.txt");
fs.writeFileSync(secret, "");
/** Shared with the worker: whether to stop, and how many duplicates it has made. */
const shared = new Int32Array(new SharedArrayBuffer(8));
const worker = startWorker(new URL("./spawn_race_worker.ts", import.meta.url), { secret, shared });
const exit = new Promise((resolve) => worker.once("exit", resolve));
await new Promise((resolve) => worker.once("message", resolve));
let seen = 0;
let listed = 0;
let children = 0;
const source = duplicate(1);
for (; children < count || Atomics.load(shared, 1) < 10_000; children++) {
  const list = path.join(folder, "list.txt");
  const output = fs.openSync(list, "w");
  const started = spawn("sh", ["-c", "ls -l /proc/$$/fd"], {
    stdio: ["ignore", output, "ignore"],
    handles: { log: source },
  });
  await once(started, "exit");
  fs.closeSync(output);
  const lines = fs.readFileSync(list, "utf8");
  if (lines.includes(" 3 -> ")) listed++;
  if (lines.includes("secret.txt")) seen++;
}
Atomics.store(shared, 0, 1);
await exit;
report({ seen, listed, children, rounds: Atomics.load(shared, 1) });
source.close();
process.exit(0);
