/**
 * Servers, sockets and streams of the runtime: the descriptor of each, and how it is given away.
 *
 * Where the runtime tells the number, it is read. Elsewhere it is searched for on Linux, by the addresses of
 * the socket. A search that leaves a choice is an error, and never a guess.
 */
// Longer than 300 lines: duphandle/handle loads few modules, so what finds a descriptor and what gives it away
// are in one.
import type { Socket as DatagramSocket } from "node:dgram";
import type { Server } from "node:net";
import type { Readable, Writable } from "node:stream";
import { isFd } from "../../ffi/check.ts";
import { failure, HandleError } from "../../ffi/error.ts";
import { isWindows, osName } from "../../ffi/host.ts";
import { O_CLOEXEC, SOCK_DGRAM, SOCK_STREAM } from "../../ffi/posix/constants.ts";
import { dup3 } from "../../ffi/posix/dup.ts";
import { unwatch, watchesOf } from "../../ffi/posix/epoll.ts";
import { identityOf } from "../../ffi/posix/identity.ts";
import {
  findSockets,
  isListening,
  localName,
  type SocketAddress,
  type SocketQuery,
} from "../../ffi/posix/socket_name.ts";
import { symbolOf } from "../util/node.ts";

/**
 * What the runtime owns beside files: a `Server` and a `Socket` of `node:net`, so also those of `node:http`
 * and `node:tty` and the `stdin` and `stdout` of a child (in Bun only its `stdin`); an `https.Server`; a socket of `node:dgram`;
 * `Deno.Listener`, `Deno.TlsListener`, `Deno.Conn`, `Deno.HttpServer` and `Deno.DatagramConn`; what
 * `Bun.serve`, `Bun.listen`, `Bun.connect` and `Bun.udpSocket` return.
 */
export type NetworkSource =
  | Server
  | Readable
  | Writable
  | DatagramSocket
  | { readonly addr: { readonly transport: string } }
  | { readonly remoteAddr: { readonly transport: string } }
  | { stop(closeActiveConnections?: boolean): unknown; reload(options: never): unknown }
  | { terminate(): void; readonly localPort: number }
  | { sendMany(packets: never): number };

/** A socket to search for. */
interface Wanted extends SocketQuery {
  /**
   * Whether an event loop of the runtime watches it. A server that was stopped has its address still, and a
   * duplicate of it may be open.
   */
  readonly isWatched?: boolean;
}

/** The properties of these objects that are read here. Each may be missing, or of another kind. */
interface Shape {
  readonly _readableState?: { readonly decoder?: Decoder | null };
  readonly _handle?: { readonly fd?: unknown; readonly unix?: unknown } | null;
  readonly _pipeName?: unknown;
  readonly addr?: unknown;
  readonly address?: unknown;
  readonly connecting?: unknown;
  readonly destroyed?: unknown;
  readonly encrypted?: unknown;
  readonly isTTY?: unknown;
  readonly listeners?: unknown;
  readonly listening?: unknown;
  readonly localAddr?: unknown;
  readonly localAddress?: unknown;
  readonly localPort?: unknown;
  readonly parser?: unknown;
  readonly readableLength?: unknown;
  readonly remoteAddr?: unknown;
  readonly remoteAddress?: unknown;
  readonly remotePort?: unknown;
  readonly server?: unknown;
  readonly unix?: unknown;
  readonly writableLength?: unknown;
}

/** What decodes text for `setEncoding()`, and has the bytes of a character that is not yet complete. */
interface Decoder {
  readonly lastNeed?: unknown;
  readonly lastTotal?: unknown;
}

/** The advice at the end of the messages of a search that has failed. */
const ADVICE = "use a server or socket of node:net, which tells its descriptor";

/**
 * The descriptor of a server, a socket or a stream of the runtime; `undefined` for any other object.
 *
 * @throws {HandleError} `EBADF` when it is closed, does not listen or is not connected; `ENOTSUP` for a
 * connection with TLS, on Windows, and when its descriptor cannot be told with certainty
 */
