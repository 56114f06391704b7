/** What is no source, or is not given away: each error says why, and what to do, and nothing was done. */
import * as child_process from "node:child_process";
import * as dgram from "node:dgram";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as path from "node:path";
import { Readable } from "node:stream";
import * as tls from "node:tls";
import * as zlib from "node:zlib";
import {
  closeMany,
  copyFileHandle,
  copyFileHandleSync,
  duplicate,
  duplicateMany,
  type HandleSource,
  isSameObject,
  OwnedHandle,
  redirect,
} from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { openDescriptors } from "../../ffi/posix/identity.ts";
import { certificate, hasOpenssl } from "../support/certificate.ts";
import { notOpen, unsupported } from "../support/matchers.ts";
import {
  bun,
  connections,
  connects,
  deno,
  event,
  listenNode,
  type NativeSocket,
  Peer,
  placeOf,
  servers,
  until,
} from "../support/network_sources.ts";
import { runProgram } from "../support/program.ts";
import { isBun, isDeno, temporaryFolder, writeRaw } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { connectOnce } from "../support/windows_objects.ts";

const isLinux = process.platform === "linux";
const isNode = !isBun && !isDeno;

/** An object that says this of its class. */
const lyingObject = (name: unknown) => ({ constructor: { name } });

/** An object whose getters throw, but for its fd, which it has not. */
const throwingObject = () =>
  Object.defineProperties({}, {
    constructor: { get: () => fail("of the constructor") },
    [Symbol.toStringTag]: { get: () => fail("of the tag") },
  });

function fail(what: string): never {
  throw new Error(what);
}

describe("what is no source", () => {
  const values: readonly (readonly [name: string, value: unknown, message: RegExp])[] = [
    ["a path", "README.md", /open the file first/],
    ["a promise", Promise.resolve(1), /await it first/],
    ["a URL", new URL("file:///etc/passwd"), /a URL as a source: .*; open it first/],
    ["a Blob", new Blob(["x"]), /a Blob as a source: .*; open it first, with node:fs/],
    [
      "a web stream",
      new Blob(["x"]).stream(),
      /a ReadableStream as a source: .*; use the file, pipe or socket/,
    ],
    ["a stream of node:zlib", zlib.createGzip(), /a Gzip as a source/],
    ["a request", new Request("http://localhost"), /a Request as a source: .*; use its server/],
    ["a response", new Response(""), /a Response as a source: .*; use its server/],
    [
      "a stream of nothing",
      Readable.from(["x"]),
      /a Readable as a source: .*; use the file, pipe or socket/,
    ],
    ["an object", {}, /an object as a source: it must be an fd/],
    ["an object without a prototype", Object.create(null), /an object as a source: it must be/],
    ["an object of a class", new (class Ledger {})(), /a Ledger as a source: it must be an fd/],
    ["an array", [3], /an Array as a source: it must be an fd/],
    ["bytes", new Uint8Array(1), /a Uint8Array as a source: it must be an fd/],
    ["a class whose name is no name", lyingObject("x; rm\n"), /an object as a source: it must be/],
    ["a class whose name is no text", lyingObject({}), /an object as a source: it must be/],
    ["a class that throws", throwingObject(), /an object as a source: it must be/],
    ["null", null, /null as a source/],
    ["a function", () => {}, /a function as a source/],
  ];
  test.each(values)("%s", (_name, value, message) => {
    for (const call of [duplicate, OwnedHandle.fromFd] as ((value: never) => unknown)[]) {
      expect(() => call(value as never)).toThrow(TypeError);
      expect(() => call(value as never)).toThrow(message);
    }
  });

  // Of what Windows keeps for a child, some is closed later than a test waits.
  test.skipIf(process.platform === "win32")(
    "a child, and a request that a client makes",
    async () => {
      const child = child_process.spawn(process.execPath, ["--version"], { stdio: "ignore" });
      expect(() => duplicate(child as never)).toThrow(
        /a ChildProcess as a source: .*; use its stdin or stdout/,
      );
      await event(child, "exit");
      const request = http.request("http://127.0.0.1:9");
      request.on("error", () => {});
      expect(() => duplicate(request as never)).toThrow(
        /a ClientRequest as a source: .*; use its socket/,
      );
      request.destroy();
    },
  );

  test.runIf(isBun)("what Bun.file() and Bun.spawn() return", async () => {
    const { file, spawn } = bun as unknown as {
      file(path: string): never;
      spawn(command: string[]): { exited: Promise<unknown> };
    };
    expect(() => duplicate(file("README.md"))).toThrow(/a Blob as a source: .*; open it first/);
    const child = spawn([process.execPath, "--version"]);
    expect(() => duplicate(child as never)).toThrow(
      /a Subprocess as a source: .*; give it an end of pipe2\(\)/,
    );
    await child.exited;
  });
});

