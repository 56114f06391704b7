import { once } from "node:events";
import * as net from "node:net";
import { duplicate, OwnedHandle, serveOn } from "duphandle";
import { close, O_CLOEXEC, pipe2 } from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { openDescriptors } from "../../ffi/posix/identity.ts";
import { localName } from "../../ffi/posix/socket_name.ts";
import { ask, connectedPair, makeListener, talk } from "../support/listeners.ts";
import { answer, isNative, serve } from "../support/native_servers.ts";
import { notOpen } from "../support/matchers.ts";
import { bun, deno, type NativeServer, stopNative } from "../support/natives.ts";
import { isDeno, openRaw, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { ECHO } from "../support/web_clients.ts";

const isLinux = process.platform === "linux";

describe.runIf(isLinux && !isNative)("serveOn in Node", () => {
  test("a server of node:net takes its place once it listens", async () => {
    using listener = makeListener("TCP4");
    const server = await serveOn(listener.handle, async (placeholder) => {
      const made = net.createServer((socket) => socket.end("hello")).listen({ ...placeholder });
      await once(made, "listening");
      return made;
    });
    expect(await talk(listener.address, "")).toBe("hello");
    await new Promise((resolve) => server.close(resolve));
  });

  test("one that does not listen yet is an error that names toServer()", async () => {
    using listener = makeListener("TCP4");
    const server = net.createServer();
    const error = thrownBy(() =>
      serveOn(listener.handle, (placeholder) => server.listen({ ...placeholder }))
    );
    expect(error).toMatchObject({
      code: "ENOTSUP",
      message: expect.stringContaining("toServer()"),
    });
    if (!server.listening) await once(server, "listening");
    await new Promise((resolve) => server.close(resolve));
  });

  test("a connection is an error that names toSocket(), and stays open", () => {
    const [near, far] = connectedPair("TCP4");
    const error = thrownBy(() => serveOn(near, () => expect.unreachable()));
    expect(error).toMatchObject({
      code: "ENOTSUP",
      message: expect.stringContaining("toSocket()"),
    });
    near.close();
    far.close();
  });
});

describe("serveOn refuses", () => {
  test.skipIf(isLinux)("every handle outside Linux", () => {
    using file = temporaryFile("");
    using handle = openRaw(file.path, "r");
    expect(thrownBy(() => serveOn(handle, () => expect.unreachable()))).toMatchObject({
      code: "ENOTSUP",
    });
    expect(handle.closed).toBe(false);
  });

  test.runIf(isLinux)("a pipe, which stays open", () => {
    const [reader, writer] = pipe2(O_CLOEXEC);
    close(writer);
    using handle = OwnedHandle.fromRaw(reader);
    expect(thrownBy(() => serveOn(handle, () => expect.unreachable()))).toMatchObject({
      code: "ENOTSUP",
      message: expect.stringContaining("toReadable()"),
    });
    expect(handle.closed).toBe(false);
  });

  test.runIf(isLinux)("what is no handle or no function", () => {
    using listener = makeListener("TCP4");
    expect(() => serveOn(3 as unknown as OwnedHandle, () => expect.unreachable())).toThrow(
      TypeError,
    );
    expect(() => serveOn(listener.handle, {} as unknown as () => void)).toThrow(TypeError);
    expect(listener.handle.closed).toBe(false);
  });
});

describe.runIf(isLinux)("serveOn closes the handle, and replaces nothing", () => {
  const sockets = () => openDescriptors().map((fd) => `${fd} ${JSON.stringify(localName(fd))}`);

  test("when make throws or rejects", async () => {
    for (const isAsync of [false, true]) {
      using listener = makeListener("TCP4");
      const fail = () => {
        throw new Error("not today");
      };
      if (isAsync) {
        await expect(serveOn(listener.handle, () => Promise.resolve().then(fail))).rejects.toThrow(
          "not today",
        );
      } else expect(() => serveOn(listener.handle, fail)).toThrow("not today");
      expect(listener.handle.closed).toBe(true);
      await expect(talk(listener.address, "")).rejects.toThrow();
    }
  });

  test("when make starts nothing, while sockets like it are opened", () => {
    using listener = makeListener("TCP4");
    const opened: OwnedHandle[] = [];
    const error = thrownBy(() =>
      serveOn(listener.handle, () => {
        for (let at = 0; at < 2; at++) opened.push(makeListener("TCP4").handle);
      })
    );
    expect(error).toMatchObject({
      code: "ENOTSUP",
      message: expect.stringContaining("nothing was replaced"),
    });
    expect(sockets()).toEqual(
      expect.arrayContaining(opened.map(({ raw }) => expect.stringMatching(`^${raw} .*127`))),
    );
    for (const handle of opened) handle.close();
  });

  test("when one socket is new and what make returns does not report it", () => {
    using listener = makeListener("TCP4");
    let other: OwnedHandle | undefined;
    const error = thrownBy(() =>
      serveOn(listener.handle, () => {
        other = makeListener("TCP4").handle;
        return { port: 1 };
      })
    );
    expect(error.code).toBe("ENOTSUP");
    expect(localName(other!.raw)).toMatchObject({ address: "127.0.0.1" });
    other!.close();
  });

  test.runIf(isNative)("when a server has an address of its own", async () => {
    using listener = makeListener("TCP4");
    let server: NativeServer | undefined;
    const error = thrownBy(() =>
      serveOn(
        listener.handle,
        () =>
          server = isDeno
            ? deno.serve({ hostname: "127.0.0.2", port: 0, onListen() {} }, answer)
            : bun.serve({ hostname: "127.0.0.2", port: 0, fetch: answer }),
      )
    );
    expect(error).toMatchObject({ code: "ENOTSUP" });
    const port = (server!.addr ?? server!).port!;
    expect(await ask({ host: "127.0.0.2", port }, { headers: { [ECHO]: "still" } })).toBe("still");
    await stopNative(server!);
  });
});

describe.runIf(isLinux && isNative)("what serveOn has put a socket under", () => {
  test("is no source, also when another server has the address that it reports", async () => {
    using listener = makeListener("TCP4");
    const server = serve(listener.handle);
    const { addr, address } = server as unknown as Reporting;
    const { port } = isDeno ? addr : address;
    expect(() => duplicate(server as never)).toThrow(
      /serveOn\(\) has put another one in its place/,
    );
    const other = net.createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    expect(() => duplicate(server as never)).toThrow(
      /serveOn\(\) has put another one in its place/,
    );
    expect(() => duplicate(server as never, { closeSource: true })).toThrow(notOpen);
    expect(await ask(listener.address)).toBeDefined();
    other.close();
    await stopNative(server);
  });
});

/** What a server reports of its address. */
interface Reporting {
  readonly addr: { readonly port: number };
  readonly address: { readonly port: number };
}
