/** Making sockets, and giving them addresses: socket(2), bind(2), listen(2), accept4(2), connect(2). */
import { checkFd, checkInt, checkInteger, MAX_FD } from "../check.ts";
import { scratch } from "../backend/scratch.ts";
import { posixError } from "./errors.ts";
import { libc, type LibcConnections, libcConnections, libcMessages } from "./libc.ts";
import { type KnownSocketName, type Sockaddr, sockaddrOf } from "./socket_address.ts";

/**
 * `socket(domain, type, protocol)` — makes a socket.
 *
 * @param domain `AF_INET`, `AF_INET6`, `AF_UNIX`, …
 * @param type `SOCK_STREAM`, `SOCK_DGRAM`, …, on Linux optionally with `SOCK_CLOEXEC` and `SOCK_NONBLOCK`
 * @param protocol 0 for the usual one, or `IPPROTO_TCP`, …
 * @returns the new descriptor
 * @throws {HandleError} `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `EMFILE`, `ENFILE`, `EACCES`, `EINVAL`
 * @throws {TypeError} when a number is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/socket.2.html
 *
 * @example
 * ```ts
 * import { AF_INET, close, SOCK_CLOEXEC, SOCK_STREAM, socket } from "duphandle/posix";
 *
 * const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * close(fd);
 * ```
 */
export function socket(domain: number, type: number, protocol: number): number {
  checkInteger(domain, "domain", 0, MAX_FD);
  checkInteger(type, "type", 0, MAX_FD);
  checkInteger(protocol, "protocol", 0, MAX_FD);
  const calls = libcConnections();
  const { errno } = libc();
  const fd = calls.socket(domain, type, protocol);
  if (fd === -1) {
    throw posixError(errno[0]!, "socket", undefined, `of domain ${domain}, type ${type}`);
  }
  return fd;
}

/**
 * `bind(sockfd, addr, addrlen)` — gives a socket an address of this machine. A path is made in the file
 * system, and no close removes it.
 *
 * @param sockfd a socket
 * @param addr the address; port 0 for any free port, on Linux the path `""` for any free abstract name
 * @throws {HandleError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EINVAL` when it has an address already,
 * `ENOTSOCK`; for a path also `ENOENT`, `EROFS` and the other errors of open(2)
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/bind.2.html
 *
 * @example
 * ```ts
 * import { AF_INET, bind, close, getsockname, SOCK_CLOEXEC, SOCK_STREAM, socket } from "duphandle/posix";
 *
 * const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * bind(fd, { family: "IPv4", address: "127.0.0.1", port: 0 });
 * console.log(getsockname(fd)); // { family: "IPv4", address: "127.0.0.1", port: 40123 }
 * close(fd);
 * ```
 */
export function bind(sockfd: number, addr: KnownSocketName): void {
  checkFd(sockfd, "sockfd");
  const sockaddr = sockaddrOf(addr);
  const failed = callWith(libcConnections().bind, sockfd, sockaddr);
  if (failed !== 0) throw posixError(failed, "bind", sockfd, `fd ${sockfd} to ${sockaddr.text}`);
}

/**
 * `listen(sockfd, backlog)` — has a socket listen for connections.
 *
 * @param sockfd a bound socket of a connected type
 * @param backlog how many connections may wait to be accepted; the system may have a lower limit
 * @throws {HandleError} `EADDRINUSE`, `ENOTSUP` for a socket of another type, `ENOTSOCK`; `EINVAL` for a
 * Unix socket without an address
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/listen.2.html
 *
 * @example
 * ```ts
 * import { AF_UNIX, bind, close, listen, SOCK_CLOEXEC, SOCK_STREAM, socket, SOMAXCONN } from "duphandle/posix";
 *
 * const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * bind(fd, { family: "unix", path: "" }); // any free abstract name
 * listen(fd, SOMAXCONN);
 * close(fd);
 * ```
 */
export function listen(sockfd: number, backlog: number): void {
  checkFd(sockfd, "sockfd");
  checkInt(backlog, "backlog");
  const calls = libcConnections();
  const { errno } = libc();
  if (calls.listen(sockfd, backlog) === -1) throw posixError(errno[0]!, "listen", sockfd);
}

