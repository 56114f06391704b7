/** Listening sockets that no runtime has bound: real servers and clients, and paths that others have. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as path from "node:path";
import { inspectHandle, type ListenAddress, listenOn, type OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import { beforeAll, describe, expect, test } from "vitest";
import { ask, type ListenerKind, listenerKinds } from "../support/listeners.ts";
import { serve } from "../support/native_servers.ts";
import { anybodysFolder, canChangeUser, nobody, withHome } from "../support/nobody.ts";
import { commandFor, programPath, root } from "../support/program.ts";
import { isBun, isDeno, isWindows, temporaryFolder } from "../support/system.ts";
import { ECHO } from "../support/web_clients.ts";
import { connectOnce } from "../support/windows_objects.ts";

const isLinux = process.platform === "linux";
const isNode20 = process.version.startsWith("v20.") && !isDeno && !isBun;
const inUse = { name: "HandleError", code: "EADDRINUSE" };

/** What its clients can reach: in Node 20 no abstract name. */
const reached = listenerKinds.filter((kind) => kind !== "abstract" || !isNode20);

/** An address of each kind, in a folder. */
function addressOf(kind: ListenerKind, folder: string): ListenAddress {
  switch (kind) {
    case "TCP4":
      return { port: 0, host: "127.0.0.1" };
    case "TCP6":
      return { port: 0, host: "::1" };
    case "Unix":
      return { path: path.join(folder, "socket") };
    case "abstract":
      return { path: `\0duphandle-test-${crypto.randomUUID()}` };
  }
}

/** Where clients connect. */
function clientAddress(handle: OwnedHandle): { host: string; port: number } | { path: string } {
  const local = inspectHandle(handle).socket?.local;
  if (local === undefined) throw new Error("no address");
  return local.path === undefined
    ? { host: local.address, port: local.port }
    : { path: local.path };
}

const portOf = (handle: OwnedHandle) => (clientAddress(handle) as { port: number }).port;

/** Serves in the way of the runtime, and returns what ends that. */
async function served(handle: OwnedHandle): Promise<() => Promise<unknown>> {
  if (isDeno) {
    const server = serve(handle);
    return async () => await server.shutdown?.();
  }
  const answer: http.RequestListener = (request, response) =>
    void response.end(String(request.headers[ECHO] ?? ""));
  const server = await handle.toServer(http.createServer(answer));
  return () => new Promise((resolve) => void server.close(resolve));
}

const askFor = (address: object, text: string) =>
  ask(address as { path: string }, { headers: { [ECHO]: text } });

