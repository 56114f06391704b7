/**
 * Sockets and pipes as the runtime's own streams and servers, on Windows. A `SOCKET` is no descriptor
 * there: Node and Deno open it by the objects on which their `node:net` and `node:dgram` rest, Bun by its
 * option `fd`, for servers only. No `fd` with a `SOCKET` goes to Deno, which ends the process then.
 */
import type { Socket as DatagramSocket } from "node:dgram";
import type { Server, Socket, SocketConstructorOpts } from "node:net";
import { failure } from "../../ffi/error.ts";
import { builtin } from "../../ffi/host.ts";
import { FILE_READ_DATA, FILE_TYPE_PIPE, FILE_WRITE_DATA } from "../../ffi/win32/constants.ts";
import { closeRefused, isProtected, showHandle } from "../../ffi/win32/errors.ts";
import { fileTypeOf, NtQueryObject } from "../../ffi/win32/object.ts";
import { socketKind, winsock } from "../../ffi/win32/winsock.ts";
import { closeQuietly } from "../util/late_close.ts";
import { nodeNet } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { valueOf } from "./network_source.ts";
import type { StreamAdopter, StreamMethod, ToSocketOptions } from "./types.ts";
import { isSocket } from "./windows.ts";
import { pipeStream } from "./windows_adopt.ts";

/** winsock2.h: the families and types of socket that the runtimes know. */
const AF_INET = 2;
const AF_INET6 = 23;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;

/** The object of the runtime on which a socket of its own rests. */
interface SocketWrap {
  /** Takes the `SOCKET` over; returns an error number, or 0. */
  open(socket: RawHandle): number;
  close(): void;
}

/** What makes one for TCP: 0 for a connection, 1 for a server. */
type TcpWrap = new (type: number) => SocketWrap;

/** What a handle is, as far as it decides which stream or server it becomes. */
type Kind =
  | "listening socket"
  | "connected socket"
  | "socket that is not connected"
  | "datagram socket"
  | "socket without WSA_FLAG_OVERLAPPED"
  | "socket of another kind"
  | "pipe"
  | "file, a device or a console";

/** The methods that serve each kind, the best one first. */
const METHODS: Readonly<Record<Kind, readonly StreamMethod[]>> = {
  "listening socket": ["toServer"],
  "connected socket": ["toSocket", "toReadable", "toWritable"],
  "socket that is not connected": [],
  "datagram socket": ["toDatagram"],
  "socket without WSA_FLAG_OVERLAPPED": [],
  "socket of another kind": [],
  "pipe": ["toReadable", "toWritable"],
  "file, a device or a console": [],
};

/** What serves the kinds that no method serves. */
const ADVICE: Readonly<Partial<Record<Kind, string>>> = {
  "socket that is not connected": "connect() or listen() of duphandle/win32 comes first",
  "socket without WSA_FLAG_OVERLAPPED":
    "the event loop would wait for its data; make it with that flag",
  "socket of another kind": "send() and recv() of duphandle/win32 serve it",
  "file, a device or a console": "use toFileHandle(), or toFd() and node:tty for a console",
};

const isBun = () => "Bun" in globalThis;
const isDeno = () => "Deno" in globalThis;

/** Streams and servers on Windows. */
export const windowsStreams: StreamAdopter = {
  check(raw, method) {
    const kind = kindOf(raw);
    if (!METHODS[kind].includes(method)) throw wrongKind(raw, method, kind);
    const instead = kind === "pipe" ? insteadOfPipe() : insteadOfSocket(method);
    if (instead !== undefined) throw unsupported(raw, method, kind, instead);
    if (kind === "pipe") checkRights(raw, method);
    if (isProtected(raw)) throw closeRefused(raw, method); // the runtime could not close it either
  },
  checkFile(raw, method) {
    const kind = isSocket(raw) ? kindOf(raw) : undefined;
    if (kind !== undefined) throw wrongKind(raw, method, kind);
  },
  toSocket: (raw, options) => connectionOf(raw, options),
  async toServer(raw, server) {
    let listen: (where: object) => Promise<Server>;
    try {
      const { prepare } = await import("./windows_server.ts"); // nothing else needs it
      listen = prepare(server);
    } catch (error) {
      closeSocket(raw);
      throw error;
    }
    if (isBun()) return await listen({ fd: raw });
    const handle = openTcp(raw, 1, "toServer");
    try {
      return await listen(handle);
    } catch (error) {
      closeQuietly(() => handle.close()); // which does nothing when the server has closed it
      throw error;
    }
  },
  toReadable: (raw) =>
    isSocket(raw) ? connectionOf(raw, { writable: false }) : pipeStream(raw, "readable"),
  toWritable: (raw) =>
    isSocket(raw) ? connectionOf(raw, { readable: false }) : pipeStream(raw, "writable"),
  toDatagram: datagramSocketOf,
};

