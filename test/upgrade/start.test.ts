/** `Upgrade` in one process: what it refuses, what it keeps, and how it ends. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { duplicate, isSameObject, type OwnedHandle, Upgrade } from "duphandle";
import { AF_UNIX, close, SOCK_CLOEXEC, SOCK_STREAM, socketpair, write } from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { childFiles } from "../support/child_files.ts";
import { isAlive } from "../support/generations.ts";
import { commandFor, programPath, runProgram } from "../support/program.ts";
import { openRaw, pipeRaw, temporaryFile, temporaryFolder } from "../support/system.ts";

const isLinux = process.platform === "linux";
const local = { port: 0, host: "127.0.0.1" } as const;

/** The code of what a promise is rejected with. */
async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => undefined, ({ code }) => code);
}

test.skipIf(isLinux)("is for Linux: elsewhere the error names the handles of spawn()", async () => {
  await expect(Upgrade.start()).rejects.toMatchObject({
    code: "ENOTSUP",
    message: expect.stringContaining("handles of spawn()"),
  });
});

test("refuses options of the wrong type, and does nothing", async () => {
  const wrong: unknown[] = [
    null,
    "server.js",
    [],
    { comand: "node" },
    { command: "" },
    { command: "a\0b" },
    { command: 1 },
    { args: "server.js" },
    { args: [1] },
    { cwd: 1 },
    { cwd: "" },
    { cwd: new URL("https://localhost/") },
    { env: 1 },
    { env: null },
    { timeout: 0 },
    { timeout: NaN },
    { timeout: Infinity },
    { timeout: 2 ** 31 },
    { minReadyTime: -1 },
    { minReadyTime: "1" },
    { maxGenerations: 1 },
    { maxGenerations: 201 },
    { pidFile: "" },
    { pidFile: 1 },
    { notify: 1 },
    { notify: null },
  ];
  for (const options of wrong) {
    await expect(Upgrade.start(options as object), JSON.stringify(options)).rejects
      .toBeInstanceOf(TypeError);
  }
});

