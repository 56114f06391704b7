/** What `spawn` passes to a child, what it refuses, and that nothing else gets there. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import * as path from "node:path";
import { borrow, duplicate, type HandleSource, OwnedHandle, spawn } from "duphandle";
import { fcntl_getfl, fcntl_setfl, O_NONBLOCK } from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { childFiles } from "../support/child_files.ts";
import {
  childOf,
  HANDLES_VARIABLE,
  lacksWorkers,
  type NamesReport,
} from "../support/child_programs.ts";
import { commandFor, programPath, runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { receiveText, socketPair } from "../support/sockets.ts";
import {
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
} from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

beforeAll(openOnce);

describe("spawn()", () => {
  test("takes every kind of source, and leaves it with its owner", async () => {
    using file = temporaryFile("abcdefgh");
    using owned = openRaw(file.path, "r");
    const fd = fs.openSync(file.path, "r");
    const fileHandle = await open(file.path, "r");
    try {
      const borrowed = borrow(owned.raw);
      const sources: HandleSource[] = [owned, owned.borrow(), borrowed, fd, { fd }, fileHandle];
      const handles = Object.fromEntries(sources.map((source, at) => [`h${at}`, source]));
      expect(await childOf("child/many.ts", { handles })).toEqual({
        names: Object.keys(handles),
        letters: "abcaba",
      });
      expect(positionOf(owned.raw)).toBe(3);
      expect(fs.readSync(fd, new Uint8Array(1))).toBe(1);
    } finally {
      fs.closeSync(fd);
      await fileHandle.close();
    }
  });

  test("gives the access of the source, and no more", async () => {
    using file = temporaryFile("abc");
    using source = openRaw(file.path, "r+");
    using narrow = duplicate(source, { access: "read" });
    expect(await childOf("child/access.ts", { handles: { wide: source, narrow } })).toEqual({
      wide: undefined,
      narrow: isWindows ? "EACCES" : "EBADF",
    });
  });

  test.skipIf(isWindows)("leaves a handle non-blocking, for all who have it", async () => {
    const { reader, writer } = pipeRaw();
    using _reader = reader;
    using _writer = writer;
    fcntl_setfl(reader.raw, fcntl_getfl(reader.raw) | O_NONBLOCK);
    const before = fcntl_getfl(writer.raw);
    const child = spawn(process.execPath, ["--version"], {
      stdio: "ignore",
      handles: { reader, writer },
    });
    const ended = once(child as unknown as ChildProcess, "exit");
    expect(fcntl_getfl(reader.raw) & O_NONBLOCK).toBe(O_NONBLOCK);
    expect(fcntl_getfl(writer.raw)).toBe(before);
    await ended;
  });

  test("passes a hundred handles", async () => {
    using file = temporaryFile("x".repeat(100));
    using source = openRaw(file.path, "r");
    const names = Array.from({ length: 100 }, (_, at) => `number ${at}`);
    const handles = Object.fromEntries(names.map((name) => [name, source]));
    expect(await childOf("child/many.ts", { handles })).toEqual({
      names,
      letters: "x".repeat(100),
    });
  });

  test("starts children side by side, each with its own", async () => {
    const pipes = Array.from({ length: 3 }, pipeRaw);
    const children = pipes.map(async ({ reader, writer }, at) => {
      using file = temporaryFile(String(at));
      using source = openRaw(file.path, "r");
      const running = childOf("child/copy.ts", { handles: { from: source, to: writer } });
      writer.close();
      await running;
      expect(readRaw(reader.raw, 10)).toBe(String(at));
      expect(readRaw(reader.raw, 10), "the end").toBe("");
      reader.close();
    });
    await Promise.all(children);
  });

  test("passes the options of node:child_process on", async () => {
    using files = childFiles();
    const [command, ...args] = commandFor(programPath("child/options.ts")) as [string, ...string[]];
    const env = { ...files.options.env, SECRET: "42" };
    const stop = new AbortController();
    using log = duplicate(1);
    const options = { ...files.options, env, cwd: files.folder, signal: stop.signal };
    const child = spawn(command, [...args, "one two"], { ...options, handles: { log } });
    expect(await files.result(child)).toEqual({
      cwd: fs.realpathSync(files.folder),
      secret: "42",
      argument: "one two",
    });
    expect(env).not.toHaveProperty(HANDLES_VARIABLE);
    expect(process.env).not.toHaveProperty(HANDLES_VARIABLE);
  });

  test("gives nothing to a child without handles, and takes a stale variable away", async () => {
    const env = Object.create({ [HANDLES_VARIABLE]: "log=3" }) as NodeJS.ProcessEnv;
    if (isWindows) env["DupHandle_Handles"] = "log=4"; // there a name is one whatever its case
    const { names } = await childOf("child/inherited_names.ts", { env }) as NamesReport;
    expect(names).toEqual([]);
  });

  test("reports a program that is not there by its event, and keeps nothing open", async () => {
    using file = temporaryFile("unharmed");
    using source = openRaw(file.path, "r+");
    // More than what is free below the runtime's own: none of these numbers may be in its way.
    const names = Array.from({ length: 100 }, (_, at) => `number ${at}`);
    const child = spawn("/there/is/no/such/program", [], {
      handles: Object.fromEntries(names.map((name) => [name, source])),
    });
    const [error] = await once(child, "error");
    // Deno for Windows gives no code.
    expect(error).toMatchObject(isDeno && isWindows ? { name: "Error" } : { code: "ENOENT" });
    expect(fs.readFileSync(file.path, "utf8")).toBe("unharmed");
    for (const stream of child.stdio) stream?.on("error", () => {}).destroy();
  });

  test("refuses what cannot be passed, before anything is started", () => {
    using file = temporaryFile("");
    const closed = openRaw(file.path, "r");
    closed.close();
    using source = openRaw(file.path, "r");
    const marker = path.join(path.dirname(file.path), "started");
    const start = (handles: unknown) => () =>
      spawn(
        process.execPath,
        ["-e", `require("fs").writeFileSync(${JSON.stringify(marker)}, "")`],
        {
          handles: handles as Record<string, HandleSource>,
        },
      );
    for (const handles of [1, "log", null, true, [source], new Map([["log", source]]), () => {}]) {
      expect(start(handles), String(handles)).toThrow(TypeError);
    }
    for (const value of [undefined, null, NaN, -1, 1.5, 2 ** 31, "3", {}, [], { fd: "3" }]) {
      expect(start({ good: source, bad: value })).toThrow(TypeError);
    }
    expect(start({ "": source })).toThrow(TypeError);
    expect(start({ "\ud800": source })).toThrow(TypeError);
    expect(start({ good: source, closed })).toThrow(expect.objectContaining({ code: "EBADF" }));
    const { raw } = openRaw(file.path, "r");
    OwnedHandle.fromRaw(raw).close();
    // The number is free, and what is made for the first must not become the second.
    expect(start({ good: source, bad: borrow(raw) }))
      .toThrow(expect.objectContaining({ code: "EBADF" }));
    expect(() => spawn("x", [], 1 as never)).toThrow(TypeError);
    expect(() => spawn("x", 1 as never)).toThrow(TypeError);
    expect(fs.existsSync(marker)).toBe(false);
  });

  test("throws what the runtime throws, and keeps nothing open", () => {
    using file = temporaryFile("");
    using source = openRaw(file.path, "r");
    using leak = duplicate(source, { inheritable: true });
    expect(() => spawn("a\0b", [], { handles: { log: source } })).toThrow();
    expect(() => spawn(1 as never, [], { handles: { log: source } })).toThrow();
    expect(() => spawn("x", [], { stdio: 1 as never, handles: { log: source } })).toThrow();
    expect(leak.inheritable).toBe(true);
  });

  test.runIf(isWindows)("passes a socket of Windows once, and keeps it as it was", async () => {
    const [near, far] = socketPair();
    using port = OwnedHandle.fromRaw(win32.CreateIoCompletionPort(-1, 0, 0, 0));
    const refused = (handles: Record<string, HandleSource>) =>
      thrownBy(() => spawn("x", { handles })).code;
    expect(refused({ one: near, two: near })).toBe("EINVAL");
    expect(refused({ port })).toBe("ENOTSUP");
    far.inheritable = false; // what accept() makes is
    const running = childOf("child/socket.ts", { handles: { socket: far } });
    expect(far.inheritable).toBe(false);
    far.close();
    expect(receiveText(near.raw)).toBe("from the child");
    expect(receiveText(near.raw), "the end").toBe("");
    await running;
    near.close();
  });

  test("reaches a grandchild through a shell", async () => {
    using file = temporaryFile("ab");
    using files = childFiles();
    using source = openRaw(file.path, "r");
    const command = commandFor(programPath("child/many.ts")).map((word) => `"${word}"`).join(" ");
    // In cmd.exe, a command that begins and ends with a quotation mark loses both.
    const child = spawn(isWindows ? `${command} ` : `${command}; exit $?`, {
      ...files.options,
      shell: true,
      handles: { one: source, two: source },
    });
    expect(await files.result(child)).toEqual({ names: ["one", "two"], letters: "ab" });
  });
});

test.skipIf(isWindows)("at the descriptor limit it fails, and nothing leaks", () => {
  const { codes, leaked } = runProgram("child/limit.ts", {
    prefix: ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"'],
  }).result as { codes: unknown[]; leaked: number };
  expect(codes[0]).toBe("EMFILE");
  expect(codes.at(-1)).toBe(0);
  expect(leaked).toBe(0);
});

test.skipIf(lacksWorkers)(
  "no child sees what another thread duplicates at that moment (Deno's threads lack a call under Wine)",
  () => {
    using folder = temporaryFolder();
    // A child under Wine takes as long as many of Linux. Bun for Linux gives only what stdio lists.
    const [count, times] = [rounds(300, 30), rounds(10_000, 100)];
    const { seen, listed, children, raced } = runProgram("child/race.ts", {
      args: [folder.path, String(count), String(times)],
    }).result as Record<string, number>;
    expect(children).toBeGreaterThanOrEqual(count);
    expect(raced).toBeGreaterThanOrEqual(times);
    expect(listed).toBe(children);
    expect(seen).toBe(0);
  },
);
