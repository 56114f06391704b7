/** Sockets and pipes of Windows as the runtime's own streams and servers: what works, and what says why not. */
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import type { Readable, Writable } from "node:stream";
import * as tls from "node:tls";
import { duplicateSocket, OwnedHandle, socketFromInfo } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { certificate } from "../support/certificate.ts";
import { isBun, isDeno, isWindows, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { rejection } from "../support/windows_channels.ts";
import { connectOnce, newSocket, openOnce } from "../support/windows_objects.ts";

const LOCAL = "127.0.0.1";
const MEGABYTE = 1 << 20;
const CONNECTIONS = 50;

beforeAll(openOnce);
beforeAll(connectOnce);
beforeAll(async () => {
  // The first one makes the runtime open what it then keeps.
  if (!isWindows || isDeno) return;
  const socket = dgram.createSocket("udp4");
  socket.bind(0, LOCAL);
  await once(socket, "listening");
  socket.close();
});

/** A socket that listens, and its port. */
function listening(): [socket: number, port: number] {
  const socket = newSocket();
  win32.bind(socket, { address: LOCAL, port: 0 });
  win32.listen(socket, CONNECTIONS);
  return [socket, win32.getsockname(socket).port];
}

/** A connection: the runtime has one end, and the other one is of nobody yet. */
async function connection(): Promise<{ client: net.Socket; raw: number }> {
  const [listener, port] = listening();
  const client = net.connect(port, LOCAL);
  await once(client, "connect");
  const raw = win32.accept(listener);
  win32.closesocket(listener);
  return { client, raw };
}

function datagramSocket(): number {
  const { AF_INET, IPPROTO_UDP, SOCK_DGRAM, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED } =
    win32;
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
  const socket = win32.WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, null, 0, flags);
  win32.bind(socket, { address: LOCAL, port: 0 });
  return socket;
}

/** Whether the socket is open. */
function isOpen(socket: number): boolean {
  try {
    win32.getsockopt(socket, win32.SOL_SOCKET, win32.SO_TYPE);
    return true;
  } catch {
    return false;
  }
}

async function untilClosed(socket: number): Promise<void> {
  while (isOpen(socket)) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function textOf(stream: Readable): Promise<string> {
  return Buffer.concat(await bytesOf(stream)).toString();
}

async function bytesOf(stream: Readable): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  return chunks;
}

/** What a server on a port says to a client. */
async function greeting(port: number): Promise<string> {
  return await textOf(net.connect(port, LOCAL));
}

const pattern = () => Buffer.from(Uint8Array.from({ length: MEGABYTE }, (_, at) => at * 31 >> 3));

describe.runIf(isWindows && !isBun)("toSocket", () => {
  test("carries a megabyte both ways, and closes the socket once", async () => {
    const { client, raw } = await connection();
    const owner = OwnedHandle.fromRaw(raw);
    const socket = owner.toSocket();
    expect(owner.closed).toBe(true);
    expect(socket).toBeInstanceOf(net.Socket);
    expect(socket.remotePort).toBe(client.localPort);
    const sent = pattern();
    socket.pipe(socket);
    const echoed = bytesOf(client);
    client.end(sent);
    expect(Buffer.concat(await echoed).equals(sent)).toBe(true);
    await untilClosed(raw);
  });

  test("takes the owner of a duplicate, and leaves the other socket open", async () => {
    const { client, raw } = await connection();
    const copy = socketFromInfo(duplicateSocket(raw, process.pid));
    const { raw: second } = copy;
    const socket = copy.toSocket();
    socket.write("from the duplicate");
    const [bytes] = await once(client, "data") as [Buffer];
    expect(String(bytes)).toBe("from the duplicate");
    socket.destroy();
    await untilClosed(second);
    expect(isOpen(raw)).toBe(true);
    win32.send(raw, new TextEncoder().encode("from the first"), 0);
    expect(String((await once(client, "data"))[0])).toBe("from the first");
    win32.closesocket(raw);
    client.destroy();
  });

  test("stays open for writing after the other side's end, if it is to", async () => {
    const { client, raw } = await connection();
    const socket = OwnedHandle.fromRaw(raw).toSocket({ allowHalfOpen: true });
    const heard = textOf(client);
    client.end("question");
    expect(await textOf(socket)).toBe("question");
    socket.end("answer");
    expect(await heard).toBe("answer");
    await untilClosed(raw);
  });

  test("as a stream that only reads, or only writes", async () => {
    const [one, other] = [await connection(), await connection()];
    const reader = OwnedHandle.fromRaw(one.raw).toReadable();
    const writer = OwnedHandle.fromRaw(other.raw).toWritable();
    const sent = pattern();
    const [read, written] = [bytesOf(reader), bytesOf(other.client)];
    one.client.end(sent);
    one.client.resume();
    writer.end(sent);
    expect(Buffer.concat(await read).equals(sent)).toBe(true);
    expect(Buffer.concat(await written).equals(sent)).toBe(true);
    for (const raw of [one.raw, other.raw]) await untilClosed(raw);
  });
});

