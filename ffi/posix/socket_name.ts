/** What a socket is, and its two addresses: getsockopt(2), getsockname(2), getpeername(2). */
import type { Calls } from "../backend/types.ts";
import { readText, scratch } from "../backend/scratch.ts";
import { osName } from "../host.ts";
import { AF_INET, AF_INET6, AF_UNIX, SO_ACCEPTCONN, SO_TYPE, SOL_SOCKET } from "./constants.ts";
import { posixError } from "./errors.ts";
import { identityOf, openDescriptors } from "./identity.ts";
import { libc, loadPortable } from "./libc.ts";
import { socketNameSymbols } from "./symbols/linux.ts";

/** The size of a `struct sockaddr_storage`, and where the length of an address lies, after it. */
export const ADDRESS_SIZE = 128;
/** Offsets in `struct sockaddr_in` and `sockaddr_in6`, and of the path in `struct sockaddr_un`. */
const PORT = 2;
const ADDRESS4 = 4;
const ADDRESS6 = 8;
const SCOPE6 = 24;
const PATH = 2;

/** The family of a socket. Others, such as netlink and vsock, have a number in the system's headers. */
export type SocketFamily = "IPv4" | "IPv6" | "unix" | "other";

/** An address of a socket. */
export type SocketName =
  | {
    readonly family: "IPv4" | "IPv6";
    /** The address as text; a link-local one of IPv6 with its interface's number, as `fe80::1%2`. */
    readonly address: string;
    readonly port: number;
  }
  /** `path` is `""` for a socket without a name, and starts with NUL for an abstract one. */
  | { readonly family: "unix"; readonly path: string }
  | { readonly family: "other" };

/** An address as runtimes tell it: of TCP and UDP, or a path. */
export type SocketAddress = { readonly host: string; readonly port: number } | {
  readonly path: string;
};

/** What is known of a socket whose descriptor is searched for. */
export interface SocketQuery {
  /** `SOCK_STREAM` or `SOCK_DGRAM`. */
  readonly type: number;
  readonly isListening: boolean;
  readonly local: SocketAddress;
  readonly remote?: SocketAddress | undefined;
}

let loaded: Calls<typeof socketNameSymbols> | undefined;

/** The functions that say what a socket is. */
export function socketNameCalls(): Calls<typeof socketNameSymbols> {
  return loaded ?? (loaded = loadPortable(socketNameSymbols));
}

/**
 * The type of a socket: `SOCK_STREAM`, `SOCK_DGRAM`, …; `undefined` when the descriptor is no socket, or not
 * open.
 */
export function socketType(fd: number): number | undefined {
  return option(fd, SO_TYPE);
}

/** Whether a socket listens for connections (`SO_ACCEPTCONN`). */
export function isListening(fd: number): boolean {
  return option(fd, SO_ACCEPTCONN) === 1;
}

/** Whether a descriptor refers to a terminal. */
export function isTerminal(fd: number): boolean {
  return socketNameCalls().isatty(fd) === 1;
}

/** The address that a socket is bound to; `undefined` when the descriptor is no socket, or not open. */
export function localName(fd: number): SocketName | undefined {
  return nameBy(socketNameCalls().getsockname, fd);
}

/** The address that a socket is connected to; `undefined` when it is not connected. */
export function peerName(fd: number): SocketName | undefined {
  return nameBy(socketNameCalls().getpeername, fd);
}

/** sys/socket.h: what of a connection {@linkcode shutdownSocket} ends, everywhere. */
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

/**
 * Ends the writing side of a connection, or both, for all who have it: the peer reads its end after what was sent
 * before. Nothing happens when the peer has ended or reset it.
 *
 * @throws {HandleError} `EBADF`, `ENOTSOCK`
 */
export function shutdownSocket(fd: number, how: typeof SHUT_WR | typeof SHUT_RDWR): void {
  const { shutdown } = socketNameCalls();
  const { errno } = libc();
  if (shutdown(fd, how) !== -1) return;
  const error = posixError(errno[0]!, "shutdown", fd);
  if (error.code !== "ENOTCONN") throw error;
}

/**
 * The sockets of this process that have these addresses: of each its descriptors, lowest first. Linux only.
 *
 * @throws {HandleError} when /proc/self/fd can be opened but not read
 */
export function findSockets(query: SocketQuery): number[][] {
  const sockets = new Map<number, number[]>();
  for (const fd of openDescriptors()) {
    if (!matches(fd, query)) continue;
    const inode = identityOf(fd)?.inode ?? -1;
    sockets.set(inode, [...sockets.get(inode) ?? [], fd]);
  }
  return [...sockets.values()];
}