function kindOf(raw: RawHandle): Kind {
  NtQueryObject(raw); // throws when it is not open
  if (!isSocket(raw)) {
    return fileTypeOf(raw) === FILE_TYPE_PIPE ? "pipe" : "file, a device or a console";
  }
  const { family, type, isListening, isConnected, isSynchronous } = socketKind(raw);
  if (family !== AF_INET && family !== AF_INET6) return "socket of another kind";
  if (isSynchronous) return "socket without WSA_FLAG_OVERLAPPED";
  if (type === SOCK_DGRAM) return "datagram socket";
  if (type !== SOCK_STREAM) return "socket of another kind";
  if (isListening) return "listening socket";
  return isConnected ? "connected socket" : "socket that is not connected";
}

/** What to use instead of a method of sockets in this runtime; `undefined` where the method works. */
function insteadOfSocket(method: StreamMethod): string | undefined {
  const calls = "send() and recv() of duphandle/win32";
  if (isDeno()) {
    const pass = "pass the socket to a process of Node by HandleChannel or duplicateSocket()";
    if (method === "toDatagram") return `${calls}, or ${pass}`;
    if (method !== "toServer") return undefined;
    return `accept() of duphandle/win32 and toSocket() of each connection, or ${pass}`;
  }
  if (!isBun() || method === "toServer") return undefined;
  if (method === "toDatagram") return "Bun.udpSocket({ fd: handle.release() })";
  return `${calls}, or toServer() of the listening socket, which gives the connections`;
}

function insteadOfPipe(): string | undefined {
  if (isDeno()) return "toFileHandle(), which reads and writes in threads of its own";
  return isBun() ? "toFd() and node:fs, where each wait takes a thread" : undefined;
}

/** Throws `EACCES` when a pipe is the other end of the one that the method is for. */
function checkRights(raw: RawHandle, method: StreamMethod): void {
  const reads = method === "toReadable";
  const right = reads ? FILE_READ_DATA : FILE_WRITE_DATA;
  if ((NtQueryObject(raw).GrantedAccess & right) !== 0) return;
  throw failure("EACCES", method, {
    message: `Cannot call ${method}() of handle ${showHandle(raw)}: it is not open for ` +
      `${reads ? "reading; use toWritable()" : "writing; use toReadable()"}`,
    handle: raw,
  });
}

let tcpWrap: TcpWrap | undefined;

/**
 * What makes the object of the runtime on which its TCP sockets rest: the constructor of that of a socket
 * which starts to connect, and is destroyed before it does.
 */
function requireTcpWrap(method: string): TcpWrap {
  if (tcpWrap !== undefined) return tcpWrap;
  const socket = new (nodeNet().Socket)();
  socket.on("error", () => {});
  let wrap: unknown;
  try {
    socket.connect({ host: "127.0.0.1", port: 1 });
    wrap = (socket as unknown as { _handle?: { constructor?: unknown } | null })._handle
      ?.constructor;
  } finally {
    socket.destroy();
  }
  const { open, close } = (wrap as { prototype?: Partial<SocketWrap> } | undefined)?.prototype ??
    {};
  if (typeof open !== "function" || typeof close !== "function") throw unknownRuntime(method);
  return tcpWrap = wrap as TcpWrap;
}

/** Makes the runtime own a TCP socket: 0 a connection, 1 a server. The socket is closed when that fails. */
function openTcp(raw: RawHandle, type: number, method: StreamMethod): SocketWrap {
  return closingSocket(raw, () => openWrap(raw, new (requireTcpWrap(method))(type), method));
}

