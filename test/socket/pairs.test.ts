/** This runtime passes listeners and connections, and every runtime serves them. */
import type { ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { duplicate, OwnedHandle, spawn } from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { listenAt } from "../../ffi/posix/unix_socket.ts";
import { place } from "../support/channel_ends.ts";
import { childFiles } from "../support/child_files.ts";
import { acceptNatively, hasNativeSockets, serveNatively } from "../support/native_sockets.ts";
import { startOnce } from "../support/peer.ts";
import { programPath } from "../support/program.ts";
import { runtimeCommands } from "../support/runtime_commands.ts";
import { isWindows } from "../support/system.ts";
import type { PairsReport, Passed } from "./programs/pairs.ts";

const script = programPath("socket/pairs.ts");
/** Connections or requests for each thing that is passed, and the bytes in each direction. */
const COUNT = 4;
const BYTES = 200_000;

/** What is passed, with clients that use it already: what they send waits in the kernel. */
interface Thing {
  readonly what: Passed;
  readonly handle: OwnedHandle;
  /** The hash of what each client sent, once the same came back. */
  readonly exchanges: readonly Promise<string>[];
}

describe.skipIf(isWindows).each(runtimeCommands())("with $name as the child", ({ command }) => {
  beforeAll(startOnce);

  test("what is passed by spawn and by a channel is served", async () => {
    using files = childFiles();
    using where = place();
    const bySpawn = await listAll(where.path);
    const names = bySpawn.map(({ what, handle }, at) => [`${what} ${at}`, handle] as const);
    const [executable, ...flags] = command as [string, ...string[]];
    const child = spawn(executable, [...flags, script], {
      ...files.options,
      handles: Object.fromEntries(names),
      channel: true,
    });
    const result = files.result(child as unknown as ChildProcess) as Promise<PairsReport>;
    for (const { handle } of bySpawn) handle.close();
    const hashes = await hashesOf(bySpawn, result);

    const byChannel = await listAll(`${where.path}2`);
    for (const { what, handle } of byChannel) {
      await child.channel.send(what, [handle]);
      handle.close();
      expect((await child.channel.receive())?.message, files.output()).toBe("served");
    }
    hashes.push(...await hashesOf(byChannel, result));
    await child.channel.send("end");
    const seen = await result;
    await child.channel.close();
    expect(seen).toEqual({ hashes: hashes.sort(), left: [] });
  });
});

/** Waits for all clients. When the child fails, that is the error to know. */
async function hashesOf(things: readonly Thing[], child: Promise<unknown>): Promise<string[]> {
  try {
    return await Promise.all(things.flatMap(({ exchanges }) => exchanges));
  } catch (error) {
    await child;
    throw error;
  }
}

/** One of each kind. What belonged to the runtime of this process belongs to the handles alone. */
async function listAll(path: string): Promise<Thing[]> {
  return [
    await listener("net", createServer()),
    unixListener(path),
    await listener("http", createHttpServer()),
    await nativeListener(),
    ...await connections(),
    ...await nativeConnections(),
  ];
}

/** A listener that a server of this process bound. */
async function listener(what: Passed, server: Server): Promise<Thing> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const handle = duplicate(server);
  await new Promise((resolve) => server.close(resolve));
  return {
    what,
    handle,
    exchanges: many(() => what === "net" ? byStream({ port }) : byRequest(port)),
  };
}

/** A listener that no runtime bound, and so none removes its path. */
function unixListener(path: string): Thing {
  const handle = OwnedHandle.fromRaw(listenAt(path, 100));
  return { what: "unix", handle, exchanges: many(() => byStream({ path })) };
}

/** A listener that the runtime's own server bound, in Node one of `node:http`. */
async function nativeListener(): Promise<Thing> {
  if (!hasNativeSockets) return await listener("native server", createHttpServer());
  const { source, port, stop } = serveNatively({ hostname: "127.0.0.1", port: 0 }, () => {
    throw new Error("this process got a request");
  });
  const handle = duplicate(source as Server);
  await stop();
  return { what: "native server", handle, exchanges: many(() => byRequest(port)) };
}

/** Connections that `node:net` accepted. */
async function connections(): Promise<Thing[]> {
  const server = createServer({ pauseOnConnect: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const things: Thing[] = [];
  for (let at = 0; at < COUNT; at++) {
    const accepted = once(server, "connection");
    const exchanges = [byStream({ port })];
    const [socket] = await accepted as [Socket];
    things.push({ what: "socket", handle: duplicate(socket, { closeSource: true }), exchanges });
  }
  await new Promise((resolve) => server.close(resolve));
  return things;
}

/** Connections that the runtime itself accepted, in its own way. */
async function nativeConnections(): Promise<Thing[]> {
  if (!hasNativeSockets) return [];
  let accept: (handle: OwnedHandle) => void = () => {};
  const listener = acceptNatively(
    { hostname: "127.0.0.1", port: 0 },
    (connection) => accept(duplicate(connection as Socket, { closeSource: true })),
  );
  const things: Thing[] = [];
  for (let at = 0; at < COUNT; at++) {
    const accepted = new Promise<OwnedHandle>((resolve) => accept = resolve);
    const exchanges = [byStream(listener)];
    things.push({ what: "native connection", handle: await accepted, exchanges });
  }
  listener.stop();
  return things;
}

function many(exchange: () => Promise<string>): Promise<string>[] {
  return Array.from({ length: COUNT }, exchange);
}

/** Sends bytes over a connection of its own, and compares what comes back; the hash of both. */
async function byStream(
  target: { readonly port: number } | { readonly path: string },
): Promise<string> {
  const bytes = randomBytes(BYTES);
  const socket = "port" in target ? connect(target.port, "127.0.0.1") : connect(target.path);
  socket.end(bytes);
  const parts: Uint8Array[] = [];
  for await (const part of socket) parts.push(part as Uint8Array);
  return sameHash(bytes, Buffer.concat(parts));
}

/** The same by a request of HTTP. */
async function byRequest(port: number): Promise<string> {
  const body = randomBytes(BYTES);
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    headers: { connection: "close" },
    body,
  });
  return sameHash(body, new Uint8Array(await response.arrayBuffer()));
}

function sameHash(sent: Uint8Array, received: Uint8Array): string {
  const [hash, other] = [sent, received].map((each) =>
    createHash("sha256").update(each).digest("hex")
  );
  if (hash !== other) throw new Error(`${received.length} of ${sent.length} bytes came back`);
  return hash!;
}
