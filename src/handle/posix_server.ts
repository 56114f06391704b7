/**
 * Listening sockets as servers of `node:net`, `node:http` and `node:https`, on Linux and macOS. Each runtime
 * was observed with strace:
 *
 * - Node takes the descriptor for every server, by `listen({ fd })`. Only in a worker of `node:cluster` the
 *   number is one of the primary process.
 * - Deno does, too, since 2.8. But a Unix socket and its connections it closes twice, in two calls one after
 *   the other; between these another thread may get the number.
 * - Bun takes it for servers of `node:net` and `node:tls`, since 1.4. Those of `node:http` and `node:https` ignore
 *   it and listen elsewhere: they get a placeholder, and our socket takes its place.
 */
import type { Server } from "node:net";
import { failure, HandleError } from "../../ffi/error.ts";
import { builtin } from "../../ffi/host.ts";
import { posixError } from "../../ffi/posix/errors.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import { libc } from "../../ffi/posix/libc.ts";
import { isListening, localName, type SocketName } from "../../ffi/posix/socket_name.ts";
import { closeQuietly } from "../util/late_close.ts";
import { nodeNet } from "../util/node.ts";
import { isBefore, runtimeError } from "../util/platform.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { listening } from "./listening.ts";
import { rememberReplaced } from "./network_source.ts";
import { posixPlatform } from "./posix.ts";
import { serverRefusal } from "./posix_owned.ts";
import {
  isAddressed,
  newSocketSince,
  placeholderAddress,
  socketSnapshot,
  spliceOver,
} from "./posix_splice.ts";

/**
 * Has a server accept the connections of a listening socket.
 *
 * @param raw the socket, which is consumed, whatever the outcome
 * @returns a promise of the server, which is fulfilled once it listens
 */
export async function serveWith(raw: RawHandle, server: Server | undefined): Promise<Server> {
  const inode = identityOf(raw)?.inode;
  const descriptor: Descriptor = { raw, isTaken: false };
  try {
    if (inode === undefined) throw posixError(libc().errno[0]!, "statx", raw);
    const name = localName(raw);
    if (name === undefined) throw posixError(libc().errno[0]!, "getsockname", raw);
    const target = server ?? nodeNet().createServer();
    try {
      if (needsPlaceholder(target)) await listenByPlaceholder(raw, target, name);
      else await listenByNumber(descriptor, target, name);
    } catch (error) {
      throw error instanceof HandleError ? error : listenError(raw, error);
    }
    if (!descriptor.isTaken) closeQuietly(() => posixPlatform.close(raw));
    return target;
  } catch (error) {
    // The runtime may have closed it by now, and the number may be another file's.
    if (!descriptor.isTaken && (inode === undefined || identityOf(raw)?.inode === inode)) {
      closeQuietly(() => posixPlatform.close(raw));
    }
    throw error;
  }
}

/** Our descriptor, and whether the runtime owns it: it closes it with the server, in Deno some time later. */
interface Descriptor {
  readonly raw: RawHandle;
  isTaken: boolean;
}

/** Whether the server ignores a descriptor: in Bun one of node:http, and before Bun 1.4 every one. */
function needsPlaceholder(server: Server): boolean {
  if (isBefore("Bun", [1, 4])) return true;
  if (!("Bun" in globalThis)) return false;
  return !(server instanceof builtin<typeof import("node:net")>("node:net")!.Server);
}

/** Starts a server on the descriptor itself, which the runtime owns from then on. */
async function listenByNumber(
  descriptor: Descriptor,
  server: Server,
  name: SocketName,
): Promise<void> {
  const { raw } = descriptor;
  await listening(server, () => {
    server.listen({ fd: raw });
    descriptor.isTaken = server.listening;
  });
  const reported = server.address();
  const port = typeof reported === "object" ? reported?.port : undefined;
  if (port !== undefined && "port" in name && port !== name.port) {
    // It has another socket: this version of the runtime ignores the descriptor.
    descriptor.isTaken = false;
    closeQuietly(() => server.close());
    throw serverRefusal(
      raw,
      `the server listens on port ${port} instead; use serveOn() with a native server`,
    );
  }
  if (port === undefined && typeof reported !== "string") reportAddress(server, name);
}

/** Starts a server on a placeholder, in whose place our socket comes before the server is told. */
async function listenByPlaceholder(
  raw: RawHandle,
  server: Server,
  name: SocketName,
): Promise<void> {
  const before = socketSnapshot();
  const place = placeholderAddress(name);
  let isPlaced = false;
  await listening(server, () => {
    server.listen("path" in place ? { path: place.path } : { host: place.hostname, port: 0 });
    // Bun before 1.4 says so later, and has the address at once.
    if (!server.listening && server.address() === null) return; // an event tells why
    try {
      const reported = server.address();
      const at = typeof reported === "string" ? undefined : reported;
      const found = newSocketSince(before, (fd) => isListening(fd) && isAddressed(fd, place, at));
      if (found === undefined) {
        throw serverRefusal(
          raw,
          "the server's own socket can't be told from others; use serveOn() with Bun.serve",
        );
      }
      spliceOver(raw, found);
      rememberReplaced(server, found);
      isPlaced = true;
    } catch (error) {
      closeQuietly(() => server.close());
      throw error;
    }
  });
  if (!isPlaced) {
    closeQuietly(() => server.close());
    throw serverRefusal(raw, "its listen() does not listen at once; use serveOn() with Bun.serve");
  }
  reportAddress(server, name);
}

/** Has a server report the address of its socket: not that of the placeholder, and not none. */
function reportAddress(server: Server, name: SocketName): void {
  const value: Server["address"] = () => {
    if (!server.listening || name.family === "other") return null;
    return name.family === "unix" ? name.path : { ...name };
  };
  Object.defineProperty(server, "address", { value, configurable: true, writable: true });
  // A server that is closed may listen elsewhere.
  server.once("listening", () => {
    if (server.address === value) delete (server as { address?: unknown }).address;
  });
}

function listenError(raw: RawHandle, cause: unknown): HandleError {
  const { code } = (cause ?? {}) as { code?: unknown };
  if (code !== "ERR_SERVER_ALREADY_LISTEN") {
    return runtimeError(cause, "listen", `fd ${raw}`, raw);
  }
  return failure("EINVAL", "listen", {
    message: "Cannot make a socket a server's: the server listens already; give one that does not",
    handle: raw,
    cause,
  });
}
