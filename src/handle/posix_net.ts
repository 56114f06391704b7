/**
 * What a descriptor can become on Linux and macOS, and UDP sockets as the runtime's own: Node and Bun take one in
 * `bind({ fd })`.
 */
import type { Socket as DatagramSocket, SocketType } from "node:dgram";
import { failure } from "../../ffi/error.ts";
import { builtin, osName } from "../../ffi/host.ts";
import {
  O_ACCMODE,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "../../ffi/posix/constants.ts";
import { fcntl_getfl } from "../../ffi/posix/fcntl.ts";
import { identityOf, S_IFCHR, S_IFIFO, S_IFMT, S_IFSOCK } from "../../ffi/posix/identity.ts";
import {
  isListening,
  isTerminal,
  localName,
  peerName,
  type SocketName,
  socketType,
} from "../../ffi/posix/socket_name.ts";
import { closeQuietly } from "../util/late_close.ts";
import { nodeFs } from "../util/node.ts";
import { tryOrUndefined } from "../util/platform.ts";
import { valueOf } from "./network_source.ts";
import { posixPlatform } from "./posix.ts";
import { adopt, owned, requireServable } from "./posix_owned.ts";
import { readableOf, socketOf, writableOf } from "./posix_pipes.ts";
import type { StreamAdopter, StreamMethod } from "./types.ts";

/** What a descriptor is, as far as it decides which stream or server it becomes. */
export type StreamKind =
  | "listener"
  | "connection"
  | "unconnected socket"
  | "datagram socket"
  | "other socket"
  | "pipe"
  | "terminal"
  | "file";

/** The kind of a descriptor; throws `EBADF` when it is not open. */
export function streamKindOf(fd: number): StreamKind {
  const mode = modeOf(fd);
  if (mode === undefined) fcntl_getfl(fd); // throws when it is not open
  switch ((mode ?? 0) & S_IFMT) {
    case S_IFSOCK:
      return socketKindOf(fd);
    case S_IFIFO:
      return "pipe";
    case S_IFCHR:
      return isTerminal(fd) ? "terminal" : "file";
  }
  return "file";
}

function modeOf(fd: number): number | undefined {
  if (osName() !== "darwin") return identityOf(fd)?.mode;
  if (socketType(fd) !== undefined) return S_IFSOCK;
  try {
    return nodeFs().fstatSync(fd).mode;
  } catch {
    return undefined;
  }
}

function socketKindOf(fd: number): StreamKind {
  const type = socketType(fd);
  const family = localName(fd)?.family ?? "other";
  if (type === SOCK_DGRAM && family !== "other") return "datagram socket";
  // The runtimes know no other streams, such as those to virtual machines (vsock).
  if (type !== SOCK_STREAM || family === "other") return "other socket";
  if (isListening(fd)) return "listener";
  return peerName(fd) === undefined ? "unconnected socket" : "connection";
}

/** What an error calls each kind, and the methods that serve it, the best one first. */
const KINDS: Readonly<
  Record<StreamKind, readonly [name: string, ...methods: (StreamMethod | "toFileHandle")[]]>
> = {
  listener: ["a listening socket", "toServer"],
  connection: ["a connected socket", "toSocket", "toReadable", "toWritable"],
  "unconnected socket": ["a socket that is not connected and does not listen"],
  "datagram socket": ["a UDP socket", "toDatagram"],
  "other socket": ["a socket of a type that no runtime has"],
  pipe: ["a pipe", "toReadable", "toWritable"],
  terminal: ["a terminal", "toReadable", "toWritable"],
  file: ["neither a socket nor a pipe nor a terminal", "toFileHandle"],
};

function entryOf(fd: number, kind: StreamKind): (typeof KINDS)[StreamKind] {
  const isUnix = kind === "datagram socket" && localName(fd)?.family === "unix";
  return isUnix ? ["a Unix datagram socket, which no node:dgram has"] : KINDS[kind];
}

/** Streams and servers on Linux and macOS. */
export const posixStreams: StreamAdopter = {
  check(raw, method) {
    const kind = streamKindOf(raw);
    const [name, ...methods] = entryOf(raw, kind);
    if (!methods.includes(method)) {
      const isMissing = kind === "unconnected socket" && KINDS.connection.includes(method);
      throw failure(isMissing ? "ENOTCONN" : "ENOTSUP", method, {
        message: `Cannot call ${method}() of fd ${raw}: ${kindAndAdvice(raw, kind)}`,
        handle: raw,
      });
    }
    if (method === "toServer") requireServable(raw);
    if (method !== "toReadable" && method !== "toWritable") return;
    const { reads, writes } = accessOf(raw);
    if (method === "toReadable" ? reads : writes) return;
    const use = `${name} that is not open for ${method === "toReadable" ? "reading" : "writing"}`;
    throw failure("EACCES", method, {
      message: `Cannot call ${method}() of fd ${raw}: it is ${use}; ${advice(raw, kind)}`,
      handle: raw,
    });
  },
  checkFile(raw, method) {
    // What is not open is an error of the adopter.
    const kind = tryOrUndefined(() => streamKindOf(raw)) ?? "file";
    if (kind === "file") return;
    throw failure("ENOTSUP", method, {
      message:
        `Cannot call ${method}() of fd ${raw}: it is ${
          entryOf(raw, kind)[0]
        }, and as a file each read ` +
        `that waits for data would hold a thread of the runtime; ${advice(raw, kind)}, or ` +
        `${method}({ mayBlock: true }) when that is wanted`,
      handle: raw,
    });
  },
  toSocket: (raw, { allowHalfOpen = false }) => socketOf(owned(raw), allowHalfOpen),
  async toServer(raw, server) {
    // Loaded here, so that what duplicates only does not load it.
    const { serveWith } = await import("./posix_server.ts").catch((error: unknown) => {
      closeQuietly(() => posixPlatform.close(raw));
      throw error;
    });
    return await serveWith(raw, server);
  },
  toReadable: (raw) => readableOf(owned(raw)),
  toWritable: (raw) => writableOf(owned(raw)),
  toDatagram: (raw) => datagramOf(owned(raw)),
};

/** The end of a message: what a descriptor is, and what to call instead. */
export function kindAndAdvice(fd: number, kind: StreamKind): string {
  return `it is ${entryOf(fd, kind)[0]}; ${advice(fd, kind)}`;
}

function advice(fd: number, kind: StreamKind): string {
  if (kind === "unconnected socket") {
    return "connect it first; a peer may have reset the connection";
  }
  const { reads, writes } = accessOf(fd);
  const [, ...methods] = entryOf(fd, kind);
  const fitting = methods.filter((method) =>
    method === "toReadable" ? reads : method === "toWritable" ? writes : true
  );
  const names = fitting.map((method) => `${method}()`);
  if (kind === "listener") names.push("serveOn()");
  if (names.length === 0) return "use read() and write() of duphandle/posix";
  return `use ${names.join(" or ")}`;
}

function accessOf(fd: number): { reads: boolean; writes: boolean } {
  const flags = fcntl_getfl(fd);
  const mode = flags & O_ACCMODE;
  const isOpen = (flags & O_PATH) === 0;
  return { reads: isOpen && mode !== O_WRONLY, writes: isOpen && mode !== O_RDONLY };
}

function datagramOf(fd: number): DatagramSocket {
  return adopt(fd, () => {
    const own = localName(fd) as InternetName;
    const peer = peerName(fd) as InternetName | undefined;
    const type = own.family === "IPv6" ? "udp6" : "udp4";
    if ("Deno" in globalThis) return sendingTo(peer, bindInPlace(fd, type, own));
    if ("Bun" in globalThis) return sendingTo(peer, bindTo(fd, nodeDgram().createSocket(type)));
    const socket = nodeDgram().createSocket(type);
    const state = peer === undefined ? undefined : stateOf(socket); // it throws before the socket is bound
    bindTo(fd, socket);
    if (state !== undefined) state.connectState = NODE_CONNECTED;
    return socket;
  });
}

type InternetName = Extract<SocketName, { port: number }>;
/** The state of a connected socket in Node. */
const NODE_CONNECTED = 2;

const nodeDgram = () => builtin<typeof import("node:dgram")>("node:dgram")!;

/** Has a socket of Node or Bun take the descriptor. */
function bindTo(fd: number, socket: DatagramSocket): DatagramSocket {
  let isListening = false;
  socket.once("listening", () => isListening = true);
  socket.bind({ fd, exclusive: true }); // in a worker of node:cluster: not one of the primary process
  // Node emits it at once, before anybody can listen for it.
  if (isListening) queueMicrotask(() => isBound(socket) && socket.emit("listening"));
  return socket;
}

function isBound(socket: DatagramSocket): boolean {
  try {
    return socket.address() !== undefined;
  } catch {
    return false; // it is closed by now
  }
}

/**
 * A socket of Deno in whose place our socket is put. That is done in its event "listening", before anybody else is told:
 * what is sent earlier waits for it. The module for it is loaded while the name of its host is looked up.
 */
function bindInPlace(fd: number, type: SocketType, own: InternetName): DatagramSocket {
  const host = type === "udp6" ? "::1" : "127.0.0.1";
  const { lookup } = builtin<typeof import("node:dns")>("node:dns")!;
  let place: import("./posix_datagram.ts").Place | undefined;
  let isOurs = true;
  const release = () => {
    if (isOurs) closeQuietly(() => posixPlatform.close(fd));
    isOurs = false;
  };
  const lookUp = (name: string, family: number, done: LookedUp) => {
    if (place !== undefined || !isOurs) return lookup(name, family, done);
    const failed = (error: Error) => done(error, "", 0);
    import("./posix_datagram.ts").then(({ prepare }) => {
      if (!isOurs) return; // it was closed
      try {
        place = prepare(fd, host);
        done(null, host, family);
      } catch (error) {
        if (!isOurs) throw error; // of what listens for an event
        socket.close();
        socket.emit("error", error as Error); // Deno may not bind, for instance
      }
    }, failed);
  };
  const socket = nodeDgram().createSocket({ type, lookup: lookUp as never });
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string, ...values: unknown[]) => {
    if (event === "error" || event === "close") release();
    if (event !== "listening") return emit(event as "error", ...values as [Error]);
    delete (socket as { emit?: unknown }).emit;
    try {
      place!(socket, own);
      release(); // it is open under another number now
    } catch (error) {
      release();
      socket.close();
      return emit("error", error as Error);
    }
    return emit("listening");
  };
  socket.bind(0, host);
  return socket;
}

