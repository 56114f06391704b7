import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as tls from "node:tls";
import * as fs from "node:fs";
import { fcntl_getfl, fcntl_setfl, O_NONBLOCK } from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { certificate, hasOpenssl } from "../support/certificate.ts";
import { ask, type ListenerKind, listenerKinds, makeListener, talk } from "../support/listeners.ts";
import { runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { isBun, isDeno, temporaryFolder } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";
import {
  ECHO,
  echoWebSockets,
  expectWebServer,
  hasCurl,
  opensslAsk,
  webSocketEcho,
} from "../support/web_clients.ts";

const isLinux = process.platform === "linux";

const isNode20 = process.version.startsWith("v20.") && !isDeno && !isBun;

/** What this runtime's servers of node:net can have. In Deno they close a Unix socket twice. */
const served = listenerKinds.filter((kind) => !isDeno || kind.startsWith("TCP"));

/** The same, without what the clients of node:net can't reach: in Node 20 an abstract socket. */
const reached = served.filter((kind) => kind !== "abstract" || !isNode20);

const ended = (server: net.Server) => new Promise<void>((resolve) => server.close(() => resolve()));

const echo: http.RequestListener = (request, response) => {
  response.end(String(request.headers[ECHO] ?? ""));
};

describe.runIf(isLinux)("toServer", () => {
  describe.each(reached)("of a %s listener", (kind) => {
    test("serves 50 connections of node:net, and leaves the path", async () => {
      using listener = makeListener(kind);
      const server = await listener.handle.toServer(
        net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)),
      );
      expect(listener.handle.closed).toBe(true);
      if (!kind.startsWith("TCP")) expect(server.address()).toBe(pathOf(listener));
      const texts = Array.from({ length: 50 }, (_, at) => `text ${at} `.repeat(500));
      expect(await Promise.all(texts.map((text) => echoed(listener.address, text)))).toEqual(texts);
      await ended(server);
      if (kind === "Unix") {
        expect(fs.existsSync(pathOf(listener))).toBe(true);
      }
      await expect(talk(listener.address, "")).rejects.toThrow();
    });

    test("makes a new server when none is given", async () => {
      using listener = makeListener(kind);
      const server = await listener.handle.toServer();
      server.on("connection", (socket) => socket.end("hello"));
      expect(await talk(listener.address, "")).toBe("hello");
      expect(server).toBeInstanceOf(net.Server);
      await ended(server);
    });

    test("serves HTTP, with keep-alive and pipelining, and leaves the path", async () => {
      using listener = makeListener(kind);
      const server = await listener.handle.toServer(http.createServer(echo));
      expect(server.listening).toBe(true);
      await expectWebServer(listener.address);
      await ended(server);
      if (kind === "Unix") {
        expect(fs.existsSync(pathOf(listener))).toBe(true);
      }
      await expect(ask(listener.address)).rejects.toThrow();
    });

    test.skipIf(!hasOpenssl)("serves HTTPS (without openssl: skipped)", async () => {
      using listener = makeListener(kind);
      const server = await listener.handle.toServer(https.createServer(certificate, echo));
      const names = Array.from({ length: 50 }, (_, at) => `secret${at}`);
      const answers = await Promise.all(names.map((name) => askSecurely(listener.address, name)));
      expect(answers).toEqual(names);
      if (kind !== "abstract") {
        expect(await opensslAsk(listener.address, "openssl")).toContain("openssl");
      }
      await ended(server);
    });

    test.skipIf(!hasOpenssl)("serves TLS (without openssl: skipped)", async () => {
      using listener = makeListener(kind);
      const made = tls.createServer(certificate, (socket) => void socket.end("hello"));
      const server = await listener.handle.toServer(made);
      expect(await talkSecurely(listener.address)).toBe("hello");
      await ended(server);
    });
  });

  test("serves WebSockets by the upgrade of node:http", async () => {
    using listener = makeListener("TCP4");
    const server = await listener.handle.toServer(echoWebSockets(http.createServer(echo)));
    const texts = Array.from({ length: 50 }, (_, at) => `text ${at}`);
    const answers = texts.map((text) => webSocketEcho(listener.address, text));
    expect(await Promise.all(answers)).toEqual(texts);
    await ended(server);
  });

  test.each([["net", () => net.createServer()], ["http", () => http.createServer()]])(
    "a server of node:%s reports the address of the socket",
    async (_, make) => {
      using listener = makeListener("TCP6");
      const server = await listener.handle.toServer(make());
      expect(server.address()).toMatchObject({
        family: "IPv6",
        address: "::1",
        port: portOf(listener),
      });
      await ended(server);
      expect(server.address()).toBe(null);
    },
  );

  test.each([["net", () => net.createServer()], ["http", () => http.createServer()]])(
    "a server of node:%s that was just closed serves, and listens elsewhere afterwards",
    async (_name, make) => {
      using listener = makeListener("TCP4");
      const server: net.Server = make();
      const listenElsewhere = () =>
        new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
      await listenElsewhere();
      server.close(); // its event comes while the next one begins
      await listener.handle.toServer(server);
      expect(server.listening).toBe(true);
      expect(server.address()).toMatchObject({
        port: (listener.address as { port: number }).port,
      });
      await ended(server);
      await listenElsewhere();
      const { address, port } = server.address() as net.AddressInfo;
      const client = net.connect(port, address);
      await new Promise<void>((resolve) => client.once("connect", resolve));
      client.destroy();
      await ended(server);
    },
  );

  test.skipIf(isDeno)("a server of a Unix socket listens elsewhere afterwards", async () => {
    using listener = makeListener("abstract");
    const server = await listener.handle.toServer();
    expect(server.address()).toBe((listener.address as { path: string }).path);
    await ended(server);
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    expect(server.address()).toMatchObject({ address: "127.0.0.1" });
    await ended(server);
  });

  test("a blocking listener does not stop the event loop", async () => {
    using listener = makeListener("TCP4");
    setBlocking(listener.handle.raw);
    const server = await listener.handle.toServer(http.createServer(echo));
    expect(await ask(listener.address, { headers: { [ECHO]: "one" } })).toBe("one");
    await new Promise((resolve) => setTimeout(resolve, 10));
    await ended(server);
  });

  test("connections that waited before it are served", async () => {
    using listener = makeListener("TCP4");
    const waiting = Array.from(
      { length: 20 },
      (_, at) => ask(listener.address, { headers: { [ECHO]: `${at}` } }),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const server = await listener.handle.toServer(http.createServer(echo));
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 20 }, (_, at) => `${at}`));
    await ended(server);
  });

  test.runIf(isDeno).each<ListenerKind>(["Unix", "abstract"])(
    "in Deno a %s listener is refused, and stays open",
    async (kind) => {
      using listener = makeListener(kind);
      await expect(listener.handle.toServer()).rejects.toMatchObject({
        code: "ENOTSUP",
        message: expect.stringContaining("serveOn()"),
      });
      expect(listener.handle.closed).toBe(false);
    },
  );

  // Deno has no node:cluster, and in Node 20 its workers would start without what compiles the tests.
  test.skipIf(isDeno || isNode20)(
    "in a worker of node:cluster it is refused, since the primary would listen",
    () => {
      const { result } = runProgram("socket/cluster_worker.ts");
      expect(result).toMatchObject({
        code: "ENOTSUP",
        message: expect.stringContaining("node:cluster"),
      });
    },
  );

  test("beside a thread that opens sockets, each server has its own", () => {
    const { result } = runProgram("socket/busy_servers.ts", {
      args: [String(rounds(200)), "toServer"],
    });
    expect(result).toMatchObject({ wrong: [], disturbed: true });
  });

  const traced = served.flatMap((kind) => [[kind, "net"], [kind, "http"]] as const);
  test.runIf(canTrace && hasCurl).each(traced)(
    "%s, node:%s: each descriptor is closed once",
    (kind, module) => {
      using folder = temporaryFolder();
      const log = `${folder.path}/strace`;
      const { result } = runProgram("socket/served.ts", {
        args: [kind, module],
        prefix: strace(log, ["-e", "trace=close"]),
      });
      expect(result).toMatchObject({ answers: 3, left: [] });
      expect(failedCloses(log)).toEqual([]);
    },
  );

  test.runIf(canTrace)(
    "a server that is closed as it begins to listen rejects, and each descriptor is closed once",
    () => {
      using folder = temporaryFolder();
      const log = `${folder.path}/strace`;
      const { result } = runProgram("socket/closed_early.ts", {
        prefix: strace(log, ["-e", "trace=close"]),
      });
      const names = ["net, event", "http, event", "net, listens", "http, listens"];
      const outcomes = Object.fromEntries(names.map((name) => [name, "ECANCELED"]));
      expect(result).toEqual({ outcomes, left: [] });
      expect(failedCloses(log)).toEqual([]);
    },
  );
});

