/** One case of duplicateOnto() with a standard descriptor, in a process of its own. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { duplicate, duplicateOnto, inherited, redirect } from "duphandle";
import { fcntl_getfd, fcntl_getfl, lseek, SEEK_SET, write } from "duphandle/posix";
import { backend, loadLibrary } from "../../../ffi/backend/mod.ts";
import { libraries } from "../../../ffi/posix/symbols/linux.ts";
import { descriptorCount } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";
import { startWorker } from "../../support/worker.mjs";

const [name, file, fdText = "1"] = process.argv.slice(2) as [string, string, string?];
const fd = Number(fdText);
const target = fs.openSync(file, "w+");
const lines = (path = file) =>
  fs.readFileSync(path, "utf8").replaceAll(/\p{Cc}\[\d*m/gu, "").split("\n").slice(0, -1);
const link = () => fs.readlinkSync(`/proc/self/fd/${fd}`);
const encode = (text: string) => new TextEncoder().encode(text);

interface Writer {
  writeSync(bytes: Uint8Array): number;
}
const { Bun, Deno } = globalThis as unknown as {
  Bun?: {
    stdout: unknown;
    stderr: unknown;
    write(to: unknown, text: string): Promise<number>;
    spawnSync(command: string[], options: object): void;
  };
  Deno?: {
    stdout: Writer;
    stderr: Writer;
    Command: new (command: string, options: object) => { outputSync(): void };
  };
};
const stream = fd === 2 ? "stderr" : "stdout";

/** A line in each way that a program has to print. What it prints is named after the way. */
const ways: Record<string, (text: string) => unknown> = {
  console: (text) => fd === 2 ? console.error(text) : console.log(text),
  process: (text) => process[stream].write(`${text}\n`),
  fs: (text) => fs.writeSync(fd, `${text}\n`),
  system: (text) => write(fd, encode(`${text}\n`)),
  inherit: (text) => child(text, { stdio: "inherit" }),
  numbers: (text) => child(text, { stdio: [0, 1, 2] }),
  ...fd === 1 ? { native: puts } : {},
  ...Deno === undefined ? {} : {
    runtime: (text) => Deno[stream].writeSync(encode(`${text}\n`)),
    Command: (text) => {
      const inherit = { stdin: "inherit", stdout: "inherit", stderr: "inherit" };
      new Deno.Command("sh", { args: ["-c", script(text)], ...inherit }).outputSync();
    },
  },
  ...Bun === undefined ? {} : {
    runtime: (text) => Bun.write(Bun[stream], `${text}\n`),
    "Bun.spawn": (text) => {
      for (const stdio of [["inherit", "inherit", "inherit"], [0, 1, 2]]) {
        Bun.spawnSync(["sh", "-c", script(text)], { stdio });
      }
    },
  },
};

function script(text: string): string {
  return `echo ${text}${fd === 2 ? " >&2" : ""}`;
}

function child(text: string, options: object): void {
  spawnSync("sh", ["-c", script(text)], options);
}

/** By a native library, which buffers it. */
function puts(text: string): void {
  const functions = {
    puts: { parameters: ["address"], result: "i32" },
    fflush: { parameters: ["address"], result: "i32" },
  } as const;
  const c = loadLibrary(libraries, functions);
  const buffer = new ArrayBuffer(4096);
  new Uint8Array(buffer).set(encode(text));
  c.puts(backend().addressOf(buffer));
  c.fflush(0);
}

/** Prints in each way, one after the other, and returns the ways that must appear in the file. */
async function print(prefix: string): Promise<string[]> {
  const printed: string[] = [];
  for (const [way, writeLine] of Object.entries(ways)) {
    await writeLine(`${prefix}-${way}`);
    printed.push(`${prefix}-${way}`, ...way === "Bun.spawn" ? [`${prefix}-${way}`] : []);
  }
  return printed;
}

