/** Listening sockets that no runtime has bound. */
import { checkBoolean, checkInteger, show } from "../../ffi/check.ts";
import { parseIPv4, parseIPv6 } from "../../ffi/ip_address.ts";
import { BACKLOG } from "../../ffi/posix/bind.ts";
import { encodeSocketPath } from "../../ffi/posix/socket_address.ts";
import { checkKeys } from "../handle/options.ts";
import type { OwnedHandle } from "../handle/handle.ts";
import { listeners } from "./platform.ts";
import type { PathChoices, PortChoices } from "./types.ts";

/** The mode of a path without an option: only this user may connect. */
const MODE = 0o600;

/** Where {@linkcode listenOn} listens: at a port of TCP, or at a path. */
export type ListenAddress = PortAddress | PathAddress;

/** A port of TCP. */
export interface PortAddress {
  /** The port; 0 for any free one. */
  readonly port: number;
  /**
   * The address of this machine, such as `127.0.0.1` or `::1`; no name. Default: all of IPv6 and IPv4, or all of
   * IPv4 where the system has no IPv6.
   */
  readonly host?: string | undefined;
  /** Whether `::` is for IPv6 alone, and not for IPv4 as well. Default `false`. */
  readonly ipv6Only?: boolean | undefined;
  /**
   * Whether the port can be bound although connections of an earlier listener are not over yet:
   * `SO_REUSEADDR`. On Windows that is so without an option, and `false` is `SO_EXCLUSIVEADDRUSE`. Default `true`.
   */
  readonly reuseAddress?: boolean | undefined;
  /** How many connections may wait to be accepted; the system may have a lower limit. Default 511. */
  readonly backlog?: number | undefined;
}

/** A path in the file system or, when it starts with NUL, an abstract name. */
export interface PathAddress {
  /** The path, of at most 107 bytes; an abstract name has at most 108. */
  readonly path: string;
  /**
   * The permissions of the path, whatever the process's umask is. To connect takes the right to write. An abstract
   * name has none: every process of the network namespace can connect. Default `0o600`: only this user and root.
   */
  readonly mode?: number | undefined;
  /** How many connections may wait to be accepted; the system may have a lower limit. Default 511. */
  readonly backlog?: number | undefined;
}

const portKeys: readonly string[] = ["port", "host", "ipv6Only", "reuseAddress", "backlog"];
const pathKeys: readonly string[] = ["path", "mode", "backlog"];

/**
 * Makes a listening socket by the system's own calls, for a server of any runtime: give it, or a duplicate, to
 * {@linkcode OwnedHandle.toServer} or {@linkcode serveOn}, to a child, or to a process that takes over. Clients
 * can connect from now on, and wait in the kernel until someone accepts them.
 *
 * A server of a runtime removes the path that it has bound when it closes, and cuts its successor off. No runtime
 * has bound this one: no close removes the path, and `unlinkSync(path)` of `node:fs` is what does.
 *
 * A path where the socket of an ended process was left is taken over. That is known by an attempt to connect,
 * which is refused there, and by the kernel's list of sockets; a living socket, also one that does not listen
 * yet, and a file of another kind are `EADDRINUSE`. A lock file beside it (`PATH.duphandle-lock`) is there for
 * that moment, so that of two calls one gets the path.
 *
 * The socket is non-blocking and not inheritable. {@linkcode inspectHandle} tells its port.
 *
 * On Windows it listens at ports only, and the handle is a `SOCKET` (`toServer()`: Node and Bun). macOS: ports
 * only.
 *
 * @param address a port or a path, and how to listen there
 * @returns the listening socket, which the caller closes
 * @throws {HandleError} `EADDRINUSE` when another socket listens there, or the path is a file of another kind;
 * `EADDRNOTAVAIL` when this machine does not have the address; `EACCES` for a port below 1024 without the right,
 * or a folder that may not be written; `ENOENT` when the folder does not exist; `EMFILE`; `ENOTSUP` for a path on
 * Windows and macOS
 * @throws {TypeError} when the address is not of its kind; nothing was done
 * @see https://man7.org/linux/man-pages/man2/listen.2.html
 * @see https://man7.org/linux/man-pages/man7/unix.7.html
 *
 * @example
 * ```ts
 * import { inspectHandle, listenOn } from "duphandle";
 *
 * using listener = listenOn({ port: 0, host: "127.0.0.1" });
 * console.log(inspectHandle(listener).socket?.local); // { address: "127.0.0.1", port: 40123 }
 * // In Node and Bun, and for TCP in Deno: const server = await listener.toServer(http.createServer(…));
 * // in Deno: serveOn(listener, (placeholder) => Deno.serve({ ...placeholder }, handler));
 * ```
 */
export function listenOn(address: ListenAddress): OwnedHandle {
  const choices = parseListenAddress(address);
  return "path" in choices ? listeners().listenAtPath(choices) : listeners().listenAtPort(choices);
}

/**
 * Checks an address, and reads each of its properties once.
 *
 * @throws {TypeError} when it is none
 */
export function parseListenAddress(address: ListenAddress): PortChoices | PathChoices {
  const isPath = typeof address === "object" && address !== null && "path" in address;
  checkKeys(address, isPath ? pathKeys : portKeys);
  return isPath ? parsePath(address) : parsePort(address as PortAddress);
}

function parsePort(address: PortAddress): PortChoices {
  const { port, host, ipv6Only = false, reuseAddress = true, backlog = BACKLOG } = address;
  checkInteger(port, "port", 0, 0xffff);
  if (host !== undefined) checkHost(host);
  checkBoolean(ipv6Only, "ipv6Only");
  checkBoolean(reuseAddress, "reuseAddress");
  checkBacklog(backlog);
  if (ipv6Only && host !== undefined && parseIPv4(host) !== undefined) {
    throw new TypeError(
      `Cannot use ipv6Only with ${host}, an address of IPv4: leave it out, or use an address of IPv6`,
    );
  }
  return { port, host, ipv6Only, reuseAddress, backlog };
}

function checkHost(host: unknown): asserts host is string {
  if (typeof host === "string" && (parseIPv4(host) ?? parseIPv6(host)) !== undefined) return;
  throw new TypeError(
    `Cannot use ${
      show(host)
    } as host: it must be an address such as 127.0.0.1 or ::1; lookup() of ` +
      "node:dns finds the address of a name",
  );
}

function parsePath(address: PathAddress): PathChoices {
  const { path, mode, backlog = BACKLOG } = address;
  if (encodeSocketPath(path).length === 0) {
    throw new TypeError('Cannot use "" as the path of a socket: it must not be empty');
  }
  if (mode !== undefined) {
    checkInteger(mode, "mode", 0, 0o777);
    if (path.startsWith("\0")) {
      throw new TypeError(
        "Cannot use mode with an abstract name, which has no permissions: leave it out, or use a path",
      );
    }
  }
  checkBacklog(backlog);
  return { path, mode: mode ?? MODE, backlog };
}

function checkBacklog(backlog: unknown): void {
  checkInteger(backlog, "backlog", 1, 0x7fff_ffff);
}
