/** Who listens and who connects: paths, what is there already, and strangers. */
import { execFile, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { promisify } from "node:util";
import { type ConnectOptions, HandleChannel } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { sendRights } from "../../ffi/posix/rights.ts";
import { connectTo } from "../../ffi/posix/unix_socket.ts";
import { next, patient, place, turns } from "../support/channel_ends.ts";
import { commandFor, programPath, root, runProgram } from "../support/program.ts";
import { isDeno, isWindows, temporaryFile, temporaryFolder } from "../support/system.ts";

const isLinux = process.platform === "linux";

/** A server that greets whoever comes, and the channels that it has. */
async function greeter(at: string) {
  const channels: HandleChannel[] = [];
  const server = await HandleChannel.listen(at, (channel) => {
    channels.push(channel);
    void channel.send("hello");
  }, patient);
  return {
    server,
    channels,
    async [Symbol.asyncDispose]() {
      await server.close();
      await Promise.all(channels.map((channel) => channel.close()));
    },
  };
}

/** Connects, waits for the greeting, and closes. */
async function visit(at: string, options: ConnectOptions = patient): Promise<unknown> {
  await using channel = await HandleChannel.connect(at, options);
  return (await next(channel)).message;
}

/** Connects to a server that never hears who it is, and that hangs up in the end. */
function silentGuest(at: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const guest = net.connect(at, resolve).resume();
    guest.on("error", reject); // of no effect once it is connected
  });
}

describe("a server", () => {
  test("has a channel for each that connects, until it is closed", async () => {
    using where = place();
    await using greeting = await greeter(where.path);
    // More than may wait at a time, all at once. Under Wine each costs many messages to its server.
    const count = isWindows ? 40 : 700;
    const visits = await Promise.all(Array.from({ length: count }, () => visit(where.path)));
    expect(visits).toEqual(Array(count).fill("hello"));
    expect(greeting.channels.length).toBe(count);

    await using open = await HandleChannel.connect(where.path);
    await greeting.server.close();
    await greeting.server.close();
    // On Windows the name is there as long as a channel is open.
    const code = isWindows ? "ECONNREFUSED" : "ENOENT";
    const late = visit(where.path, isWindows ? { handshakeTimeout: 300 } : patient);
    await expect(late).rejects.toMatchObject({ name: "HandleError", code });
    expect((await next(open)).message).toBe("hello");
    await open.send("still there");
    const last = greeting.channels.at(-1) as HandleChannel;
    expect((await next(last)).message).toBe("still there");
  });

  test("is one only at a path, and the first goes on", async () => {
    using where = place();
    await using _ = await greeter(where.path);
    for (let again = 0; again < 2; again++) {
      await expect(HandleChannel.listen(where.path, () => {})).rejects
        .toMatchObject({ name: "HandleError", code: "EADDRINUSE" });
    }
    expect(await visit(where.path)).toBe("hello");
  });

  test("may be closed and another opened at the same path, again and again", async () => {
    using where = place();
    for (let again = 0; again < 20; again++) {
      await using _ = await greeter(where.path);
      expect(await visit(where.path)).toBe("hello");
    }
  });

  test("may be followed by another, also when clients of the first one never sent a hello", async () => {
    using where = place();
    for (let again = 0; again < 20; again++) {
      await using _ = await greeter(where.path);
      await Promise.all([silentGuest(where.path), silentGuest(where.path)]);
    }
  });

  test("that no server made is ENOENT", async () => {
    using where = place();
    await expect(visit(where.path)).rejects.toMatchObject({ name: "HandleError", code: "ENOENT" });
  });
});

