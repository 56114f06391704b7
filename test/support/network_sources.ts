/** Servers and sockets of the running runtime, each kind that is a source, with the other end of each. */
import * as child_process from "node:child_process";
import * as dgram from "node:dgram";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HandleSource, OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import { isBun, isDeno, temporaryFolder } from "./system.ts";

/** What the tests use of a runtime's own network functions. The types of all runtimes are not in one check. */
export interface NativeSocket {
  close(): void;
  fd?: number;
}
export interface NativeServer extends NativeSocket {
  accept(): Promise<NativeSocket>;
  addr: { port: number; hostname: string };
  finished: Promise<void>;
  port: number;
  shutdown(): Promise<void>;
  stop(closeActiveConnections?: boolean): void;
}
interface Native {
  connect(options: object): Promise<NativeSocket>;
  listen(options: object): NativeServer;
  listenDatagram?(options: object): NativeServer;
  listenTls(options: object): NativeServer;
  serve(options: object, handler?: () => Response): NativeServer;
  udpSocket(options: object): Promise<NativeSocket & { port: number }>;
}
const globals = globalThis as { Deno?: Native; Bun?: Native };
/** The functions of `Deno`, in Deno. */
export const deno: Native = globals.Deno!;
/** The functions of `Bun`, in Bun. */
export const bun: Native = globals.Bun!;

/** The runtime's object, and what ends everything that came with it. */
export interface Made {
  readonly source: HandleSource;
  /** Closes the object as its own code would. */
  close(): unknown;
}

/** A connection; the other end is a socket of `node:net`, which is read as text. */
export interface MadeConnection extends Made {
  readonly peer: Peer;
}

/** The other end of a connection. */
export class Peer {
  readonly socket: net.Socket;
  received = "";
  ended = false;
  error: string | undefined;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => this.received += String(bytes));
    socket.on("end", () => this.ended = true);
    socket.on("error", ({ code }: NodeJS.ErrnoException) => this.error = code);
  }

  /** Waits until it has received the text. */
  async expect(text: string): Promise<void> {
    await until(() => this.received.includes(text), `"${text}" arrives; "${this.received}" did`);
  }
}

/** Waits until a condition holds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let wait = 0; !holds(); wait++) {
    if (wait > 400) throw new Error(`not within time: ${what}`);
    await sleep(10);
  }
}

/** Resolves with the first event. */
export function event<Value>(
  emitter: { once(name: string, listener: (value: Value) => void): unknown },
  name: string,
): Promise<Value> {
  return new Promise((resolve) => emitter.once(name, resolve));
}

/** Reads text from a descriptor that may be non-blocking. */
export async function readText(handle: OwnedHandle, text: string): Promise<void> {
  let received = "";
  const buffer = new Uint8Array(64);
  for (let wait = 0; !received.includes(text); wait++) {
    if (wait > 400) throw new Error(`not within time: "${text}" arrives; "${received}" did`);
    const [entry] = [{ fd: handle.raw, events: posix.POLLIN, revents: 0 }];
    if (posix.poll([entry!], 0) === 0) await sleep(10);
    else {
      const count = posix.read(handle.raw, buffer);
      if (count === 0) throw new Error(`the end, after "${received}"`);
      received += new TextDecoder().decode(buffer.subarray(0, count));
    }
  }
}

/** An address to listen on, and what removes it. */
const tcp4 = () => ({ listen: { port: 0, host: "127.0.0.1" }, remove: () => {} });
const tcp6 = () => ({ listen: { port: 0, host: "::1" }, remove: () => {} });
const unix = () => {
  const folder = temporaryFolder();
  return {
    listen: { path: path.join(folder.path, "s") },
    remove: () => folder[Symbol.dispose](),
  };
};
let names = 0;
const abstract = () => ({
  listen: { path: `\0duphandle-${process.pid}-${++names}` },
  remove: () => {},
});
const addresses = { tcp4, tcp6, unix, abstract };

/** Where a server of `node:net` listens, as `net.connect` takes it. */
export function placeOf(server: net.Server): net.NetConnectOpts {
  const address = server.address();
  return typeof address === "string"
    ? { path: address }
    : { port: (address as net.AddressInfo).port, host: (address as net.AddressInfo).address };
}

export async function listenNode(
  listen: object,
  options: net.ServerOpts = {},
): Promise<net.Server> {
  const server = net.createServer({ pauseOnConnect: true, ...options });
  server.listen(listen);
  await event(server, "listening");
  return server;
}

/** Both ends of a connection of `node:net`. Nothing is read of the accepted one. */
async function nodePair(
  name: keyof typeof addresses,
): Promise<{ accepted: net.Socket; connected: net.Socket; close(): void }> {
  const { listen, remove } = addresses[name]();
  const server = await listenNode(listen);
  const accepting = event<net.Socket>(server, "connection");
  const connected = net.connect(placeOf(server));
  const [accepted] = await Promise.all([accepting, event(connected, "connect")]);
  const close = () => {
    server.close();
    accepted.destroy();
    connected.destroy();
    remove();
  };
  return { accepted, connected, close };
}