type LookedUp = (error: Error | null, address: string, family: number) => void;

/**
 * Makes `send()` without an address send to a peer that the kernel knows and the socket does not. The kernel takes
 * that address for a connected socket, too. What has waited for the socket to be bound comes again, with it.
 */
function sendingTo(peer: InternetName | undefined, socket: DatagramSocket): DatagramSocket {
  if (peer === undefined) return socket;
  const { address, family, port } = peer;
  const send = socket.send.bind(socket) as (...values: unknown[]) => void;
  socket.send = (message: unknown, ...rest: unknown[]) => {
    const callback = typeof rest.at(-1) === "function" ? [rest.pop()] : [];
    while (rest.length > 0 && rest.at(-1) === undefined) rest.pop();
    if (rest.length === 2 && rest[0] === port && rest[1] === address) rest.length = 0;
    if (rest.some((value) => typeof value !== "number") || rest.length % 2 !== 0) {
      throw failure("EISCONN", "send", {
        message: `Cannot send to another address than ${address}, port ${port}: the socket is ` +
          "connected; call send() without one",
      });
    }
    send(message, ...rest, port, address, ...callback);
  };
  socket.remoteAddress = () => ({ address, family, port });
  return socket;
}

/** What Node keeps in a socket: libuv refuses an address for a connected one, and Node wants one unless it knows. */
function stateOf(socket: DatagramSocket): { connectState: number } {
  const state = valueOf(socket, "state symbol") as { connectState?: unknown } | undefined;
  if (typeof state?.connectState === "number") return state as { connectState: number };
  throw failure("ENOTSUP", "toDatagram", {
    message:
      "Cannot call toDatagram() of a connected UDP socket: the sockets of this version of Node are " +
      "not known; connect the socket of toDatagram() instead, and report it",
  });
}
