/** Starts children while a worker duplicates and closes a handle: none of them may ever have it. */
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { listHandles, OwnedHandle, spawn } from "duphandle";
import { CreateEventW } from "duphandle/win32";
import { isWindows, openRaw } from "../../support/system.ts";
import { report } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const [folder, count, times] = [
  process.argv[2] as string,
  ...process.argv.slice(3).map(Number),
] as [string, number, number];
/** What no child may have, and what each is given, so that it is known that one would be seen. */
const secret = namedHandle("secret");
const given = namedHandle("given");
/** Shared with the worker: whether to stop, and how many duplicates it has made. */
const shared = new Int32Array(new SharedArrayBuffer(8));
const made = () => Atomics.load(shared, 1);
const worker = startWorker(new URL("./race_worker.ts", import.meta.url), {
  secret: secret.raw,
  shared,
});
const exit = new Promise((resolve) => worker.once("exit", resolve));
await new Promise((resolve) => worker.once("message", resolve));
while (made() === 0);
let seen = 0;
let listed = 0;
let children = 0;
/** Duplicates that were made while a child was being started: no others can reach it. */
let raced = 0;
for (; children < count || raced < times; children++) {
  const handles = await handlesOfChild();
  if (handles.includes("given")) listed++;
  if (handles.includes("secret")) seen++;
}
Atomics.store(shared, 0, 1);
await exit;
report({ seen, listed, children, raced });
for (const handle of [secret, given]) handle.close();
process.exit(0);

/** A handle that a list of handles shows with this name. */
function namedHandle(name: string): OwnedHandle {
  if (isWindows) {
    const event = CreateEventW(null, true, false, `Local\\${path.basename(folder)} ${name}`);
    return OwnedHandle.fromRaw(event);
  }
  const file = path.join(folder, name);
  fs.writeFileSync(file, "");
  return openRaw(file, "r");
}

/** Starts a child, and tells which handles it has: on Linux it says so, on Windows it is asked. */
async function handlesOfChild(): Promise<string> {
  const list = path.join(folder, "list.txt");
  const output = fs.openSync(list, "w");
  const before = made();
  const child = isWindows
    ? spawn("cmd.exe", ["/d", "/q", "/k"], {
      stdio: ["pipe", output, "ignore"],
      handles: { given },
    })
    : spawn("sh", ["-c", "ls -l /proc/$$/fd"], {
      stdio: ["ignore", output, "ignore"],
      handles: { given },
    });
  raced += made() - before;
  fs.closeSync(output);
  const ended = once(child, "exit");
  const asked = isWindows ? listHandles(child.pid).map(({ name }) => name).join() : "";
  child.stdin?.end();
  await ended;
  return asked + fs.readFileSync(list, "utf8");
}