describe.runIf(isWindows && !isDeno)("toServer", () => {
  test(`a new net.Server gets ${CONNECTIONS} connections, and closes the socket once`, async () => {
    const [raw, port] = listening();
    const server = await OwnedHandle.fromRaw(raw).toServer();
    expect(server.listening).toBe(true);
    expect(server.address()).toMatchObject({ port, address: LOCAL });
    let count = 0;
    server.on("connection", (socket) => socket.end(`number ${++count}`));
    const said = await Promise.all(Array.from({ length: CONNECTIONS }, () => greeting(port)));
    expect(new Set(said).size).toBe(CONNECTIONS);
    server.close();
    await once(server, "close");
    expect(isOpen(raw)).toBe(false);
  });

  test.skipIf(isBun)(
    "rejects when the server is closed before it listens, and leaves no listener",
    async () => {
      const [raw] = listening();
      const server = net.createServer();
      const listen = server.listen.bind(server) as (where: object) => net.Server;
      server.listen = ((where: object) => {
        try {
          return listen(where);
        } finally {
          server.close();
        }
      }) as typeof server.listen;
      await expect(OwnedHandle.fromRaw(raw).toServer(server)).rejects.toThrow("closed before");
      expect(server.eventNames()).toEqual([]);
      expect(isOpen(raw)).toBe(false);
    },
  );

  test("gets what came before it listened", async () => {
    const [raw, port] = listening();
    const early = net.connect(port, LOCAL);
    await once(early, "connect");
    const server = await OwnedHandle.fromRaw(raw).toServer(net.createServer((socket) => {
      socket.end("late");
    }));
    expect(await textOf(early)).toBe("late");
    server.close();
    await once(server, "close");
  });

  test("an http.Server", async () => {
    const [raw, port] = listening();
    const server = http.createServer((request, response) => response.end(`at ${request.url}`));
    let listenings = 0;
    server.on("listening", () => listenings++);
    expect(await OwnedHandle.fromRaw(raw).toServer(server)).toBe(server);
    expect([server.listening, listenings]).toEqual([true, 1]);
    expect(server.address()).toMatchObject({ port });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const path of ["/one", "/two"]) {
      const request = http.get({ host: LOCAL, port, path, agent });
      const [response] = await once(request, "response") as [http.IncomingMessage];
      expect(await textOf(response)).toBe(`at ${path}`);
    }
    agent.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    expect([server.listening, isOpen(raw)]).toEqual([false, false]);
  });

  test.skipIf(isBun)("an https.Server", async () => {
    const [raw, port] = listening();
    const server = https.createServer(certificate, (_, response) => {
      response.end("by TLS");
    });
    await OwnedHandle.fromRaw(raw).toServer(server);
    const options = { host: LOCAL, port, agent: false as const, rejectUnauthorized: false };
    const [response] = await once(https.get(options), "response") as [http.IncomingMessage];
    expect(await textOf(response)).toBe("by TLS");
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    expect(isOpen(raw)).toBe(false);
  });

  test("a tls.Server, also before an http.Server", async () => {
    const [raw, port] = listening();
    const web = http.createServer((_, response) => response.end("by TLS"));
    const options = certificate;
    const server = tls.createServer(options, (socket) => void web.emit("connection", socket));
    await OwnedHandle.fromRaw(raw).toServer(server);
    const to = { host: LOCAL, port, agent: false as const, rejectUnauthorized: false };
    const [response] = await once(https.get(to), "response") as [http.IncomingMessage];
    expect(await textOf(response)).toBe("by TLS");
    server.close();
    await once(server, "close");
    expect(isOpen(raw)).toBe(false);
  });

  test.runIf(isBun)("an https.Server is ENOTSUP in Bun, with the way on", async () => {
    const [raw] = listening();
    const error = await rejection(OwnedHandle.fromRaw(raw).toServer(https.createServer({})));
    expect(error).toMatchObject({ code: "ENOTSUP", syscall: "toServer" });
    expect(error.message).toContain("tls.createServer");
    expect(isOpen(raw)).toBe(false);
  });

  test("not one that listens already", async () => {
    const [raw] = listening();
    const server = net.createServer().listen(0, LOCAL);
    await once(server, "listening");
    const owner = OwnedHandle.fromRaw(raw);
    expect(await rejection(owner.toServer(server))).toMatchObject({ code: "EINVAL" });
    expect(isOpen(raw)).toBe(!owner.closed);
    if (!owner.closed) win32.closesocket(owner.release());
    server.close();
    await once(server, "close");
  });
});

