/** Forgets a FileHandle whose handle was taken out, collects garbage, and uses the handle. */
import { open } from "node:fs/promises";
import { OwnedHandle } from "duphandle";
import { readRaw } from "../../support/system.ts";
import { report } from "../../support/report.ts";

const uncaught: string[] = [];
process.on("uncaughtException", (error) => uncaught.push(String(error)));
process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") uncaught.push(String(warning));
});

/** In a function of its own, so that nothing refers to the file afterwards. */
async function takeOut(): Promise<{ owner: OwnedHandle; fd: number }> {
  const file = await open(process.argv[2]!);
  const owner = OwnedHandle.fromFd(file);
  return { owner, fd: file.fd };
}

const { owner, fd } = await takeOut();
const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };
for (let round = 0; round < 5; round++) {
  if (Bun === undefined) gc!();
  else Bun.gc(true);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
const text = readRaw(owner.raw, 3);
owner.close();
report({ fd, text, uncaught });
