/** Servers that accept no more, while their connections go on and their sockets stay open. */
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { duplicate, isSameObject, type ListeningServer, stopAccepting } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { canHave, echoServers } from "../support/drained_servers.ts";
import { makeListener, talk } from "../support/listeners.ts";
import { notOpen, unsupported } from "../support/matchers.ts";
import { isNative } from "../support/native_servers.ts";
import { bun, deno, type NativeServer, stopNative } from "../support/natives.ts";
import { isDeno } from "../support/system.ts";
import { WebConnection } from "../support/web_connection.ts";
import { connectOnce } from "../support/windows_objects.ts";

const isLinux = process.platform === "linux";
/** What the servers that send back what they get are sent: an answer of HTTP. */
const answerOf = (body: string) =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe.runIf(isLinux).each(echoServers)("stopAccepting of $name", ({ name, serve }) => {
  test.each((["TCP4", "Unix"] as const).filter((kind) => canHave(name, kind)))(
    "on a %s socket: connections go on, and new ones wait for the next server",
    async (kind) => {
      using listener = makeListener(kind);
      using copy = duplicate(listener.handle);
      const first = await serve(listener.handle);
      const connection = new WebConnection(listener.address);
      connection.send(answerOf("one"));
      expect((await connection.answer()).body).toBe("one");

      const handle = stopAccepting(first.server);
      expect(isSameObject(handle, copy)).toBe(true);
      const late = await new WebConnection(listener.address).connected();
      late.send(answerOf("late"));
      for (let round = 0; round < 20; round++) {
        connection.send(answerOf(`round ${round}`));
        expect((await connection.answer()).body).toBe(`round ${round}`);
      }
      expect(late.received).toBe("");
      const second = await serve(handle);
      expect((await late.answer()).body).toBe("late");
      connection.send(answerOf("still"));
      expect((await connection.answer()).body).toBe("still");
      await connection.close();
      await late.close();
      await first.stop();
      await second.stop();
    },
  );
});

describe.runIf(isLinux)("stopAccepting", () => {
  test("stops a server in the same turn in which it listens", async () => {
    let count = 0;
    const server = net.createServer((socket) => {
      count++;
      socket.end("first");
    }).listen(0);
    using handle = stopAccepting(server);
    using again = stopAccepting(server);
    expect(isSameObject(handle, again)).toBe(true);
    await once(server, "listening");
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { port } = server.address() as net.AddressInfo;
    const late = talk({ host: "127.0.0.1", port }, "");
    const next = await handle.duplicate().toServer(net.createServer((to) => to.end("next")));
    expect(await late).toBe("next");
    expect(count).toBe(0);
    await new Promise((resolve) => next.close(resolve));
    await new Promise((resolve) => server.close(resolve));
  });

  test("in the server's own handler: what is accepted is served, and no more later", async () => {
    let handle: Disposable | undefined;
    const server = http.createServer((_, response) => {
      handle ??= stopAccepting(server);
      response.end("hello");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = { host: "127.0.0.1", port: (server.address() as net.AddressInfo).port };
    const connection = new WebConnection(address);
    expect((await connection.ask()).body).toBe("hello");
    const late = await new WebConnection(address).connected();
    late.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (let round = 0; round < 20; round++) {
      expect((await connection.ask()).body).toBe("hello");
    }
    expect(late.received).toBe("");
    await connection.close();
    await late.close();
    handle?.[Symbol.dispose]();
    await new Promise((resolve) => server.close(resolve));
  });

  test("a server that listens again accepts again", async () => {
    const server = net.createServer((socket) => void socket.end("hello"));
    for (let round = 0; round < 3; round++) {
      await once(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as net.AddressInfo;
      expect(await talk({ host: "127.0.0.1", port }, "")).toBe("hello");
      stopAccepting(server).close();
      await new Promise((resolve) => server.close(resolve));
      expect(() => stopAccepting(server)).toThrow(notOpen);
    }
  });

  test.runIf(isNative).each(["serve", "listen"] as const)(
    "stops a server that the runtime's own %s() has bound",
    async (name) => {
      const options = { port: 0, hostname: "127.0.0.1" };
      const answer = () => new Response("hello");
      const natives = {
        serve: () =>
          isDeno
            ? deno.serve({ ...options, onListen() {} }, answer)
            : bun.serve({ ...options, fetch: answer }),
        listen: () =>
          isDeno ? deno.listen(options) : bun.listen({ ...options, socket: { data() {} } }),
      };
      const server: NativeServer = natives[name]();
      const { port } = (server.addr ?? server) as { port: number };
      const handle = stopAccepting(server as ListeningServer);
      const late = talk({ host: "127.0.0.1", port }, "");
      if (isDeno && name === "serve") {
        expect(() => duplicate(server as never)).toThrow(notOpen); // its loop watches no socket
      }
      const next = await handle.toServer(net.createServer((to) => to.end("next")));
      expect(await late).toBe("next");
      await new Promise((resolve) => next.close(resolve));
      await stopNative(server);
      expect(() => stopAccepting(server as ListeningServer)).toThrow(notOpen);
    },
  );

  test("refuses a connection, and a server that does not listen", async () => {
    expect(() => stopAccepting(net.createServer())).toThrow(notOpen);
    const server = net.createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    expect(() => stopAccepting(socket as never)).toThrow(TypeError);
    expect(() => stopAccepting(socket as never)).toThrow(/what does not listen for connections/);
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(() => stopAccepting(server)).toThrow(notOpen);
  });
});

describe("stopAccepting refuses", () => {
  beforeAll(connectOnce);

  test("what is no server", () => {
    using handle = duplicate(1);
    for (const value of [undefined, null, 1, "server", () => {}, handle, Promise.resolve()]) {
      expect(() => stopAccepting(value as never)).toThrow(TypeError);
    }
  });

  test.skipIf(isLinux)("every server outside Linux, which accepts as before", async () => {
    const server = net.createServer((socket) => void socket.end("hello"));
    await once(server.listen(0, "127.0.0.1"), "listening");
    expect(() => stopAccepting(server)).toThrow(unsupported);
    expect(() => stopAccepting(server)).toThrow(/duplicate\(\) its handle before it is a server's/);
    const { port } = server.address() as net.AddressInfo;
    expect(await talk({ host: "127.0.0.1", port }, "")).toBe("hello");
    await new Promise((resolve) => server.close(resolve));
  });
});
