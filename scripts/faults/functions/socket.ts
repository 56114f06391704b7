/** Faults while a socket is made to listen, and while it becomes that of a server. */
import { existsSync, rmSync } from "node:fs";
import { createServer as createWebServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import {
  drain,
  drainable,
  listenOn,
  OwnedHandle,
  receiveHandles,
  sendHandles,
  serveOn,
  stopAccepting,
} from "duphandle";
import { listenLocally } from "../../../ffi/posix/bind.ts";
import { unixPair } from "../../../test/support/unix_pairs.ts";
import { check, checkFile, type Subject, subject } from "../subject.ts";
import { closeFd, file, isDeno, open, socketPath } from "./fixture.ts";

/** The calls that change something, or read /proc. */
const only = {
  calls: [
    "dup3",
    "fcntl",
    "openat /proc/self/fd",
    "getdents64",
    "readlinkat",
    "read /fdinfo/",
    "close",
  ],
  reason:
    "a socket that does not tell what it is, is none; and the others are the runtime's for its own socket",
};

interface NativeServer {
  shutdown?(): Promise<void>;
  stop?(now: boolean): Promise<void>;
}

interface Native {
  serve(options: object): NativeServer;
}

const { Deno, Bun } = globalThis as unknown as { Deno?: Native; Bun?: Native };

function listening(): OwnedHandle {
  return OwnedHandle.fromRaw(listenLocally("IPv4"));
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** A server that greets. */
async function greeting(): Promise<Server> {
  const server = createServer((socket) => void socket.end("hello"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  return server;
}

/** Whether a server accepts a connection. */
function accepts(server: Server): Promise<boolean> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("data", () => resolve(true)).on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
  });
}

/** The faults of what makes a socket listen, sends handles by it, serves it, and ends a server. */
export const socketSubjects: readonly Subject[] = [
  subject("listenOn a port", "listenOn", {
    setup: () => {},
    run: () => listenOn({ port: 0 }),
    clean: (_, listener) => listener?.close(),
  }),
  ...["free", "abandoned"].map((state) =>
    subject(`listenOn a path that is ${state}`, "listenOn", {
      setup: () => {
        if (state === "abandoned") listenOn({ path: socketPath }).close();
      },
      run: () => listenOn({ path: socketPath, mode: 0o666 }),
      clean: (_, listener) => {
        check(listener === undefined || existsSync(socketPath), "the path is not there");
        listener?.close();
        rmSync(socketPath, { force: true });
        rmSync(`${socketPath}.duphandle-lock`, { force: true });
      },
    })
  ),
  subject("sendHandles", "sendHandles", {
    setup: () => ({ pair: unixPair(), fd: open() }),
    run: ({ pair, fd }) => sendHandles(pair.one, new Uint8Array(1), [fd]).then(() => true),
    clean: ({ pair, fd }) => {
      pair[Symbol.dispose]();
      closeFd(fd);
    },
  }),
  ...(["stream", "datagram", "packet"] as const).map((type) =>
    subject(`receiveHandles of a ${type}`, "receiveHandles", {
      setup: async () => {
        const pair = unixPair(type);
        const fd = open();
        await sendHandles(pair.one, new Uint8Array(1), [fd]);
        closeFd(fd);
        return pair;
      },
      run: (pair) => receiveHandles(pair.other),
      clean: (pair, received) => {
        for (const handle of received?.handles ?? []) checkFile(handle.raw, file);
        received?.[Symbol.dispose]();
        pair[Symbol.dispose]();
      },
    })
  ),
  ...([["net", () => createServer()], ["http", () => createWebServer()]] as const).map((
    [name, make],
  ) =>
    subject(`toServer ${name}`, "OwnedHandle#toServer", {
      setup: () => ({ handle: listening(), server: make() }),
      run: ({ handle, server }) => handle.toServer(server),
      clean: async ({ handle, server }, made) => {
        check(made === undefined || handle.closed, "the handle is not consumed");
        check(server.listening === (made !== undefined), "the server listens after an error");
        if (!handle.closed) handle.close();
        await closeServer(server);
      },
      only,
    })
  ),
  subject("serveOn", "serveOn", {
    setup: () => ({ handle: listening(), kept: [] as NativeServer[] }),
    run: ({ handle, kept }) =>
      serveOn(handle, (placeholder) => {
        const answer = () => new Response("hello");
        const options = isDeno ? { handler: answer, onListen() {} } : { fetch: answer };
        const server = (Deno ?? Bun)!.serve({ ...placeholder, ...options });
        kept.push(server);
        return server;
      }),
    clean: async ({ handle, kept }, made) => {
      check(made === undefined || handle.closed, "the handle is not consumed");
      if (!handle.closed) handle.close();
      for (const server of kept) await (server.shutdown?.() ?? server.stop?.(true));
    },
    runtimes: ["deno", "bun"],
    only,
  }),
  subject("stopAccepting", "stopAccepting", {
    setup: greeting,
    run: (server) => stopAccepting(server),
    clean: async (server, handle) => {
      if (handle === undefined) check(await accepts(server), "the server does not accept any more");
      handle?.close();
      await closeServer(server);
    },
    only,
  }),
  subject("drain", "drain", {
    setup: greeting,
    run: (server) => drain(server, { timeout: 10_000 }),
    clean: async (server, count) => {
      if (count === undefined) check(await accepts(server), "the server does not accept any more");
      else check(!server.listening, "the server is not closed");
      if (server.listening) await closeServer(server);
    },
    only,
  }),
  subject("drainable", "drainable", {
    setup: () => () => "hello",
    run: (handler) => drainable(handler)(),
    clean: (_, result) => check(result === "hello", "the handler was not called"),
  }),
];
