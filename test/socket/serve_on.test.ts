import * as fs from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import { duplicate, serveOn } from "duphandle";
import { fcntl_getfl, fcntl_setfl, O_NONBLOCK } from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { certificate, hasOpenssl } from "../support/certificate.ts";
import { ask, listenerKinds, makeListener } from "../support/listeners.ts";
import { answer, echo, isNative, serve, serveWebSockets } from "../support/native_servers.ts";
import { bun, deno, stopNative } from "../support/natives.ts";
import { runProgram } from "../support/program.ts";
import { rounds } from "../support/rounds.ts";
import { isDeno, temporaryFolder } from "../support/system.ts";
import { canTrace, strace } from "../support/trace.ts";
import {
  ECHO,
  expectWebServer,
  hasCurl,
  opensslAsk,
  webSocketEcho,
} from "../support/web_clients.ts";

const isLinux = process.platform === "linux";

describe.runIf(isLinux && isNative)("serveOn", () => {
  describe.each(listenerKinds)("of a %s listener", (kind) => {
    test("serves HTTP, with keep-alive and pipelining, and leaves the path", async () => {
      using listener = makeListener(kind);
      const server = serve(listener.handle);
      expect(listener.handle.closed).toBe(true);
      await expectWebServer(listener.address);
      await stopNative(server);
      if (kind === "Unix") {
        expect(fs.existsSync((listener.address as { path: string }).path)).toBe(true);
      }
      await expect(ask(listener.address)).rejects.toThrow();
    });

    test("serves 50 connections of a stream", async () => {
      using listener = makeListener(kind);
      const server = echo(listener.handle);
      const texts = Array.from({ length: 50 }, (_, at) => `text ${at} `.repeat(200));
      expect(await Promise.all(texts.map((text) => echoed(listener.address, text)))).toEqual(texts);
      await stopNative(server);
    });

    test("serves WebSockets", async () => {
      using listener = makeListener(kind);
      const server = serveWebSockets(listener.handle);
      const texts = Array.from({ length: 50 }, (_, at) => `text ${at}`);
      expect(await Promise.all(texts.map((text) => webSocketEcho(listener.address, text)))).toEqual(
        texts,
      );
      await stopNative(server);
    });
  });

  describe.runIf(hasOpenssl)("with TLS (without openssl: skipped)", () => {
    test.each(["TCP4", "TCP6"] as const)("serves HTTPS on a %s listener", async (kind) => {
      using listener = makeListener(kind);

      const server = serve(listener.handle, isDeno ? certificate : { tls: certificate });
      expect(await opensslAsk(listener.address, "secret")).toContain("secret");
      await stopNative(server);
    });

    test("serves a stream", async () => {
      using listener = makeListener("TCP4");
      const server = echo(listener.handle, certificate);
      expect(await securelyEchoed(listener.address, "secret")).toBe("secret");
      await stopNative(server);
    });
  });

  test("connections that waited before it are served", async () => {
    using listener = makeListener("TCP4");
    const texts = Array.from({ length: 20 }, (_, at) => `${at}`);
    const waiting = texts.map((text) => ask(listener.address, { headers: { [ECHO]: text } }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const server = serve(listener.handle);
    expect(await Promise.all(waiting)).toEqual(texts);
    await stopNative(server);
  });

  test("a blocking listener does not stop the event loop", async () => {
    using listener = makeListener("TCP4");
    fcntl_setfl(listener.handle.raw, fcntl_getfl(listener.handle.raw) & ~O_NONBLOCK);
    const server = serve(listener.handle);
    expect(await ask(listener.address, { headers: { [ECHO]: "one" } })).toBe("one");
    await new Promise((resolve) => setTimeout(resolve, 10));
    await stopNative(server);
  });

  test("two servers share a listener through duplicates, and one goes on after the other", async () => {
    using listener = makeListener("TCP4");
    const copy = duplicate(listener.handle);
    const [first, second] = [serve(listener.handle), serve(copy)];
    await expectWebServer(listener.address);
    await stopNative(first);
    await expectWebServer(listener.address);
    await stopNative(second);
    await expect(ask(listener.address)).rejects.toThrow();
  });

  test("a promise of a server is fulfilled with it in its place", async () => {
    using listener = makeListener("TCP4");
    const server = await serveOn(listener.handle, async (placeholder) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return isDeno
        ? deno.serve({ ...placeholder, onListen() {} }, answer)
        : bun.serve({ ...placeholder, fetch: answer });
    });
    expect(await ask(listener.address, { headers: { [ECHO]: "one" } })).toBe("one");
    await stopNative(server);
  });
});

describe.runIf(isLinux && isNative)("serveOn", () => {
  test("beside a thread that opens sockets, each server has its own", () => {
    const { result } = runProgram("socket/busy_servers.ts", {
      args: [String(rounds(200)), "serveOn"],
    });
    expect(result).toMatchObject({ wrong: [], disturbed: true });
  });

  test("when the kernel refuses to watch our socket, the placeholder is there again", () => {
    const { result } = runProgram("socket/unwatched.ts");
    expect(result).toEqual({
      code: "ENOSPC",
      syscall: "epoll_ctl",
      answer: "still here",
      isBlocking: true,
      left: [],
    });
  });

  test.runIf(canTrace && hasCurl).each(listenerKinds)(
    "%s: each descriptor is closed once",
    (kind) => {
      using folder = temporaryFolder();
      const log = `${folder.path}/strace`;
      const { result } = runProgram("socket/served.ts", {
        args: [kind, "serveOn"],
        prefix: strace(log, ["-e", "trace=close"]),
      });
      expect(result).toMatchObject({ answers: 3, left: [] });
      expect(fs.readFileSync(log, "utf8").split("\n").filter((line) => line.includes("EBADF")))
        .toEqual([]);
    },
  );
});

function echoed(address: object, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(address as net.NetConnectOpts, () => socket.write(text));
    let received = "";
    socket.setEncoding("utf8").on("data", (more) => {
      received += more;
      if (received.length >= text.length) socket.end();
    });
    socket.on("error", reject).on("close", () => resolve(received));
  });
}

function securelyEchoed(address: object, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...address, rejectUnauthorized: false }, () => socket.write(text));
    socket.once("data", (bytes) => {
      resolve(String(bytes));
      socket.destroy();
    }).on("error", reject);
  });
}
