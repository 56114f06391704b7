/** Faults while a listening socket becomes that of a server. */
import { createServer as createWebServer } from "node:http";
import { createServer, type Server } from "node:net";
import { OwnedHandle, serveOn } from "duphandle";
import { listenLocally } from "../../../ffi/posix/bind.ts";
import { check, type Subject, subject } from "../subject.ts";
import { isDeno } from "./fixture.ts";

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

/** The faults of `OwnedHandle#toServer` and `serveOn`. */
export const socketSubjects: readonly Subject[] = [
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
];
