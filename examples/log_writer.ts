/**
 * A log writer that gets its file from a supervisor and survives the supervisor's restart. The writer
 * never opens a file; when its supervisor dies it goes on writing to the file that it has, and the next
 * supervisor finds it again, to give it a new one. `deno run -A examples/log_writer.ts`, or the same
 * with `bun` or `node`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { HandleChannel, OwnedHandle } from "duphandle";
import { O_CLOEXEC, O_WRONLY, open } from "duphandle/posix";
import { CreateFileW, GENERIC_WRITE, OPEN_EXISTING } from "duphandle/win32";

const [role = "all", where = "", name = ""] = process.argv.slice(2);
const roles: Readonly<Record<string, () => Promise<void>>> = { all, writer, supervisor };
await roles[role]!();

/** Where the writer listens. */
function address(folder: string): string {
  const { platform } = process;
  return platform === "win32"
    ? `\\\\.\\pipe\\${path.basename(folder)}`
    : path.join(folder, "writer");
}

/** Shows all of it: a writer, a supervisor that is killed, and the supervisor that replaces it. */
async function all(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
  const line = (text: string, file: string) =>
    until(() => linesOf(path.join(folder, file)) >= 1, text);
  const writer = start("writer", folder);
  const first = start("supervisor", folder, "first.log");
  await line("the first supervisor gave a file", "first.log");
  first.kill("SIGKILL");
  await ended(first);
  const lines = linesOf(path.join(folder, "first.log"));
  await until(
    () => linesOf(path.join(folder, "first.log")) > lines,
    "without it the writer goes on",
  );
  const second = start("supervisor", folder, "second.log");
  await line("the second supervisor gave another file", "second.log");
  writer.kill("SIGKILL");
  second.kill("SIGKILL");
  await Promise.all([writer, second].map(ended));
  fs.rmSync(folder, { recursive: true, maxRetries: 5 });
}

/** Writes a line now and then to the file that it was given last. */
async function writer(): Promise<void> {
  let log: FileHandle | undefined;
  let count = 0;
  await HandleChannel.listen(address(where), async (channel) => {
    for await (const { handles } of channel) {
      const before = log;
      log = await handles[0]!.toFileHandle(); // first, so that no line goes to a closed file
      await before?.close();
    }
  });
  setInterval(async () => await log?.write(`line ${++count}\n`), 20);
}

/** Gives the writer a file, and stays. */
async function supervisor(): Promise<void> {
  const file = path.join(where, name);
  fs.writeFileSync(file, "");
  const channel = await connected(address(where));
  using log = openForWriting(file);
  await channel.send("write here", [log]);
  await channel.receive(); // until one of us ends
}

/** The writer may not be listening yet. */
async function connected(to: string): Promise<HandleChannel> {
  for (;;) {
    try {
      return await HandleChannel.connect(to);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** On Windows not every runtime exposes the handle of an fd, so the system opens the file. */
function openForWriting(file: string): OwnedHandle {
  return OwnedHandle.fromRaw(
    process.platform === "win32"
      ? CreateFileW(file, GENERIC_WRITE, 7, null, OPEN_EXISTING, 0, 0)
      : open(file, O_WRONLY | O_CLOEXEC),
  );
}

function start(...args: string[]): ChildProcess {
  const before = "Deno" in globalThis ? ["run", "-A"] : process.execArgv;
  const script = fileURLToPath(import.meta.url);
  return spawn(process.execPath, [...before, script, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
}

function linesOf(file: string): number {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

async function until(isSo: () => boolean, text: string): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(text);
}
