/** Servers of each kind on a listening socket, for the tests of what ends them. */
import * as http from "node:http";
import * as net from "node:net";
import { drainable, type ListeningServer, type OwnedHandle, serveOn } from "duphandle";
import type { ListenerKind } from "./listeners.ts";
import { echo, isNative } from "./native_servers.ts";
import { bun, deno, type NativeServer, stopNative } from "./natives.ts";
import { isDeno } from "./system.ts";

/** A server that runs. */
export interface RunningServer {
  readonly server: ListeningServer;
  /** Ends it at once, if it has not ended. */
  stop(): Promise<void>;
}

/** The text of an answer to a request with this body. */
export type Answering = (body: string) => string | Promise<string>;

/** A kind of web server. */
export interface WebServerKind {
  readonly name: string;
  readonly serve: (handle: OwnedHandle, answer: Answering) => Promise<RunningServer>;
}

/** The kinds of web servers of this runtime. */
export const webServers: readonly WebServerKind[] = [
  { name: "node:http", serve: serveHttp },
  ...isNative ? [{ name: isDeno ? "Deno.serve" : "Bun.serve", serve: serveNatively }] : [],
];

/** Whether a kind of server can have a listening socket. Deno closes Unix sockets of node:net twice. */
export function canHave(name: string, kind: ListenerKind): boolean {
  return !isDeno || !name.startsWith("node:") || kind.startsWith("TCP");
}

/** After how many seconds a server closes an idle connection: on a busy machine a client needs its time. */
const IDLE_S = 255;

async function serveHttp(handle: OwnedHandle, answer: Answering): Promise<RunningServer> {
  const server = http.createServer(async (request, response) => {
    const parts: Uint8Array[] = [];
    try {
      for await (const part of request) parts.push(part as Uint8Array);
    } catch {
      return; // the request was cut off
    }
    response.end(await answer(Buffer.concat(parts).toString()));
  });
  server.keepAliveTimeout = IDLE_S * 1000;
  await handle.toServer(server);
  return {
    server,
    stop: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function serveNatively(handle: OwnedHandle, answer: Answering): Promise<RunningServer> {
  const handler = drainable(async (request: Request) =>
    new Response(await answer(await request.text()))
  );
  return Promise.resolve(
    running(
      serveOn(
        handle,
        (placeholder) =>
          isDeno
            ? deno.serve({ ...placeholder, onListen() {} }, handler)
            : bun.serve({ ...placeholder, idleTimeout: IDLE_S, fetch: handler }),
      ),
    ),
  );
}

function running(server: NativeServer): RunningServer {
  return {
    server: server as unknown as ListeningServer,
    stop: () => stopNative(server).catch(() => {}), // a Deno.Listener is closed but once
  };
}

/** The kinds of servers that send back what they get. */
export const echoServers: readonly {
  readonly name: string;
  readonly serve: (handle: OwnedHandle) => Promise<RunningServer>;
}[] = [
  { name: "node:net", serve: serveNet },
  ...isNative
    ? [{
      name: isDeno ? "Deno.listen" : "Bun.listen",
      serve: (handle: OwnedHandle) => Promise.resolve(running(echo(handle))),
    }]
    : [],
];

async function serveNet(handle: OwnedHandle): Promise<RunningServer> {
  const server = net.createServer((socket) => socket.pipe(socket).on("error", () => {}));
  await handle.toServer(server);
  return { server, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}