describe.runIf(isLinux)("what is not open", () => {
  test("a server before it listens and after it is closed", async () => {
    const server = net.createServer();
    const web = http.createServer();
    for (const each of [server, web]) {
      expect(() => duplicate(each)).toThrow(notOpen);
      expect(() => duplicate(each)).toThrow(/await "listening"/);
      each.listen(0, "127.0.0.1");
      await event(each, "listening");
      duplicate(each).close();
      await new Promise((resolve) => each.close(resolve));
      expect(() => duplicate(each)).toThrow(notOpen);
      expect(() => duplicate(each, { closeSource: true })).toThrow(notOpen);
    }
  });

  test("a socket before it is connected and after it is closed", async () => {
    expect(() => duplicate(new net.Socket())).toThrow(notOpen);
    const server = await listenNode({ port: 0, host: "127.0.0.1" });
    const accepting = event<net.Socket>(server, "connection");
    const { port } = placeOf(server) as { port: number };
    const socket = net.connect(port, "localhost");
    expect(() => duplicate(socket)).toThrow(/await "connect"/);
    expect(() => duplicate(socket, { closeSource: true })).toThrow(notOpen);
    await event(socket, "connect");
    duplicate(socket).close();
    socket.destroy();
    expect(() => duplicate(socket)).toThrow(notOpen);
    (await accepting).destroy();
    server.close();
  });

  test("a socket that has a descriptor already, and is not connected yet", async () => {
    const server = await listenNode({ port: 0, host: "127.0.0.1" });
    const accepting = event<net.Socket>(server, "connection");
    const { port } = placeOf(server) as { port: number };
    const socket = net.connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => process.nextTick(resolve));
    if (socket.connecting) expect(() => duplicate(socket)).toThrow(/await "connect"/);
    const accepted = await accepting;
    socket.destroy();
    accepted.destroy();
    server.close();
  });

  test("a UDP socket that is not bound, or closed", async () => {
    const socket = dgram.createSocket("udp4");
    expect(() => duplicate(socket)).toThrow(notOpen);
    socket.bind(0, "127.0.0.1");
    await event(socket, "listening");
    duplicate(socket).close();
    socket.close();
    expect(() => duplicate(socket)).toThrow(notOpen);
  });

  test.runIf(isDeno)("a closed listener of Deno, when another one has its address", async () => {
    const old = deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = old.addr;
    old.close();
    const next = deno.listen({ port, hostname: "127.0.0.1" });
    expect(() => duplicate(old as never)).toThrow(notOpen);
    duplicate(next as never).close();
    next.close();

    const server = deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, () => new Response());
    await server.shutdown();
    const later = deno.listen({ port, hostname: "127.0.0.1" });
    expect(() => duplicate(server as never)).toThrow(notOpen);
    later.close();
  });

  test.runIf(isDeno)("a closed connection of Deno, whose number is another's by then", async () => {
    const { source, close } = await connections["Deno.Conn, accepted, tcp"]!();
    (source as unknown as NativeSocket).close();
    const file = fs.openSync("/dev/null", "r");
    expect(() => duplicate(source)).toThrow(notOpen);
    expect(() => duplicate(source, { closeSource: true })).toThrow(notOpen);
    fs.closeSync(file);
    close();
  });

  test.runIf(isBun)("what Bun has closed", async () => {
    for (const name of ["Bun.listen", "Bun.serve"]) {
      const { source, close } = await servers[name]!();
      await close();
      expect(() => duplicate(source)).toThrow(notOpen);
    }
    const { source, close } = await connections["Bun socket, connected, tcp"]!();
    close();
    expect(() => duplicate(source)).toThrow(notOpen);
  });
});

