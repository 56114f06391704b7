/** Sockets over a channel on Windows: Winsock of the receiver knows them, and each is closed once. */
import { once } from "node:events";
import * as net from "node:net";
import {
  borrow,
  duplicateSocket,
  type HandleChannel,
  type JsonValue,
  type OwnedHandle,
  spawn,
} from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { frame, int32s, Kind, messageFrame } from "../../src/channel/frames.ts";
import { encodeMessage } from "../../src/channel/message.ts";
import { connected, next } from "../support/channel_ends.ts";
import { childFiles } from "../support/child_files.ts";
import { programPath } from "../support/program.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows } from "../support/system.ts";
import { handlesOf, lied, receive, rejection } from "../support/windows_channels.ts";
import {
  closeAll,
  connectedSockets,
  connectOnce,
  newSocket,
  openOnce,
  signalled,
} from "../support/windows_objects.ts";

const LOCAL = "127.0.0.1";
const CONNECTIONS = 50;

beforeAll(openOnce);
beforeAll(connectOnce);

const say = (socket: number, text: string) => win32.send(socket, new TextEncoder().encode(text), 0);

function hear(socket: number): string {
  const buffer = new Uint8Array(64);
  return new TextDecoder().decode(buffer.subarray(0, win32.recv(socket, buffer, 0)));
}

describe.runIf(isWindows)("sockets over a channel", () => {
  test("arrive in their places, work, and outlive those of the sender", async () => {
    await using ends = await connected();
    const event = win32.CreateEventW(null, true, false, null);
    const [client, server] = connectedSockets();
    const sent = ends.near.send("three", [event, server, event].map((raw) => borrow(raw)));
    win32.closesocket(server);
    await sent;
    const { handles } = await next(ends.far);
    const [first, socket, last] = handles as [OwnedHandle, OwnedHandle, OwnedHandle];
    win32.SetEvent(first.raw);
    expect(signalled(last.raw)).toBe(true);
    expect(socket.inheritable).toBe(false);
    say(socket.raw, "from the receiver");
    expect(hear(client)).toBe("from the receiver");
    say(client, "to the receiver");
    expect(hear(socket.raw)).toBe("to the receiver");
    const { raw } = socket;
    for (const handle of handles) handle.close();
    expect(() => win32.getsockopt(raw, win32.SOL_SOCKET, win32.SO_TYPE)).toThrow();
    await ends.near.close();
    expect(hear(client)).toBe(""); // nobody else has the connection
    win32.closesocket(client);
    closeAll(event);
  });

  test("that wait, since the receiver does not receive, are sockets too", async () => {
    await using ends = await connected();
    const [client, server] = connectedSockets();
    const large = new Uint8Array(600_000);
    const sends = [0, 1, 2, 3].map((at) => ends.near.send({ at, large }, [borrow(server)]));
    win32.closesocket(server);
    for (let at = 0; at < 4; at++) {
      using received = await next(ends.far);
      expect(received.message).toMatchObject({ at });
      say(received.handles[0]!.raw, `number ${at}`);
      expect(hear(client)).toBe(`number ${at}`);
    }
    await Promise.all(sends);
    await ends.near.close();
    expect(hear(client)).toBe("");
    win32.closesocket(client);
  });

  test("that nobody receives are closed when either side closes", async () => {
    for (const side of ["near", "far"] as const) {
      const [client, server] = connectedSockets();
      const ends = await connected();
      const large = new Uint8Array(600_000);
      const sends = [0, 1, 2].map(() => ends.near.send({ large }, [server, server].map(borrow)));
      expect(handlesOf(server)).toBeGreaterThan(2);
      void Promise.allSettled(sends);
      await Promise.all([ends[side].close(), ends.near.close(), ends.far.close()]);
      expect(handlesOf(server), side).toBe(1);
      for (const socket of [client, server]) win32.closesocket(socket);
    }
  });

  test("are not taken for a handle that is no socket, and the other way round nothing breaks", async () => {
    const event = win32.CreateEventW(null, true, false, null);
    const [reader, writer] = win32.CreatePipe();
    for (const value of [event | 1, reader | 1, writer | 1, event | 2, event | 3, 1, -3]) {
      await using both = await lied(process.pid);
      await both.liar.prove();
      const encoded = encodeMessage("one");
      both.liar.say(messageFrame(encoded, 2), frame(Kind.Handles, int32s(0, 2, event, value)));
      expect(await rejection(receive(both.connection)), String(value))
        .toMatchObject({ code: "EPROTO" });
    }
    expect([event, reader, writer].map(handlesOf)).toEqual([1, 1, 1]);
    closeAll(event, reader, writer);
  });
});

