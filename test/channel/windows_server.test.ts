/** Servers on Windows: the names of their pipes, and who connects. */
import { once } from "node:events";
import * as net from "node:net";
import { HandleChannel } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { next, place } from "../support/channel_ends.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows } from "../support/system.ts";
import { rawServer, rejection, run } from "../support/windows_channels.ts";
import { openOnce } from "../support/windows_objects.ts";

beforeAll(openOnce);

describe.runIf(isWindows)("the name of a pipe", () => {
  const bad: unknown[] = [
    ...["", "name", "/tmp/s", "C:\\pipe\\x", "\\\\.\\pipe", "\\\\.\\pipe\\", "\\\\host\\pipe\\x"],
    ...["\\\\.\\pipe\\a\0b", `\\\\.\\pipe\\${"x".repeat(248)}`, 5, null, undefined, {}],
  ];

  test.each(bad)("%j is none", async (name) => {
    for (
      const open of [HandleChannel.connect, (path: string) => HandleChannel.listen(path, () => {})]
    ) {
      const error = await rejection(open(name as string));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain("\\\\.\\pipe\\name");
    }
  });

  // The system strips these, and what is left names no pipe.
  test.each(["\\", " ", ".", ".."])("%j is refused by the system", async (name) => {
    const path = `\\\\.\\pipe\\${name}`;
    for (const open of [HandleChannel.connect(path), HandleChannel.listen(path, () => {})]) {
      const error = await rejection(open);
      expect(error).toMatchObject({ code: "EINVAL", status: "ERROR_INVALID_PARAMETER" });
      expect(error.message).toContain(`Cannot use ${path}`);
    }
  });

  test("may be in any case, and as long as Windows allows", async () => {
    for (const [at, prefix] of ["\\\\.\\PIPE\\", "\\\\.\\Pipe\\"].entries()) {
      const name = `${prefix}Duphandle-${process.pid}-${at}`.padEnd(256, "x");
      await using _ = await HandleChannel.listen(name, (channel) => channel.send("found"));
      await using channel = await HandleChannel.connect(name.toLowerCase());
      expect((await next(channel)).message).toBe("found");
    }
  });

  test("is one server's at a time", async () => {
    using where = place();
    const listen = () => HandleChannel.listen(where.path, () => {});
    const first = await listen();
    expect(await rejection(listen())).toMatchObject({ code: "EADDRINUSE" });
    await first.close();
    await (await listen()).close();
  });

  test("leads to no server before one listens, and after it is closed", async () => {
    using where = place();
    expect(await rejection(HandleChannel.connect(where.path))).toMatchObject({ code: "ENOENT" });
    await (await HandleChannel.listen(where.path, () => {})).close();
    expect(await rejection(HandleChannel.connect(where.path))).toMatchObject({ code: "ENOENT" });
  });
});

describe.runIf(isWindows)("a server", () => {
  test("does not mind who connects and says nothing", async () => {
    using where = place();
    const channels: HandleChannel[] = [];
    await using _ = await HandleChannel.listen(where.path, (channel) => {
      channels.push(channel);
      channel.send("hello");
    });
    for (let round = 0; round < 5; round++) {
      const socket = net.connect(where.path);
      await once(socket, "connect");
      socket.destroy();
    }
    await using near = await HandleChannel.connect(where.path);
    expect((await next(near)).message).toBe("hello");
    expect(channels.length).toBe(1);
    await channels[0]!.close();
  });

  test("hangs up on who has said nothing when it closes", async () => {
    using where = place();
    const server = await rawServer(where.path);
    const socket = net.connect(where.path).on("error", () => {}).resume();
    await server.end;
    const over = once(socket, "close");
    await server.close();
    await over;
  });

  test("has twelve channels at once, from every runtime", async () => {
    using where = place();
    const runtimes = runtimeCommands();
    const here: HandleChannel[] = [];
    let isFull: () => void = () => {};
    const full = new Promise<void>((resolve) => isFull = resolve);
    const each = 12 / runtimes.length;
    await using _ = await HandleChannel.listen(where.path, async (channel) => {
      await channel.receive();
      if (here.push(channel) === 12) isFull();
      await full;
      await channel.send("all are here");
      for await (using received of channel) {
        for (const { raw } of received.handles) win32.SetEvent(raw);
        await channel.send("signalled");
      }
      await channel.close();
    });
    const clients = runtimes.map((runtime) =>
      run(runtime, "channel/windows_client.ts", where.path, String(each))
    );
    expect(await Promise.all(clients)).toEqual(runtimes.map(() => [0, expect.anything()]));
    await Promise.all(here.map((channel) => channel.close()));
  });

  test("goes on after three hundred channels one after the other, and sixty at once", async () => {
    using where = place();
    const far: HandleChannel[] = [];
    await using _ = await HandleChannel.listen(where.path, (channel) => void far.push(channel));
    const open = async () => {
      const channel = await HandleChannel.connect(where.path);
      await channel.send(1);
      return channel;
    };
    const closeThem = () => Promise.all(far.splice(0).map((channel) => channel.close()));
    for (let round = 0; round < 300; round++) {
      await (await open()).close();
      await closeThem();
    }
    const near = await Promise.all(Array.from({ length: 60 }, open));
    while (far.length < 60) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([...near.map((channel) => channel.close()), closeThem()]);
  });
});

describe.runIf(isWindows)("the name of a pipe whose server is closed", () => {
  test("stays as long as a channel that was opened by it", async () => {
    using where = place();
    let far: HandleChannel | undefined;
    const server = await HandleChannel.listen(where.path, (channel) => far = channel);
    const near = await HandleChannel.connect(where.path);
    await near.send(1);
    while (far === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.close();
    const again = HandleChannel.listen(where.path, () => {});
    expect(await rejection(again)).toMatchObject({ code: "EADDRINUSE" });
    const connecting = HandleChannel.connect(where.path, { handshakeTimeout: 300 });
    expect(await rejection(connecting)).toMatchObject({ code: "ECONNREFUSED" });
    await Promise.all([near.close(), far.close()]);
  });
});
