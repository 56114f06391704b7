/**
 * Follows 5,000 logs at once although a process may have only 256 files open:
 * `prlimit --nofile=256 deno run -A examples/tail_many.ts`, or the same with `bun` or `node`.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { DescriptorPool, HandleError, OwnedHandle, type PooledDescriptor } from "duphandle";
import { O_CLOEXEC, O_RDONLY, open } from "duphandle/posix";
import { CreateFileW, GENERIC_READ, OPEN_EXISTING, ReadFile } from "duphandle/win32";

/** Without privileges Linux keeps only as many as a process may have open: then it follows fewer. */
const LOGS = 5000;
const ROUNDS = 3;
/** The lines of a round. */
const LINES = 3;

const isWindows = process.platform === "win32";
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
const paths = Array.from({ length: LOGS }, (_, at) => path.join(folder, `${at}.log`));
const pool = new DescriptorPool({ limit: 100 });
const logs: PooledDescriptor[] = [];

try {
  follow();
  console.log(`following ${logs.length} logs`);
  for (let round = 1; round <= ROUNDS; round++) {
    write(round);
    tail(round);
  }
  const { resident, parked } = pool.stats;
  console.log(`${resident} have a descriptor, ${parked} wait without one`);
} finally {
  pool.close();
  fs.rmSync(folder, { recursive: true, maxRetries: 5 });
}

/** Opens the logs, until the pool cannot take another one. */
function follow(): void {
  for (const path of paths) {
    fs.writeFileSync(path, "");
    const handle = openLog(path);
    try {
      logs.push(pool.add(handle));
    } catch (error) {
      handle.close();
      if (!(error instanceof HandleError) || error.code !== "EMFILE") throw error;
      console.error(error.message);
      return;
    }
  }
}

/** Appends to some of the logs, as other programs would. */
function write(round: number): void {
  for (let line = 0; line < LINES; line++) {
    const at = Math.floor(Math.random() * logs.length);
    fs.appendFileSync(paths[at]!, `round ${round}, line ${line}\n`);
  }
}

/** Prints what is new in each: the position of every log stays where it was read up to. */
function tail(round: number): void {
  let lines = 0;
  for (const [at, log] of logs.entries()) {
    const text = log.use(readNew);
    for (const line of text.split("\n").slice(0, -1)) {
      lines++;
      console.log(`${path.basename(paths[at]!)}: ${line}`);
    }
  }
  console.log(`round ${round}: ${lines} new lines`);
}

/** What was written behind the position. */
function readNew(fd: number): string {
  const buffer = new Uint8Array(1024);
  // In Deno for Windows, which makes descriptors of handles slowly, it is the handle.
  const count = isWindows && "Deno" in globalThis ? ReadFile(fd, buffer) : fs.readSync(fd, buffer);
  return new TextDecoder().decode(buffer.subarray(0, count));
}

/** On Windows Deno does not expose the handle of a descriptor, which would be searched for, so the system opens it. */
function openLog(path: string): OwnedHandle {
  return OwnedHandle.fromRaw(
    isWindows
      ? CreateFileW(path, GENERIC_READ, 7, null, OPEN_EXISTING, 0, 0)
      : open(path, O_RDONLY | O_CLOEXEC),
  );
}