describe.runIf(isLinux)("listenOn", () => {
  test.each(reached)(
    "of a %s address gives a server and its successor their clients",
    async (kind) => {
      using folder = temporaryFolder();
      using listener = listenOn(addressOf(kind, folder.path));
      const address = clientAddress(listener);
      const end = await served(listener.duplicate());
      expect(await askFor(address, "one")).toBe("one");
      const waits = end().then(() => askFor(address, "two")); // nobody accepts, and the system lets it wait
      await new Promise((resolve) => setTimeout(resolve, 50));
      const endNext = await served(listener);
      expect(await waits).toBe("two");
      await endNext();
      if (kind === "Unix") expect(fs.readdirSync(folder.path)).toEqual(["socket"]);
    },
  );

  test.each(listenerKinds)("a %s socket is not inheritable, and does not block", (kind) => {
    using folder = temporaryFolder();
    using listener = listenOn(addressOf(kind, folder.path));
    expect(listener.inheritable).toBe(false);
    expect(posix.fcntl_getfl(listener.raw) & posix.O_NONBLOCK).toBe(posix.O_NONBLOCK);
    expect(() => posix.accept4(listener.raw, posix.SOCK_CLOEXEC)).toThrow(
      expect.objectContaining({ code: "EAGAIN" }),
    );
  });

  test("without a host it takes connections of IPv6 and of IPv4, unless it is to have one", async () => {
    using both = listenOn({ port: 0 });
    const end = await served(both.duplicate());
    expect(await askFor({ host: "127.0.0.1", port: portOf(both) }, "four")).toBe("four");
    expect(await askFor({ host: "::1", port: portOf(both) }, "six")).toBe("six");
    await end();
    using six = listenOn({ port: 0, host: "::", ipv6Only: true });
    await expect(askFor({ host: "127.0.0.1", port: portOf(six) }, "four")).rejects.toThrow();
  });

  test.each<ListenAddress>([{ port: 0, host: "127.0.0.1" }, { port: 0, host: "::1" }, { port: 0 }])(
    "a port that is in use is EADDRINUSE, and nothing stays open: %o",
    (address) => {
      using listener = listenOn(address);
      const again = { ...address, port: portOf(listener) };
      expect(() => listenOn(again)).toThrow(expect.objectContaining(inUse));
    },
  );

  test("a port of a connection that is not over can be had, and not without reuseAddress", async () => {
    const listener = listenOn({ port: 0, host: "127.0.0.1" });
    const port = portOf(listener);
    const client = net.connect(port, "127.0.0.1").on("error", () => {});
    await once(client, "connect");
    const accepted = posix.accept4(listener.raw, posix.SOCK_CLOEXEC);
    listener.close();
    posix.close(accepted); // the end that closes first waits in the kernel
    client.resume();
    await once(client, "close");
    const again = { port, host: "127.0.0.1" };
    expect(() => listenOn({ ...again, reuseAddress: false })).toThrow(
      expect.objectContaining(inUse),
    );
    listenOn(again).close();
  });

  test.each([0o600, 0o660, 0o777, 0o200])("the mode of a path is %o whatever the umask", (mode) => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "socket");
    const umask = process.umask(0o077);
    try {
      listenOn({ path: at, mode }).close();
    } finally {
      process.umask(umask);
    }
    expect(fs.statSync(at).mode & 0o7777).toBe(mode);
    listenOn({ path: at }).close();
    expect(fs.statSync(at).mode & 0o7777).toBe(0o600);
    expect(fs.readdirSync(folder.path)).toEqual(["socket"]);
  });

  test("the backlog is as long as was wanted", () => {
    using folder = temporaryFolder();
    const at = path.join(folder.path, "socket");
    using _ = listenOn({ path: at, backlog: 3 });
    const clients: number[] = [];
    const connectAll = () => {
      for (let count = 0; count < 100; count++) {
        const { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } = posix;
        clients.push(posix.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        posix.connect(clients.at(-1)!, { family: "unix", path: at });
      }
    };
    expect(connectAll).toThrow(expect.objectContaining({ code: "EAGAIN" }));
    expect(clients.length).toBe(3 + 2); // the kernel lets one more wait, and the last one has failed
    clients.forEach(posix.close);
  });

  describe("a path", () => {
    test("whose process has ended is taken over", async () => {
      using folder = temporaryFolder();
      const at = path.join(folder.path, "socket");
      using child = start(at);
      await child.says("started");
      child.tell();
      await child.says("listens");
      expect(() => listenOn({ path: at })).toThrow(expect.objectContaining(inUse));
      await child.kill();
      const end = await served(listenOn({ path: at }));
      expect(await askFor({ path: at }, "here")).toBe("here");
      await end();
      expect(fs.readdirSync(folder.path)).toEqual(["socket"]);
    });

    test("stays with a socket that listens, also when its backlog is full", async () => {
      using folder = temporaryFolder();
      const at = path.join(folder.path, "socket");
      using listener = listenOn({ path: at, backlog: 1 });
      for (let count = 0; count < 5; count++) {
        expect(() => listenOn({ path: at })).toThrow(expect.objectContaining(inUse));
      }
      for (const fd of acceptAll(listener)) posix.close(fd);
      const end = await served(listener);
      expect(await askFor({ path: at }, "still")).toBe("still");
      await end();
    });

    test.each([
      ["a socket that does not listen yet", posix.SOCK_STREAM],
      ["a socket for datagrams", posix.SOCK_DGRAM],
      ["a socket for packets", posix.SOCK_SEQPACKET],
    ])("stays with %s", (_, type) => {
      using folder = temporaryFolder();
      const at = path.join(folder.path, "socket");
      const other = posix.socket(posix.AF_UNIX, type | posix.SOCK_CLOEXEC, 0);
      posix.bind(other, { family: "unix", path: at });
      const { ino } = fs.statSync(at);
      expect(() => listenOn({ path: at })).toThrow(expect.objectContaining(inUse));
      expect(fs.statSync(at).ino).toBe(ino);
      posix.close(other);
      listenOn({ path: at }).close();
      expect(fs.readdirSync(folder.path)).toEqual(["socket"]);
    });

    test("with a file, a folder or a link is left alone", () => {
      using folder = temporaryFolder();
      const at = (name: string) => path.join(folder.path, name);
      fs.writeFileSync(at("file"), "precious");
      fs.mkdirSync(at("folder"));
      listenOn({ path: at("socket") }).close();
      fs.symlinkSync("socket", at("link"));
      fs.writeFileSync(at("s.duphandle-lock"), "precious");
      fs.mkdirSync(at("t.duphandle-lock"));
      fs.symlinkSync("none", at("u.duphandle-lock"));
      fs.symlinkSync("file", at("v.duphandle-lock"));
      listenOn({ path: at("w.duphandle-lock") }).close();
      const before = fs.readdirSync(folder.path).sort();
      for (const name of ["file", "folder", "link", ..."stuvw"]) {
        expect(() => listenOn({ path: at(name) }), name).toThrow(expect.objectContaining(inUse));
      }
      expect(fs.readdirSync(folder.path).sort()).toEqual(before);
      expect(fs.readFileSync(at("file"), "utf8")).toBe("precious");
      expect(fs.readFileSync(at("s.duphandle-lock"), "utf8")).toBe("precious");
    });

    test("in no folder is ENOENT, and one that is too long a TypeError", () => {
      using folder = temporaryFolder();
      expect(() => listenOn({ path: path.join(folder.path, "none", "socket") })).toThrow(
        expect.objectContaining({ code: "ENOENT" }),
      );
      expect(() => listenOn({ path: "x".repeat(108) })).toThrow("at most 107");
      expect(() => listenOn({ path: `\0${"x".repeat(108)}` })).toThrow("at most 108");
      listenOn({ path: `\0${"x".repeat(71)}${crypto.randomUUID()}` }).close();
    });

    test.runIf(canChangeUser)(
      "of another user is left alone (needs root and setpriv)",
      async () => {
        using folder = anybodysFolder();
        using home = anybodysFolder();
        using closed = temporaryFolder();
        const at = (name: string) => path.join(folder.path, name);
        listenOn({ path: at("private") }).close();
        listenOn({ path: at("public"), mode: 0o666 }).close();
        fs.writeFileSync(at("locked.duphandle-lock"), "", { mode: 0o600 });
        fs.chmodSync(folder.path, 0o1777); // as /tmp: who has made a file may remove it
        fs.chmodSync(closed.path, 0o755);
        const before = fs.readdirSync(folder.path).sort();
        for (const name of ["private", "public", "locked", path.join(closed.path, "any")]) {
          using child = start(path.resolve(folder.path, name), [...nobody, ...withHome(home.path)]);
          await child.says("started");
          child.tell();
          await child.says(name.endsWith("any") ? "EACCES" : "EADDRINUSE");
        }
        expect(fs.readdirSync(folder.path).sort()).toEqual(before);
      },
    );

    test("that six processes take over at once is had by one", async () => {
      using folder = temporaryFolder();
      const at = path.join(folder.path, "socket");
      listenOn({ path: at }).close();
      const children = Array.from({ length: 6 }, () => start(at));
      try {
        await Promise.all(children.map((child) => child.says("started")));
        for (const child of children) child.tell();
        const outcomes = await Promise.all(children.map((child) => child.answer()));
        expect(outcomes.sort()).toEqual([...Array<string>(5).fill("EADDRINUSE"), "listens"]);
        expect(fs.readdirSync(folder.path)).toEqual(["socket"]);
        const client = net.connect(at);
        await once(client, "connect");
        client.destroy();
      } finally {
        for (const child of children) child[Symbol.dispose]();
      }
      await Promise.all(children.map((child) => child.ended));
    });
  });

  test("descriptors that are closed are no socket's: 0 to 2 are for the standard streams", () => {
    using listener = listenOn({ port: 0, host: "127.0.0.1" });
    expect(listener.raw).toBeGreaterThan(2);
  });
});

