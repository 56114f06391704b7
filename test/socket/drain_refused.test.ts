/** What drain refuses: each error says why, and nothing was done. */
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import * as path from "node:path";
import { drain, drainable, duplicate } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { ask, makeListener } from "../support/listeners.ts";
import { notOpen, unsupported } from "../support/matchers.ts";
import { runProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/system.ts";
import { connectOnce } from "../support/windows_objects.ts";

const isLinux = process.platform === "linux";

async function listening(address: object): Promise<http.Server> {
  const server = http.createServer((_, response) => void response.end("hello"));
  await once(server.listen(address), "listening");
  return server;
}

describe("drain refuses", () => {
  beforeAll(connectOnce);

  test("what is no server, and options that are none", async () => {
    for (const value of [undefined, null, 1, "server", () => {}, Promise.resolve()]) {
      await expect(drain(value as never)).rejects.toThrow(TypeError);
    }
    const server = await listening({ port: 0, host: "127.0.0.1" });
    const options = [
      ...[null, 1, { timeout: -1 }, { timeout: NaN }, { timeout: "1" }, { timeout: 2 ** 31 }],
      ...[{ timeout: 1.5 }, { timeot: 1 }, { signal: {} }, { signal: null }],
    ];
    for (const each of options) {
      await expect(drain(server, each as never)).rejects.toThrow(TypeError);
    }
    const { port } = server.address() as net.AddressInfo;
    expect(await ask({ host: "127.0.0.1", port })).toBe("hello");
    await new Promise((resolve) => server.close(resolve));
  });

  test.skipIf(isLinux)("every server outside Linux, which accepts as before", async () => {
    const server = await listening({ port: 0, host: "127.0.0.1" });
    await expect(drain(server)).rejects.toEqual(unsupported);
    const { port } = server.address() as net.AddressInfo;
    expect(await ask({ host: "127.0.0.1", port })).toBe("hello");
    await new Promise((resolve) => server.close(resolve));
  });

  test.runIf(isLinux)("a server that does not listen", async () => {
    await expect(drain(net.createServer())).rejects.toEqual(notOpen);
    const server = await listening({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.close(resolve));
    await expect(drain(server)).rejects.toEqual(notOpen);
  });

  test.runIf(isLinux)("a server that has bound its path itself", async () => {
    using folder = temporaryFolder();
    const address = { path: path.join(folder.path, "socket") };
    const server = await listening(address);
    await expect(drain(server)).rejects.toEqual(unsupported);
    await expect(drain(server)).rejects.toThrow(/has bound .*socket itself: .*listenOn\(\)/);
    expect(await ask(address)).toBe("hello");
    await new Promise((resolve) => server.close(resolve));
  });

  test.runIf(isLinux)("one of two servers that accept from the same socket", async () => {
    using listener = makeListener("TCP4");
    const copy = duplicate(listener.handle);
    const [first, second] = await Promise.all(
      [listener.handle, copy].map((handle) =>
        handle.toServer(http.createServer((_, response) => void response.end("hello")))
      ),
    );
    expect(await ask(listener.address)).toBe("hello"); // by now the event loop watches both
    await expect(drain(first!)).rejects.toEqual(unsupported);
    await expect(drain(first!)).rejects.toThrow(/call stopAccepting\(\) before/);
    await new Promise((resolve) => first!.close(resolve));
    expect(await ask(listener.address)).toBe("hello");
    expect(await drain(second!, { timeout: 10_000 })).toBe(0);
  });

  test.runIf(isLinux)("a native server without a handler of drainable()", () => {
    const { result } = runProgram("socket/not_drainable.ts");
    expect(result).toMatchObject({ answer: "hello" });
    expect((result as { message: string }).message).toMatch(/^$|wrap its handler by drainable\(\)/);
  });
});

describe("drainable", () => {
  test("refuses what is no function", () => {
    for (const value of [undefined, null, 1, {}, Promise.resolve()]) {
      expect(() => drainable(value as never)).toThrow(TypeError);
    }
  });

  test("calls the handler with what it gets, and returns what that returns", async () => {
    const handler = function (this: unknown, ...args: unknown[]): unknown {
      return [this, ...args];
    };
    const answer = drainable(handler);
    const self = { answer };
    expect(self.answer(1, 2, 3)).toEqual([self, 1, 2, 3]);
    for (const each of [() => {}, (a: unknown) => a, (a: unknown, b: unknown) => [a, b]]) {
      expect(drainable(each as (...args: unknown[]) => unknown).length).toBe(each.length);
    }
    const response = new Response("hello");
    expect(drainable(() => response)()).toBe(response);
    expect(await drainable(() => Promise.resolve(response))()).toBe(response);
    expect(drainable(() => undefined)()).toBeUndefined();
    expect(() =>
      drainable(() => {
        throw new RangeError("mine");
      })()
    ).toThrow(RangeError);
    await expect(drainable(() => Promise.reject(new RangeError("mine")))()).rejects.toThrow("mine");
    expect(response.headers.has("connection")).toBe(false);
  });
});