test.runIf(isWindows && !isDeno && !isBun)("toDatagram receives and sends", async () => {
  const raw = datagramSocket();
  const { port } = win32.getsockname(raw);
  const socket = OwnedHandle.fromRaw(raw).toDatagram();
  await once(socket, "listening");
  expect(socket.address()).toMatchObject({ address: LOCAL, port });
  socket.on("message", (bytes, { port }) => socket.send(`${bytes}!`, port, LOCAL));
  const other = dgram.createSocket("udp4");
  other.send("hello", port, LOCAL);
  expect(String((await once(other, "message"))[0])).toBe("hello!");
  other.close();
  socket.close();
  await untilClosed(raw);
});

describe.runIf(isWindows && !isDeno && !isBun)("pipes", () => {
  test("carry a megabyte from toWritable to toReadable, and are closed once", async () => {
    const [reader, writer] = win32.CreatePipe();
    const source: Readable = OwnedHandle.fromRaw(reader).toReadable();
    const target: Writable = OwnedHandle.fromRaw(writer).toWritable();
    const sent = pattern();
    const read = bytesOf(source);
    target.end(sent);
    expect(Buffer.concat(await read).equals(sent)).toBe(true);
    for (const raw of [reader, writer]) await untilHandleClosed(raw);
  });

  test("eight that are idle, and eight that are full, leave node:fs at work", async () => {
    const pipes = Array.from({ length: 16 }, () => win32.CreatePipe());
    const [idle, full] = [pipes.slice(0, 8), pipes.slice(8)];
    const readers = idle.map(([reader]) => OwnedHandle.fromRaw(reader).toReadable().resume());
    const writers = full.map(([, writer]) => OwnedHandle.fromRaw(writer).toWritable());
    for (const writer of writers) writer.end(pattern());
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await fs.promises.readFile("package.json", "utf8")).length).toBeGreaterThan(0);
    const ended = readers.map((reader) => once(reader, "close"));
    for (const [, writer] of idle) win32.CloseHandle(writer);
    await Promise.all(ended);
    const read = full.map(([reader]) => bytesOf(OwnedHandle.fromRaw(reader).toReadable()));
    for (const bytes of await Promise.all(read)) {
      expect(Buffer.concat(bytes).equals(pattern())).toBe(true);
    }
    for (const [reader, writer] of pipes) {
      await untilHandleClosed(reader);
      await untilHandleClosed(writer);
    }
  });

  test("one that is full, or idle, is closed when its stream is destroyed", async () => {
    const [one, other] = [win32.CreatePipe(), win32.CreatePipe()];
    const writer = OwnedHandle.fromRaw(one[1]).toWritable();
    writer.on("error", () => {}).write(pattern());
    const reader = OwnedHandle.fromRaw(other[0]).toReadable().resume();
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const stream of [writer, reader]) {
      const closed = once(stream, "close");
      stream.destroy();
      await closed;
    }
    for (const raw of [one[1], other[0]]) await untilHandleClosed(raw);
    for (const raw of [one[0], other[1]]) win32.CloseHandle(raw);
  });

  test("the wrong end is EACCES, and stays open", () => {
    const [reader, writer] = win32.CreatePipe().map((raw) => OwnedHandle.fromRaw(raw));
    expect(thrownBy(() => reader!.toWritable())).toMatchObject({ code: "EACCES" });
    expect(thrownBy(() => writer!.toReadable())).toMatchObject({ code: "EACCES" });
    for (const end of [reader!, writer!]) end.close();
  });
});