describe.runIf(isWindows).each(isWindows ? runtimeCommands() : [])("in $name", (runtime) => {
  test.each([
    ["over its channel", "handle"],
    ["by duplicateSocket() and socketFromInfo()", "info"],
  ])("a listener and a connection are served by a child, %s", async (_, way) => {
    using files = childFiles();
    const [command, ...flags] = runtime.command as [string, ...string[]];
    const args = [...flags, programPath("channel/windows_socket.ts")];
    const child = spawn(command, args, { ...files.options, channel: true });
    const over = once(child, "exit");
    const { channel } = child;

    const listener = newSocket();
    win32.bind(listener, { address: LOCAL, port: 0 });
    win32.listen(listener, CONNECTIONS);
    const { port } = win32.getsockname(listener);
    const greeted = Promise.all(Array.from({ length: CONNECTIONS }, () => dialogue(port)));
    const pid = child.pid!;
    const pass = way === "info" ? passInfo(pid) : passHandle;
    await pass(channel, { connections: CONNECTIONS }, listener);
    expect(new Set(await greeted), files.output()).toEqual(new Set(["greetings"]));
    expect((await next(channel)).message).toBe("served");
    closeUnless(way === "handle", listener);

    const question = "0123456789".repeat(100_000);
    const [accepted, answer] = await acceptedOf(question);
    await pass(channel, {}, accepted);
    const echoed = answer();
    expect((await next(channel)).message).toBe("served");
    closeUnless(way === "handle", accepted);
    expect((await echoed) === question, files.output()).toBe(true);
    await channel.close();
    expect((await over)[0], files.output()).toBe(0);
  });
});

/** Passes a socket as a handle, and closes it at once. */
async function passHandle(
  channel: HandleChannel,
  message: Record<string, JsonValue>,
  socket: number,
): Promise<void> {
  const passed = channel.send(message, [borrow(socket)]);
  win32.closesocket(socket);
  await passed;
}

/** Passes a socket as bytes for a process. It has to stay open until that one has made its own. */
function passInfo(pid: number): typeof passHandle {
  return async (channel, message, socket) => {
    await channel.send({ ...message, info: duplicateSocket(socket, pid) });
  };
}

function closeUnless(isClosed: boolean, socket: number): void {
  if (!isClosed) win32.closesocket(socket);
}

/**
 * What the other side says to a client, which says something and ends; or nothing, and ends after the other side:
 * Deno under Wine cannot write to one that has ended first.
 */
async function dialogue(port: number, said?: string): Promise<string> {
  const socket = net.connect({ port, host: LOCAL, allowHalfOpen: said !== undefined });
  const chunks: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => chunks.push(bytes));
  if (said !== undefined) socket.end(said);
  await once(socket, "end");
  if (!socket.destroyed) await once(socket, "close");
  return Buffer.concat(chunks).toString();
}

/** An accepted connection, and what its client gets for what it says. */
async function acceptedOf(said: string): Promise<[socket: number, answer: () => Promise<string>]> {
  const listener = newSocket();
  win32.bind(listener, { address: LOCAL, port: 0 });
  win32.listen(listener, 1);
  const answer = dialogue(win32.getsockname(listener).port, said);
  await new Promise((resolve) => setTimeout(resolve, 50)); // it connects
  const accepted = win32.accept(listener);
  win32.closesocket(listener);
  return [accepted, () => answer];
}
