/** Adopts over and over in Deno for Windows, while threads open and close files. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { copyFileHandleSync, OwnedHandle } from "duphandle";
import * as win32 from "duphandle/win32";
import { diskFileOf, openHandles } from "../../../ffi/win32/inspect.ts";
import { placeholderPath } from "../../../src/windows_file/adopt.ts";
import { report, thrownBy } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const [rounds, threads] = process.argv.slice(2).map(Number) as [number, number];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const file = path.join(folder, "file");
fs.writeFileSync(file, "0123456789");
const owner = OwnedHandle.fromRaw(win32.CreateFileW(file, win32.GENERIC_READ, 7, null, 3, 0, 0));
const buffer = Buffer.alloc(1);
/** How many handles adoptions have: to the object, and to placeholders. Threads that end leave others. */
const count = () => {
  const inode = fs.statSync(placeholderPath()).ino;
  const placeholders = openHandles().filter(({ handle }) => diskFileOf(handle)?.inode === inode);
  return win32.NtQueryObject(owner.raw).HandleCount + placeholders.length;
};
fs.closeSync(copyFileHandleSync(owner));
const before = count();

/** Shared with the threads: whether to stop, how many have begun, files opened, and how many of them wrong. */
const shared = new Int32Array(new SharedArrayBuffer(16));
const ended: Promise<unknown>[] = [];
for (let thread = 0; thread < threads; thread++) {
  fs.writeFileSync(path.join(folder, `${thread}`), `${thread}`);
  const data = { shared, file: path.join(folder, `${thread}`), content: `${thread}` };
  const script = new URL("../../redirect/programs/theft_worker.ts", import.meta.url);
  const worker = startWorker(script, data);
  ended.push(new Promise((resolve) => worker.once("exit", resolve)));
}
while (Atomics.load(shared, 1) < threads) await new Promise((resolve) => setTimeout(resolve, 10));
const [wrong, errors]: [string[], Record<string, number>] = [[], {}];
for (let round = 0; round < rounds; round++) {
  const position = round % 10;
  win32.SetFilePointerEx(owner.raw, position, win32.FILE_BEGIN);
  let fd = -1;
  const error = thrownBy(() => fd = copyFileHandleSync(owner));
  if (error !== undefined) {
    const code = String(error["code"] ?? error["message"]);
    errors[code] = (errors[code] ?? 0) + 1;
    continue;
  }
  fs.readSync(fd, buffer, 0, 1, null);
  if (String(buffer) !== `${position}`) wrong.push(`${position}: ${buffer}`);
  fs.closeSync(fd);
}
Atomics.store(shared, 0, 1);
await Promise.all(ended);
fs.closeSync(copyFileHandleSync(owner)); // closes what was given up while a thread had its number
const [files, wrongFiles] = [Atomics.load(shared, 2), Atomics.load(shared, 3)];
const grown = count() - before;
report({ rounds, wrong, errors, files, wrongFiles, grown });
owner.close();
fs.rmSync(folder, { recursive: true });
process.exit(0);
