/** UDP sockets as those of node:dgram. */
import * as dgram from "node:dgram";
import * as net from "node:net";
import { describe, expect, test } from "vitest";
import { localName } from "../../ffi/posix/socket_name.ts";
import { prepare } from "../../src/handle/posix_datagram.ts";
import { pattern, udp } from "../support/endpoints.ts";
import { runProgram } from "../support/program.ts";
import { isBun, isDeno, isWindows } from "../support/system.ts";

const closed = (socket: dgram.Socket): Promise<void> =>
  new Promise((resolve) => socket.close(resolve));

/** The next datagram of a socket, as text, and the port that it came from. */
const next = (socket: dgram.Socket): Promise<{ text: string; port: number }> =>
  new Promise((resolve) =>
    socket.once("message", (bytes, { port }) => resolve({ text: `${bytes}`, port }))
  );

/** A socket of the runtime, to talk to. */
async function partner(family: "UDP4" | "UDP6"): Promise<{ far: dgram.Socket; host: string }> {
  const host = family === "UDP4" ? "127.0.0.1" : "::1";
  const far = dgram.createSocket(family === "UDP4" ? "udp4" : "udp6");
  await new Promise<void>((resolve) => far.bind(0, host, resolve));
  return { far, host };
}

describe.skipIf(isWindows)("toDatagram()", () => {
  for (const family of ["UDP4", "UDP6"] as const) {
    test(`receives what has waited, and sends from its port: ${family}`, async () => {
      const { far, host } = await partner(family);
      const { handle, port } = udp(family);
      await new Promise<void>((resolve) => far.send("early", port, host, () => resolve()));
      const socket = handle.toDatagram();
      const waited = next(socket);
      const reply = next(far);
      socket.send("hello", far.address().port, host); // before it says that it listens
      expect(await reply).toEqual({ text: "hello", port });
      expect(await waited).toEqual({ text: "early", port: far.address().port });
      expect(socket.address()).toMatchObject({ address: host, port });
      await closed(socket);
      await closed(far);
    });

    test(`1 MB goes both ways: ${family}`, async () => {
      const { far, host } = await partner(family);
      const { handle, port } = udp(family);
      const socket = handle.toDatagram();
      far.on("message", (bytes, from) => far.send(bytes, from.port, host));
      const bytes = pattern(1 << 15);
      for (let round = 0; round < 32; round++) {
        const echo = new Promise<Buffer>((resolve) => socket.once("message", resolve));
        socket.send(bytes, far.address().port, host);
        expect(Buffer.compare(await echo, bytes)).toBe(0);
      }
      expect(socket.address().port).toBe(port);
      await closed(socket);
      await closed(far);
    });

    test(`keeps the peer of a connected socket: ${family}`, async () => {
      const { far, host } = await partner(family);
      const { handle, port } = udp(family, far.address().port);
      const socket = handle.toDatagram();
      await new Promise<void>((resolve) => socket.once("listening", resolve));
      expect(socket.remoteAddress()).toMatchObject({ address: host, port: far.address().port });
      for (
        const send of [() => socket.send("one two"), () => socket.send(Buffer.from("one two"))]
      ) {
        const arrived = next(far);
        send();
        expect(await arrived).toEqual({ text: "one two", port });
      }
      const part = next(far);
      await new Promise<void>((resolve) => socket.send("one two", 4, 3, () => resolve()));
      expect((await part).text).toBe("two");
      const back = next(socket);
      far.send("back", port, host);
      expect((await back).text).toBe("back");
      // Node takes the port for an offset.
      if (isBun || isDeno) {
        const isConnected = expect.objectContaining({ code: "EISCONN" });
        expect(() => socket.send("elsewhere", port, host)).toThrow(isConnected);
      }
      await closed(socket);
      await closed(far);
    });
  }

  test("sends to the peer of a connected socket before it listens", async () => {
    const { far } = await partner("UDP4");
    const sends: Record<string, (socket: dgram.Socket, done: () => void) => void> = {
      "a text": (socket) => socket.send("a text"),
      "called back": (socket, done) => socket.send("called back", done),
      "no callback": (socket) => socket.send("no callback", undefined),
      "a part": (socket, done) => socket.send("not a part", 4, 6, done),
      "of two": (socket) => socket.send(["of ", "two"]),
    };
    for (const [text, send] of Object.entries(sends)) {
      const socket = udp("UDP4", far.address().port).handle.toDatagram();
      const arrived = next(far);
      const calledBack = new Promise<void>((resolve) => {
        send(socket, resolve);
        if (send.length === 1) resolve();
      });
      expect((await arrived).text).toBe(text);
      await calledBack;
      await closed(socket);
    }
    await closed(far);
  });

  test("says once that it listens", async () => {
    const socket = udp("UDP4").handle.toDatagram();
    let count = 0;
    await new Promise<void>((resolve) => socket.on("listening", () => (count++, resolve())));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(count).toBe(1);
    await closed(socket);
  });

  test("may be closed before it listens", async () => {
    await closed(udp("UDP4").handle.toDatagram());
  });

  test.runIf(isDeno)(
    "takes the place of a UDP socket beside a new TCP socket of that port",
    async () => {
      const { far, host } = await partner("UDP4");
      const { handle, port } = udp("UDP4");
      const own = localName(handle.raw) as { family: "IPv4"; address: string; port: number };
      const place = prepare(handle.raw, host);
      const [placeholder, server] = await onOnePort(host);
      place(placeholder, own);
      handle.close();
      const arrived = next(placeholder);
      far.send("hello", port, host);
      expect((await arrived).text).toBe("hello");
      await new Promise((resolve) => server.close(resolve));
      await closed(placeholder);
      await closed(far);
    },
  );

  test.runIf(isDeno)("without the permission for its place says so, and is closed", () => {
    const { result } = runProgram("socket/denied_datagram.ts", { flags: ["--deny-net"] });
    expect(result).toEqual({ message: expect.stringMatching(/net/), isOpen: false });
  });
});

/** A UDP and a TCP socket of one port, which no other process uses for either. */
async function onOnePort(host: string): Promise<[dgram.Socket, net.Server]> {
  for (;;) {
    const socket = dgram.createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, host, resolve));
    const server = net.createServer();
    const isListening = await new Promise<boolean>((resolve) => {
      server.once("listening", () => resolve(true)).once("error", () => resolve(false));
      server.listen(socket.address().port, host);
    });
    if (isListening) return [socket, server];
    await closed(socket);
  }
}
