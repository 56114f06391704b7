/** Finding holders on Windows: files that are busy, sockets, other objects, and what is never queried. */
import { once } from "node:events";
import * as dgram from "node:dgram";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { borrow, findHandles, type FoundHandle, inspectHandle, openProcess } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { Peer, startOnce } from "../support/peer.ts";
import { isWindows, temporaryFile, temporaryFolder } from "../support/system.ts";
import {
  closeAll,
  connectedSockets,
  connectOnce,
  copyOf,
  openOnce,
  signalled,
} from "../support/windows_objects.ts";

const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;
const READ_WRITE = (win32.GENERIC_READ | win32.GENERIC_WRITE) >>> 0;

const numbers = (found: readonly FoundHandle[]) => found.map(({ pid, raw }) => [pid, raw]);
const own = (...raws: readonly number[]) =>
  [...raws].sort((a, b) => a - b).map((raw) => [process.pid, raw]);

function open(file: string, access: number, flags = 0): number {
  return win32.CreateFileW(file, access, 7, null, win32.OPEN_EXISTING, flags, 0);
}

beforeAll(async () => {
  if (!isWindows) return;
  await startOnce();
  await openOnce();
  await connectOnce();
  // What is opened once and kept: for UDP, and by the libraries.
  for (const kind of ["udp4", "udp6"] as const) {
    const socket = dgram.createSocket(kind);
    socket.bind(0, kind === "udp4" ? "127.0.0.1" : "::1");
    await once(socket, "listening");
    socket.close();
    await once(socket, "close");
  }
  findHandles({ port: 1 });
});

describe.runIf(isWindows)("a file that is busy", () => {
  test("EBUSY: is found with its holder, and freed by closing the holder's handle", async () => {
    using file = temporaryFile("abc");
    await using peer = await Peer.start();
    const theirs = await peer.do("openExclusive", file.path);
    const busy = expect.objectContaining({ code: "EBUSY" });
    for (const use of [fs.readFileSync, fs.unlinkSync]) expect(() => use(file.path)).toThrow(busy);
    const found = findHandles({ path: file.path });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ pid: peer.pid, raw: theirs, access: "read-write" });
    using holder = openProcess(peer.pid);
    const taken = holder.take(found[0]!.raw!, { closeSource: true });
    expect(numbers(findHandles(taken))).toEqual(own(taken.raw)); // that process has it no more
    taken.close();
    expect(fs.readFileSync(file.path, "utf8")).toBe("abc");
    expect(findHandles({ path: file.path })).toHaveLength(0);
    fs.unlinkSync(file.path);
  });

  test("by a lock of a range: says who has the file open", async () => {
    using file = temporaryFile("abc");
    await using peer = await Peer.start();
    const theirs = await peer.do("open", file.path, "r+");
    await peer.do("lock", theirs, 3);
    expect(numbers(findHandles({ path: file.path }))).toEqual([[peer.pid, theirs]]);
    const handle = open(file.path, win32.GENERIC_READ);
    const locked = expect.objectContaining({ code: "EBUSY", status: "ERROR_LOCK_VIOLATION" });
    const place = { Offset: 0, OffsetHigh: 0 };
    // On Windows it can't be read either. Wine keeps out locks only.
    const lock = () => win32.LockFileEx(handle, win32.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, place);
    expect(lock).toThrow(locked);
    win32.CloseHandle(handle);
  });

  test("a directory is found as well, and a file whose name has letters of many languages", () => {
    using folder = temporaryFolder();
    const file = path.join(folder.path, "grün ☃ 名.txt");
    fs.writeFileSync(file, "abc");
    const handles = [
      open(folder.path, win32.GENERIC_READ, FILE_FLAG_BACKUP_SEMANTICS),
      open(file, win32.GENERIC_WRITE),
    ];
    expect(numbers(findHandles({ path: folder.path }))).toEqual(own(handles[0]!));
    expect(numbers(findHandles({ path: file }))).toEqual(own(handles[1]!));
    expect(numbers(findHandles({ path: `\\\\?\\${file}` }))).toEqual(own(handles[1]!));
    closeAll(...handles);
  });
});

