import * as http from "node:http";
import * as net from "node:net";
import { OwnedHandle } from "duphandle";
import { close, O_CLOEXEC, pipe2 } from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { makeListener, talk } from "../support/listeners.ts";
import { runProgram } from "../support/program.ts";
import { isBun, isDeno } from "../support/system.ts";

const ended = (server: net.Server) => new Promise<void>((resolve) => server.close(() => resolve()));

describe.runIf(process.platform === "linux")("toServer", () => {
  describe("refuses", () => {
    test("a server that listens already, and the handle stays open", async () => {
      using listener = makeListener("TCP4");
      const server = await listener.handle.toServer();
      using other = makeListener("TCP4");
      await expect(other.handle.toServer(server)).rejects.toMatchObject({ code: "EINVAL" });
      expect(other.handle.closed).toBe(false);
      await ended(server);
    });

    test("a server that is about to listen on another handle, and the handle stays open", async () => {
      using listener = makeListener("TCP4");
      using other = makeListener("TCP4");
      const server = net.createServer((socket) => socket.end("hello"));
      const first = listener.handle.toServer(server);
      await expect(other.handle.toServer(server)).rejects.toMatchObject({ code: "EINVAL" });
      expect(other.handle.closed).toBe(false);
      await first;
      expect(await talk(listener.address, "")).toBe("hello");
      await ended(server);
    });

    test.each([
      ["null", null],
      ["a text", "server"],
      ["a socket", new net.Socket()],
      ["the object of a framework", { listen: () => {}, close: () => {} }],
    ])(
      "%s as a server, and the handle stays open",
      async (_, server) => {
        using listener = makeListener("TCP4");
        await expect(listener.handle.toServer(server as unknown as net.Server)).rejects.toThrow(
          TypeError,
        );
        expect(listener.handle.closed).toBe(false);
      },
    );

    test("a pipe, and the handle stays open", async () => {
      const [reader, writer] = pipe2(O_CLOEXEC);
      close(writer);
      using handle = OwnedHandle.fromRaw(reader);
      await expect(handle.toServer()).rejects.toMatchObject({
        code: "ENOTSUP",
        message: expect.stringContaining("toReadable()"),
      });
      expect(handle.closed).toBe(false);
    });
  });

  describe("closes the handle", () => {
    test("when the server begins to listen elsewhere meanwhile", async () => {
      using listener = makeListener("TCP4");
      const server = net.createServer();
      const adopting = listener.handle.toServer(server);
      server.listen({ path: `\0duphandle-test-${crypto.randomUUID()}` });
      await expect(adopting).rejects.toMatchObject({ code: "EINVAL" });
      await ended(server);
      await expect(talk(listener.address, "")).rejects.toThrow();
    });

    test("when the server is closed before it listens", async () => {
      using listener = makeListener("TCP4");
      const server = http.createServer();
      const { listen } = server;
      server.listen = function (this: http.Server, ...args: unknown[]) {
        (listen as (...args: unknown[]) => void).apply(this, args);
        return this.close();
      } as typeof listen;
      await expect(listener.handle.toServer(server)).rejects.toMatchObject({ name: "HandleError" });
      expect(server.listening).toBe(false);
      await expect(talk(listener.address, "")).rejects.toThrow();
    });

    test("when listen() throws", async () => {
      using listener = makeListener("TCP4");
      const server = http.createServer();
      server.listen = () => {
        throw new Error("not today");
      };
      await expect(listener.handle.toServer(server)).rejects.toThrow("not today");
      await expect(talk(listener.address, "")).rejects.toThrow();
    });

    test("when the runtime tells by an event that it can't listen", async () => {
      using listener = makeListener("TCP4");
      const server = http.createServer();
      const { listen } = server;
      server.listen = function (this: http.Server) {
        // An address that is set aside for documentation.
        return (listen as (options: object) => http.Server).call(this, {
          host: "192.0.2.1",
          port: 0,
        });
      } as typeof listen;
      await expect(listener.handle.toServer(server)).rejects.toMatchObject({
        message: expect.not.stringContaining("told from others"),
      });
      await expect(talk(listener.address, "")).rejects.toThrow();
    });

    test("when the server emits an error", async () => {
      using listener = makeListener("TCP4");
      const server = net.createServer();
      server.listen = function (this: net.Server) {
        process.nextTick(() => this.emit("error", new Error("not today")));
        return this;
      } as typeof server.listen;
      await expect(listener.handle.toServer(server)).rejects.toThrow("not today");
      expect(server.listenerCount("error") + server.listenerCount("listening")).toBe(0);
      await expect(talk(listener.address, "")).rejects.toThrow();
    });
  });

  const hasPermissions = !isDeno && !isBun && Number.parseInt(process.versions.node) >= 26;
  test.runIf(hasPermissions)("without --allow-net of Node is EACCES, and names the flag", () => {
    const flags = ["--permission", "--allow-ffi", "--allow-fs-read=*", "--allow-fs-write=*"];
    const { result, output } = runProgram("socket/denied_server.ts", { flags });
    expect(result, output).toEqual({
      code: "EACCES",
      status: "ERROR_ACCESS_DENIED",
      message: expect.stringContaining("--allow-net"),
    });
  });
});