describe.runIf(isWindows)("listenOn on Windows", () => {
  beforeAll(connectOnce);

  test("a path is ENOTSUP, with what to use", () => {
    expect(() => listenOn({ path: "C:\\socket" })).toThrow(
      expect.objectContaining({ code: "ENOTSUP", message: expect.stringContaining("use a port") }),
    );
  });

  test.each(["127.0.0.1", "::1", undefined])("a port of %s is listened at, and closed", (host) => {
    using listener = listenOn({ port: 0, host });
    const { socket } = inspectHandle(listener);
    expect(socket).toMatchObject({ type: "stream", listening: true });
    expect(() => listenOn({ port: portOf(listener), host, reuseAddress: false })).toThrow(
      expect.objectContaining({ name: "HandleError" }),
    );
  });

  test.skipIf(isDeno)("toServer serves it", async () => {
    const listener = listenOn({ port: 0, host: "127.0.0.1" });
    const address = clientAddress(listener);
    const end = await served(listener);
    expect(await askFor(address, "here")).toBe("here");
    await end();
  });
});

describe("listenOn refuses", () => {
  const wrong: readonly [string, unknown][] = [
    ["nothing", undefined],
    ["a port alone", 8080],
    ["a path alone", "/tmp/socket"],
    ["an array", [8080]],
    ["no address", {}],
    ["both", { port: 1, path: "/tmp/socket" }],
    ["an unknown option", { port: 0, hots: "::1" }],
    ...[-1, 65_536, 1.5, NaN, "80", 80n, null].map((port) =>
      [`the port ${port}`, { port }] as [string, unknown]
    ),
    ...[
      "localhost",
      "",
      "1.2.3",
      "01.2.3.4",
      "256.1.1.1",
      "1.2.3.4.5",
      ":::",
      "1::2::3",
      "::g",
      1,
      null,
    ]
      .map((host) => [`the host ${host}`, { port: 0, host }] as [string, unknown]),
    ["a text as a flag", { port: 0, ipv6Only: "yes" }],
    ["IPv6 only, at an address of IPv4", { port: 0, host: "127.0.0.1", ipv6Only: true }],
    ["a number as a flag", { port: 0, reuseAddress: 1 }],
    ...[0, -1, 2 ** 31, 0.5, "5"].map((backlog) =>
      [`the backlog ${backlog}`, { port: 0, backlog }] as [string, unknown]
    ),
    ...["", "/tmp/a\0b", "/tmp/\ud800", 1, null].map((at) =>
      [`the path ${at}`, { path: at }] as [string, unknown]
    ),
    ...[-1, 0o1000, "600", 1.5].map((mode) =>
      [`the mode ${mode}`, { path: "/tmp/duphandle-never", mode }] as [string, unknown]
    ),
    ["a mode of an abstract name", { path: "\0duphandle-never", mode: 0o600 }],
  ];
  test.each(wrong)("%s", (_, address) => {
    expect(() => listenOn(address as ListenAddress)).toThrow(TypeError);
    expect(fs.existsSync("/tmp/duphandle-never")).toBe(false);
  });

  test("reads each property once, before any call", () => {
    using folder = temporaryFolder();
    const reads: string[] = [];
    const values: Record<string, unknown> = isLinux
      ? { path: path.join(folder.path, "socket"), mode: 0o640, backlog: 5 }
      : { port: 0, host: "127.0.0.1", backlog: 5 };
    const address = {};
    for (const [key, value] of Object.entries(values)) {
      const get = () => {
        reads.push(key);
        return value;
      };
      Object.defineProperty(address, key, { enumerable: true, get });
    }
    using _ = listenOn(address as ListenAddress);
    expect(reads.sort()).toEqual(Object.keys(values).sort());
  });
});

