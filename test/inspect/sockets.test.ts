/** What inspection says of sockets: of this process, of another, and who holds the other end. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import { createInterface } from "node:readline";
import {
  borrow,
  type HandleInfo,
  inspectHandle,
  listHandles,
  openProcess,
  type OwnedHandle,
  type SocketInfo,
} from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { startOnce } from "../support/peer.ts";
import { hasCommand, lastLine, root, runProgram } from "../support/program.ts";
import { socketPair } from "../support/sockets.ts";
import { isWindows, openRaw, temporaryFile, temporaryFolder } from "../support/system.ts";
import { connectedSockets, newSocket, openOnce } from "../support/windows_objects.ts";

const isLinux = process.platform === "linux";
const hasPython = isLinux && hasCommand("python3");
/** A network namespace of its own, as a container has. */
const unshare = ["unshare", "-Urn"];
const canUnshare = isLinux && spawnSync(unshare[0]!, [...unshare.slice(1), "true"]).status === 0;

/** A socket of another process, and what that process says of it. */
interface Truth {
  readonly name: string;
  readonly fd: number;
  readonly inode: number;
  readonly socket: SocketInfo;
}

/** A process with a socket of each kind. */
class Sockets implements AsyncDisposable {
  readonly truth: readonly Truth[];
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #folder: Disposable;

