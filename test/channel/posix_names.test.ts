/** The names of a server on Linux: what is there already stays, and of two servers one wins. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { HandleChannel } from "duphandle";
import { close } from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { connectTo, listenAt } from "../../ffi/posix/unix_socket.ts";
import { next } from "../support/channel_ends.ts";
import { accepted, ServerProcess } from "../support/posix_clients.ts";
import { commandFor, programPath, root } from "../support/program.ts";
import { temporaryFolder } from "../support/system.ts";
import { canTrace } from "../support/trace.ts";

/** Listens, and greets whoever comes. */
async function greeter(at: string) {
  return await HandleChannel.listen(at, async (channel) => {
    await channel.send("hello");
    await channel.close();
  });
}

async function visit(at: string): Promise<unknown> {
  await using channel = await HandleChannel.connect(at);
  return (await next(channel)).message;
}

const inUse = { name: "HandleError", code: "EADDRINUSE" };

describe.runIf(process.platform === "linux")("the names of a server (Linux)", () => {
  test.each(["s", "s.bell"])("are not taken from a program that listens at %s", async (name) => {
    using folder = temporaryFolder();
    const foreign = listenAt(path.join(folder.path, name), 5);
    await expect(greeter(path.join(folder.path, "s"))).rejects.toMatchObject(inUse);
    expect(fs.readdirSync(folder.path)).toEqual([name]);
    const client = connectTo(path.join(folder.path, name));
    for (const each of [await accepted(foreign), client, foreign]) close(each);
  });

  test("are not taken from a file with content where the lock would be", async () => {
    using folder = temporaryFolder();
    const lock = path.join(folder.path, "s.duphandle-lock");
    fs.writeFileSync(lock, "precious");
    await expect(greeter(path.join(folder.path, "s"))).rejects.toMatchObject(inUse);
    expect(fs.readFileSync(lock, "utf8")).toBe("precious");
    expect(fs.readdirSync(folder.path)).toEqual(["s.duphandle-lock"]);
  });

  test.runIf("Deno" in globalThis)(
    "are the only ones that get permissions: no link does (Deno)",
    async () => {
      using folder = temporaryFolder();
      const at = path.join(folder.path, "s");
      const secret = path.join(folder.path, "secret");
      fs.writeFileSync(secret, "", { mode: 0o600 });
      const { Deno } = globalThis as unknown as {
        Deno: { listen(options: { path?: string }): unknown };
      };
      const { listen } = Deno;
      // Another process, which may write to the folder, puts a link in place of what was bound.
      Deno.listen = (options) => {
        const listener = listen(options);
        fs.renameSync(options.path!, `${at}.moved`);
        fs.symlinkSync(secret, options.path!);
        return listener;
      };
      try {
        const listening = HandleChannel.listen(at, () => {}, { uids: [65_534] });
        await expect(listening).rejects.toMatchObject(inUse);
      } finally {
        Deno.listen = listen;
      }
      expect(fs.statSync(secret).mode & 0o777).toBe(0o600);
    },
  );

  test("stay when they are a successor's by the time the server closes", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const first = await greeter(at);
    for (const name of fs.readdirSync(folder.path)) fs.unlinkSync(path.join(folder.path, name));
    const second = await greeter(at);
    await first.close();
    expect(fs.readdirSync(folder.path).sort()).toEqual(["s", "s.bell"]);
    expect(await visit(at)).toBe("hello");
    await second.close();
    expect(fs.readdirSync(folder.path)).toEqual([]);
  });

  test("are free although a file is where the lock is: its process was killed", async () => {
    using folder = temporaryFolder();
    fs.writeFileSync(path.join(folder.path, "s.duphandle-lock"), "");
    const at = path.join(folder.path, "s");
    await using _ = await greeter(at);
    expect(await visit(at)).toBe("hello");
    expect(fs.readdirSync(folder.path).sort()).toEqual(["s", "s.bell"]);
  });

  test("are never two servers' in one process", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => greeter(at)));
    const servers = outcomes.filter(({ status }) => status === "fulfilled");
    expect(servers.length).toBe(1);
    expect(await visit(at)).toBe("hello");
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") await outcome.value.close();
      else expect(outcome.reason).toMatchObject(inUse);
    }
    expect(fs.readdirSync(folder.path)).toEqual([]);
  });

  test.runIf(canTrace)("are one's when two listen at once (needs strace)", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const slow = [
      ..."strace -f --seccomp-bpf -qq -o /dev/null -e trace=listen".split(" "),
      ..."-e inject=listen:delay_enter=700000".split(" "),
    ];
    await using one = new ServerProcess(at, slow);
    await using other = new ServerProcess(at, slow);
    const said = await Promise.all(
      [one, other].map((each) => each.says("listens", "EADDRINUSE")),
    );
    expect(said.sort()).toEqual(["EADDRINUSE", "listens"]);
    expect(await visit(at)).toBe("hello");
    expect(fs.readdirSync(folder.path).sort()).toEqual(["s", "s.bell"]);
  });

  test.runIf(canTrace)("are free again when a process was killed as it took them", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const killed = [ // with --seccomp-bpf the signal would come later
      ..."strace -f -qq -o /dev/null -e trace=listen".split(" "),
      ..."-e inject=listen:signal=SIGKILL".split(" "),
    ];
    const script = programPath("channel/posix_server.ts");
    const [command, ...args] = commandFor(script, { prefix: killed, args: [at] });
    spawnSync(command!, args, { cwd: root, stdio: "ignore" });
    expect(fs.readdirSync(folder.path)).toContain("s.duphandle-lock");
    await using _ = await greeter(at);
    expect(await visit(at)).toBe("hello");
    expect(fs.readdirSync(folder.path).sort()).toEqual(["s", "s.bell"]);
  });
});
