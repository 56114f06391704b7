/**
 * The other process of pairs.test.ts: it serves what its parent passes, by `spawn` and over the channel, and
 * reports the hash of all that came in each connection and each request.
 */
import { createHash } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Socket } from "node:net";
import { inherited, inheritedNames, type OwnedHandle, parentChannel, serveOn } from "duphandle";
import {
  acceptNatively,
  type DenoConnection,
  echoInDeno,
  echoNatively,
  hasNativeSockets,
  serveNatively,
} from "../../support/native_sockets.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";
import { isDeno } from "../../support/system.ts";

/** What is passed, and becomes what its name says. */
export type Passed = "net" | "unix" | "http" | "native server" | "socket" | "native connection";

/** What this process reports. */
export interface PairsReport {
  /** The hash of each connection or request, sorted. */
  readonly hashes: readonly string[];
  readonly left: readonly string[];
}

const hashes: string[] = [];
/** What ends each server, and each connection. */
const ends: (() => Promise<unknown>)[] = [];

const channel = parentChannel()!;
await settled();
const before = openHandles().filter((line) => !/^\d -> socket:/.test(line));
for (const name of inheritedNames()) {
  await use(name.replace(/ \d+$/, "") as Passed, inherited(name));
}
for await (const { message, handles } of channel) {
  if (message === "end") break;
  for (const handle of handles) await use(message as Passed, handle);
  await channel.send("served");
}
for (const end of ends) await end();
await channel.close();
report({ hashes: hashes.sort(), left: await leftOpen(before) } satisfies PairsReport);

/** Serves what came. */
async function use(what: Passed, handle: OwnedHandle): Promise<void> {
  const native = hasNativeSockets && what.startsWith("native");
  if (what === "socket" || (what === "native connection" && !native)) {
    echo(handle.toSocket({ allowHalfOpen: true }));
  } else if (what === "native connection") {
    const { onBytes, onEnd } = record();
    await serveOn(handle, (placeholder) => echoNatively(placeholder, onBytes, onEnd));
  } else if (what === "unix" && isDeno) {
    // toServer() refuses it: Deno's node:net closes Unix sockets twice.
    const listener = serveOn(handle, (placeholder) =>
      acceptNatively(placeholder, (connection) => {
        const { onBytes, onEnd } = record();
        void echoInDeno(connection as DenoConnection, onBytes).then(onEnd);
      }));
    ends.push(() => Promise.resolve(listener.stop()));
  } else if (native) {
    const server = serveOn(handle, (placeholder) =>
      serveNatively(placeholder, async (request) => {
        const body = new Uint8Array(await request.arrayBuffer());
        const { onBytes, onEnd } = record();
        onBytes(body);
        onEnd();
        return new Response(body, { headers: { connection: "close" } });
      }));
    ends.push(() => server.stop());
  } else {
    const server = await handle.toServer(
      what === "net" || what === "unix" ? createServer({ allowHalfOpen: true }, echo) : newHttp(),
    );
    ends.push(() => new Promise((resolve) => server.close(resolve)));
  }
}

/** Hashes what comes in a connection or a request, for the report that waits for its end. */
function record(): { readonly onBytes: (bytes: Uint8Array) => void; readonly onEnd: () => void } {
  const hash = createHash("sha256");
  let onEnd = () => {};
  const ended = new Promise<void>((resolve) => onEnd = resolve);
  ends.push(() => ended.then(() => hashes.push(hash.digest("hex"))));
  return { onBytes: (bytes) => void hash.update(bytes), onEnd };
}

/** Echoes what comes in a connection. */
function echo(socket: Socket): void {
  const { onBytes, onEnd } = record();
  socket.on("data", onBytes).once("close", onEnd);
  socket.pipe(socket);
}

/** Echoes what comes in a request. */
function newHttp(): ReturnType<typeof createHttpServer> {
  return createHttpServer(async (request, response) => {
    const { onBytes, onEnd } = record();
    const parts: Uint8Array[] = [];
    for await (const part of request) parts.push(part);
    onBytes(Buffer.concat(parts));
    onEnd();
    response.setHeader("connection", "close").end(Buffer.concat(parts));
  });
}