describe.runIf(isLinux)("the first generation", () => {
  test("is 0, is one in the process, and can be started again when it is closed", async () => {
    {
      await using upgrade = await Upgrade.start();
      expect(upgrade.generation).toBe(0);
      expect(await codeOf(Upgrade.start())).toBe("EBUSY");
    }
    await using again = await Upgrade.start();
    expect(again.generation).toBe(0);
  });

  test("binds a listener once, and gives duplicates of it", async () => {
    let one: OwnedHandle;
    {
      await using upgrade = await Upgrade.start();
      one = upgrade.listener("http", local);
      using two = upgrade.listener("http", local);
      using other = upgrade.listener("other", local);
      expect(isSameObject(one, two)).toBe(true);
      expect(isSameObject(one, other)).toBe(false);
      expect(one.inheritable).toBe(false);
    }
    expect(one.raw).toBeGreaterThan(2); // it is the caller's, and stays open
    one.close();
  });

  test("keeps a handle that is made, also when a duplicate of it is closed", async () => {
    using file = temporaryFile("text");
    await using upgrade = await Upgrade.start();
    let count = 0;
    const make = () => {
      count++;
      return openRaw(file.path, "r");
    };
    upgrade.handle("log", make).close();
    using second = upgrade.handle("log", make);
    expect(count).toBe(1);
    expect(fs.readlinkSync(`/proc/self/fd/${second.raw}`)).toBe(fs.realpathSync(file.path));
  });

  test("takes one of two that are made for one name, since the other asks for it itself", async () => {
    await using upgrade = await Upgrade.start();
    using file = temporaryFile("text");
    using log = upgrade.handle("log", () => {
      upgrade.handle("log", () => openRaw(file.path, "r")).close();
      return duplicate(2);
    });
    expect(fs.readlinkSync(`/proc/self/fd/${log.raw}`)).toBe(fs.realpathSync(file.path));
    using same = upgrade.handle("log", () => duplicate(2));
    expect(isSameObject(log, same)).toBe(true);
  });

  test("refuses names, addresses and handles of the wrong type, and keeps nothing", async () => {
    await using upgrade = await Upgrade.start();
    for (const name of ["", "duphandle:upgrade", 1, undefined, "\ud800"]) {
      expect(() => upgrade.listener(name as string, local)).toThrow(TypeError);
      expect(() => upgrade.handle(name as string, () => duplicate(1))).toThrow(TypeError);
    }
    for (const address of [undefined, null, {}, { port: -1 }, { path: "" }, "80", 80]) {
      expect(() => upgrade.listener("http", address as never)).toThrow(TypeError);
    }
    for (const make of [undefined, 1, () => 1, () => undefined, () => ({ raw: 1 })]) {
      expect(() => upgrade.handle("log", make as never)).toThrow(TypeError);
    }
    upgrade.handle("log", () => duplicate(1)).close();
  });

  test("refuses an upgrade before it is ready, and everything when it is closed", async () => {
    const upgrade = await Upgrade.start({ command: "true" });
    expect(await codeOf(upgrade.upgrade())).toBe("EINVAL");
    await expect(upgrade.upgrade({ timeout: 0 })).rejects.toBeInstanceOf(TypeError);
    await upgrade.close();
    await upgrade.close();
    expect(await codeOf(upgrade.upgrade())).toBe("EBADF");
    for (
      const call of [
        () => upgrade.ready(),
        () => upgrade.listener("http", local),
        () => upgrade.handle("log", () => duplicate(1)),
      ]
    ) expect(call).toThrow(expect.objectContaining({ code: "EBADF" }));
  });

  test("ends a running upgrade, and its process, when it is closed", async () => {
    using folder = temporaryFolder();
    const { reader, writer } = pipeRaw();
    using _ = reader;
    const upgrade = await Upgrade.start({
      command: "sh",
      args: ["-c", 'echo $$ > "$0"; exec sleep 600', path.join(folder.path, "pid")],
    });
    upgrade.handle("alive", () => writer).close();
    upgrade.ready();
    const code = codeOf(upgrade.upgrade());
    const pidOf = () => fs.readFileSync(path.join(folder.path, "pid"), "utf8").trim();
    while (!fs.existsSync(path.join(folder.path, "pid")) || pidOf() === "") {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await upgrade.close();
    expect(await code).toBe("ECANCELED");
    expect(isAlive(Number(pidOf()))).toBe(false);
  });

  test("writes the pid file when it is ready, and removes only its own", async () => {
    using folder = temporaryFolder();
    const pidFile = path.join(folder.path, "pid");
    {
      await using upgrade = await Upgrade.start({ pidFile });
      expect(fs.existsSync(pidFile)).toBe(false);
      upgrade.ready();
      upgrade.ready();
      expect(fs.readFileSync(pidFile, "utf8")).toBe(`${process.pid}\n`);
    }
    expect(fs.readdirSync(folder.path)).toEqual([]);
    {
      await using upgrade = await Upgrade.start({ pidFile });
      upgrade.ready();
      fs.writeFileSync(pidFile, "1\n");
    }
    expect(fs.readFileSync(pidFile, "utf8")).toBe("1\n");
  });

  test("writes over no pid file of another program after an upgrade that failed", async () => {
    using folder = temporaryFolder();
    const pidFile = path.join(folder.path, "pid");
    await using upgrade = await Upgrade.start({ pidFile, command: "/no/such/program" });
    upgrade.ready();
    fs.writeFileSync(pidFile, "1\n");
    expect(await codeOf(upgrade.upgrade())).toBe("ENOENT");
    expect(fs.readFileSync(pidFile, "utf8")).toBe("1\n");
  });

  test("is not ready when the pid file cannot be written", async () => {
    using folder = temporaryFolder();
    await using upgrade = await Upgrade.start({ pidFile: path.join(folder.path, "no", "pid") });
    expect(() => upgrade.ready()).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(await codeOf(upgrade.upgrade())).toBe("EINVAL");
    await fs.promises.mkdir(path.join(folder.path, "no"));
    upgrade.ready();
  });

  test("is refused in a worker thread", () => {
    expect(runProgram("upgrade/start.ts", { args: ["worker"] }).result)
      .toMatchObject({ code: "ENOTSUP" });
  });
});

describe.runIf(isLinux)("what the older process says", () => {
  const hello = (protocol: number) =>
    `${JSON.stringify({ protocol, generation: 5, addresses: [] })}\n`;

  test.each([
    ["a hello of this version", hello(1), { generation: 5 }],
    ["a hello of another version", hello(2), { name: "HandleError", code: "EPROTO" }],
    ["something else", "hello\n", { name: "HandleError", code: "EPROTO" }],
    ["nothing", "", { name: "HandleError", code: "EPROTO" }],
  ])("%s", async (_, text, expected) => {
    using files = childFiles();
    const [ours, theirs] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    write(ours, new TextEncoder().encode(text));
    close(ours);
    const [command, ...args] = commandFor(programPath("upgrade/start.ts"));
    const child = spawn(command!, args, {
      ...files.options,
      stdio: [...files.options.stdio, theirs],
      env: { ...files.options.env, DUPHANDLE_HANDLES: "duphandle%3Aupgrade=3" },
    });
    close(theirs);
    expect(await files.result(child)).toMatchObject(expected);
  });
});
