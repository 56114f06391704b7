/** Exchanges the handle of descriptors over and over, while threads open and close files. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { duplicateOnto, redirect } from "duphandle";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const [rounds, threads] = process.argv.slice(2).map(Number) as [number, number];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const open = (name: string, content: string) => {
  fs.writeFileSync(path.join(folder, name), content);
  return fs.openSync(path.join(folder, name), "r");
};
const content = (fd: number) => {
  const buffer = Buffer.alloc(1);
  fs.readSync(fd, buffer, 0, 1, 0);
  return String(buffer);
};
const [a, b, fd] = [open("a", "A"), open("b", "B"), open("c", "C")];

/** Shared with the threads: whether to stop, how many have begun, files opened, and how many of them wrong. */
const shared = new Int32Array(new SharedArrayBuffer(16));
const ended: Promise<unknown>[] = [];
for (let thread = 0; thread < threads; thread++) {
  fs.writeFileSync(path.join(folder, `${thread}`), `${thread}`);
  const data = { shared, file: path.join(folder, `${thread}`), content: `${thread}` };
  const worker = startWorker(new URL("./theft_worker.ts", import.meta.url), data);
  ended.push(new Promise((resolve) => worker.once("exit", resolve)));
}
while (Atomics.load(shared, 1) < threads) await new Promise((resolve) => setTimeout(resolve, 10));
let wrong = 0;
for (let round = 0; round < rounds; round++) {
  const before = round === 0 ? "C" : "B";
  const redirection = redirect(fd, a);
  if (content(fd) !== "A") wrong++;
  redirection.restore();
  if (content(fd) !== before) wrong++;
  duplicateOnto(b, fd);
  if (content(fd) !== "B") wrong++;
}
Atomics.store(shared, 0, 1);
await Promise.all(ended);
report({ rounds, wrong, files: Atomics.load(shared, 2), wrongFiles: Atomics.load(shared, 3) });
for (const each of [a, b, fd]) fs.closeSync(each);
fs.rmSync(folder, { recursive: true });
process.exit(0);
