/** Channels are between processes of one user unless others are named, on Linux: real processes of real users. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { HandleChannel } from "duphandle";
import { describe, expect, test } from "vitest";
import { next, turns } from "../support/channel_ends.ts";
import { anybodysFolder, canChangeUser, homeAt, nobody } from "../support/nobody.ts";
import { commandFor, programPath, root } from "../support/program.ts";
import { isWindows, readRaw } from "../support/system.ts";

const script = programPath("channel/user.ts");

/** The command and the options of a process of the user nobody, or of one that another command starts. */
function asNobody(
  how: "listen" | "connect" | "exchange" | "intrude",
  at: string,
  users: object = {},
  prefix: readonly string[] = nobody,
) {
  const [command, ...args] = commandFor(script, { prefix, args: [how, at, JSON.stringify(users)] });
  const home = path.dirname(at);
  const env = { ...process.env, ...homeAt(home), NO_COLOR: "1" };
  return [command as string, args, { cwd: root, env }] as const;
}

describe.runIf(canChangeUser)("another user (needs root and setpriv)", () => {
  test("cannot connect: the sockets are this user's only", async () => {
    using folder = anybodysFolder();
    const at = path.join(folder.path, "s");
    const channels: HandleChannel[] = [];
    await using _ = await HandleChannel.listen(at, (channel) => channels.push(channel));
    const { stdout } = await promisify(execFile)(...asNobody("connect", at));
    expect(stdout).toBe("EACCES\n");
    expect(channels).toEqual([]);
  });

  test("is turned away although the files would let it in", async () => {
    using folder = anybodysFolder();
    const at = path.join(folder.path, "s");
    const channels: HandleChannel[] = [];
    await using _ = await HandleChannel.listen(at, (channel) => channels.push(channel));
    for (const file of [at, `${at}.bell`]) fs.chmodSync(file, 0o666);
    // A client of this library sees that the server is another user's; this one does not look.
    const { stdout } = await promisify(execFile)(...asNobody("intrude", at));
    expect(stdout).toBe("turned away\n");
    await turns();
    expect(channels).toEqual([]);
  });

  test("does not get our handles by listening where we connect", async () => {
    using folder = anybodysFolder();
    const at = path.join(folder.path, "s");
    const [command, args, options] = asNobody("listen", at);
    const child = spawn(command, [...args], { ...options, stdio: ["pipe", "pipe", "inherit"] });
    const output: string[] = [];
    const ready = Promise.race([once(child.stdout!, "data"), once(child, "close")]);
    child.stdout!.on("data", (data) => output.push(String(data)));
    await ready;
    await expect(HandleChannel.connect(at)).rejects.toMatchObject({
      code: "EACCES",
      message: expect.stringContaining("another user") as string,
    });
    child.stdin!.end();
    expect(await once(child, "close")).toEqual([0, null]);
    expect(output.join("")).toBe("ready\n");
  });

  const asGroup = ["setpriv", "--reuid=65533", "--regid=65533", "--groups=4242,4243", "--"];
  const asOther = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "--"];

  test.each<[string, { uids?: number[]; gids?: number[] }, readonly string[], number]>([
    ["its number", { uids: [7, 65_534] }, nobody, 65_534],
    ["the number of its group", { gids: [65_534] }, nobody, 65_534],
    ["the number of one of its other groups", { gids: [4243], uids: [] }, asGroup, 65_533],
  ])("that is allowed by %s exchanges handles with us", async (_, users, prefix, uid) => {
    using folder = anybodysFolder();
    const at = path.join(folder.path, "s");
    fs.writeFileSync(path.join(folder.path, "secret"), "ours alone", { mode: 0o600 });
    const umask = process.umask(0o077);
    const channels: HandleChannel[] = [];
    await using _server = await HandleChannel.listen(
      at,
      (channel) => channels.push(channel),
      users,
    );
    process.umask(umask);
    const modes = [at, `${at}.bell`].map((file) => fs.statSync(file).mode & 0o777);
    expect(modes).toEqual([0o666, 0o666]);
    const running = promisify(execFile)(...asNobody("exchange", at, { uids: [0] }, prefix));
    while (channels.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await using channel = channels[0]!;
    const secret = fs.openSync(path.join(folder.path, "secret"), "r");
    await channel.send("ours", [secret]);
    fs.closeSync(secret);
    using received = await next(channel);
    expect(received.message).toBe("mine");
    const status = readRaw(received.handles[0]!.raw, 4096);
    expect(status).toContain(`Uid:\t${uid}\t${uid}`);
    expect((await running).stdout).toBe("ours alone\n");
  });

  test("that is not in the list is turned away, as without one", async () => {
    using folder = anybodysFolder();
    const at = path.join(folder.path, "s");
    const channels: HandleChannel[] = [];
    const users = { uids: [65_534], gids: [65_534, 4242] };
    await using _ = await HandleChannel.listen(at, (channel) => channels.push(channel), users);
    const { stdout } = await promisify(execFile)(...asNobody("intrude", at, {}, asOther));
    expect(stdout).toBe("turned away\n");
    await turns();
    expect(channels).toEqual([]);
  });

  test("connects to us only when it allows that", async () => {
    using folder = anybodysFolder();
    const at = path.join(folder.path, "s");
    const channels: HandleChannel[] = [];
    const users = { uids: [65_534] };
    await using _ = await HandleChannel.listen(at, (channel) => channels.push(channel), users);
    for (const allowed of [{}, { uids: [1], gids: [65_534] }]) {
      const { stdout } = await promisify(execFile)(...asNobody("connect", at, allowed));
      expect(stdout).toBe("EACCES\n");
    }
    await turns();
    expect(channels).toEqual([]);
    const { stdout } = await promisify(execFile)(...asNobody("connect", at, { gids: [0] }));
    expect(stdout).toBe(`connected to ${process.pid}\n`);
    await Promise.all(channels.map((channel) => channel.close()));
  });
});

describe("uids and gids", () => {
  const wrong: readonly [string, unknown][] = [
    ["a number alone", 0],
    ["a text", "0"],
    ["a name", ["root"]],
    ["−1, which is no user", [-1]],
    ["−1 as the kernel has it", [2 ** 32 - 1]],
    ["a fraction", [0.5]],
    ["nothing", null],
  ];
  test.each(wrong)("are refused: %s", async (_, list) => {
    for (const options of [{ uids: list }, { gids: list }] as { uids: number[] }[]) {
      await expect(HandleChannel.listen("/tmp/duphandle-never", () => {}, options)).rejects.toThrow(
        TypeError,
      );
      await expect(HandleChannel.connect("/tmp/duphandle-never", options)).rejects.toThrow(
        TypeError,
      );
    }
    expect(fs.existsSync("/tmp/duphandle-never")).toBe(false);
  });

  test.runIf(isWindows)("are ENOTSUP on Windows", async () => {
    const name = "\\\\.\\pipe\\duphandle-never";
    const expected = { code: "ENOTSUP", message: expect.stringContaining("spawn()") as string };
    await expect(HandleChannel.listen(name, () => {}, { uids: [0] })).rejects.toMatchObject(
      expected,
    );
    await expect(HandleChannel.connect(name, { gids: [] })).rejects.toMatchObject(expected);
  });
});
