/**
 * A broker opens files and hands them to a worker that may open none: the worker parses what
 * strangers wrote, so it runs in the sandbox of its runtime where that has one, and requests each
 * file from the broker by a name. `deno run -A examples/broker.ts`, or the same with `bun` or `node`.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { duplicate, type HandleChannel, OwnedHandle, parentChannel, spawn } from "duphandle";
import { CreateFileW, FILE_SHARE_READ, GENERIC_READ, OPEN_EXISTING } from "duphandle/win32";

const me = fileURLToPath(import.meta.url);
const parent = parentChannel();
await (parent === undefined ? broker() : worker(parent));

async function broker(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "duphandle-"));
  fs.writeFileSync(path.join(folder, "public.txt"), "for everybody");
  fs.writeFileSync(path.join(folder, "secret.txt"), "for nobody");
  const child = spawn(process.execPath, sandboxed([me, folder]), {
    stdio: ["ignore", "inherit", "inherit"],
    channel: true,
  });
  for await (const { message } of child.channel) {
    if (message === "done") break;
    if (message !== "public.txt") await child.channel.send(`${message} is not for you`);
    else {
      using file = openForReading(path.join(folder, message));
      await child.channel.send("here it is", [file]);
    }
  }
  await child.channel.close();
  await new Promise((resolve) =>
    child.exitCode === null ? child.once("exit", resolve) : resolve(0)
  );
  fs.rmSync(folder, { recursive: true });
}

async function worker(broker: HandleChannel): Promise<void> {
  const secret = path.join(process.argv[2] as string, "secret.txt");
  try {
    fs.readFileSync(secret);
    console.log("worker: this runtime has no sandbox, so I could open the file myself");
  } catch (error) {
    console.log("worker: I may not open it myself:", (error as Error).message);
  }
  for (const name of ["secret.txt", "public.txt"]) {
    await broker.send(name);
    const answer = await broker.receive();
    console.log("broker:", answer?.message);
    for (const handle of answer?.handles ?? []) {
      const file = await handle.toFileHandle();
      console.log("worker: it says", await file.readFile("utf8"));
      await file.close();
    }
  }
  await broker.send("done");
  await broker.close();
}

/** A handle that can only read. On Windows not every runtime exposes the handle of an fd. */
function openForReading(file: string): OwnedHandle {
  if (process.platform !== "win32") {
    const fd = fs.openSync(file, "r");
    try {
      return duplicate(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
  return OwnedHandle.fromRaw(
    CreateFileW(file, GENERIC_READ, FILE_SHARE_READ, null, OPEN_EXISTING, 0, 0),
  );
}

/** The arguments that start a script which may load its own modules, use the FFI, and nothing else. */
function sandboxed(script: string[]): string[] {
  if ("Deno" in globalThis) {
    // On Windows a channel is a named pipe of node:net, for which Deno wants more.
    if (process.platform === "win32") return ["run", "-A", ...script];
    const env = "--allow-env=DUPHANDLE_HANDLES";
    return ["run", "--no-prompt", "--allow-ffi", env, "--allow-read=/dev/null", ...script];
  }
  const [major = 0] = process.versions.node.split(".").map(Number);
  const hasSandbox = !("Bun" in globalThis) && process.platform !== "win32" && major >= 26;
  if (!hasSandbox) return [...process.execArgv, ...script];
  const project = path.dirname(path.dirname(me));
  const readable = [project, os.devNull].map((each) => `--allow-fs-read=${each}`);
  return [...process.execArgv, "--permission", "--allow-ffi", ...readable, ...script];
}
