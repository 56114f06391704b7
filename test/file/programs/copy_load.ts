/**
 * Copies files over and over while others are opened and closed, and checks every copy:
 * `copy_load.ts COPIES`, of which a hundredth as many files are opened meanwhile.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { copyFileHandle } from "duphandle";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { openRaw } from "../../support/system.ts";
import { report } from "../../support/report.ts";

const wanted = Number(process.argv.at(-1));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const paths = Array.from({ length: 8 }, (_, at) => {
  const file = path.join(folder, String(at));
  fs.writeFileSync(file, String(at).repeat(at + 1));
  return file;
});
const sources = paths.map((file) => openRaw(file, "r"));
const identities = paths.map((file) => fs.statSync(file, { bigint: true }));

let copies = 0;
let wrong = 0;
let opened = 0;
await round(0);
await settled();
const before = openHandles();
await Promise.all([
  ...Array.from({ length: 50 }, (_, at) => repeat(() => round(at % paths.length))),
  ...Array.from({ length: 4 }, () => repeat(disturb)),
]);
// Deno makes a pair of sockets for itself, on a slow machine as late as this.
const left = (await leftOpen(before)).filter((line) => !line.includes("socket:"));
report({ copies, wrong, opened, leaked: left.length });
for (const source of sources) source.close();
fs.rmSync(folder, { recursive: true });

async function repeat(task: () => Promise<void>): Promise<void> {
  while (copies < wanted || opened < wanted / 100) await task();
}

async function round(at: number): Promise<void> {
  const copy = await copyFileHandle(sources[at]!);
  const { dev, ino, size } = await copy.stat({ bigint: true });
  const expected = identities[at]!;
  if (dev !== expected.dev || ino !== expected.ino || size !== BigInt(at + 1)) wrong++;
  await copy.close();
  copies++;
}

/** About 200 times a second in all, by both ways to open a file. */
async function disturb(): Promise<void> {
  const file = paths[opened++ % paths.length]!;
  if (opened % 2 === 0) fs.closeSync(fs.openSync(file, "r"));
  else await (await fs.promises.open(file)).close();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
