/** Looks for descriptors while a worker opens and closes files, those under question among them. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { duplicate } from "duphandle";
import { close, lseek, read } from "duphandle/posix";
import { identityOf } from "../../../ffi/posix/identity.ts";
import { type FsFile, fsFileFrom } from "../../../src/handle/deno_file.ts";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

interface File {
  readSync(bytes: Uint8Array): number | null;
  seekSync(offset: number, whence: number): number;
  statSync(): { ino: number };
  close(): void;
}
const deno = (globalThis as unknown as { Deno: { openSync(path: string): File } }).Deno;

const rounds = Number(process.argv[2]);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const paths = ["A", "B", "C", "D"].map((letter) => {
  const file = path.join(folder, letter);
  fs.writeFileSync(file, letter.repeat(64));
  return file;
});

/** Shared with the worker: whether to stop, and how many files it has opened. */
const shared = new Int32Array(new SharedArrayBuffer(8));
const worker = startWorker(new URL("./deno_file_race_worker.ts", import.meta.url), {
  paths,
  shared,
});
await new Promise((resolve) => worker.once("message", resolve));

const wrong: string[] = [];
const buffer = new Uint8Array(1);
for (let round = 0; round < rounds; round++) {
  const at = round % paths.length;
  const file = deno.openSync(paths[at]!);
  file.seekSync(round % 60, 0);
  const copy = duplicate(file as FsFile).release();
  const { ino } = file.statSync();
  if (identityOf(copy)?.inode !== ino) wrong.push("another file");
  if (lseek(copy, 0, 1) !== round % 60) wrong.push("another position");
  lseek(copy, 61, 0);
  if (file.seekSync(0, 1) !== 61) wrong.push("another open file");
  const made = fsFileFrom(copy) as unknown as File;
  if (made.readSync(buffer) !== 1 || buffer[0] !== 65 + at) {
    wrong.push("another file made");
  }
  if (made.seekSync(0, 1) !== 62 || file.seekSync(0, 1) !== 62) wrong.push("made apart");
  const again = duplicate(made as FsFile).release();
  if (read(again, buffer) !== 1 || file.seekSync(0, 1) !== 63) wrong.push("another after making");
  close(again);
  made.close();
  file.close();
}
Atomics.store(shared, 0, 1);
await new Promise((resolve) => worker.once("exit", resolve));
report({ wrong, opened: Atomics.load(shared, 1) > 0 });
fs.rmSync(folder, { recursive: true });
process.exit(0);