describe.runIf(isWindows)("what is never queried", () => {
  // On Wine a query returns at once. On Windows it would return when the read ends.
  test("a pipe from which a process reads is passed over, and the process is in hidden", async () => {
    using file = temporaryFile("abc");
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    const theirFile = await peer.do("open", file.path, "r");
    await using listener = await listen();
    const duplex = open(listener.path, READ_WRITE);
    const theirs = other.give(borrow(duplex));
    const reading = peer.do("read", theirs.raw, 1);
    while (signalled(duplex)) await new Promise((resolve) => setTimeout(resolve, 5));
    const found = [findHandles({ path: file.path }), findHandles({ port: listener.port })];
    const objects = findHandles(borrow(duplex));
    await listener.write("a");
    expect(await reading).toBe("a");
    expect(numbers(found[0]!)).toEqual([[peer.pid, theirFile]]);
    const busy = { code: "EBUSY", reason: expect.stringMatching(/^\d+ of its handles/) as string };
    for (const { hidden } of found) expect(hidden).toContainEqual({ pid: peer.pid, ...busy });
    // Whether two are one object is known without a query.
    const wanted = [...own(duplex), [peer.pid, theirs.raw]];
    expect(numbers(objects).sort()).toEqual(wanted.sort()); // which pid is lower is chance
    expect(objects.every(({ kind }) => kind === "other")).toBe(true);
    theirs.close();
    closeAll(duplex);
  });

  test("a path of a pipe or a device is ENOTSUP, and nothing connects to it", async () => {
    await using listener = await listen();
    const refused = expect.objectContaining({
      code: "ENOTSUP",
      message: expect.stringContaining("pass a handle of it") as string,
    });
    const paths = [listener.path, listener.path.replaceAll("\\", "/"), "\\\\.\\NUL", "NUL"];
    const others = [
      "\\\\?\\",
      "\\??\\",
      "\\\\localhost\\",
      "//127.0.0.1/",
      "\\\\?\\UNC\\localhost\\",
    ];
    paths.push(...others.map((start) => listener.path.replace("\\\\.\\", start)));
    for (const each of paths) expect(() => findHandles({ path: each }), each).toThrow(refused);
    expect(listener.connections()).toBe(0);
    const handle = open(listener.path, READ_WRITE);
    while (listener.connections() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(listener.connections()).toBe(1);
    closeAll(handle);
  });
});

describe.runIf(isWindows)("findHandles() of a port on Windows", () => {
  test("finds both ends of a connection, and each of many sockets with one address", () => {
    const pairs = [connectedSockets(), connectedSockets()];
    for (const [client, server] of pairs) {
      const ends = [client, server].map((raw) => inspectHandle(borrow(raw)));
      for (const { raw, socket } of ends) {
        expect([...findHandles({ port: socket!.local!.port! })]).toEqual([
          expect.objectContaining({ pid: process.pid, raw, socket }),
        ]);
      }
    }
    for (const socket of pairs.flat()) win32.closesocket(socket);
  });

  test("tells a server with its connections, in another process, from their own addresses", async () => {
    await using peer = await Peer.start();
    const port = await peer.do("serve");
    const client = net.connect(port, "127.0.0.1");
    await once(client, "connect");
    let found: FoundHandle[] = [];
    // The other process accepts the connection some time after it is there.
    while (found.length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      found = findHandles({ port });
    }
    expect(found.map(({ pid }) => pid)).toEqual([peer.pid, peer.pid]);
    const { localPort } = client;
    const ends = findHandles({ port: localPort! });
    expect(ends.map(({ pid, socket }) => [pid, socket?.remote?.port])).toEqual([
      [process.pid, port],
    ]);
    client.destroy();
    await once(client, "close");
  });

  test("finds sockets of UDP, and of IPv6", async () => {
    for (
      const [kind, address, family] of [
        ["udp4", "127.0.0.1", "IPv4"],
        ["udp6", "::1", "IPv6"],
      ] as const
    ) {
      const socket = dgram.createSocket(kind);
      socket.bind(0, address);
      await once(socket, "listening");
      const { port } = socket.address();
      const found = findHandles({ port });
      expect(found.map(({ pid }) => pid)).toEqual([process.pid]);
      expect(found[0]!.socket).toMatchObject({
        family,
        type: "datagram",
        local: { address, port },
      });
      socket.close();
      await once(socket, "close");
    }
  });
});

test.runIf(isWindows)("findHandles() finds the holders of objects of any kind", async () => {
  await using peer = await Peer.start();
  using other = openProcess(peer.pid);
  const event = win32.CreateEventW(null, true, false, null);
  const twin = win32.CreateEventW(null, true, false, null);
  const section = win32.CreateFileMappingW(-1, null, win32.PAGE_READWRITE, 0, 4096, null);
  for (const handle of [event, section]) {
    const copy = copyOf(handle);
    const theirs = other.give(borrow(handle));
    const found = findHandles(borrow(handle));
    const wanted = [...own(handle, copy), [peer.pid, theirs.raw]];
    expect(numbers(found).sort()).toEqual(wanted.sort());
    expect(found.every(({ references }) => references === 3)).toBe(true);
    theirs.close();
    win32.CloseHandle(copy);
    expect(numbers(findHandles(borrow(handle)))).toEqual(own(handle));
  }
  // A pseudo-handle is no entry in the list, but a real handle to its object is.
  const thread = copyOf(win32.GetCurrentThread());
  const found = numbers(findHandles(borrow(win32.GetCurrentThread())));
  expect(found).toContainEqual([process.pid, thread]);
  closeAll(event, twin, section, thread);
});

/** Makes a named pipe for one client, and has a port of TCP beside it. */
async function listen() {
  const server = net.createServer();
  const file = `\\\\.\\pipe\\duphandle find ${process.pid}`;
  server.listen(file);
  await once(server, "listening");
  const tcp = net.createServer().listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const sockets: net.Socket[] = [];
  server.on("connection", (socket) => void sockets.push(socket.on("error", () => {})));
  return {
    path: file,
    port: (tcp.address() as net.AddressInfo).port,
    connections: () => sockets.length,
    async write(text: string): Promise<void> {
      if (sockets.length === 0) await once(server, "connection");
      sockets[0]!.write(text);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of sockets) socket.destroy();
      for (const each of [server, tcp]) {
        each.close();
        await once(each, "close");
      }
    },
  };
}