function matches(fd: number, query: SocketQuery): boolean {
  const { getpeername, getsockname } = socketNameCalls();
  // Of the connections that one server has accepted only the peers differ, and there may be thousands.
  if (query.remote !== undefined && !hasPort(getpeername, fd, query.remote)) return false;
  return hasPort(getsockname, fd, query.local) && socketType(fd) === query.type &&
    isListening(fd) === query.isListening &&
    isAt(localName(fd), query.local) &&
    (query.remote === undefined || isAt(peerName(fd), query.remote));
}

/** Whether a socket has a name with the port of an address, if that has one. It makes no text of the name. */
function hasPort(call: NameCall, fd: number, expected: SocketAddress): boolean {
  const { address, data } = scratch();
  data.setUint32(ADDRESS_SIZE, ADDRESS_SIZE, true);
  if (call(fd, address, address + ADDRESS_SIZE) === -1) return false;
  return !("port" in expected) || data.getUint16(PORT) === expected.port;
}

function isAt(name: SocketName | undefined, address: SocketAddress): boolean {
  if (name === undefined || name.family === "other") return false;
  if (name.family === "unix") return "path" in address && name.path === address.path;
  return "port" in address && name.port === address.port &&
    plain(name.address) === plain(address.host);
}

/** An address without the interface, and one of IPv4 on a socket of IPv6 as IPv4. */
function plain(address: string): string {
  return address.toLowerCase().replace(/%.*$/, "").replace(/^::ffff:(?=.*\.)/, "");
}

function option(fd: number, name: number): number | undefined {
  const { getsockopt } = socketNameCalls();
  const { address, int32 } = scratch();
  int32[1] = Int32Array.BYTES_PER_ELEMENT;
  const status = getsockopt(fd, SOL_SOCKET, name, address, address + 4);
  return status === -1 ? undefined : int32[0]!;
}

type NameCall = Calls<typeof socketNameSymbols>["getsockname"];

/** The address that a call tells; `undefined` when it fails, and the error number says why. */
export function nameBy(call: NameCall, fd: number): SocketName | undefined {
  const { address, data } = scratch();
  data.setUint32(ADDRESS_SIZE, ADDRESS_SIZE, true);
  if (call(fd, address, address + ADDRESS_SIZE) === -1) return undefined;
  return readName(data.getUint32(ADDRESS_SIZE, true));
}

/** Reads a `struct sockaddr` of this length at the start of the scratch memory. */
export function readName(length: number): SocketName {
  const { bytes, data } = scratch();
  // On macOS the first byte is the length.
  const family = osName() === "darwin" ? bytes[1]! : data.getUint16(0, true);
  switch (family) {
    case AF_INET:
      return {
        family: "IPv4",
        address: bytes.subarray(ADDRESS4, ADDRESS4 + 4).join("."),
        port: data.getUint16(PORT),
      };
    case AF_INET6:
      return {
        family: "IPv6",
        address: ipv6Text(ADDRESS6, data.getUint32(SCOPE6, true)),
        port: data.getUint16(PORT),
      };
    case AF_UNIX:
      return { family: "unix", path: readPath(length) };
    default:
      return { family: "other" };
  }
}

/** The path of a `struct sockaddr_un` of this length. */
function readPath(length: number): string {
  return unixPath(PATH, Math.min(length, ADDRESS_SIZE) - PATH);
}

/** The path at an offset of the scratch memory. That of an abstract name has no NUL at its end. */
export function unixPath(at: number, length: number): string {
  const path = scratch().bytes.subarray(at, at + length);
  const end = path[0] === 0 ? -1 : path.indexOf(0);
  return readText(at, end === -1 ? path.length : end);
}

/** A run of groups that are 0: the longest is written as "::". One group is no run. */
const ZEROS = /\b0(?::0)+\b/g;

/**
 * The IPv6 address at an offset of the scratch memory, in the form of RFC 5952.
 *
 * @param scope the number of its interface; 0 for none
 */
export function ipv6Text(at: number, scope: number): string {
  const { bytes, data } = scratch();
  const groups = Array.from({ length: 8 }, (_, group) => data.getUint16(at + group * 2));
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return `::ffff:${bytes.subarray(at + 12, at + 16).join(".")}`;
  const text = groups.map((group) => group.toString(16)).join(":");
  return shortened(text) + (scope === 0 ? "" : `%${scope}`);
}

function shortened(address: string): string {
  let [from, to] = [0, 0];
  for (const { index, 0: run } of address.matchAll(ZEROS)) {
    if (run.length > to - from) [from, to] = [index, index + run.length];
  }
  if (to === 0) return address;
  return `${address.slice(0, from).replace(/:$/, "")}::${address.slice(to).replace(/^:/, "")}`;
}