async function untilHandleClosed(raw: number): Promise<void> {
  for (;;) {
    try {
      win32.GetHandleInformation(raw);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.runIf(isWindows)("what a handle is no good for", () => {
  const methods = ["toSocket", "toServer", "toReadable", "toWritable", "toDatagram"] as const;

  /** The errors of all methods that refuse a handle, which stays open. */
  async function refusals(raw: number): Promise<Map<string, { code: string; message: string }>> {
    const owner = OwnedHandle.fromRaw(raw);
    const found = new Map<string, { code: string; message: string }>();
    for (const method of methods) {
      try {
        await owner[method]();
      } catch (error) {
        found.set(method, error as { code: string; message: string });
      }
      expect(owner.closed, method).toBe(false);
    }
    owner.release();
    return found;
  }

  test("an event and a file: ENOTSUP, and open", async () => {
    using file = temporaryFile("text");
    const event = win32.CreateEventW(null, false, false, null);
    const opened = win32.CreateFileW(file.path, win32.GENERIC_READ, 3, null, 3, 0, 0);
    for (const raw of [event, opened]) {
      const found = await refusals(raw);
      expect([...found.values()].map(({ code }) => code)).toEqual(methods.map(() => "ENOTSUP"));
      for (const { message } of found.values()) expect(message).toContain("toFileHandle()");
      win32.CloseHandle(raw);
    }
  });

  test("a socket that is not connected: ENOTCONN for what needs a connection, and open", async () => {
    const raw = newSocket();
    const found = await refusals(raw);
    expect([...found].map(([method, { code }]) => [method, code])).toEqual([
      ["toSocket", "ENOTCONN"],
      ["toServer", "ENOTSUP"],
      ["toReadable", "ENOTCONN"],
      ["toWritable", "ENOTCONN"],
      ["toDatagram", "ENOTSUP"],
    ]);
    expect(isOpen(raw)).toBe(true);
    win32.closesocket(raw);
  });

  test("a socket that is not overlapped, which would stop the event loop: ENOTSUP, and open", async () => {
    const { AF_INET, IPPROTO_TCP, SOCK_STREAM } = win32;
    const raw = win32.WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, 0);
    win32.bind(raw, { address: LOCAL, port: 0 });
    win32.listen(raw, 1);
    const found = await refusals(raw);
    expect([...found.values()].map(({ code }) => code)).toEqual(methods.map(() => "ENOTSUP"));
    for (const { message } of found.values()) expect(message).toContain("WSA_FLAG_OVERLAPPED");
    win32.closesocket(raw);
  });

  test("a listener is for toServer, a datagram socket for toDatagram, a connection for toSocket", async () => {
    const { client, raw: connected } = await connection();
    const [listener] = listening();
    const datagrams = datagramSocket();
    const cases = [
      [listener, "toServer", ["toSocket", "toReadable", "toWritable", "toDatagram"]],
      [datagrams, "toDatagram", ["toSocket", "toServer", "toReadable", "toWritable"]],
      [connected, "toSocket", ["toServer", "toDatagram"]],
    ] as const;
    for (const [raw, right, wrong] of cases) {
      const owner = OwnedHandle.fromRaw(raw);
      for (const method of wrong) {
        const error = await rejection((async () => await owner[method]())());
        expect(error).toMatchObject({ code: "ENOTSUP", syscall: method, handle: raw });
        expect(error.message).toContain(`${right}()`);
        expect(owner.closed).toBe(false);
      }
      win32.closesocket(owner.release());
    }
    client.on("error", () => {}).destroy();
  });

  test("a protected one: EPERM, and open", () => {
    const { HANDLE_FLAG_PROTECT_FROM_CLOSE: flag } = win32;
    const [reader, writer] = win32.CreatePipe();
    const owner = OwnedHandle.fromRaw(reader);
    win32.SetHandleInformation(reader, flag, flag);
    const error = thrownBy(() => owner.toReadable());
    expect(error.code).toBe(isDeno || isBun ? "ENOTSUP" : "EPERM");
    win32.SetHandleInformation(reader, flag, 0);
    owner.close();
    win32.CloseHandle(writer);
  });

  test("what the runtime cannot own is ENOTSUP with the way on, and open", async () => {
    const { client, raw } = await connection();
    const [listener] = listening();
    const datagrams = datagramSocket();
    const [reader, writer] = win32.CreatePipe();
    const expected: [number, typeof methods[number], string][] = isBun
      ? [
        [raw, "toSocket", "toServer()"],
        [raw, "toReadable", "recv()"],
        [raw, "toWritable", "send()"],
        [datagrams, "toDatagram", "Bun.udpSocket({ fd"],
        [reader, "toReadable", "toFd()"],
        [writer, "toWritable", "toFd()"],
      ]
      : isDeno
      ? [
        [listener, "toServer", "accept()"],
        [datagrams, "toDatagram", "duplicateSocket()"],
        [reader, "toReadable", "toFileHandle()"],
        [writer, "toWritable", "toFileHandle()"],
      ]
      : [];
    for (const [raw, method, instead] of expected) {
      const owner = OwnedHandle.fromRaw(raw);
      const error = await rejection((async () => await owner[method]())());
      expect(error).toMatchObject({ code: "ENOTSUP", syscall: method, handle: raw });
      expect(error.message).toContain(instead);
      expect(owner.closed).toBe(false);
      owner.release();
    }
    for (const socket of [raw, listener, datagrams]) win32.closesocket(socket);
    for (const end of [reader, writer]) win32.CloseHandle(end);
    client.on("error", () => {}).destroy();
  });
});