/**
 * `accept4(sockfd, addr, addrlen, flags)` — accepts the next connection; {@linkcode getpeername} tells its
 * address. Without `O_NONBLOCK` it blocks the thread, and with it the event loop, until there is one.
 * macOS does not have it: `ENOTSUP`.
 *
 * @param sockfd a listening socket
 * @param flags `SOCK_CLOEXEC`, `SOCK_NONBLOCK`, both, or 0
 * @returns the new descriptor
 * @throws {HandleError} `EAGAIN` when no connection waits, `EMFILE`, `ENFILE`, `ECONNABORTED`, `EINTR`;
 * `EINVAL` when it does not listen, `ENOTSOCK`
 * @throws {TypeError} when a number is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/accept4.2.html
 *
 * @example
 * ```ts
 * import { accept4, AF_UNIX, bind, close, connect, getsockname, listen } from "duphandle/posix";
 * import { SOCK_CLOEXEC, SOCK_STREAM, socket, type SocketName } from "duphandle/posix";
 *
 * const listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * bind(listener, { family: "unix", path: "" });
 * listen(listener, 1);
 * const client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * connect(client, getsockname(listener) as SocketName & { family: "unix" });
 * const server = accept4(listener, SOCK_CLOEXEC);
 * for (const fd of [listener, client, server]) close(fd);
 * ```
 */
export function accept4(sockfd: number, flags: number): number {
  checkFd(sockfd, "sockfd");
  checkInteger(flags, "flags", 0, MAX_FD);
  const accepted = tryAccept(sockfd, flags);
  if (accepted < 0) throw posixError(-accepted, "accept4", sockfd);
  return accepted;
}

/** Accepts the next connection; a failure is the negative of its number. */
export function tryAccept(sockfd: number, flags: number): number {
  const calls = libcMessages("accept4");
  const { errno } = libc();
  const accepted = calls.accept4(sockfd, 0, 0, flags);
  return accepted === -1 ? -errno[0]! : accepted;
}

/**
 * `connect(sockfd, addr, addrlen)` — connects a socket. Without `O_NONBLOCK` it blocks the thread, and with
 * it the event loop, until it is connected or has failed. With it a connection that takes time is
 * `EINPROGRESS`: it is there when {@linkcode poll} reports `POLLOUT` and the option `SO_ERROR` is 0.
 *
 * @param sockfd a socket
 * @param addr the address to connect to
 * @throws {HandleError} `ECONNREFUSED` when no process listens there, `EINPROGRESS`, `ETIMEDOUT`,
 * `ENETUNREACH`, `EISCONN`, `ENOTSOCK`; for a path `ENOENT`, `EACCES`, `EAGAIN` when the backlog is full,
 * `EPROTOTYPE` when it is a socket of another type
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/connect.2.html
 *
 * @example
 * ```ts
 * import { AF_INET, close, connect, SOCK_CLOEXEC, SOCK_STREAM, socket } from "duphandle/posix";
 *
 * const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * try {
 *   connect(fd, { family: "IPv4", address: "127.0.0.1", port: 1 });
 * } catch (error) {
 *   console.log((error as { code?: string }).code); // ECONNREFUSED
 * }
 * close(fd);
 * ```
 */
export function connect(sockfd: number, addr: KnownSocketName): void {
  checkFd(sockfd, "sockfd");
  const sockaddr = sockaddrOf(addr);
  const failed = tryConnect(sockfd, sockaddr);
  if (failed !== 0) {
    throw posixError(failed, "connect", sockfd, `fd ${sockfd} to ${sockaddr.text}`);
  }
}

/** Connects a socket to an address, and returns the number of the failure, or 0. */
export function tryConnect(sockfd: number, sockaddr: Sockaddr): number {
  return callWith(libcConnections().connect, sockfd, sockaddr);
}

/** Calls a function with an address, and returns the number of its failure, or 0. */
function callWith(
  call: LibcConnections["bind"],
  sockfd: number,
  { bytes: sockaddr }: Sockaddr,
): number {
  const { address, bytes } = scratch();
  const { errno } = libc();
  bytes.set(sockaddr);
  return call(sockfd, address, sockaddr.length) === -1 ? errno[0]! : 0;
}
