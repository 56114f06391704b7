/** Channels are between processes of one user, on Linux: real processes of real users. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { HandleChannel } from "duphandle";
import { describe, expect, test } from "vitest";
import { turns } from "../support/channel_ends.ts";
import { anybodysFolder, canChangeUser, homeAt, nobody } from "../support/nobody.ts";
import { commandFor, programPath, root } from "../support/program.ts";

const script = programPath("channel/user.ts");

/** The command and the options of a process of the user nobody. */
function asNobody(how: "listen" | "connect" | "intrude", at: string) {
  const [command, ...args] = commandFor(script, { prefix: nobody, args: [how, at] });
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
});
