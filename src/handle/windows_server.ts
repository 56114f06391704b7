/** Listening sockets as servers of the runtime, on Windows: in Node and Bun. */
import type { Server as HttpServer } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { failure } from "../../ffi/error.ts";
import { builtin } from "../../ffi/host.ts";
import { nodeNet } from "../util/node.ts";
import { listening } from "./listening.ts";

/**
 * Prepares a server, or a new one of `node:net`, to listen at a socket.
 *
 * @returns makes it listen: at `{ fd }` in Bun, and in Node at the object that owns the socket. Whatever the
 * outcome, the runtime has the socket then
 * @throws {HandleError} when the server cannot listen at a socket
 */
export function prepare(server: Server | undefined): (where: object) => Promise<Server> {
  const target = server ?? nodeNet().createServer();
  if (target.listening) throw listensAlready();
  const listener = "Bun" in globalThis ? listenerInBun(target) : target;
  return async (where) => {
    await listening(listener, () => listener.listen(where));
    if (listener !== target) standBehind(target as HttpServer, listener);
    return target;
  };
}

/**
 * The server that listens in Bun, where one of `node:http` takes no socket: it would listen at another port,
 * and report success. It gets the connections of a server of `node:net`.
 */
function listenerInBun(target: Server): Server {
  if (isOf("node:https", target)) {
    throw failure("ENOTSUP", "toServer", {
      message:
        "Cannot call toServer() with an https.Server: Bun for Windows cannot give it a socket; " +
        'use one of node:tls: tls.createServer(options, (socket) => httpServer.emit("connection", socket))',
    });
  }
  if (!isOf("node:http", target)) return target;
  return nodeNet().createServer((socket) => void target.emit("connection", socket));
}

function isOf(name: "node:http" | "node:https", server: Server): boolean {
  const { Server } = builtin<{ Server?: new () => unknown }>(name) ?? {};
  return typeof Server === "function" && server instanceof Server;
}

/** Has a server of `node:http` act for the one that listens for it. */
function standBehind(target: HttpServer, listener: Server): void {
  const sockets = new Set<Socket>();
  listener.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  listener.on("error", (error) => void target.emit("error", error));
  listener.once("close", () => {
    for (const name of Object.keys(described)) Reflect.deleteProperty(target, name);
    target.emit("close");
  });
  const methods = {
    address: (): AddressInfo | string | null => listener.address(),
    close(callback?: (error?: Error) => void): HttpServer {
      listener.close(callback);
      return target;
    },
    closeAllConnections(): void {
      for (const socket of sockets) socket.destroy();
    },
    ref(): HttpServer {
      listener.ref();
      return target;
    },
    unref(): HttpServer {
      listener.unref();
      return target;
    },
  };
  const described: PropertyDescriptorMap = {
    listening: { get: () => listener.listening, configurable: true },
  };
  for (const [name, value] of Object.entries(methods)) {
    described[name] = { value, configurable: true, writable: true };
  }
  Object.defineProperties(target, described);
  target.emit("listening");
}

function listensAlready(): Error {
  return failure("EINVAL", "toServer", {
    message: "Cannot call toServer() with a server that listens already: make another one",
  });
}