const cases: Record<string, () => unknown> = {
  /** All that is printed follows, also when it was printed in that way before. */
  async follow() {
    await print("before");
    const results: object[] = [];
    for (const inheritable of [true, false]) {
      duplicateOnto(target, fd, { inheritable });
      results.push({ isInheritable: (fcntl_getfd(fd) & 1) === 0 });
      results.push({ expected: await print(`inheritable-${inheritable}`) });
    }
    return { results, lines: lines() };
  },

  /** A redirection on top of it ends where it has begun. */
  async redirectLater() {
    duplicateOnto(target, fd, { inheritable: true });
    const second = `${file}.2`;
    const other = fs.openSync(second, "w");
    const before = await print("before");
    const { restore } = redirect(fd, other);
    const during = await print("during");
    restore();
    const after = await print("after");
    fs.closeSync(other);
    const seen = { first: lines(), second: lines(second) };
    fs.rmSync(second);
    return { seen, expected: { first: [...before, ...after], second: during } };
  },

  /** A redirection ends with what it began with, whatever replaced the descriptor meanwhile. */
  async redirectAround() {
    const second = `${file}.2`;
    const other = fs.openSync(second, "w");
    const { restore } = redirect(fd, other);
    duplicateOnto(target, fd, { inheritable: true });
    const during = await print("during");
    restore();
    await print("after");
    fs.closeSync(other);
    const seen = { first: lines(), second: lines(second) };
    fs.rmSync(second);
    return { seen, expected: { first: during, second: [] } };
  },

  /** A stream that takes no other methods: Bun's would have to. */
  frozen() {
    const before = link();
    Object.freeze(process[stream]);
    const thrown = thrownBy(() => duplicateOnto(target, fd)) !== undefined;
    return { thrown, same: link() === before };
  },

  stdin() {
    fs.writeSync(target, "from the file");
    lseek(target, 0, SEEK_SET);
    duplicateOnto(target, 0, { inheritable: true });
    const buffer = Buffer.alloc(9);
    const seen = [buffer.toString("utf8", 0, fs.readSync(0, buffer, 0, 4, null))];
    // Deno takes the number 0 in stdio for "ignore".
    const command = ["-c", "dd bs=1 count=4 2>/dev/null"];
    seen.push(String(spawnSync("sh", command, { stdio: ["inherit", "pipe", "inherit"] }).stdout));
    return seen;
  },

  /** Each failure leaves everything as it was. */
  async failures() {
    await print("begin");
    const [before, flags, open] = [link(), fcntl_getfl(fd), descriptorCount()];
    const closed = duplicate(1);
    closed.close();
    const errors = [
      thrownBy(() => duplicateOnto(900, fd)),
      thrownBy(() => duplicateOnto(closed, fd)),
      thrownBy(() => duplicateOnto(fd, fd)),
    ].map((error) => error?.["code"]);
    const expected = await print("after");
    const same = link() === before && fcntl_getfl(fd) === flags;
    return { errors, same, grown: descriptorCount() - open, expected, lines: lines() };
  },

  /** strace makes the second dup3 fail, by which children would follow. */
  half() {
    const [before, inheritance] = [link(), fcntl_getfd(fd)];
    const how = process.argv[5];
    const error = thrownBy(() =>
      how === "redirect" ? redirect(fd, target) : duplicateOnto(target, fd)
    );
    child("child", { stdio: "inherit" });
    console.log("console");
    const same = link() === before && fcntl_getfd(fd) === inheritance;
    return { code: error?.["code"], call: error?.["syscall"], same, lines: lines() };
  },

  async worker() {
    const worker = startWorker(new URL("./standard_worker.ts", import.meta.url), {});
    return await new Promise((resolve) => worker.once("message", resolve));
  },

  /** What this process inherited is another program's, also when it is the same open file. */
  inherited() {
    using out = inherited("out");
    duplicateOnto(target, 1);
    child("child", { stdio: "inherit" });
    write(out.raw, encode("to the inherited one\n"));
    return { lines: lines() };
  },

  /** Node's stream waits for a reader that has not come yet. */
  async pending() {
    for (let part = 0; part < 4; part++) process.stdout.write(`${part}`.repeat(60_000) + "\n");
    const [before, error] = [link(), thrownBy(() => duplicateOnto(target, 1))];
    const same = link() === before;
    fs.writeFileSync(`${file}.go`, "");
    await new Promise((resolve) => process.stdout.write("", () => setImmediate(resolve)));
    duplicateOnto(target, 1);
    console.log("after");
    return { code: error?.["code"], same, lines: lines() };
  },
};

report(await cases[name]?.());
process.exitCode = 0;
