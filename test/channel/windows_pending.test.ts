/** On Windows: clients that have not said hello, and servers that say none. */
import { once } from "node:events";
import * as net from "node:net";
import { HandleChannel } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { defaultPendingLimits, thisUserOnly } from "../../src/channel/types.ts";
import { windowsChannels } from "../../src/channel/windows.ts";
import { next, place } from "../support/channel_ends.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isDeno, isWindows } from "../support/system.ts";
import { rawServer, rejection, run, silentClient } from "../support/windows_channels.ts";
import { openOnce } from "../support/windows_objects.ts";

beforeAll(openOnce);

describe.runIf(isWindows)("clients that have not said hello", () => {
  test("are so many at most: the oldest go", async () => {
    using where = place();
    const server = await rawServer(where.path, { ...defaultPendingLimits, maxPendingClients: 3 });
    const sockets: net.Socket[] = [];
    for (let at = 0; at < 5; at++) sockets.push(await silentClient(where.path));
    while (!sockets[1]!.destroyed) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.drops).toEqual(["busy", "busy"]);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false, false]);
    await server.close();
    expect(server.drops.slice(2)).toEqual([undefined, undefined, undefined]);
    for (const socket of sockets) if (!socket.destroyed) await once(socket, "close");
  });

  test("have so much time", async () => {
    using where = place();
    const server = await rawServer(where.path, { ...defaultPendingLimits, handshakeTimeout: 50 });
    const socket = await silentClient(where.path);
    await once(socket, "close");
    expect(server.drops).toEqual(["timeout"]);
    await server.close();
  });

  // Deno for Windows can end in a panic when a client that is sent away hangs up just when Deno begins to read
  // (tokio-rs/mio#1819).
  test.each(isWindows && !isDeno ? runtimeCommands() : [])(
    "keep out nobody who says it, in $name",
    async (runtime) => {
      using where = place();
      let isOver = false;
      await using _ = await HandleChannel.listen(where.path, async (channel) => {
        for await (using received of channel) await channel.send("heard", received.handles);
        await channel.close();
      }, { maxPendingClients: 4 });
      const flood = (async () => {
        while (!isOver) {
          const socket = await silentClient(where.path);
          socket.once("close", () => {});
          await new Promise((resolve) => setTimeout(resolve, 3));
        }
      })();
      const [code, output] = await run(runtime, "channel/windows_patient.ts", where.path, "12");
      isOver = true;
      await flood;
      expect(code, output).toBe(0);
    },
  );

  test("do not end the server when they cannot be admitted", async () => {
    using where = place();
    const [errors, ends]: [unknown[], unknown[]] = [[], []];
    const listener = await windowsChannels.listen(
      where.path,
      {
        onEnd(end) {
          if (ends.push(end) === 1) throw new Error("not this one");
          return () => void end.stream.destroy();
        },
        onError: (error) => errors.push(error),
      },
      defaultPendingLimits,
      thisUserOnly,
    );
    const first = await silentClient(where.path);
    await once(first, "close");
    const second = await silentClient(where.path);
    while (ends.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(errors).toEqual([new Error("not this one")]);
    expect(second.destroyed).toBe(false);
    await listener.close();
    await once(second, "close");
  });
});

/** A server that says something, or nothing, and reads nothing if it `isDeaf`. */
async function foreignServer(
  path: string,
  said: Uint8Array | undefined,
  isDeaf = false,
): Promise<AsyncDisposable & { sockets: net.Socket[] }> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    if (!isDeaf) socket.resume();
    if (said !== undefined) socket.write(said);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe.runIf(isWindows)("a server that is none of this library", () => {
  test.each([[false], [true]])("may be silent, and deaf: %s", async (isDeaf) => {
    using where = place();
    await using _ = await foreignServer(where.path, undefined, isDeaf);
    const late = await rejection(HandleChannel.connect(where.path, { handshakeTimeout: 100 }));
    const code = isDeaf ? expect.stringMatching(/^(ECONNREFUSED|ETIMEDOUT)$/) : "ETIMEDOUT";
    expect(late).toMatchObject({ name: "HandleError", code });
    const reason = new Error("given up");
    const controller = new AbortController();
    const connecting = HandleChannel.connect(where.path, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    expect(await rejection(connecting)).toBe(reason);
  });

  test("may say something else", async () => {
    using where = place();
    await using _ = await foreignServer(where.path, new TextEncoder().encode("220 mail ready\r\n"));
    expect(await rejection(HandleChannel.connect(where.path))).toMatchObject({ code: "EPROTO" });
  });

  test("may never accept: the signal ends the attempts, and leaves nothing open", async () => {
    using where = place();
    // With its channels open, all instances of a closed server's pipe are in use.
    const far: HandleChannel[] = [];
    const server = await HandleChannel.listen(where.path, (channel) => void far.push(channel));
    await using near = await HandleChannel.connect(where.path);
    await near.send(1);
    await server.close();
    const reason = new Error("given up");
    const connecting = Array.from({ length: 5 }, () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 60);
      return rejection(windowsChannels.connect(where.path, controller.signal, thisUserOnly));
    });
    expect(await Promise.all(connecting)).toEqual(connecting.map(() => reason));
    expect(
      await rejection(windowsChannels.connect(where.path, AbortSignal.abort(reason), thisUserOnly)),
    ).toBe(
      reason,
    );
    expect((await next(far[0]!)).message).toBe(1);
    await Promise.all([near.close(), far[0]!.close()]);
  });
});
