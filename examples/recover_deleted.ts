/**
 * Recovers files that were deleted while another process still has them open, by that process's pid:
 * `deno run -A examples/recover_deleted.ts PID [FOLDER-TO-WRITE-TO]`. Each file gets a name of its own,
 * `NAME.recovered` or `NAME.recovered.2`, and none that exists is written over. Without a pid it shows
 * itself at work on a child that writes logs. Linux; it needs the right to debug the process.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { openProcess } from "duphandle";

interface Deleted {
  readonly fd: number;
  /** What its path was. */
  readonly path: string;
  readonly id: string;
}

const SUFFIX = " (deleted)";

/** The deleted files of a process, each once, however many descriptors it has. */
function deletedFiles(pid: number): Deleted[] {
  const found = new Map<string, Deleted>();
  for (const name of fs.readdirSync(`/proc/${pid}/fd`)) {
    const link = pathOf(pid, name);
    // A memfd was never a file with a name.
    if (!link.startsWith("/") || !link.endsWith(SUFFIX) || link.startsWith("/memfd:")) continue;
    const id = idOfDeleted(`/proc/${pid}/fd/${name}`);
    if (id === undefined || found.has(id)) continue;
    found.set(id, { fd: Number(name), path: link.slice(0, -SUFFIX.length), id });
  }
  return [...found.values()];
}

/** Empty when that process has just closed it. */
function pathOf(pid: number, fd: string): string {
  try {
    return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return "";
  }
}

/** Identifies a regular file that has no name any more; `undefined` for devices, pipes and all else. */
function idOfDeleted(link: string): string | undefined {
  const stat = fs.statSync(link, { throwIfNoEntry: false });
  return stat?.isFile() && stat.nlink === 0 ? `${stat.dev}:${stat.ino}` : undefined;
}

/** Writes what is in a deleted file to a new file, and returns its path; `undefined` when it is gone. */
function recover(pid: number, { fd, path: was, id }: Deleted, folder: string): string | undefined {
  using other = openProcess(pid);
  using taken = other.take(fd); // ours now: the file lives on, even when that process ends
  // A log is open for writing only, and no duplicate can do more than its source. Whoever may read
  // the file can open it once more, through the handle, although it has no name any more.
  const source = `/proc/self/fd/${taken.raw}`;
  if (idOfDeleted(source) !== id) return undefined; // that process has reused the number
  const to = createFile(path.join(folder, `${path.basename(was)}.recovered`));
  copyContents(source, to.fd);
  return to.path;
}

/** Makes a file that did not exist, under this name or one with a number after it. */
function createFile(name: string): { path: string; fd: number } {
  for (let count = 1;; count++) {
    const path = count === 1 ? name : `${name}.${count}`;
    try {
      return { path, fd: fs.openSync(path, "wx") };
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EEXIST") throw error;
    }
  }
}

/** Copies what is in a file to a descriptor, which it closes. */
function copyContents(source: string, to: number): void {
  const from = fs.openSync(source, "r");
  const piece = new Uint8Array(1 << 16);
  for (let size = fs.readSync(from, piece); size > 0; size = fs.readSync(from, piece)) {
    for (let done = 0; done < size;) done += fs.writeSync(to, piece, done, size - done);
  }
  fs.closeSync(from);
  fs.closeSync(to);
}

function recoverAll(pid: number, folder: string): void {
  for (const file of deletedFiles(pid)) {
    const target = recover(pid, file, folder);
    console.log(`fd ${file.fd}, ${file.path}: ${target ? `written to ${target}` : "gone by now"}`);
  }
}

async function showOnChild(): Promise<void> {
  const folder = fs.mkdtempSync("/tmp/duphandle-");
  const logs = ["a", "b"].map((name) => path.join(folder, name, "service.log"));
  for (const log of logs) fs.mkdirSync(path.dirname(log));
  const script = 'exec 5>"$0" 6>"$1"; echo precious >&5; echo rare >&6; rm "$0" "$1"; read _';
  const service = spawn("sh", ["-c", script, ...logs]);
  const pid = service.pid as number;
  while (deletedFiles(pid).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  recoverAll(pid, folder);
  for (const name of ["service.log.recovered", "service.log.recovered.2"]) {
    console.log(`${name}: ${fs.readFileSync(path.join(folder, name), "utf8").trim()}`);
  }
  service.stdin.end();
  fs.rmSync(folder, { recursive: true });
}

const [pid, folder = "."] = process.argv.slice(2);
if (process.platform !== "linux") console.log("This example reads /proc, which only Linux has");
else if (pid === undefined) await showOnChild();
else recoverAll(Number(pid), folder);
