/** Servers that drain with other connections than plain ones: TLS, WebSockets, those of another thread. */
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type * as net from "node:net";
import * as tls from "node:tls";
import { drain, drainable, type ListeningServer, serveOn } from "duphandle";
import { describe, expect, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { makeListener } from "../support/listeners.ts";
import { isNative } from "../support/native_servers.ts";
import { bun, deno, type NativeServer } from "../support/natives.ts";
import { runProgram } from "../support/program.ts";
import { isDeno } from "../support/system.ts";
import { echoWebSockets } from "../support/web_clients.ts";
import { request, WebConnection } from "../support/web_connection.ts";

const upgrade =
  "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** The head of the answer to a request. */
async function headOf(connection: WebConnection, text: string): Promise<string> {
  connection.send(text);
  while (!connection.received.includes("\r\n\r\n") && !connection.hasEnded) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return connection.received;
}

describe.runIf(process.platform === "linux")("drain", () => {
  test("ends connections with TLS", async () => {
    using listener = makeListener("TCP4");
    const server = https.createServer(certificate, (_, response) => void response.end("hello"));
    if ("Bun" in globalThis) await once(server.listen(0, "127.0.0.1"), "listening");
    else await listener.handle.toServer(server);
    const { port } = server.address() as net.AddressInfo;
    const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    let received = "";
    socket.setEncoding("latin1").on("data", (text) => received += text);
    const closed = once(socket, "close");
    await once(socket, "secureConnect");
    socket.write(request());
    await once(socket, "data");
    const result = drain(server);
    socket.write(request());
    await closed;
    expect(received.match(/connection: close/gi)).toHaveLength(1);
    expect(received.match(/hello/g)).toHaveLength(2);
    expect(await result).toBe(0);
  });

  test("an idle connection ends by the limit of the server", async () => {
    using listener = makeListener("TCP4");
    const server = http.createServer((_, response) => void response.end("hello"));
    server.keepAliveTimeout = 10;
    await listener.handle.toServer(server);
    const connection = new WebConnection(listener.address);
    expect((await connection.ask()).body).toBe("hello");
    expect(await drain(server, { timeout: Infinity })).toBe(0);
    await connection.closed;
  });

  test("waits for WebSockets of node:http, and cuts them off", async () => {
    using listener = makeListener("TCP4");
    const server = echoWebSockets(http.createServer());
    await listener.handle.toServer(server);
    const connection = new WebConnection(listener.address);
    expect(await headOf(connection, upgrade)).toMatch(/^HTTP\/1.1 101 /);
    expect(await drain(server, { timeout: 50 })).toBe(1);
    await connection.closed;
  });

  test.runIf(isNative)("waits for WebSockets of a native server, and cuts them off", async () => {
    using listener = makeListener("TCP4");
    const server = serveOn(listener.handle, serveWebSockets);
    const connection = new WebConnection(listener.address);
    expect((await connection.ask()).body).toBe("hello");
    const result = drain(server as ListeningServer, { timeout: 300 });
    const head = await headOf(connection, upgrade);
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    expect(head).toMatch(/^connection: upgrade/im);
    expect(await result).toBe(1);
    await connection.closed;
  });

  test.runIf(isNative)(
    "an answer whose header fields cannot be changed has the field",
    async () => {
      using listener = makeListener("TCP4");
      const redirect = () => Response.redirect("http://localhost/elsewhere", 302);
      const server = serveOn(
        listener.handle,
        (placeholder) =>
          isDeno
            ? deno.serve({ ...placeholder, onListen() {} }, drainable(redirect))
            : bun.serve({ ...placeholder, fetch: drainable(redirect) }),
      );
      const connection = new WebConnection(listener.address);
      expect(await connection.ask()).toEqual({ body: "", closes: false });
      const result = drain(server as ListeningServer);
      const head = await headOf(connection, request());
      expect(head).toMatch(/^HTTP\/1.1 302 /);
      expect(head).toMatch(/^location: http:\/\/localhost\/elsewhere/im);
      expect(head).toMatch(/^connection: close/im);
      await connection.close();
      expect(await result).toBe(0);
    },
  );

  test("leaves the connections of another thread alone", () => {
    expect(runProgram("socket/drain_threads.ts").result).toEqual({
      // The main thread cuts off its own connection, and no other.
      count: 1,
      answers: ["main", "worker", "worker"],
      left: [],
    });
  });
});

/** A native server with WebSockets. */
function serveWebSockets(placeholder: object): NativeServer {
  const hello = () => new Response("hello");
  if (isDeno) {
    return deno.serve(
      { ...placeholder, onListen() {} },
      drainable((request: Request) =>
        request.headers.has("upgrade") ? deno.upgradeWebSocket(request).response : hello()
      ),
    );
  }
  return bun.serve({
    ...placeholder,
    websocket: { message() {} },
    fetch: drainable((request: Request, server: { upgrade(request: Request): boolean }) =>
      server.upgrade(request) ? undefined : hello()
    ),
  });
}