describe.runIf(isLinux)("what cannot be told with certainty", () => {
  test.runIf(isDeno)("two connections that one Unix listener of Deno accepted", async () => {
    using folder = temporaryFolder();
    const socket = path.join(folder.path, "s");
    const server = deno.listen({ transport: "unix", path: socket });
    const clients = [net.connect(socket), net.connect(socket)];
    const accepted = [await server.accept(), await server.accept()];
    for (const each of accepted) {
      const error = thrownBy(() => duplicate(each as never, { closeSource: true }));
      expect(error.code).toBe("ENOTSUP");
      expect(error.message).toMatch(/2 sockets of this process have; use .* node:net/);
    }
    accepted[0]!.close();
    duplicate(accepted[1] as never).close(); // the only one that is left
    for (const each of [accepted[1]!, server]) each.close();
    for (const client of clients) client.destroy();
  });

  test.runIf(isDeno)("a connection of Deno that has been adopted once more", async () => {
    const { source, peer, close } = await connections["Deno.Conn, accepted, tcp"]!();
    const other = duplicate(source).toSocket();
    const error = thrownBy(() => duplicate(source, { closeSource: true }));
    expect(error.code).toBe("ENOTSUP");
    expect(error.message).toMatch(/2 descriptors/);
    other.destroy();
    using copy = duplicate(source, { closeSource: true });
    writeRaw(copy.raw, "alive");
    await peer.expect("alive");
    close();
  });

  test.runIf(isBun)("two servers of Bun on one address", async () => {
    const options = { hostname: "127.0.0.1", reusePort: true, fetch: () => new Response() };
    const one = bun.serve({ ...options, port: 0 });
    const other = bun.serve({ ...options, port: one.port });
    expect(() => duplicate(one as never)).toThrow(unsupported);
    await Promise.all([one.stop(true), other.stop(true)]);
  });

  // In Node 20 the worker would need a loader of TypeScript.
  test.runIf(isBun)(
    "a connection of node:http on a Unix socket; with node:net it is one",
    async () => {
      const found: unknown[] = [];
      const web = http.createServer((request, response) => {
        const { socket } = request;
        for (const options of [{}, { closeSource: true }]) {
          try {
            duplicate(socket, options).close();
            found.push("duplicated");
          } catch (error) {
            found.push(error);
          }
        }
        response.end("hello");
        socket.once("close", () => found.push(thrownBy(() => duplicate(socket)).code));
      });
      using folder = temporaryFolder();
      const accepter = net.createServer((socket) => web.emit("connection", socket));
      const refused = (message: string) =>
        expect.objectContaining({ code: "ENOTSUP", message: expect.stringContaining(message) });
      const outcomes = {
        web: [refused('emit("connection", socket)'), refused('emit("connection", socket)')],
        accepter: ["duplicated", refused("from which node:http reads")],
      };
      for (const [name, server] of Object.entries({ web, accepter })) {
        const socketPath = path.join(folder.path, name);
        await new Promise<void>((resolve) => void server.listen(socketPath, resolve));
        await new Promise((resolve, reject) => {
          http.get({ socketPath, agent: false }, (response) => response.resume().on("end", resolve))
            .on("error", reject);
        });
        await until(() => found.length === 3, "the connection ends");
        expect(found.splice(0)).toEqual([...outcomes[name as keyof typeof outcomes], "EBADF"]);
        await new Promise((resolve) => server.close(resolve));
      }
    },
  );

  test.runIf(isNode && Number.parseInt(process.versions.node) >= 24)(
    "a server in a worker of node:cluster",
    () => {
      const { result, output } = runProgram("socket/cluster_source.ts");
      expect(result, output).toEqual({ code: "ENOTSUP", advises: true });
    },
  );
});