  private constructor(child: ChildProcess, truth: readonly Truth[], folder: Disposable) {
    [this.#child, this.truth, this.#folder] = [child, truth, folder];
    this.pid = child.pid!;
    this.#closed = once(child, "close");
  }

  /** @param prefix a command that starts the program in a new network namespace */
  static async start(pairs: number, prefix: readonly string[] = []): Promise<Sockets> {
    const folder = temporaryFolder();
    const program = `${root}/test/inspect/programs/sockets.py`;
    const words = [...prefix, "python3", program, folder.path, String(pairs)];
    const [command, ...args] = prefix.length === 0 ? words : [...words, "new"];
    const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface(child.stdout!);
    const ended = once(child, "close").then(([code]) =>
      Promise.reject(new Error(`it ended: ${code}`))
    );
    ended.catch(() => {});
    const [line] = await Promise.race([once(lines, "line") as Promise<[string]>, ended]);
    return new Sockets(child, JSON.parse(line) as Truth[], folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    await this.#closed;
    this.#folder[Symbol.dispose]();
  }
}

/** Linux lists a TCP socket that is only bound since 6.7, and never in /proc. */
const UNLISTED = "TCP, bound";

/** What a list says of the sockets, beside what is true. */
function compared(all: readonly Truth[], handles: readonly HandleInfo[]) {
  const truth = all.filter(({ name }) => name !== UNLISTED);
  const found = new Map(handles.map((info) => [info.raw, info]));
  const seen = truth.map(({ name, fd }) => [name, found.get(fd)?.socket]);
  return { seen, true: truth.map(({ name, socket }) => [name, socket] as const) };
}

beforeAll(async () => {
  await startOnce();
  await openOnce();
});

describe("inspectHandle() of a socket", () => {
  // In a list, Windows does not say what a socket of the runtime is, which always has a read under way.
  test.skipIf(isWindows)(
    "has the addresses that the runtime says, and whether it listens",
    async () => {
      const server = net.createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { address, port } = server.address() as net.AddressInfo;
      const client = net.connect(port, address);
      const [[accepted]] = await Promise.all([
        once(server, "connection") as Promise<[net.Socket]>,
        once(client, "connect"),
      ]);
      const local = { address, port };
      const remote = { address, port: client.localPort };
      const sockets = listHandles().flatMap(({ socket }) => socket ?? []);
      const common = { family: "IPv4", type: "stream" };
      expect(sockets).toContainEqual({ ...common, listening: true, local });
      expect(sockets).toContainEqual({ ...common, listening: false, local, remote });
      expect(sockets).toContainEqual({ ...common, listening: false, local: remote, remote: local });
      const closed = [client, accepted].map((socket) => once(socket, "close"));
      client.destroy();
      accepted.destroy();
      await Promise.all(closed);
      await new Promise((resolve) => server.close(resolve));
    },
  );

  test.skipIf(isWindows)("knows datagrams, and a socket that is not bound", async () => {
    const socket = dgram.createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const { address, port } = socket.address();
    const sockets = listHandles().flatMap((info) => info.socket ?? []);
    expect(sockets).toContainEqual({
      family: "IPv4",
      type: "datagram",
      listening: false,
      local: { address, port },
    });
    await new Promise<void>((resolve) => socket.close(resolve));
  });

  test.runIf(isWindows)("has the addresses that Winsock says, and whether it listens", () => {
    const listener = newSocket();
    const common = { family: "IPv4", type: "stream" };
    const socketOf = (raw: number) => inspectHandle(borrow(raw)).socket;
    expect(socketOf(listener)).toEqual({ ...common, listening: false });
    win32.bind(listener, { address: "127.0.0.1", port: 0 });
    win32.listen(listener, 1);
    const local = win32.getsockname(listener);
    expect(socketOf(listener)).toEqual({ ...common, listening: true, local });
    win32.closesocket(listener);
    const [near, far] = connectedSockets();
    const names = [near, far].map(win32.getsockname);
    expect(socketOf(near)).toEqual({
      ...common,
      listening: false,
      local: names[0],
      remote: names[1],
    });
    expect(socketOf(far)).toEqual({
      ...common,
      listening: false,
      local: names[1],
      remote: names[0],
    });
    for (const socket of [near, far]) win32.closesocket(socket);
  });

  test("is the same in the list, and of nothing else", () => {
    using file = temporaryFile("");
    using handle = openRaw(file.path, "r");
    const [near, far] = socketPair();
    for (const each of [near, far, handle]) {
      const info = inspectHandle(each);
      expect("socket" in info).toBe(each !== handle);
      expect(listHandles().find(({ raw }) => raw === each.raw)).toEqual(info);
    }
    near.close();
    far.close();
  });

  test.runIf(isLinux)("knows the other end of a pair, until that is closed", () => {
    const [near, far] = socketPair();
    const [one, other] = [inspectHandle(near), inspectHandle(far)];
    const common = { family: "unix", type: "stream", listening: false };
    expect(one.socket).toEqual({ ...common, peerInode: other.inode });
    expect(other.socket).toEqual({ ...common, peerInode: one.inode });
    far.close();
    expect(inspectHandle(near).socket).toEqual(common);
    near.close();
  });

  test.runIf(isLinux)("knows the other end of each of many pairs", () => {
    const pairs = Array.from({ length: 40 }, socketPair);
    const list = new Map(listHandles().map((info) => [info.raw, info]));
    for (const [near, far] of pairs) {
      const [one, other] = [list.get(near.raw), list.get(far.raw)];
      expect(one!.socket!.peerInode).toBe(other!.inode);
      expect(other!.socket!.peerInode).toBe(one!.inode);
    }
    for (const handle of pairs.flat()) handle.close();
  });
});

describe.runIf(hasPython)("the sockets of another process (needs python3)", () => {
  test.each([0, 40])("are what that process says, with %i pairs", async (pairs) => {
    await using sockets = await Sockets.start(pairs);
    const both = compared(sockets.truth, listHandles(sockets.pid));
    expect(both.seen).toEqual(both.true);
    expect(both.true.length).toBeGreaterThan(15 + 2 * pairs);
  });

  test("are here, once they were taken, what they are there", async () => {
    await using sockets = await Sockets.start(0);
    using process = openProcess(sockets.pid);
    const taken = sockets.truth.map(({ fd }): OwnedHandle => process.take(fd));
    const list = listHandles();
    const seen = taken.map((handle, at) => [sockets.truth[at]!.name, inspectHandle(handle).socket]);
    const listed = taken.map(({ raw }, at) => [
      sockets.truth[at]!.name,
      list.find((info) => info.raw === raw)?.socket,
    ]);
    for (const handle of taken) handle.close();
    const expected = sockets.truth.map(({ name, socket }) => [name, socket]);
    expect(seen).toEqual(expected);
    expect(listed).toEqual(expected);
  });

  test.runIf(canUnshare)("are known in another network namespace, but for peers", async () => {
    await using sockets = await Sockets.start(1, unshare);
    const truth = sockets.truth.filter(({ name }) => !name.startsWith("MPTCP"));
    const both = compared(truth, listHandles(sockets.pid));
    const known = both.true.map(([name, { peerInode: _, remote, ...socket }]) => [
      name,
      socket.family === "unix" || remote === undefined ? socket : { ...socket, remote },
    ]);
    expect(both.seen).toEqual(known);
  });
});

test.runIf(isLinux)("who holds the other end of a child's standard input is found", async () => {
  const child = spawn("cat", [], { stdio: ["pipe", "inherit", "inherit"] });
  const closed = once(child, "close");
  while (fs.readFileSync(`/proc/${child.pid}/comm`, "utf8") !== "cat\n") {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const input = listHandles(child.pid).find(({ raw }) => raw === 0)!;
  const holders = listHandles().filter(({ kind, name, socket }) =>
    kind === "socket" ? socket?.peerInode === input.inode : name === input.name
  );
  child.stdin!.end();
  await closed;
  expect(["pipe", "socket"]).toContain(input.kind);
  expect(holders.length).toBe(1);
});

test.runIf(isLinux)(
  "where the kernel lists no sockets, they are known but for their peers, and nothing is thrown",
  () => {
    const { output } = runProgram("inspect/no_list.ts", {});
    expect(lastLine(output)).toEqual({
      pair: { family: "unix", type: "stream", listening: false },
      listed: { family: "unix", type: "stream", listening: false },
      other: { family: "unix", type: "stream", listening: true, path: true },
      left: [],
    });
  },
);