describe.runIf(isLinux)("the sockets of a server (Linux; a pipe of Windows is no file)", () => {
  test("are of this user only, whatever the umask is, and are removed", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const umask = process.umask(0);
    try {
      await using _ = await greeter(at);
      const modes = fs.readdirSync(folder.path).map((name) => {
        const { mode } = fs.statSync(path.join(folder.path, name));
        return `${name} ${(mode & 0o777).toString(8)}`;
      });
      expect(modes.sort()).toEqual(["s 600", "s.bell 600"]);
    } finally {
      process.umask(umask);
    }
    expect(fs.readdirSync(folder.path)).toEqual([]);
  });

  test.each(["s", "s.bell"])(
    "take no other's place: a file at %s stays as it was",
    async (name) => {
      using folder = temporaryFolder();
      const file = path.join(folder.path, name);
      fs.writeFileSync(file, "precious");
      await expect(greeter(path.join(folder.path, "s"))).rejects
        .toMatchObject({ name: "HandleError", code: "EADDRINUSE" });
      expect(fs.readFileSync(file, "utf8")).toBe("precious");
      expect(fs.readdirSync(folder.path)).toEqual([name]);
    },
  );

  test("that a killed server left are taken over", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const [command, ...args] = commandFor(programPath("channel/stale.ts"), {
      args: [at],
    });
    expect(spawnSync(command!, args, { cwd: root }).signal).toBe("SIGKILL");
    expect(fs.readdirSync(folder.path).sort()).toEqual(["s", "s.bell"]);
    await expect(visit(at)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await using _ = await greeter(at);
    expect(await visit(at)).toBe("hello");
  });

  test("can be connected to as soon as the path is there", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const listening = greeter(at);
    expect(fs.existsSync(at)).toBe(true);
    const visited = visit(at);
    await using _ = await listening;
    expect(await visited).toBe("hello");
  });

  test("refuse who waits when the server closes", async () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    await using greeting = await greeter(at);
    const outcomes = Array.from(
      { length: 20 },
      () => visit(at).catch((error) => `${error.name} ${error.code}`),
    );
    const closing = greeting.server.close();
    for (const outcome of await Promise.all(outcomes)) {
      expect(["hello", "HandleError EPIPE", "HandleError ECONNREFUSED", "HandleError ENOENT"])
        .toContain(outcome);
    }
    await closing;
  });

  test("have a path of at most 102 bytes", async () => {
    using folder = temporaryFolder();
    const rest = 102 - Buffer.byteLength(folder.path) - 1;
    const longest = path.join(folder.path, "ä".repeat(rest >> 1) + (rest & 1 ? "x" : ""));
    await using _ = await greeter(longest);
    expect(await visit(longest)).toBe("hello");
    await expect(greeter(`${longest}x`)).rejects.toThrow("at most 102 bytes");
    await expect(visit(`${longest}x`)).rejects.toThrow(TypeError);
  });

  test("survive clients that break the protocol", async () => {
    using where = place();
    using file = temporaryFile("abc");
    const { path: at } = where;
    await using greeting = await greeter(at);
    const { AF_UNIX, close, O_CLOEXEC, pipe2, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM } = posix;
    const pair = (type: number) => posix.socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0);
    const things: (readonly [count: number, make: () => number[]])[] = [
      [0, () => []],
      [1, () => [posix.open(file.path, O_CLOEXEC)]],
      [2, () => pipe2(O_CLOEXEC)],
      [1, () => pipe2(O_CLOEXEC)],
      [2, () => pair(SOCK_STREAM)],
      [1, () => pair(SOCK_STREAM)],
      [1, () => pair(SOCK_DGRAM)],
      [1, () => [connectTo(at)]],
    ];
    const kept: number[] = [];
    for (const [count, make] of things) {
      for (const waits of [false, true]) {
        const raw = connectTo(at);
        const fds = make();
        if (count > 0) sendRights(raw, fds.slice(0, count));
        else posix.write(raw, new Uint8Array(1));
        if (waits) kept.push(raw, ...fds);
        else [raw, ...fds].forEach(close);
        expect(await visit(at)).toBe("hello");
        await turns();
      }
    }
    expect(greeting.channels.length).toBe(2 * things.length);
    kept.forEach(close);
  });

  test.runIf(isDeno)("need these permissions of Deno", () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "s");
    const run = (...permissions: string[]) =>
      runProgram("channel/permission.ts", { permissions, args: [at] }).output.trim();
    const needed = [
      "--allow-ffi",
      `--allow-read=${at}.bell`,
      `--allow-write=${at}.bell`,
      `--allow-net=unix:${at}.bell`,
    ];
    expect(run(...needed)).toBe("listens, connects, sends, closes");
    expect(fs.readdirSync(folder.path)).toEqual([]);
    for (const each of needed) {
      expect(run(...needed.filter((other) => other !== each))).toContain(each.split("=")[0]);
      expect(fs.readdirSync(folder.path)).toEqual([]);
    }
  });

  test.runIf(isDeno)("need only --allow-ffi of Deno to be connected to", async () => {
    using where = place();
    await using _ = await greeter(where.path);
    const script = programPath("channel/permission.ts");
    const [command, ...args] = commandFor(script, {
      permissions: ["--allow-ffi"],
      args: [where.path, "connect only"],
    });
    const { stdout } = await promisify(execFile)(command!, args, { cwd: root });
    expect(stdout).toBe("hello\n");
  });
});
