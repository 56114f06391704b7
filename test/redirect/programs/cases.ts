/** One case of redirection, in a process of its own: it may leave the standard fds unusable. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { duplicate, redirect } from "duphandle";
import { backend, loadLibrary } from "../../../ffi/backend/mod.ts";
import { close, fcntl_getfd, fcntl_getfl, lseek, O_NONBLOCK, SEEK_SET } from "duphandle/posix";
import { libraries } from "../../../ffi/posix/symbols/linux.ts";
import { descriptorCount } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

const [name, file] = process.argv.slice(2) as [string, string];
const target = fs.openSync(file, "w+");
const content = () => fs.readFileSync(file, "utf8");
const link = (fd: number) => fs.readlinkSync(`/proc/self/fd/${fd}`);
/** Deno's stdout waits for a reader, and so does redirect() in Bun. In Node it refuses. */
const waitsForReader = "Deno" in globalThis || process.versions["bun"] !== undefined;
/** Lets the reader of standard output begin. */
const letRead = () => fs.writeFileSync(`${file}.go`, "");
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const cases: Record<string, () => unknown> = {
  exception() {
    const error = thrownBy(() => {
      using _ = redirect(1, target);
      console.log("inside");
      throw new Error("thrown inside");
    });
    console.log("outside");
    return { error: error?.["message"], content: content() };
  },

  /** A stream that takes no other methods: Bun's would have to. */
  frozen() {
    const before = link(1);
    Object.freeze(process.stdout);
    const thrown = thrownBy(() => redirect(1, target).restore()) !== undefined;
    fs.writeSync(1, "still outside\n");
    return { thrown, isBack: link(1) === before, content: content() };
  },

  stderr() {
    {
      using _ = redirect(2, target);
      console.error("error 1");
      process.stderr.write("error 2\n");
      console.log("out");
      fs.writeSync(2, "error 3\n");
      spawnSync("sh", ["-c", "echo error 4 >&2"], { stdio: "inherit" });
    }
    console.error("error 5");
    return content();
  },

  stdin() {
    fs.writeSync(target, "from the file");
    lseek(target, 0, SEEK_SET);
    const buffer = Buffer.alloc(9);
    const { Deno } = globalThis as { Deno?: { stdin: { readSync(b: Uint8Array): number } } };
    const seen: string[] = [];
    {
      using _ = redirect(0, target);
      seen.push(buffer.toString("utf8", 0, fs.readSync(0, buffer, 0, 2, null)));
      const read = Deno?.stdin.readSync(buffer.subarray(0, 2)) ??
        fs.readSync(0, buffer, 0, 2, null);
      seen.push(buffer.toString("utf8", 0, read));
      const { stdout } = spawnSync("cat", [], { stdio: ["inherit", "pipe", "inherit"] });
      seen.push(String(stdout));
    }
    seen.push(String(fs.readSync(0, buffer, 0, 9, null)), link(0));
    return seen;
  },

  children() {
    {
      using _ = redirect(1, target);
      spawnSync("sh", ["-c", "echo child"], { stdio: "inherit" });
      spawnSync("sh", ["-c", "sh -c 'echo grandchild'"], { stdio: ["ignore", 1, "inherit"] });
    }
    spawnSync("echo", ["outside"], { stdio: "inherit" });
    return content();
  },

  /** Output of a native library that the C library has still buffered. */
  native() {
    const c = loadLibrary(
      libraries,
      {
        puts: { parameters: ["address"], result: "i32" },
        fflush: { parameters: ["address"], result: "i32" },
      } as const,
    );
    const puts = (text: string) => {
      const buffer = new ArrayBuffer(4096);
      new Uint8Array(buffer).set(new TextEncoder().encode(text));
      c.puts(backend().addressOf(buffer));
    };
    puts("native before");
    {
      using _ = redirect(1, target);
      puts("native during");
    }
    puts("native after");
    c.fflush(0);
    return content();
  },

  corked() {
    process.stdout.cork();
    process.stdout.write("corked before\n");
    {
      using _ = redirect(1, target);
      process.stdout.write("corked during\n");
    }
    process.stdout.write("corked after\n");
    process.stdout.uncork();
    return content();
  },

  /** Every kind of text and error that a stream takes. */
  async encodings() {
    const errors: unknown[] = [];
    const full = fs.openSync("/dev/full", "w");
    const record = (error?: Error | null) => errors.push((error as { code?: string } | null)?.code);
    {
      using _ = redirect(1, target);
      process.stdout.write("grüße\n");
      process.stdout.write(new Uint8Array([65, 66, 10]));
      await new Promise<void>((resolve) => process.stdout.write("last\n", () => resolve()));
    }
    process.stdout.on("error", () => {});
    {
      using _ = redirect(2, full);
      process.stderr.on("error", () => {});
      try {
        process.stderr.write("no reader\n", record);
      } catch (error) {
        record(error as Error); // Deno throws, except on a terminal
      }
      // A stream tells it later, Deno's at once.
      for (let waited = 0; errors.length === 0 && waited < 10_000; waited += 10) await sleep(10);
    }
    return { content: content(), errors };
  },

  flags() {
    const before = [fcntl_getfd(1), fcntl_getfl(1)] as const;
    const { restore } = redirect(1, target);
    const during = fcntl_getfd(1);
    restore();
    const nonblocking = fcntl_getfl(1) & ~before[1] & O_NONBLOCK;
    return { during, same: fcntl_getfd(1) === before[0], nonblocking };
  },

  /** The stream of the runtime is as it was before. */
  stream() {
    const values = () =>
      Reflect.ownKeys(process.stdout)
        .map((key) => Object.getOwnPropertyDescriptor(process.stdout, key)?.value as unknown);
    const before = values();
    redirect(1, target).restore();
    const after = values();
    return after.length === before.length && after.every((value, at) => value === before[at]);
  },

  /** A failure changes nothing, and leaves nothing open. */
  failures() {
    redirect(1, target).restore();
    const [before, open] = [link(1), descriptorCount()];
    const closed = duplicate(1);
    closed.close();
    const errors = [
      thrownBy(() => redirect(1, 900)),
      thrownBy(() => redirect(1, closed)),
      thrownBy(() => redirect(900, target)),
      thrownBy(() => redirect(-1, target)),
      thrownBy(() => redirect(1, "1" as never)),
    ].map((error) => error?.["code"] ?? error?.["name"]);
    return { errors, same: link(1) === before, grown: descriptorCount() - open };
  },

  closedMeanwhile() {
    const spare = duplicate(target);
    redirect(spare.raw, target).restore();
    const open = descriptorCount();
    const { restore } = redirect(spare.raw, target);
    const { raw } = spare;
    close(raw);
    const error = thrownBy(restore);
    return {
      code: error?.["code"],
      again: thrownBy(restore) ?? null,
      grown: descriptorCount() - open,
    };
  },

  /** More output than a pipe holds, to a reader that is not there at first. */
  async pending() {
    // Where the runtime waits for the reader, it has to come. Elsewhere it comes after the first error.
    if (waitsForReader) letRead();
    for (let part = 0; part < 4; part++) process.stdout.write(`${part}`.repeat(60_000) + "\n");
    let error: Record<string, unknown> | undefined;
    let attempts = 0;
    for (;; attempts++) {
      const thrown = thrownBy(() => {
        using _ = redirect(1, target);
        process.stdout.write("during\n");
      });
      if (thrown === undefined) break;
      error ??= thrown;
      letRead();
      if (thrown["code"] !== "EAGAIN") break;
      await new Promise((resolve) => process.stdout.write("", () => setImmediate(resolve)));
    }
    process.stdout.write("after\n");
    return { code: error?.["code"] ?? null, attempts, content: content() };
  },

  /** Nothing keeps the event loop busy while the old pipe would take more. */
  async idle() {
    letRead();
    for (let part = 0; part < 4; part++) process.stdout.write(`${part}`.repeat(60_000) + "\n");
    await new Promise((resolve) => process.stdout.write("", () => setImmediate(resolve)));
    using _ = redirect(1, target);
    const before = process.cpuUsage();
    await sleep(1000);
    const { user, system } = process.cpuUsage(before);
    return { busy: (user + system) / 1000 };
  },

  async reading() {
    process.stdin.on("data", () => {});
    await sleep(50);
    process.stdin.pause();
    await sleep(50);
    const error = thrownBy(() => redirect(0, target));
    // As the message advises.
    process.stdin.destroy();
    await new Promise((resolve) => process.stdin.once("close", resolve));
    redirect(0, target).restore();
    return { code: error?.["code"], isAdvised: String(error?.["message"]).includes("destroy()") };
  },
};

report(await cases[name]?.());
process.exitCode = 0;
