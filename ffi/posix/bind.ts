/** Sockets that are bound to an address of this machine alone, on Linux: bind(2), listen(2). */
import { scratch } from "../backend/scratch.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";
import type { SocketFamily } from "./socket_name.ts";
import { channelCalls } from "./unix_socket.ts";

/** sys/socket.h, and the sizes of `struct sockaddr_in` and `sockaddr_in6`. */
const AF_INET = 2;
const AF_INET6 = 10;
const SIZE4 = 16;
const SIZE6 = 28;
/** How many connections wait at most. */
const BACKLOG = 511;

/**
 * Makes a socket that listens for connections from this machine: at a free port of 127.0.0.1 or ::1, or at a
 * path. It is non-blocking and not inheritable.
 *
 * @param path for the family `unix`; it starts with NUL for an abstract socket
 * @throws {HandleError} `EMFILE`, `EADDRINUSE`; `EADDRNOTAVAIL` and `EAFNOSUPPORT` without IPv6
 */
export function listenLocally(family: Exclude<SocketFamily, "other">, path: string = ""): number {
  const calls = channelCalls();
  const { errno } = libc();
  const domain = { unix: AF_UNIX, IPv4: AF_INET, IPv6: AF_INET6 }[family];
  const fd = calls.socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd === -1) throw posixError(errno[0]!, "socket", undefined);
  const { address } = scratch();
  let failed = calls.bind(fd, address, writeLocalName(domain, path)) === -1 ? "bind" : "";
  if (failed === "" && calls.listen(fd, BACKLOG) === -1) failed = "listen";
  if (failed === "") return fd;
  const error = posixError(errno[0]!, failed, fd);
  libc().close(fd);
  throw error;
}

/** Writes a `struct sockaddr` to the start of the scratch memory, and returns its length. */
function writeLocalName(domain: number, path: string): number {
  const { bytes, data } = scratch();
  bytes.fill(0, 0, SIZE6);
  data.setUint16(0, domain, true);
  if (domain === AF_INET) return bytes.set([127, 0, 0, 1], 4), SIZE4;
  if (domain === AF_INET6) return bytes[23] = 1, SIZE6;
  const encoded = new TextEncoder().encode(path);
  bytes.set(encoded, 2);
  bytes[2 + encoded.length] = 0;
  // The name of an abstract socket is all of its length.
  return 2 + encoded.length + (encoded[0] === 0 ? 0 : 1);
}