/** The lines of a trace in which something was closed that was not open. */
function failedCloses(log: string): string[] {
  return fs.readFileSync(log, "utf8").split("\n").filter((line) => line.includes("EBADF"));
}

function portOf({ address }: { readonly address: object }): number {
  return (address as { port: number }).port;
}

function pathOf({ address }: { readonly address: object }): string {
  return (address as { path: string }).path;
}

function setBlocking(fd: number): void {
  fcntl_setfl(fd, fcntl_getfl(fd) & ~O_NONBLOCK);
}

/** What an echo server sends back until it closes. */
function echoed(address: object, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(address as net.NetConnectOpts, () => socket.end(text));
    let received = "";
    socket.setEncoding("utf8").on("data", (more) => received += more);
    socket.on("error", reject).on("close", () => resolve(received));
  });
}

function askSecurely(address: object, name: string): Promise<string> {
  const where = "path" in address ? { socketPath: address.path as string } : address;
  return new Promise((resolve, reject) => {
    const headers = { [ECHO]: name };
    const options = {
      ...where,
      agent: false,
      rejectUnauthorized: false,
      headers,
    } as https.RequestOptions;
    https.get(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (more) => text += more).on(
        "end",
        () => resolve(text),
      );
    }).on("error", reject);
  });
}

function talkSecurely(address: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...address, rejectUnauthorized: false });
    let text = "";
    socket.setEncoding("utf8").on("data", (more) => text += more);
    socket.on("error", reject).on("close", () => resolve(text));
  });
}