/** Connections that wait. */
function acceptAll(listener: OwnedHandle): number[] {
  const accepted: number[] = [];
  try {
    for (;;) accepted.push(posix.accept4(listener.raw, posix.SOCK_CLOEXEC));
  } catch (error) {
    expect(error).toMatchObject({ code: "EAGAIN" });
  }
  return accepted;
}

/** A process that listens at a path when it is told to. */
function start(at: string, prefix: readonly string[] = []) {
  const script = programPath("socket/listen_at.ts");
  const [command, ...args] = commandFor(script, { prefix, args: [at] });
  const child: ChildProcess = spawn(command as string, args, {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let output = "";
  let heard = () => {};
  child.stdout!.setEncoding("utf8").on("data", (text) => {
    output += text;
    heard();
  });
  const line = async (count: number): Promise<string> => {
    for (;;) {
      const lines = output.split("\n");
      if (lines.length > count) return lines[count - 1]!;
      const more = new Promise<void>((resolve) => heard = resolve);
      if (await Promise.race([more, ended]) !== undefined) throw new Error(`it ended: ${output}`);
    }
  };
  let lines = 0;
  const answer = () => line(++lines);
  return {
    ended,
    answer,
    says: async (text: string) => expect(await answer()).toBe(text),
    tell: () => void child.stdin!.write("go\n"),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    [Symbol.dispose]: () => void child.stdin!.end(),
  };
}