export function networkFd(source: object): number | undefined {
  const place = placeOf(source as Shape);
  return place === undefined || isFd(place) ? place : socketsOf(place)[0];
}

/** Read once: in Node and Deno, looking for it takes a part of the time of `duplicate(fileHandle)`. */
let isBun: boolean | undefined;

/**
 * Throws for an object of Bun that has an `fd`, where that is no descriptor or not all of it: on Windows, and for
 * a connection with TLS.
 */
export function requireUsableFd(source: object): void {
  isBun ??= "Bun" in globalThis;
  if (!isBun) return;
  const tag = (source as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (typeof tag !== "string") return;
  if (tag === "TLSSocket") throw withTls();
  if (isWindows() && BUN_SOCKETS.includes(tag)) throw unknownOnWindows();
}

/**
 * Whether it is a server, a socket or a stream of the runtime; not a standard stream and a file, which have an
 * `fd`. It reads nothing that belongs to other objects.
 */
export function isNetworkSource(source: unknown): boolean {
  try {
    if (typeof source !== "object" || source === null) return false;
    const name = nameOf(source);
    return hasNodeHandle(source)
      ? typeof (source as { fd?: unknown }).fd !== "number"
      : BUN_SOCKETS.includes(name) || placeOf(source) !== undefined;
  } catch (error) {
    return error instanceof HandleError; // it is one that cannot be used
  }
}

/** The descriptor where the runtime tells it, else what to search for; `undefined` for any other object. */
function placeOf(source: Shape): number | Wanted | undefined {
  if (hasNodeHandle(source)) return placeOfNode(source);
  const name = nameOf(source);
  const isNative = isDenoSource(source, name) || BUN_SERVER.test(name);
  if (isNative && isWindows()) throw unknownOnWindows();
  if (name === "TlsConn") throw withTls();
  if (isBunPipe(source)) return placeOfBunPipe(source);
  if (isDenoConnection(name)) {
    requireOpen(source);
    requireOwnAddresses(source);
    const [local, remote] = [source.localAddr, source.remoteAddr].map(denoAddress);
    return { type: SOCK_STREAM, isListening: false, local: local!, remote };
  }
  if (isNative) {
    requireOpen(source);
    const told = "addr" in source ? source.addr : source.address;
    if (told === null || told === undefined) throw notOpen("a server that is stopped");
    requireOwnAddresses(source);
    const local = "addr" in source ? denoAddress(told) : nodeAddress(told);
    const type = name === "DatagramConn" ? SOCK_DGRAM : SOCK_STREAM;
    const isListening = type === SOCK_STREAM;
    return { type, isListening, local, isWatched: isListening };
  }
  if (typeof source.address !== "function") return undefined;
  if (typeof (source as { addMembership?: unknown }).addMembership === "function") {
    return placeOfDatagram(source);
  }
  // A server of node:http in Bun.
  return typeof source.listening === "boolean" ? placeOfListener(source) : undefined;
}

/** Whether it is of `node:net`. A socket of `node:dgram` warns when its `_handle` is read. */
function hasNodeHandle(source: object): boolean {
  if (Object.hasOwn(source, "_handle") && isNodeServer(source)) return true;
  // The streams of node:zlib have a handle of another kind, and are never connecting.
  return "_readableState" in source && "_handle" in source && "connecting" in source;
}

function placeOfNode(source: Shape): number | Wanted {
  if (source.encrypted === true) throw withTls();
  const handle = source._handle;
  const fd = handle?.fd;
  const isServer = isNodeServer(source);
  // It has a descriptor before it is connected, and node:net may go on to another address with another one.
  const isConnecting = !isServer && source.connecting === true;
  if (isFd(fd) && !isConnecting && !isWindows()) return fd;
  if (isConnecting || (isServer && source.listening !== true)) {
    throw notOpen(
      isServer
        ? 'a server that does not listen; await "listening", and use it before its close'
        : 'a socket that is not connected yet; await "connect"',
    );
  }
  if (isWindows()) throw unknownOnWindows();
  // A connection of node:http in Bun has no _handle.
  const hasHandle = typeof handle === "object" && handle !== null;
  const isOfBunHttp = !hasHandle && "Bun" in globalThis && source.destroyed === false;
  const isNamed = isServer || typeof source.remotePort === "number";
  if (isOfBunHttp && !isNamed && typeof source.server === "object" && source.server !== null) {
    throw unsupported(
      "a connection of which Bun tells neither the descriptor nor an address, as node:http accepts it on a Unix " +
        'socket; accept it by node:net: net.createServer((socket) => httpServer.emit("connection", socket))',
    );
  }
  if (!hasHandle && !(isOfBunHttp && isNamed)) {
    throw notOpen("a socket that is closed, or was never connected");
  }
  if (!("Deno" in globalThis) && hasHandle) {
    throw unsupported(
      "a server or socket whose descriptor this process does not have, such as that of a worker of " +
        "node:cluster; use it in the process that owns it, or cluster.schedulingPolicy = cluster.SCHED_NONE",
    );
  }
  if (source.isTTY === true) {
    throw unsupported(
      "a terminal of which Deno does not tell the descriptor; duplicate the descriptor that it was made with",
    );
  }
  if (isServer) return placeOfListener(source);
  if (source.remoteAddress === undefined) {
    throw notOpen("a socket that is not connected any more: its peer has reset the connection");
  }
  const local = ipAddress(source.localAddress, source.localPort);
  const remote = ipAddress(source.remoteAddress, source.remotePort);
  return { type: SOCK_STREAM, isListening: false, local, remote };
}

function isNodeServer(source: object): boolean {
  return "listening" in source && typeof (source as Shape).address === "function";
}

function placeOfListener(source: Shape): Wanted {
  if (isWindows()) throw unknownOnWindows();
  const address = (source.address as () => unknown).call(source);
  if (address === null || address === undefined) {
    throw notOpen('a server that does not listen; await "listening", and use it before its close');
  }
  return { type: SOCK_STREAM, isListening: true, local: nodeAddress(address) };
}

/** Node and Bun keep the descriptor in an object under a symbol. */
function placeOfDatagram(source: Shape): number | Wanted {
  if (isWindows()) throw unknownOnWindows();
  const state = valueOf(source, "state symbol") as { handle?: { fd?: unknown } | null } | undefined;
  const fd = state?.handle?.fd;
  if (isFd(fd)) return fd;
  let address: unknown;
  try {
    address = (source.address as () => unknown).call(source);
  } catch {
    throw notOpen("a datagram socket that is closed, or not bound; bind it");
  }
  return { type: SOCK_DGRAM, isListening: false, local: nodeAddress(address) };
}

/** The input of a child in Bun: a stream whose `fd` is `null`, over a sink that has the descriptor. */
function isBunPipe(source: object): boolean {
  return "Bun" in globalThis && (source as { fd?: unknown }).fd === null &&
    typeof sinkOf(source)?._getFd === "function";
}

function placeOfBunPipe(source: Shape): number {
  const fd = source.destroyed === true ? -1 : sinkOf(source)!._getFd!();
  if (isFd(fd)) return fd;
  throw notOpen("a stream that is closed");
}

function sinkOf(source: object): { _getFd?(): unknown } | undefined {
  return valueOf(source, "kWriteStreamFastPath") as { _getFd?(): unknown } | undefined;
}

/** The value of an object under a symbol of the runtime's own. */
export function valueOf(source: object, description: string): unknown {
  const symbol = symbolOf(source, description);
  return symbol && (source as Record<symbol, unknown>)[symbol];
}

/** The classes of Deno's sockets. */
const DENO_NAMES: readonly string[] = [
  "Listener",
  "TlsListener",
  "TcpConn",
  "UnixConn",
  "TlsConn",
  "DatagramConn",
];
/** What `Bun.listen`, `Bun.connect` and `Bun.udpSocket` return, by their tags. Each has an `fd`. */
const BUN_SOCKETS: readonly string[] = ["Listener", "TCPSocket", "TLSSocket", "UDPSocket"];
/** What `Bun.serve` returns, by its tag. */
const BUN_SERVER = /^(?:Debug)?HTTPS?Server$/;

/** The name of the class in Deno, the tag in Bun; `""` elsewhere, and where reading it throws. */
function nameOf(source: object): string {
  try {
    const name: unknown = "Deno" in globalThis
      ? "addr" in source || "localAddr" in source ? source.constructor?.name : ""
      : "Bun" in globalThis
      ? (source as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
      : "";
    return typeof name === "string" ? name : "";
  } catch {
    return ""; // it is an object of the user's
  }
}

/** Whether it is of one of Deno's classes, or what `Deno.serve` returns, which is of none. */
function isDenoSource(source: object, name: string): boolean {
  if (!("Deno" in globalThis)) return false;
  return DENO_NAMES.includes(name) ||
    ("addr" in source && "finished" in source && "shutdown" in source);
}

/** Throws `EBADF` for a socket of Deno that is closed, as far as Deno tells. Its addresses stay the same. */
function requireOpen(source: object): void {
  const deno = (globalThis as { Deno?: DenoState }).Deno;
  if (deno === undefined) return;
  const resource = valueOf(source, "Deno.internal.rid");
  const resources = deno[deno.internal!]?.core?.resources?.();
  const isClosed = typeof resource === "number" && resources !== undefined
    ? !(resource in resources)
    : "finished" in source && !deno.inspect(source.finished).includes("<pending>");
  if (isClosed) throw notOpen("a server or socket of Deno that is closed");
}

/** The objects under which there is another socket now, and the descriptor and inode of that. */
const replaced: WeakMap<object, { readonly fd: number; readonly inode: number | undefined }> =
  /* @__PURE__ */ new WeakMap();

/**
 * Remembers that the socket of an object of the runtime was replaced. The addresses that it reports are free
 * from then on, and another socket of this process may get them: a search would find that one.
 *
 * @param fd the number of the new socket
 */
export function rememberReplaced(source: unknown, fd: number): void {
  if (typeof source !== "object" || source === null) return;
  replaced.set(source, { fd, inode: identityOf(fd)?.inode });
}

/**
 * The descriptor of the listening socket that was put under a server of the runtime in place of its own;
 * `undefined` for any other object, and when the server is closed.
 */
export function replacedListener(source: object): number | undefined {
  const place = replaced.get(source);
  if (place?.inode === undefined || identityOf(place.fd)?.inode !== place.inode) return undefined;
  return isListening(place.fd) ? place.fd : undefined;
}

function requireOwnAddresses(source: object): void {
  if (!replaced.has(source)) return;
  throw notOpen(
    "a server or socket that is closed, or whose own address is not known, since serveOn() has put another one in " +
      "its place; duplicate the handle before",
  );
}

interface DenoState {
  readonly internal?: symbol;
  inspect(value: unknown): string;
  readonly [key: symbol]: { readonly core?: { resources?(): object } } | undefined;
}

function denoAddress(address: unknown): SocketAddress {
  const { hostname, port, path } = (address ?? {}) as Record<string, unknown>;
  return typeof hostname === "string" ? ipAddress(hostname, port) : pathAddress(path ?? "");
}

function nodeAddress(told: unknown): SocketAddress {
  if (typeof told === "string") return pathAddress(told);
  const { address, port } = (told ?? {}) as Record<string, unknown>;
  return ipAddress(address, port);
}

function ipAddress(host: unknown, port: unknown): SocketAddress {
  if (typeof host === "string" && typeof port === "number") return { host, port };
  throw unsupported(`a socket of which the runtime tells no address; ${ADVICE}`);
}

function pathAddress(path: unknown): SocketAddress {
  if (typeof path === "string") return { path };
  throw unsupported(`a socket of which the runtime tells no address; ${ADVICE}`);
}

/**
 * The descriptors of the one socket that is wanted, lowest first.
 *
 * @throws {HandleError} `EBADF` when there is none; `ENOTSUP` when there are several, and on macOS
 */
function socketsOf(wanted: Wanted): number[] {
  if (osName() !== "linux") {
    throw unsupported(`a socket of which the runtime does not tell the descriptor; ${ADVICE}`);
  }
  const [found, ...others] = findSockets(wanted)
    .filter((fds) => wanted.isWatched !== true || fds.some((fd) => watchesOf(fd).length > 0));
  if (found === undefined) {
    throw notOpen(
      "a server or socket whose address no open socket of this process has: it is closed, or serveOn() " +
        "has put another one in its place; duplicate the handle before",
    );
  }
  if (others.length === 0) return found;
  const count = others.length + 1;
  throw unsupported(`a socket whose addresses ${count} sockets of this process have; ${ADVICE}`);
}

type CloseMethod = () => unknown;

/**
 * What closes a source that has been duplicated; `undefined` when that is its own `close()`.
 *
 * None of them ends the connection for the duplicate. So it is not Bun's `terminate()`, which sets
 * `SO_LINGER`: the last close would then discard what is not yet sent.
 */
export function networkCloser(source: object): CloseMethod | undefined {
  if (isDenoConnection(nameOf(source))) return detacherOf(source as Shape & { close(): void });
  const methods = source as Record<"close" | "destroy" | "shutdown" | "stop", unknown>;
  if (typeof methods.close === "function") return undefined;
  const method = [methods.destroy, methods.stop, methods.shutdown]
    .find((each) => typeof each === "function");
  return method as CloseMethod | undefined;
}

/**
 * What closes a connection of Deno, whose `close()` calls shutdown(2), which ends it for all its owners. So its
 * descriptor refers to something else by then. The event loop forgets the connection first: otherwise the
 * events of the duplicate would come for an object that Deno has freed.
 *
 * What could fail is done here, before the connection is duplicated.
 */
function detacherOf(connection: Shape & { close(): void }): CloseMethod {
  const { fd, epolls } = watched(connection);
  const inode = identityOf(fd)?.inode;
  return () => {
    try {
      // A close() of the user's, of another source, may have closed it: the number may be another file's.
      if (identityOf(fd)?.inode !== inode) return;
      for (const epoll of epolls) unwatch(fd, epoll);
      // It is at hand, so no free number is needed, and it is no socket, so shutdown(2) does nothing.
      dup3(epolls[0], fd, O_CLOEXEC);
    } finally {
      connection.close();
    }
  };
}

/** The descriptor of a connection that is Deno's own, and those of the event loop. */
function watched(connection: Shape): { fd: number; epolls: [number, ...number[]] } {
  const found = socketsOf(placeOf(connection) as Wanted).flatMap((fd) => {
    const [first, ...others] = watchesOf(fd).map(({ epoll }) => epoll);
    return first === undefined ? [] : [{ fd, epolls: [first, ...others] as [number, ...number[]] }];
  });
  if (found.length === 1) return found[0]!;
  throw unsupported(
    `a connection with closeSource that Deno watches by ${found.length} descriptors: which one its close() ` +
      "would close cannot be told; close the others, or leave out closeSource",
  );
}

/**
 * Throws `ENOTSUP` when closing the source would lose something for the owner of its duplicate: bytes that
 * the runtime has read already or not yet sent, or the path of a server. Nothing was done.
 *
 * @param source any source
 */
export function requireGivable(source: unknown): void {
  if (typeof source !== "object" || source === null) return;
  const isNode = hasNodeHandle(source);
  if ((isNode && !isNodeServer(source)) || (!isNode && isBunPipe(source))) {
    refuseBuffered(source);
    return;
  }
  const path = boundPathOf(source);
  if (path === undefined) return;
  throw unsupported(
    `a server with closeSource that has bound ${path}: its close() removes the path, and nobody would reach ` +
      "the new owner; leave out closeSource, and close it when the new owner has ended",
  );
}

/**
 * The path of a Unix socket that a server of the runtime removes when it is closed: the one to which the runtime
 * has bound it. `undefined` for any other server.
 *
 * @throws {HandleError} as {@linkcode networkFd}
 */
export function boundPathOf(source: object): string | undefined {
  if (replacedListener(source) !== undefined) return undefined;
  const path = toldPath(source);
  if (typeof path !== "string" || path === "" || path.startsWith("\0")) return undefined;
  const fd = networkFd(source) ?? (source as { fd?: unknown }).fd;
  const name = isFd(fd) ? localName(fd) : undefined;
  return name?.family === "unix" && name.path === path ? path : undefined;
}

/** The path that an object of the runtime has bound, as far as it tells. */
function toldPath(source: Shape): unknown {
  if (hasNodeHandle(source)) return source._pipeName ?? source._handle?.unix;
  if (nameOf(source) === "Listener" && "unix" in source) return source.unix;
  const place = placeOf(source);
  return typeof place === "object" && place.isListening && "path" in place.local
    ? place.local.path
    : undefined;
}

function refuseBuffered(source: Shape): void {
  if (isUnderTls(source)) throw withTls();
  const { parser, readableLength, writableLength, _readableState } = source;
  if (typeof parser === "object" && parser !== null) {
    throw unsupported(
      'a socket with closeSource from which node:http reads; take it in the event "upgrade" or "connect"',
    );
  }
  if (typeof readableLength === "number" && readableLength > 0) {
    throw unsupported(
      `a socket with closeSource of which the runtime has ${readableLength} bytes already; read() them, or ` +
        "let it not read: the option pauseOnConnect of net.createServer()",
    );
  }
  const { lastNeed, lastTotal } = _readableState?.decoder ?? {};
  if (typeof lastNeed === "number" && typeof lastTotal === "number" && lastNeed > 0) {
    throw unsupported(
      `a socket with closeSource of which the runtime has ${
        lastTotal - lastNeed
      } bytes of a character that is ` +
        "not complete, because of setEncoding(); wait for the rest of it, or read bytes",
    );
  }
  if (typeof writableLength === "number" && writableLength > 0) {
    throw unsupported(
      `a socket with closeSource of which ${writableLength} bytes are not yet sent; await the callback of ` +
        "write()",
    );
  }
}

/**
 * Whether TLS of the runtime reads from a socket: after `tls.connect({ socket })` and `new tls.TLSSocket(socket)`. Node
 * and Deno replace the state of its reading then, Bun listens for its end.
 */
function isUnderTls(source: Shape): boolean {
  if (!("Bun" in globalThis)) {
    return Object.getOwnPropertyDescriptor(source._handle ?? {}, "reading")?.get !== undefined;
  }
  if (typeof source.listeners !== "function") return false;
  const listeners = source.listeners("close");
  return Array.isArray(listeners) &&
    listeners.some((each: { name?: unknown }) => each.name === "bound onUpgradedClose");
}

function isDenoConnection(name: string): boolean {
  return name === "TcpConn" || name === "UnixConn";
}

function withTls(): HandleError {
  return unsupported(
    "a connection with TLS: its keys are in the runtime, and cannot be passed; duplicate its server, or " +
      "pass the connection before the handshake",
  );
}

function unknownOnWindows(): HandleError {
  return unsupported(
    "a server or socket of the runtime on Windows, which does not tell its SOCKET; make it with " +
      "duphandle/win32, and give that to the runtime",
  );
}

function unsupported(what: string): HandleError {
  return failure("ENOTSUP", "fcntl", { message: `Cannot use ${what}` });
}

function notOpen(what: string): HandleError {
  return failure("EBADF", "fcntl", { message: `Cannot use ${what}`, handle: -1 });
}
