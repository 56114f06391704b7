import * as child_process from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import * as path from "node:path";
import {
  borrow,
  duplicate,
  type HandleSource,
  type HandleSpawnOptions,
  inherited,
  inheritedNames,
  OwnedHandle,
  spawn,
} from "duphandle";
import * as posix from "duphandle/posix";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { childFiles } from "../support/child_files.ts";
import { commandFor, hasCommand, programPath, runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { receiveText, socketPair } from "../support/sockets.ts";
import {
  fdsAreSources,
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

const VARIABLE = "DUPHANDLE_HANDLES";
/** Deno's worker threads lack a call under Wine. */
const lacksWorkers = isDeno && isWindows;
/** How a script of sh finds a number: what follows the name in the variable, up to the next `&`. */
const numberOf = (name: string) => `$(echo "$${VARIABLE}" | sed "s/.*${name}=//; s/&.*//")`;

function program(name: string): string {
  return programPath(name);
}

/** Starts a program beside the tests in the runtime of the test; what it reports. */
async function childOf(
  name: string,
  options: Omit<HandleSpawnOptions, "channel">,
): Promise<unknown> {
  using files = childFiles();
  const [command, ...args] = commandFor(program(name)) as [string, ...string[]];
  const env = Object.assign(options.env ?? {}, files.options.env);
  return await files.result(spawn(command, args, { ...files.options, ...options, env }));
}

/** Runs a script of sh with handles; what it wrote to the handle "out". */
async function shell(
  script: string,
  options: HandleSpawnOptions = {},
  command: string = "sh",
): Promise<string> {
  using file = temporaryFile("");
  using out = openRaw(file.path, "w");
  const child = spawn(command, ["-c", `exec 9>&${numberOf("out")}; ${script}`], {
    stdio: "ignore",
    ...options,
    handles: { ...options.handles, out },
  });
  for (const stream of child.stdio) stream?.on("error", () => {}).destroy();
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
  return fs.readFileSync(file.path, "utf8");
}

beforeAll(openOnce);

describe("inherited()", () => {
  test("gives each handle once, keeps it from others, and tells what is wrong", async () => {
    using file = temporaryFile("abcdef");
    using source = openRaw(file.path, "r");
    const handles = { "the log": source, "ö&=%+": source };
    const seen = await childOf("child/inherited.ts", { handles }) as Record<string, never>;
    expect(seen).toMatchObject({
      names: Object.keys(handles),
      again: Object.keys(handles),
      text: "abc",
      flags: [false, false],
      kinds: ["TypeError", "TypeError", "TypeError"],
      unknown: { name: "HandleError", code: "ENOENT", status: "ERROR_FILE_NOT_FOUND" },
      twice: { name: "HandleError", code: "EBADF", status: "ERROR_INVALID_HANDLE" },
      closed: { name: "HandleError", code: "EBADF", handle: seen["number"] },
    });
    const { told, unknown, twice, closed } = seen as Record<string, { message: string }>;
    expect(told).toMatch(/^the%20log=\d+&%C3%B6%26%3D%25%2B=\d+(&=[\d:,]+)?$/);
    expect(unknown?.message).toMatch(/"nobody": there are "the log", "ö&=%\+"; name it in /);
    expect(twice?.message).toMatch(/"the log" twice: it has one owner; duplicate the first one$/);
    expect(closed?.message).toMatch(/is not what the parent gave; it was closed here/);
    expect(seen).not.toHaveProperty("after");
    expect(positionOf(source.raw)).toBe(3);
    if (isWindows) return;
    expect(seen["grandchild"]).toContain("[]");
    expect(seen["grandchild"]).not.toContain(file.path);
  });

  test("finds nothing in a process that was given nothing", async () => {
    expect(inheritedNames()).toEqual([]);
    expect(thrownBy(() => inherited("log"))).toMatchObject({
      code: "ENOENT",
      message: expect.stringMatching(/this process got none: it was not started by spawn\(\)/),
    });
    for (const handles of [undefined, {}]) {
      const env = { [VARIABLE]: "log=3" };
      const { names, unknown } = await childOf("child/inherited_names.ts", {
        env,
        handles,
      }) as Told;
      expect([names, unknown["code"]]).toEqual([[], "ENOENT"]);
    }
  });

  test("refuses a variable that somebody else wrote, and a number that is another file", async () => {
    const told = async (value: string) => {
      using files = childFiles();
      const [command, ...args] = commandFor(program("child/inherited_names.ts")) as [
        string,
        ...string[],
      ];
      const env = { ...files.options.env, [VARIABLE]: value };
      return await files.result(
        child_process.spawn(command, args, { ...files.options, env }),
      ) as Told;
    };
    for (const value of ["log", "log=", "log=3x", "log=-7", "log=4294967299", "log=3.5"]) {
      expect((await told(value)).error, value).toMatchObject({ code: "EINVAL" });
    }
    // What a process in between did not pass on: the number is the runtime's own, or nobody's.
    const { error, names, taken } = await told(
      isWindows ? "log=4&far=65532" : "log=3&far=999&=1:2,",
    );
    expect(error).toBeUndefined();
    expect(names).toEqual(["log", "far"]);
    expect(taken.map((each) => each?.["code"])).toEqual(["EBADF", "EBADF"]);
  });

  test.skipIf(lacksWorkers)(
    "is refused in a worker thread, which would be a second owner (Deno's lack a call under Wine)",
    async () => {
      using file = temporaryFile("");
      using log = openRaw(file.path, "r");
      expect(await childOf("child/worker.ts", { handles: { log } })).toMatchObject({
        inWorker: { code: "ENOTSUP", message: expect.stringContaining("in the main thread") },
        inMain: ["log"],
      });
    },
  );

  test.runIf(isDeno)("says which permission it needs", () => {
    const { error } = runProgram("child/inherited_names.ts", {
      permissions: ["--allow-ffi", "--allow-write", "--allow-env=DUPHANDLE_RESULT"],
    }).result as Told;
    expect(error).toMatchObject({
      code: "EACCES",
      message: expect.stringContaining("run with --allow-env=DUPHANDLE_HANDLES"),
    });
  });
});

/** What inherited_names.ts reports. */
interface Told {
  readonly error?: Record<string, unknown>;
  readonly names: string[];
  readonly taken: (Record<string, unknown> | undefined)[];
  readonly unknown: Record<string, unknown>;
}

describe("spawn()", () => {
  test("takes every kind of source, and leaves it with its owner", async () => {
    using file = temporaryFile("abcdefgh");
    using owned = openRaw(file.path, "r");
    const fd = fs.openSync(file.path, "r");
    const fileHandle = await open(file.path, "r");
    try {
      const sources: HandleSource[] = [owned, owned.borrow(), borrow(owned.raw)];
      // Deno for Windows tells the HANDLE of no descriptor above 2.
      if (fdsAreSources) sources.push(fd, { fd }, fileHandle);
      else {
        const refused = () => spawn("x", { handles: { fd } });
        expect(refused).toThrow(expect.objectContaining({ code: "ENOTSUP" }));
      }
      const handles = Object.fromEntries(sources.map((source, at) => [`h${at}`, source]));
      expect(await childOf("child/many.ts", { handles })).toEqual({
        names: Object.keys(handles),
        letters: fdsAreSources ? "abcaba" : "abc",
      });
      expect(positionOf(owned.raw)).toBe(3);
      if (fdsAreSources) expect(fs.readSync(fd, new Uint8Array(1))).toBe(1);
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
    const [command, ...args] = commandFor(program("child/options.ts")) as [string, ...string[]];
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
    expect(env).not.toHaveProperty(VARIABLE);
    expect(process.env).not.toHaveProperty(VARIABLE);
  });

  test("gives nothing to a child without handles, and takes a stale variable away", async () => {
    const env = Object.create({ [VARIABLE]: "log=3" }) as NodeJS.ProcessEnv;
    if (isWindows) env["DupHandle_Handles"] = "log=4"; // there a name is one whatever its case
    const { names } = await childOf("child/inherited_names.ts", { env }) as Told;
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
    const command = commandFor(program("child/many.ts")).map((word) => `"${word}"`).join(" ");
    // In cmd.exe, a command that begins and ends with a quotation mark loses both.
    const child = spawn(isWindows ? `${command} ` : `${command}; exit $?`, {
      ...files.options,
      shell: true,
      handles: { one: source, two: source },
    });
    expect(await files.result(child)).toEqual({ names: ["one", "two"], letters: "ab" });
  });
});

describe.skipIf(isWindows)("a child that is no JavaScript (POSIX: cmd.exe uses no HANDLE)", () => {
  test("finds its numbers in the variable", async () => {
    using file = temporaryFile("from the file\n");
    using input = openRaw(file.path, "r");
    expect(await shell(`cat <&${numberOf("in")} >&9`, { handles: { in: input } }))
      .toBe("from the file\n");
  });

  test("has them after what stdio lists, whatever that is", async () => {
    using file = temporaryFile("");
    const extra = fs.openSync(file.path, "r");
    const forms: [HandleSpawnOptions["stdio"], number][] = [
      [undefined, 3],
      ["pipe", 3],
      ["ignore", 3],
      ["inherit", 3],
      [[], 3],
      [["ignore"], 3],
      [["ignore", "inherit", "inherit"], 3],
      [["ignore", "ignore", 2], 3],
      [["ignore", "ignore", process.stderr], 3],
      [["ignore", "ignore", "ignore", "pipe"], 4],
      [["ignore", "ignore", "ignore", extra, "pipe"], 5],
      [["ignore", "ignore", "ignore", "ignore", "pipe", extra], 6],
    ];
    for (const [stdio, number] of forms) {
      expect(await shell(`echo ${numberOf("out")} >&9`, { stdio }), String(stdio))
        .toBe(`${number}\n`);
    }
    fs.closeSync(extra);
  });

  test("talks through a pipe of stdio beside its handles", async () => {
    using file = temporaryFile("abc");
    using input = openRaw(file.path, "r");
    const child = spawn("sh", ["-c", `cat <&${numberOf("in")} >&3`], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
      handles: { in: input },
    });
    const exit = once(child, "exit");
    const pipe = child.stdio[3] as NodeJS.ReadableStream;
    let text = "";
    for await (const chunk of pipe) text += chunk;
    expect([text, (await exit)[0]]).toEqual(["abc", 0]);
  });

  test.runIf(hasCommand("bash"))("keeps a descriptor that stdio leaves where it is", async () => {
    using file = temporaryFile("kept");
    using source = openRaw(file.path, "r");
    // A number of the test's own that is free: `stdio` is filled up to it.
    using kept = duplicate(source, { minimum: 60, inheritable: true });
    for (const entry of ["inherit", kept.raw] as const) {
      const stdio: ("ignore" | "inherit" | number)[] = Array(kept.raw).fill("ignore");
      stdio.push(entry);
      // Many a sh knows descriptors of one digit only.
      expect(await shell(`cat <&${kept.raw} >&9`, { stdio }, "bash")).toBe("kept");
      posix.lseek(source.raw, 0, posix.SEEK_SET);
    }
    expect(kept.inheritable).toBe(true);
  });

  test("gets no other descriptor, and those are as they were before", async () => {
    using file = temporaryFile("secret");
    using secret = openRaw(file.path, "r");
    using first = duplicate(secret, { inheritable: true });
    using second = duplicate(secret, { inheritable: true, minimum: 200 });
    const list = () => shell("ls -l /proc/$$/fd >&9");
    expect(await list()).not.toContain(file.path);
    expect([secret, first, second].map(({ inheritable }) => inheritable))
      .toEqual([false, true, true]);
    // The list would tell: a child that is given it has it.
    expect(await shell("ls -l /proc/$$/fd >&9", { handles: { secret } })).toContain(file.path);
  });
});

describe.each(runtimeCommands())(
  "through $name, which knows nothing of them",
  ({ name, command }) => {
    // Bun, Node and Deno as a process in between each have their own way with descriptors.
    test("a descendant finds its handles, or is told that they are not there", async () => {
      using file = temporaryFile("ab");
      using files = childFiles();
      using source = openRaw(file.path, "r");
      const between = [...command, program("child/between.mjs")];
      const [executable, ...args] = [
        ...between,
        ...commandFor(program("child/inherited_names.ts")),
      ];
      const child = spawn(executable as string, args, {
        ...files.options,
        handles: { log: source },
      });
      const { names, taken } = await files.result(child) as Told;
      expect(names).toEqual(["log"]);
      expect([undefined, "EBADF"], name).toContain(taken[0]?.["code"]);
      expect(positionOf(source.raw)).toBe(0);
    });
  },
);

test.skipIf(isWindows)("at the descriptor limit it fails, and nothing leaks", () => {
  const { codes, leaked } = runProgram("child/limit.ts", {
    prefix: ["sh", "-c", 'ulimit -n 80; exec "$0" "$@"'],
  }).result as { codes: unknown[]; leaked: number };
  expect(codes.slice(0, 3)).toEqual(["EMFILE", "EMFILE", "EMFILE"]);
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
