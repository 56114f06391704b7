/**
 * A child that waits for its parent's end, by a handle of the parent itself: no number that could
 * be another process's by then. `deno run -A examples/wait_for_parent.ts`, or the same with `bun`
 * or `node`.
 */
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import {
  currentProcess,
  type HandleSource,
  inherited,
  inheritedNames,
  OwnedHandle,
  spawn,
} from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";

const windows = process.platform === "win32";
const names = inheritedNames();
if (names.includes("parent")) child();
else if (names.includes("news")) parent();
else watch();

/** Starts the parent, and prints what the two say until both have ended. */
function watch(): void {
  const [reader, writer] = windows ? win32.CreatePipe() : posix.pipe2(posix.O_CLOEXEC);
  using news = OwnedHandle.fromRaw(reader);
  using other = OwnedHandle.fromRaw(writer);
  start({ news: other });
  other.close(); // or the pipe would never end for us
  for (let text; (text = read(news)) !== "";) console.log(text.trimEnd());
}

/** Gives the child a real handle of this process, and ends. */
function parent(): void {
  const news = inherited("news");
  using me = currentProcess(); // on Windows it stands for "this process", whichever that is
  using real = me.duplicate();
  start({ parent: real, news });
  say(news, "parent: my child has a handle of me, and I end\n");
  process.exit();
}

/** Waits until the parent has ended, however that comes about. */
function child(): void {
  using parent = inherited("parent");
  using news = inherited("news");
  if (windows) win32.WaitForSingleObject(parent.raw, win32.INFINITE);
  else posix.poll([{ fd: parent.raw, events: posix.POLLIN }], -1);
  say(news, "child: my parent has ended\n");
}

/** Starts this program once more, with handles. */
function start(handles: Record<string, HandleSource>): ChildProcess {
  const me = fileURLToPath(import.meta.url);
  const args = "Deno" in globalThis ? ["run", "-A", me] : [...process.execArgv, me];
  // On Windows, a child that is not detached ends with its parent.
  return spawn(process.execPath, args, { stdio: "ignore", detached: true, handles });
}

function say({ raw }: OwnedHandle, text: string): void {
  const bytes = new TextEncoder().encode(text);
  if (windows) win32.WriteFile(raw, bytes);
  else posix.write(raw, bytes);
}

function read({ raw }: OwnedHandle): string {
  const buffer = new Uint8Array(1000);
  const count = windows ? win32.ReadFile(raw, buffer) : posix.read(raw, buffer);
  return new TextDecoder().decode(buffer.subarray(0, count));
}