/** Each kind of connection, by its name. */
export const connections: Readonly<Record<string, () => Promise<MadeConnection>>> = {
  ...Object.fromEntries((["tcp4", "tcp6", "unix", "abstract"] as const).flatMap((name) => [
    [`net.Socket, accepted, ${name}`, async () => {
      const { accepted, connected, close } = await nodePair(name);
      return { source: accepted, peer: new Peer(connected), close };
    }],
    [`net.Socket, connected, ${name}`, async () => {
      const { accepted, connected, close } = await nodePair(name);
      accepted.resume();
      return { source: connected, peer: new Peer(accepted), close };
    }],
  ])),
  "the socket of an upgraded request": async () => {
    const server = http.createServer().listen(0, "127.0.0.1");
    await event(server, "listening");
    const upgrading = new Promise<net.Socket>((resolve) =>
      server.on("upgrade", (_request, socket) => resolve(socket as net.Socket))
    );
    const client = net.connect(placeOf(server));
    client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    const source = await upgrading;
    const close = () => {
      server.close();
      client.destroy();
      source.destroy();
    };
    return { source, peer: new Peer(client), close };
  },
  ...(isDeno
    ? Object.fromEntries(
      (["tcp", "unix"] as const).flatMap((transport) =>
        (["accepted", "connected"] as const).map((side) => [
          `Deno.Conn, ${side}, ${transport}`,
          () => denoPair(transport, side),
        ])
      ),
    )
    : {}),
  ...(isBun
    ? Object.fromEntries(
      (["tcp", "unix"] as const).flatMap((transport) =>
        (["accepted", "connected"] as const).map((side) => [
          `Bun socket, ${side}, ${transport}`,
          () => bunPair(transport, side),
        ])
      ),
    )
    : {}),
};

async function denoPair(transport: "tcp" | "unix", side: string): Promise<MadeConnection> {
  const { listen, remove } = addresses[transport === "tcp" ? "tcp4" : "unix"]();
  if (side === "connected") {
    const server = await listenNode(listen);
    const accepting = event<net.Socket>(server, "connection");
    const place = placeOf(server) as { port?: number; host?: string };
    const source = await deno.connect({ transport, hostname: place.host, ...place });
    const accepted = await accepting;
    accepted.resume();
    const close = () => {
      closeQuietly(source);
      server.close();
      accepted.destroy();
      remove();
    };
    return { source: source as unknown as HandleSource, peer: new Peer(accepted), close };
  }
  const server = deno.listen({ transport, hostname: "127.0.0.1", ...listen });
  const client = net.connect(
    "path" in listen ? listen : { port: server.addr.port, host: "127.0.0.1" },
  );
  const source = await server.accept();
  const close = () => {
    closeQuietly(source);
    server.close();
    client.destroy();
    remove();
  };
  return { source: source as unknown as HandleSource, peer: new Peer(client), close };
}

async function bunPair(transport: "tcp" | "unix", side: string): Promise<MadeConnection> {
  const { listen, remove } = addresses[transport === "tcp" ? "tcp4" : "unix"]();
  const socket = { data() {}, open(_: NativeSocket) {} };
  if (side === "connected") {
    const server = await listenNode(listen);
    const accepting = event<net.Socket>(server, "connection");
    const place = placeOf(server) as { port?: number; host?: string; path?: string };
    const source = await bun.connect(
      place.path === undefined
        ? { hostname: place.host, port: place.port, socket }
        : { unix: place.path, socket },
    );
    const accepted = await accepting;
    accepted.resume();
    const close = () => {
      source.close();
      server.close();
      accepted.destroy();
      remove();
    };
    return { source: source as unknown as HandleSource, peer: new Peer(accepted), close };
  }
  let client: net.Socket;
  let server: NativeServer;
  const source = await new Promise<NativeSocket>((resolve) => {
    const where = "path" in listen ? { unix: listen.path } : { hostname: "127.0.0.1", port: 0 };
    server = bun.listen({ ...where, socket: { ...socket, open: resolve } });
    client = net.connect("path" in listen ? listen : { port: server.port, host: "127.0.0.1" });
  });
  const close = () => {
    source.close();
    server.stop(true);
    client.destroy();
    remove();
  };
  return { source: source as unknown as HandleSource, peer: new Peer(client!), close };
}

/** Closes what may be closed already. */
export function closeQuietly(source: { close(): unknown }): void {
  try {
    source.close();
  } catch {
    // It is.
  }
}

