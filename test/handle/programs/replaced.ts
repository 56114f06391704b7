/**
 * Replaces the functions of Node's modules and of Deno after the import of this library, as a test with
 * mocks does; then has this library do what it needs such functions for. It reports which were called.
 */
import childProcess from "node:child_process";
import fs from "node:fs";
import files from "node:fs/promises";
import net from "node:net";
import {
  copyFileHandle,
  copyFileHandleSync,
  DescriptorPool,
  duplicate,
  HandleChannel,
  inspectHandle,
  OwnedHandle,
  redirect,
  spawn,
} from "duphandle";
import { report } from "../../support/report.ts";

const isWindows = process.platform === "win32";
const { Deno } = globalThis as { Deno?: { openSync(): unknown } };
const [file] = process.argv.slice(2) as [string];
const called: string[] = [];

const { closeSync, openSync, readSync } = fs;

/** Puts a function in the place of each of these. Others are called by the runtime itself. */
function replace<Module extends object>(module: Module, ...names: (keyof Module & string)[]): void {
  for (const name of names) {
    const value = (): never => {
      called.push(name);
      throw new Error(`${name} was replaced`);
    };
    Object.defineProperty(module, name, { configurable: true, writable: true, value });
  }
}

duplicate(1).close(); // an older Node loads koffi by these functions
replace(fs, "openSync", "closeSync", "fstatSync", "lstatSync", "chmodSync", "unlinkSync");
replace(files, "open");
replace(childProcess, "spawn");
replace(net, "connect", "createServer");
if (Deno !== undefined) replace(Deno, "openSync");
const replaced = fs.openSync !== openSync;

/** The first bytes of a descriptor of the runtime, which it closes. */
function read(fd: number): string {
  const buffer = new Uint8Array(5);
  const count = readSync(fd, buffer, 0, 5, 0);
  closeSync(fd);
  return new TextDecoder().decode(buffer.subarray(0, count));
}

const done: Record<string, unknown> = {};
const source = openSync(file, "r+");
const canAdopt = !(isWindows && Deno !== undefined);
if (canAdopt) {
  done["copyFileHandleSync"] = read(copyFileHandleSync(source));
  done["toFd"] = read(duplicate(source).toFd());
  const copy = await copyFileHandle(source);
  done["copyFileHandle"] = (await copy.read(new Uint8Array(5), 0, 5, 0)).bytesRead;
  await copy.close();
  const given = await duplicate(source).toFileHandle();
  done["toFileHandle"] = (await given.read(new Uint8Array(5), 0, 5, 0)).bytesRead;
  await given.close();
  OwnedHandle.fromFd(copyFileHandleSync(source)).close();
  using pool = new DescriptorPool({ limit: 1 });
  done["pool"] = pool.add(duplicate(source)).use((fd) => fd > 2);
  done["inspect"] = inspectHandle(source).kind;
}
if (!isWindows) {
  {
    using _ = redirect(1, source);
    console.log("moved");
    process.stdout.write("written\n");
  }
  done["redirect"] = read(copyFileHandleSync(source));
}
const child = spawn(process.execPath, ["--version"], {
  stdio: "ignore",
  channel: true,
  handles: canAdopt ? { file: source } : {},
});
done["spawn"] = await new Promise((resolve) => child.once("exit", resolve));
await child.channel.close();
const path = isWindows ? `\\\\.\\pipe\\replaced-${process.pid}` : `${file}.socket`;
await using server = await HandleChannel.listen(path, (channel) => void channel.close());
await using channel = await HandleChannel.connect(path);
done["receive"] = (await channel.receive()) ?? "closed";
await server.close();
closeSync(source);
Object.assign(fs, { openSync, closeSync });
report({ replaced, called, done });