describe.runIf(isLinux && hasOpenssl)("TLS (without openssl: skipped)", () => {
  test("a connection is refused, and goes on; its server is a source", async () => {
    const pem = certificate;
    const server = tls.createServer(pem).listen(0, "127.0.0.1");
    await event(server, "listening");
    duplicate(server).close();
    const accepting = event<tls.TLSSocket>(server, "secureConnection");
    const client = tls.connect({ ...placeOf(server), rejectUnauthorized: false } as never);
    const peer = new Peer(client);
    const accepted = await accepting;
    accepted.on("error", () => {});
    for (const each of [client, accepted]) {
      for (const options of [{}, { closeSource: true }]) {
        const error = thrownBy(() => duplicate(each, options));
        expect(error.code).toBe("ENOTSUP");
        expect(error.message).toMatch(/TLS: its keys are in the runtime, .*; duplicate its server/);
      }
      expect(() => OwnedHandle.fromFd(each)).toThrow(unsupported);
    }
    accepted.write("still there");
    await peer.expect("still there");
    client.destroy();
    accepted.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test("the plain sockets below it with closeSource, and it goes on", async () => {
    const server = net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await event(server, "listening");
    const accepting = event<net.Socket>(server, "connection");
    const near = net.connect(placeOf(server) as never);
    await event(near, "connect");
    const far = await accepting;
    for (const plain of [near, far]) duplicate(plain).close();
    const secured = new tls.TLSSocket(far, { isServer: true, ...certificate });
    const client = tls.connect({ socket: near, rejectUnauthorized: false });
    const peer = new Peer(client);
    const refuse = () => {
      for (const plain of [near, far]) {
        const error = thrownBy(() => duplicate(plain, { closeSource: true }));
        expect(error.code).toBe("ENOTSUP");
        expect(error.message).toContain("a connection with TLS");
        expect(() => OwnedHandle.fromFd(plain)).toThrow(unsupported);
      }
    };
    refuse();
    await event(client, "secureConnect");
    refuse();
    secured.on("error", () => {}).write("still there");
    await peer.expect("still there");
    client.destroy();
    secured.destroy();
    for (const plain of [near, far]) plain.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test("the socket of an HTTPS request", async () => {
    const pem = certificate;
    const errors: unknown[] = [];
    const server = https.createServer(pem, (request, response) => {
      errors.push(thrownBy(() => duplicate(request.socket)).message);
      response.end();
    }).listen(0, "127.0.0.1");
    await event(server, "listening");
    {
      using copy = duplicate(server);
      expect(isSameObject(copy, server)).toBe(true);
    }
    const { port } = placeOf(server) as { port: number };
    const options = { port, host: "127.0.0.1", rejectUnauthorized: false, agent: false } as const;
    await new Promise((resolve, reject) => {
      https.get(options, (response) => response.resume().on("end", resolve)).on("error", reject);
    });
    expect(errors).toEqual([expect.stringContaining("TLS")]);
    await new Promise((resolve) => server.close(resolve));
  });

  test.runIf(isDeno)("of Deno", async () => {
    const pem = certificate;
    const server = deno.listenTls({ port: 0, hostname: "127.0.0.1", ...pem });
    duplicate(server as never).close();
    const client = tls.connect({
      port: server.addr.port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
    });
    client.on("error", () => {});
    const accepted = await server.accept();
    for (const options of [{}, { closeSource: true }]) {
      expect(() => duplicate(accepted as never, options)).toThrow(/TLS/);
    }
    client.destroy();
    accepted.close();
    server.close();
  });

  test.runIf(isBun)("of Bun", async () => {
    const pem = certificate;
    const accepted: NativeSocket[] = [];
    const socket = { data() {}, open: (each: NativeSocket) => void accepted.push(each) };
    const server = bun.listen({ port: 0, hostname: "127.0.0.1", tls: pem, socket });
    duplicate(server as never).close();
    const client = tls.connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
    client.on("error", () => {});
    await event(client, "secureConnect");
    await until(() => accepted.length === 1, "the connection opens");
    for (const options of [{}, { closeSource: true }]) {
      expect(() => duplicate(accepted[0] as never, options)).toThrow(/TLS/);
    }
    client.destroy();
    server.stop(true);
    const web = bun.serve(
      { port: 0, hostname: "127.0.0.1", tls: pem, fetch: () => new Response() } as never,
    );
    duplicate(web as never).close();
    await web.stop(true);
  });
});

describe.runIf(isLinux)("what is not given away", () => {
  test("a socket of which the runtime has read bytes; pauseOnConnect keeps it from that", async () => {
    const server = await listenNode({ port: 0, host: "127.0.0.1" }, { pauseOnConnect: false });
    const accepting = event<net.Socket>(server, "connection");
    const client = net.connect(placeOf(server));
    client.write("early");
    const accepted = await accepting;
    await until(() => accepted.readableLength === 5, "the runtime reads ahead");
    for (const call of givings) {
      const error = thrownBy(() => call(accepted));
      expect(error.code).toBe("ENOTSUP");
      expect(error.message).toMatch(/5 bytes already; read\(\) them, .* pauseOnConnect/);
    }
    duplicate(accepted).close(); // only its number is taken
    expect(String(accepted.read())).toBe("early");
    using copy = duplicate(accepted, { closeSource: true });
    writeRaw(copy.raw, "given");
    await new Peer(client).expect("given");
    client.destroy();
    server.close();
  });

  test("a socket of which the runtime has a part of a character", async () => {
    const server = await listenNode({ port: 0, host: "127.0.0.1" }, { pauseOnConnect: false });
    const accepting = event<net.Socket>(server, "connection");
    const client = net.connect(placeOf(server));
    client.write(new Uint8Array([0x61, 0xe2, 0x82]));
    const accepted = await accepting;
    let text = "";
    accepted.setEncoding("utf8").on("data", (more) => text += more);
    await until(() => text === "a", "the runtime reads");
    const error = thrownBy(() => duplicate(accepted, { closeSource: true }));
    expect(error.code).toBe("ENOTSUP");
    expect(error.message).toMatch(/2 bytes of a character .* wait for the rest/);
    client.write(new Uint8Array([0xac]));
    await until(() => text === "a€", "the rest has come");
    duplicate(accepted, { closeSource: true }).close();
    client.destroy();
    server.close();
  });

  test("a socket of which bytes are not yet sent", async () => {
    const server = await listenNode({ port: 0, host: "127.0.0.1" });
    const accepting = event<net.Socket>(server, "connection");
    const client = net.connect(placeOf(server));
    await event(client, "connect");
    const accepted = await accepting;
    const sent = new Promise((resolve) => client.write(new Uint8Array(16 << 20), resolve));
    const error = thrownBy(() => duplicate(client, { closeSource: true }));
    expect(error.code).toBe("ENOTSUP");
    expect(error.message).toMatch(/\d+ bytes are not yet sent; await the callback of write\(\)/);
    accepted.resume();
    await sent;
    duplicate(client, { closeSource: true }).close();
    await event(accepted, "close");
    server.close();
  });

  test("the socket of a request that node:http still reads from", async () => {
    const messages: string[] = [];
    const server = http.createServer((request, response) => {
      messages.push(thrownBy(() => duplicate(request.socket, { closeSource: true })).message);
      using copy = duplicate(request.socket);
      expect(isSameObject(copy, request.socket)).toBe(true);
      response.setHeader("Connection", "close").end("served");
    }).listen(0, "127.0.0.1");
    await event(server, "listening");
    const client = new Peer(net.connect(placeOf(server)));
    client.socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.expect("served");
    expect(messages).toEqual([expect.stringMatching(/node:http reads; .* "upgrade" or "connect"/)]);
    client.socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const bound: Readonly<Record<string, (path: string) => Promise<[HandleSource, () => unknown]>>> =
    {
      "net.Server": async (path) => {
        const server = await listenNode({ path });
        server.on("connection", (socket) => socket.destroy());
        return [server, () => server.close()];
      },
      "http.Server": async (path) => {
        const server = http.createServer().listen(path);
        await event(server, "listening");
        return [server, () => server.close()];
      },
      ...(isDeno
        ? {
          "Deno.listen": (path: string) => {
            const server = deno.listen({ transport: "unix", path });
            return Promise.resolve([server as never, () => server.close()]);
          },
          "Deno.serve": (path: string) => {
            const server = deno.serve({ path, onListen() {} }, () => new Response());
            return Promise.resolve([server as never, () => server.shutdown()]);
          },
        }
        : {}),
      ...(isBun
        ? {
          "Bun.listen": (path: string) => {
            const server = bun.listen({ unix: path, socket: { data() {} } });
            return Promise.resolve([server as never, () => server.stop(true)]);
          },
          "Bun.serve": (path: string) => {
            const server = bun.serve({ unix: path, fetch: () => new Response() } as never);
            return Promise.resolve([server as never, () => server.stop(true)]);
          },
        }
        : {}),
    };
  test.each(Object.entries(bound))(
    "a %s that has bound a path, which it would remove",
    async (_name, make) => {
      using folder = temporaryFolder();
      const socket = path.join(folder.path, "s");
      const [source, close] = await make(socket);
      {
        using copy = duplicate(source);
        expect(isSameObject(copy, source)).toBe(true);
      }
      for (const call of givings) {
        const error = thrownBy(() => call(source));
        expect(error.code).toBe("ENOTSUP");
        expect(error.message).toContain(`has bound ${socket}: its close() removes the path`);
      }
      expect(await connects({ path: socket })).toBe(true);
      await close();
    },
  );

  // In Deno no net.Server is made of a Unix socket.
  test.skipIf(isDeno)(
    "a server that was made of a handle leaves the path, so it is given away",
    async () => {
      using folder = temporaryFolder();
      const socket = path.join(folder.path, "s");
      const first = await listenNode({ path: socket });
      const second = await duplicate(first).toServer();
      using copy = duplicate(second, { closeSource: true });
      expect(second.listening).toBe(false);
      expect(isSameObject(copy, first)).toBe(true);
      expect(fs.existsSync(socket)).toBe(true);
      first.close();
    },
  );

  const givings: readonly ((source: HandleSource) => unknown)[] = [
    (source) => duplicate(source, { closeSource: true }),
    (source) => duplicateMany([source], { closeSource: true }),
    (source) => OwnedHandle.fromFd(source as net.Socket),
  ];

  test("in a batch one that is refused leaves the others open", async () => {
    const { source, peer, close } = await connections["net.Socket, accepted, tcp4"]!();
    using folder = temporaryFolder();
    const server = await listenNode({ path: path.join(folder.path, "s") });
    expect(() => duplicateMany([source, server], { closeSource: true })).toThrow(unsupported);
    (source as net.Socket).write("still open");
    await peer.expect("still open");
    server.close();
    close();
  });

  test.runIf(isDeno)("a connection that the close() of another source has closed", async () => {
    const { source, close } = await connections["Deno.Conn, accepted, tcp"]!();
    const number = openDescriptors().find((fd) => isSameObject(fd, source))!;
    const opened: number[] = [];
    const first = {
      fd: fs.openSync("/dev/null", "r"),
      close() {
        fs.closeSync(first.fd);
        (source as unknown as { close(): void }).close();
        while (!opened.includes(number)) opened.push(fs.openSync("README.md", "r"));
      },
    };
    closeMany(duplicateMany([first, source], { closeSource: true }));
    expect(fs.readFileSync(`/proc/self/fd/${number}`, "utf8")).toBe(
      fs.readFileSync("README.md", "utf8"),
    );
    opened.forEach((fd) => fs.closeSync(fd));
    close();
  });
});

describe.runIf(isLinux)("functions that make files", () => {
  test.each(Object.entries({ ...connections, ...servers }))(
    "no file is made of a %s",
    async (_name, make) => {
      const { source, close } = await make();
      for (const options of [{}, { closeSource: true }]) {
        const error: unknown = await copyFileHandle(source, options).catch((error: unknown) =>
          error
        );
        expect(error).toEqual(unsupported);
        expect((error as Error).message).toMatch(/use duplicate\(\), and toSocket\(\)/);
        expect(() => copyFileHandleSync(source, options)).toThrow(unsupported);
      }
      duplicate(source).close(); // nothing was done
      await close();
    },
  );

  test("a descriptor is redirected to a socket", async () => {
    const { source, peer, close } = await connections["net.Socket, accepted, tcp4"]!();
    const file = fs.openSync("/dev/null", "w");
    {
      using _ = redirect(file, source);
      fs.writeSync(file, "redirected");
    }
    await peer.expect("redirected");
    fs.closeSync(file);
    close();
  });
});

describe.runIf(process.platform === "win32")("on Windows", () => {
  beforeAll(connectOnce);

  test("a server and a socket of node:net are refused, with what to use", async () => {
    const server = await listenNode({ port: 0, host: "127.0.0.1" });
    const accepting = event<net.Socket>(server, "connection");
    const client = net.connect(placeOf(server));
    await event(client, "connect");
    const accepted = await accepting;
    for (const each of [server, client, accepted]) {
      for (const call of [duplicate, OwnedHandle.fromFd] as ((source: net.Server) => unknown)[]) {
        const error = thrownBy(() => call(each as net.Server));
        expect(error.code).toBe("ENOTSUP");
        expect(error.message).toMatch(/does not tell its SOCKET; make it with duphandle\/win32/);
      }
    }
    const closed = [server, client, accepted].map((each) => event(each, "close"));
    client.destroy();
    accepted.destroy();
    server.close();
    await Promise.all(closed);
  });

  test.runIf(isBun)("what Bun.listen() returns is refused", async () => {
    const { source, close } = await servers["Bun.listen"]!();
    expect(() => duplicate(source)).toThrow(unsupported);
    await close();
  });
});
