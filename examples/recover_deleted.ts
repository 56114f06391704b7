/**
 * Recovers a file that was deleted while another process still has it open, by that process's pid:
 * `deno run -A examples/recover_deleted.ts PID [FILE-TO-WRITE]`. Without a pid it shows itself at
 * work on a child that writes a log. Linux; it needs the right to debug the process.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { openProcess } from "duphandle";

/** Each descriptor of a process that refers to a deleted file, and what its path was. */
function deletedFiles(pid: number): [fd: number, path: string][] {
  const found: [number, string][] = [];
  for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
    const path = pathOf(pid, fd);
    if (path.startsWith("/") && path.endsWith(" (deleted)")) {
      found.push([Number(fd), path.slice(0, -" (deleted)".length)]);
    }
  }
  return found;
}

/** Empty when that process has just closed it. */
function pathOf(pid: number, fd: string): string {
  try {
    return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return "";
  }
}

/** Writes what is in the file of that descriptor to another file. */
function recover(pid: number, fd: number, target: string): void {
  using other = openProcess(pid);
  using taken = other.take(fd); // ours now: the file lives on, even when that process ends
  // A log is open for writing only, and no duplicate can do more than its source. Whoever may read
  // the file can open it once more, through the handle, although it has no name any more.
  fs.copyFileSync(`/proc/self/fd/${taken.raw}`, target);
}

async function showOnChild(): Promise<void> {
  const log = `${fs.mkdtempSync("/tmp/duphandle-")}/service.log`;
  const service = spawn("sh", ["-c", `exec 5>"$0"; echo precious >&5; rm "$0"; read _`, log]);
  while (fs.existsSync(log) || deletedFiles(service.pid as number).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const [fd, path] of deletedFiles(service.pid as number)) {
    recover(service.pid as number, fd, `${path}.recovered`);
    console.log(`fd ${fd} was ${path.replace(/.*\//, "")}:`);
    console.log(fs.readFileSync(`${path}.recovered`, "utf8"));
  }
  service.stdin.end();
  fs.rmSync(log.replace(/\/[^/]*$/, ""), { recursive: true });
}

const [pid, target] = process.argv.slice(2);
if (process.platform !== "linux") console.log("This example reads /proc, which only Linux has");
else if (pid === undefined) await showOnChild();
else {
  for (const [fd, path] of deletedFiles(Number(pid))) {
    const copy = target ?? `${path.replace(/.*\//, "")}.recovered`;
    recover(Number(pid), fd, copy);
    console.log(`fd ${fd}, ${path}: written to ${copy}`);
  }
}
