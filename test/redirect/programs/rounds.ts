/** Writes in every way before, during and after a redirection of standard output, many times. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { redirect } from "duphandle";
import { write } from "duphandle/posix";
import { descriptorCount } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

const [rounds, file] = [Number(process.argv[2]), process.argv[3] as string];
const { Bun, Deno } = globalThis as unknown as {
  Bun?: { stdout: unknown; write(to: unknown, text: string): Promise<number> };
  Deno?: { stdout: { writeSync(bytes: Uint8Array): number } };
};
const encoder = new TextEncoder();
const target = fs.openSync(file, "w");
let before = 0;
// Pending output to a slow terminal or pipe would make the first redirection fail: EAGAIN.
redirect(1, target).restore();

for (let round = 0; round < rounds; round++) {
  await writeAll(`before ${round}`, round);
  {
    using _ = redirect(1, target);
    await writeAll(`during ${round}`, round);
  }
  await writeAll(`after ${round}`, round);
  if (round === 1) before = descriptorCount();
}
// A runtime closes its descriptors for a child at an unspecified time.
for (let wait = 1; wait < 1000 && descriptorCount() > before; wait *= 2) {
  await new Promise((resolve) => setTimeout(resolve, wait));
}
report({ grown: descriptorCount() - before });

async function writeAll(what: string, round: number): Promise<void> {
  console.log(`${what} console`);
  process.stdout.write(`${what} stdout\n`);
  fs.writeSync(1, `${what} fs\n`);
  write(1, encoder.encode(`${what} system\n`));
  Deno?.stdout.writeSync(encoder.encode(`${what} runtime\n`));
  await Bun?.write(Bun.stdout, `${what} runtime\n`);
  if (round % 100 === 0) spawnSync("echo", [`${what} child`], { stdio: "inherit" });
}