/** A server, and where a client reaches it. */
export interface MadeServer extends Made {
  readonly place: net.NetConnectOpts;
}

/** Each kind of server on TCP, by its name. */
export const servers: Readonly<Record<string, () => Promise<MadeServer>>> = {
  "net.Server, tcp4": async () => nodeServer(await listenNode({ port: 0, host: "127.0.0.1" })),
  "net.Server, tcp6": async () => nodeServer(await listenNode({ port: 0, host: "::1" })),
  "net.Server, every address": async () => nodeServer(await listenNode({ port: 0 })),
  "net.Server, abstract": async () => nodeServer(await listenNode(abstract().listen)),
  "http.Server": async () => {
    const server = http.createServer().listen(0, "127.0.0.1");
    await event(server, "listening");
    return nodeServer(server);
  },
  ...(isDeno
    ? {
      "Deno.Listener": () => {
        const source = deno.listen({ port: 0, hostname: "127.0.0.1" });
        return Promise.resolve({ ...native(source), close: () => closeQuietly(source) });
      },
      "Deno.HttpServer": () => {
        const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
        const source = deno.serve(options, () => new Response(""));
        return Promise.resolve({ ...native(source), close: () => source.shutdown() });
      },
    }
    : {}),
  ...(isBun
    ? {
      "Bun.listen": () => {
        const source = bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {} } });
        return Promise.resolve({ ...native(source), close: () => source.stop(true) });
      },
      "Bun.serve": () => {
        const source = bun.serve({
          port: 0,
          hostname: "127.0.0.1",
          fetch: () => new Response(""),
        } as object);
        return Promise.resolve({ ...native(source), close: () => source.stop(true) });
      },
    }
    : {}),
};

function nodeServer(source: net.Server): MadeServer {
  source.on("connection", (socket: net.Socket) => socket.destroy());
  return { source, place: placeOf(source), close: () => source.close() };
}

function native(source: NativeServer): Omit<MadeServer, "close"> {
  const port = isDeno ? source.addr.port : source.port;
  return { source: source as unknown as HandleSource, place: { port, host: "127.0.0.1" } };
}

/** Whether a client can connect. */
export async function connects(place: net.NetConnectOpts): Promise<boolean> {
  const client = net.connect(place);
  const isConnected = await new Promise<boolean>((resolve) => {
    client.once("connect", () => resolve(true));
    client.once("error", () => resolve(false));
  });
  client.destroy();
  return isConnected;
}

/** A UDP socket, and its port on 127.0.0.1. */
export interface MadeDatagram extends Made {
  readonly port: number;
}

/** Each kind of UDP socket, by its name. */
export const datagrams: Readonly<Record<string, () => Promise<MadeDatagram>>> = {
  "dgram.Socket": async () => {
    const source = dgram.createSocket("udp4");
    source.bind(0, "127.0.0.1");
    await event(source, "listening");
    return { source, port: source.address().port, close: () => closeQuietly(source) };
  },
  ...(isDeno && deno.listenDatagram !== undefined
    ? {
      "Deno.DatagramConn": () => {
        const source = deno.listenDatagram!({ transport: "udp", port: 0, hostname: "127.0.0.1" });
        const { port } = source.addr;
        const close = () => closeQuietly(source);
        return Promise.resolve({ source: source as unknown as HandleSource, port, close });
      },
    }
    : {}),
  ...(isBun
    ? {
      "Bun.udpSocket": async () => {
        const source = await bun.udpSocket({ hostname: "127.0.0.1", socket: { data() {} } });
        return {
          source: source as unknown as HandleSource,
          port: source.port,
          close: () => closeQuietly(source),
        };
      },
    }
    : {}),
};

/** Sends a datagram to a port of 127.0.0.1. */
export async function sendDatagram(port: number, text: string): Promise<void> {
  const socket = dgram.createSocket("udp4");
  await new Promise((resolve) => socket.send(text, port, "127.0.0.1", resolve));
  socket.close();
}

/** The inode of a socket, as /proc has it. */
export function inodeOf(raw: number): string {
  return fs.readlinkSync(`/proc/self/fd/${raw}`);
}

/** Whether an event loop of this process watches the open file of a descriptor, under any number. */
export function isWatched(raw: number): boolean {
  const inode = /\[(\d+)\]/.exec(inodeOf(raw))?.[1];
  const wanted = `ino:${Number(inode).toString(16)} `;
  return fs.readdirSync("/proc/self/fd").some((fd) => {
    try {
      if (!fs.readlinkSync(`/proc/self/fd/${fd}`).includes("[eventpoll]")) return false;
      return fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").includes(wanted);
    } catch {
      return false; // closed by now
    }
  });
}

/** A child whose input comes back as its output. */
export function cat(): child_process.ChildProcessWithoutNullStreams {
  return child_process.spawn("cat");
}
