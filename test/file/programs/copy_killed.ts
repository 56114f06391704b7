/** Writes lines through copies of one file, each synchronously, and is killed in the middle. */
import { copyFileHandle, CopyFlags } from "duphandle";
import { openRaw } from "../../support/system.ts";

const [file, lines] = process.argv.slice(-2) as [string, string];
let copy = await openRaw(file, "r+").toFileHandle();
for (let line = 0; line < Number(lines); line++) {
  await copy.write(`line ${line}\n`);
  const next = await copyFileHandle(copy, CopyFlags.CloseSource);
  copy = next;
}
process.kill(process.pid, "SIGKILL");
await new Promise(() => setInterval(() => {}, 1000));
