/**
 * Rotates a log without losing a line: the code that has the descriptor goes on writing to the
 * same number, and from one write to the next that is the new file. Not in Deno for Windows.
 * `deno run -A examples/log_rotation.ts`, or the same with `bun` or `node`.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { duplicateOnto, HandleError } from "duphandle";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const name = path.join(folder, "service.log");
const log = fs.openSync(name, "a");
let line = 0;

const write = () => fs.writeSync(log, `line ${++line}\n`);

/** Keeps the old file under another name, and puts a new one in its place. */
function rotate(generation: number): void {
  fs.renameSync(name, `${name}.${generation}`);
  const next = fs.openSync(name, "a");
  try {
    duplicateOnto(next, log);
  } finally {
    fs.closeSync(next);
  }
}

try {
  for (let generation = 1; generation <= 3; generation++) {
    for (let count = 0; count < 4; count++) write();
    rotate(generation);
  }
  write();
  for (const file of [`${name}.1`, `${name}.2`, `${name}.3`, name]) {
    console.log(path.basename(file), JSON.stringify(fs.readFileSync(file, "utf8")));
  }
} catch (error) {
  if (!(error instanceof HandleError && error.code === "ENOTSUP")) throw error;
  console.log(error.message);
} finally {
  fs.closeSync(log);
  fs.rmSync(folder, { recursive: true });
}
