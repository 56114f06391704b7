/** What bounds a channel and a server in time, and what a server does when its user's function fails. */
import * as net from "node:net";
import { HandleChannel, type HandleError } from "duphandle";
import { describe, expect, test } from "vitest";
import { connected, next, place, turns } from "../support/channel_ends.ts";
import { RawPeer } from "../support/channel_fuzz.ts";
import { frame, int32s, Kind, messageFrame } from "../../src/channel/frames.ts";
import { encodeMessage } from "../../src/channel/message.ts";
import { isWindows } from "../support/system.ts";

const isLinux = process.platform === "linux";

/** A listener that takes connections and says nothing, at the path of a channel. */
async function silentListener(path: string): Promise<AsyncDisposable> {
  const connections: net.Socket[] = [];
  const servers = [path, ...isWindows ? [] : [`${path}.bell`]].map((each) =>
    net.createServer((connection) => {
      connection.on("error", () => {});
      connections.push(connection);
    }).listen(each)
  );
  await Promise.all(
    servers.map((server) => new Promise((resolve) => server.once("listening", resolve))),
  );
  return {
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      await turns();
    },
  };
}

describe("connect", () => {
  test("to a listener that never answers is ETIMEDOUT after handshakeTimeout", async () => {
    using where = place();
    await using _ = await silentListener(where.path);
    const connecting = HandleChannel.connect(where.path, { handshakeTimeout: 50 });
    await expect(connecting).rejects.toMatchObject({
      name: "HandleError",
      code: "ETIMEDOUT",
      message: expect.stringContaining("50 ms"),
    });
  });

  test("ends by its signal, with the signal's reason", async () => {
    using where = place();
    await using _ = await silentListener(where.path);
    const reason = new Error("enough");
    const before = AbortSignal.abort(reason);
    await expect(HandleChannel.connect(where.path, { signal: before })).rejects.toBe(reason);
    const meanwhile = new AbortController();
    const connecting = HandleChannel.connect(where.path, { signal: meanwhile.signal });
    setTimeout(() => meanwhile.abort(reason), 20);
    await expect(connecting).rejects.toBe(reason);
  });

  test("is not ended by a signal that comes later", async () => {
    using where = place();
    await using _ = await HandleChannel.listen(where.path, (channel) => channel.send("hello"));
    const controller = new AbortController();
    const { signal } = controller;
    await using channel = await HandleChannel.connect(where.path, {
      signal,
      handshakeTimeout: 60_000,
    });
    controller.abort();
    expect((await next(channel)).message).toBe("hello");
  });
});

describe("listen", () => {
  test("ends by its signal", async () => {
    using where = place();
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = HandleChannel.listen(where.path, () => {}, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow("abort");
    const server = await HandleChannel.listen(where.path, () => {}, { signal });
    controller.abort();
    await server.close(); // waits for the same
    await expect(HandleChannel.connect(where.path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["throws", () => {
      throw new Error("my own");
    }],
    ["is rejected", () => Promise.reject(new Error("my own"))],
  ])("an onChannel that %s ends its channel, and onError is told", async (_, onChannel) => {
    using where = place();
    const errors: unknown[] = [];
    const onError = (error: unknown) => {
      errors.push(error);
      throw new Error("of no effect");
    };
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    await using server = await HandleChannel.listen(where.path, onChannel, { onError });
    for (let visit = 0; visit < 2; visit++) {
      await using channel = await HandleChannel.connect(where.path);
      expect(await channel.receive()).toBe(undefined);
    }
    expect(errors.map(String)).toEqual(["Error: my own", "Error: my own"]);
    expect(await warned).toMatchObject({
      name: "HandleWarning",
      message: expect.stringContaining("of no effect"),
    });
    await server.close();
  });

  test("without onError makes a warning of it", async () => {
    using where = place();
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    await using _ = await HandleChannel.listen(where.path, async () => {
      await Promise.reject(new Error("my own"));
    });
    await using channel = await HandleChannel.connect(where.path);
    expect(await channel.receive()).toBe(undefined);
    expect(await warned).toMatchObject({
      name: "HandleWarning",
      message: expect.stringContaining("my own"),
    });
  });

  test.each([
    { handshakeTimeout: 0 },
    { handshakeTimeout: 2 ** 31 },
    { maxPendingClients: 0 },
    { closeTimeout: 1.5 },
    { onError: "no" },
    { signal: {} },
    { timeout: 5 },
  ])("refuses the options %o", async (options) => {
    using where = place();
    await expect(HandleChannel.listen(where.path, () => {}, options as object)).rejects
      .toThrow(TypeError);
  });
});

describe("close", () => {
  test("of a channel whose other side goes on as if nothing were, ends after closeTimeout", async () => {
    await using ends = await connected({ closeTimeout: 50 });
    // The far end has not said its bye while its process does not turn the loop; here it is asked to send on.
    const sending = ends.far.send("more");
    await ends.near.close();
    await sending.catch(({ code }: HandleError) => expect(code).toBe("EPIPE"));
  });

  test.runIf(isLinux)("does not wait for a peer that only reads (Linux: raw sockets)", async () => {
    const peer = new RawPeer(undefined, 50);
    peer.sayHello();
    await peer.channel.send("hello");
    await peer.channel.close();
    expect(peer.channel.closed).toBe(true);
    peer.close();
    await turns();
  });
});

describe.runIf(isLinux)("a peer on raw sockets (Linux)", () => {
  test("whose message is no JSON ends the channel", async () => {
    const peer = new RawPeer();
    peer.sayHello();
    const bad = frame(Kind.Message, int32s(0, 1, 0), new TextEncoder().encode("{"));
    peer.say(bad);
    peer.say(messageFrame(encodeMessage("later"), 0));
    await expect(peer.channel.receive()).rejects.toMatchObject({ code: "EPROTO" });
    await expect(peer.channel.send(1)).rejects.toMatchObject({ code: "EPROTO" });
    await peer.channel.close();
    peer.close();
    await turns();
  });

  test("that reads nothing gets no more acks than it takes", async () => {
    const peer = new RawPeer();
    peer.sayHello();
    const messages = 200_000;
    const message = messageFrame(encodeMessage(""), 0);
    const memory = process.memoryUsage().rss;
    for (let sent = 0; sent < messages; sent++) {
      peer.say(message);
      await peer.channel.receive();
    }
    expect(process.memoryUsage().rss - memory).toBeLessThan(100 << 20);
    peer.close();
    await peer.channel.close();
    await turns();
  });
});