/** Makes the object of the runtime own a socket. The caller closes the socket when that fails. */
function openWrap(raw: RawHandle, wrap: SocketWrap, method: StreamMethod): SocketWrap {
  const status = wrap.open(raw);
  if (status === 0) return wrap;
  closeQuietly(() => wrap.close());
  throw failure("EINVAL", method, {
    message:
      `Cannot call ${method}() of handle ${showHandle(raw)}: the runtime does not take this ` +
      `socket (${status}); make it with WSA_FLAG_OVERLAPPED`,
    handle: raw,
  });
}

/** A connection as a socket of the runtime, or as the part of it that only reads or only writes. */
function connectionOf(
  raw: RawHandle,
  options: ToSocketOptions & { readable?: boolean; writable?: boolean },
): Socket {
  const { readable = true, writable = true } = options;
  const method = !writable ? "toReadable" : !readable ? "toWritable" : "toSocket";
  const handle = openTcp(raw, 0, method);
  try {
    const choices = { ...options, readable, writable, handle };
    return new (nodeNet().Socket)(choices as unknown as SocketConstructorOpts);
  } catch (error) {
    closeQuietly(() => handle.close());
    throw error;
  }
}

/** A datagram socket of Node. */
function datagramSocketOf(raw: RawHandle): DatagramSocket {
  const [socket, handle] = closingSocket(raw, () => {
    const type = socketKind(raw).family === AF_INET6 ? "udp6" : "udp4";
    const socket = builtin<typeof import("node:dgram")>("node:dgram")!.createSocket({ type });
    try {
      return [socket, openWrap(raw, newUdpWrap(socket), "toDatagram")] as const;
    } catch (error) {
      closeQuietly(() => socket.close());
      throw error;
    }
  });
  try {
    // As a worker of node:cluster takes the socket of its parent.
    socket.bind(handle as unknown as number);
  } catch (error) {
    closeQuietly(() => socket.close());
    closeQuietly(() => handle.close()); // which does nothing when the socket has closed it
    throw error;
  }
  // It was emitted before anyone could listen for it.
  const announced = setImmediate(() => socket.emit("listening"));
  socket.once("close", () => clearImmediate(announced));
  return socket;
}

/** The object on which a second socket of this kind would rest. */
function newUdpWrap(socket: DatagramSocket): SocketWrap {
  const { handle } = (valueOf(socket, "state symbol") ?? {}) as { handle?: unknown };
  const { constructor, open, close, recvStart } = (handle ?? {}) as Record<string, unknown>;
  const isKnown = [constructor, open, close, recvStart].every((each) => typeof each === "function");
  if (!isKnown) throw unknownRuntime("toDatagram");
  return new (constructor as new () => SocketWrap)();
}

/** Calls what makes the runtime own a socket; closes the socket when that fails. */
function closingSocket<Made>(raw: RawHandle, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    closeSocket(raw);
    throw error;
  }
}

/** Closes a socket that the runtime has not taken. */
function closeSocket(raw: RawHandle): void {
  winsock().closesocket(raw);
}

function wrongKind(handle: RawHandle, method: string, kind: Kind): Error {
  const [right] = METHODS[kind];
  const advice = right === undefined ? ADVICE[kind] : `use ${right}()`;
  const needsPeer = METHODS["connected socket"].some((each) => each === method);
  const code = needsPeer && kind === "socket that is not connected" ? "ENOTCONN" : "ENOTSUP";
  return failure(code, method, {
    message: `Cannot call ${method}() of handle ${showHandle(handle)}: it is a ${kind}; ${advice}`,
    handle,
  });
}

function unsupported(handle: RawHandle, method: string, kind: Kind, instead: string): Error {
  const runtime = isBun() ? "Bun" : "Deno";
  return failure("ENOTSUP", method, {
    message:
      `Cannot call ${method}() of handle ${showHandle(handle)}: ${runtime} for Windows cannot ` +
      `take over a ${kind}; use ${instead}`,
    handle,
  });
}

function unknownRuntime(method: string): Error {
  return failure("ENOTSUP", method, {
    message: `Cannot call ${method}(): this version of the runtime has another inside than those ` +
      "known; use send() and recv() of duphandle/win32",
  });
}
