/** Replaces a descriptor over and over while a worker reads from it. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { duplicateOnto } from "duphandle";
import { close, O_CLOEXEC, O_RDONLY, open } from "duphandle/posix";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

/** More bytes than the worker reads: between its lseek and its read the target may change. */
const SIZE = 4 << 20;
const rounds = Number(process.argv[2]);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const paths = ["A", "B"].map((letter) => {
  const file = path.join(folder, letter);
  fs.writeFileSync(file, letter.repeat(SIZE));
  return file;
});
const sources = paths.map((file) => open(file, O_RDONLY | O_CLOEXEC));
const target = open(paths[0] as string, O_RDONLY | O_CLOEXEC);

/** Shared with the worker: whether to stop, how many reads, how many of them wrong. */
const shared = new Int32Array(new SharedArrayBuffer(12));
const worker = startWorker(new URL("./atomic_worker.ts", import.meta.url), { target, shared });
await new Promise((resolve) => worker.once("message", resolve));
let replacements = 0;
for (; replacements < rounds; replacements++) {
  duplicateOnto({ fd: sources[replacements & 1] as number }, target);
}
while (Atomics.load(shared, 1) < 1000) await new Promise((resolve) => setTimeout(resolve, 1));
Atomics.store(shared, 0, 1);
await new Promise((resolve) => worker.once("exit", resolve));
report({ replacements, reads: Atomics.load(shared, 1), wrong: Atomics.load(shared, 2) });
for (const fd of [...sources, target]) close(fd);
fs.rmSync(folder, { recursive: true });
process.exit(0);
