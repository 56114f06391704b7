/** The options of sockets, and their two addresses: getsockopt(2), setsockopt(2), getsockname(2). */
import { checkBytes, checkFd, checkInt, checkInteger, copyFrom } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";
import { nameBy, type SocketName, socketNameCalls } from "./socket_name.ts";

/** Where the length of a value lies in the scratch memory, after the value. */
const LENGTH = SCRATCH_SIZE;
const INT = 4;

/**
 * `getsockopt(sockfd, level, optname, optval, optlen)` — the value of an option of a socket.
 *
 * @param sockfd a socket
 * @param level `SOL_SOCKET`, `IPPROTO_TCP`, …
 * @param optname `SO_TYPE`, `SO_ERROR`, …
 * @returns its value, as an `int`
 * @throws {HandleError} `ENOPROTOOPT` when there is no such option, `ENOTSOCK`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/getsockopt.2.html
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, getsockopt, SO_LINGER, SO_TYPE, SOCK_CLOEXEC } from "duphandle/posix";
 * import { SOCK_STREAM, socket, SOL_SOCKET } from "duphandle/posix";
 *
 * const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * console.log(getsockopt(fd, SOL_SOCKET, SO_TYPE) === SOCK_STREAM); // true
 * const [isSet, seconds] = new Int32Array(getsockopt(fd, SOL_SOCKET, SO_LINGER, 8).buffer);
 * console.log(isSet, seconds); // 0 0
 * close(fd);
 * ```
 */
export function getsockopt(sockfd: number, level: number, optname: number): number;
/**
 * `getsockopt(sockfd, level, optname, optval, optlen)` — the value of an option that is a structure.
 *
 * @param sockfd a socket
 * @param level `SOL_SOCKET`, `IPPROTO_TCP`, …
 * @param optname `SO_PEERCRED`, `SO_LINGER`, …
 * @param optlen the most bytes that the value may have, up to 64 KiB
 * @returns the bytes of its value
 */
export function getsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optlen: number,
): Uint8Array;
export function getsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optlen?: number,
): number | Uint8Array {
  checkFd(sockfd, "sockfd");
  checkInt(level, "level");
  checkInt(optname, "optname");
  if (optlen !== undefined) checkInteger(optlen, "optlen", 0, SCRATCH_SIZE);
  const calls = socketNameCalls();
  const { errno } = libc();
  const { address, bytes, data } = scratch();
  // Some options write one byte of an int, and some read what is there.
  bytes.fill(0, 0, optlen ?? INT);
  data.setUint32(LENGTH, optlen ?? INT, true);
  if (calls.getsockopt(sockfd, level, optname, address, address + LENGTH) === -1) {
    throw posixError(errno[0]!, "getsockopt", sockfd);
  }
  if (optlen === undefined) return data.getInt32(0, true);
  return new Uint8Array(bytes.slice(0, Math.min(data.getUint32(LENGTH, true), optlen)));
}

/**
 * `setsockopt(sockfd, level, optname, optval, optlen)` — changes an option of a socket.
 *
 * @param sockfd a socket
 * @param level `SOL_SOCKET`, `IPPROTO_TCP`, …
 * @param optname `SO_REUSEADDR`, `TCP_NODELAY`, …
 * @param optval its value: an `int`, or the bytes of a structure, at most 64 KiB
 * @throws {HandleError} `ENOPROTOOPT` when there is no such option, `EINVAL`, `EDOM`, `EPERM`, `ENOTSOCK`
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://man7.org/linux/man-pages/man2/getsockopt.2.html
 *
 * @example
 * ```ts
 * import { AF_INET, close, setsockopt, SO_KEEPALIVE, SOCK_CLOEXEC, SOCK_STREAM } from "duphandle/posix";
 * import { socket, SOL_SOCKET } from "duphandle/posix";
 *
 * const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
 * close(fd);
 * ```
 */
export function setsockopt(
  sockfd: number,
  level: number,
  optname: number,
  optval: number | Uint8Array,
): void {
  checkFd(sockfd, "sockfd");
  checkInt(level, "level");
  checkInt(optname, "optname");
  let length = INT;
  if (typeof optval === "number") checkInt(optval, "optval");
  else checkInteger(length = checkBytes(optval), "the length of optval", 0, SCRATCH_SIZE);
  const calls = socketNameCalls();
  const { errno } = libc();
  const { address, bytes, data } = scratch();
  if (typeof optval === "number") data.setInt32(0, optval, true);
  else copyFrom(optval, length, bytes);
  if (calls.setsockopt(sockfd, level, optname, address, length) === -1) {
    throw posixError(errno[0]!, "setsockopt", sockfd);
  }
}

/**
 * `getsockname(sockfd, addr, addrlen)` — the address that a socket is bound to.
 *
 * @param sockfd a socket
 * @returns the address; port 0, or the path `""`, when it has none
 * @throws {HandleError} `ENOTSOCK`, `EBADF`
 * @throws {TypeError} when `sockfd` is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/getsockname.2.html
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, getsockname, SOCK_CLOEXEC, SOCK_STREAM, socket } from "duphandle/posix";
 *
 * const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * console.log(getsockname(fd)); // { family: "unix", path: "" }
 * close(fd);
 * ```
 */
export function getsockname(sockfd: number): SocketName {
  return nameOf("getsockname", sockfd);
}

/**
 * `getpeername(sockfd, addr, addrlen)` — the address that a socket is connected to.
 *
 * @param sockfd a socket
 * @returns the address; the path `""` for a peer without an address, such as that of a pair
 * @throws {HandleError} `ENOTCONN`, `ENOTSOCK`, `EBADF`
 * @throws {TypeError} when `sockfd` is not an integer from 0 to 2^31 − 1
 * @see https://man7.org/linux/man-pages/man2/getpeername.2.html
 *
 * @example
 * ```ts
 * import { AF_UNIX, close, getpeername, SOCK_CLOEXEC, SOCK_STREAM, socketpair } from "duphandle/posix";
 *
 * const [one, other] = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
 * console.log(getpeername(one)); // { family: "unix", path: "" }
 * close(one);
 * close(other);
 * ```
 */
export function getpeername(sockfd: number): SocketName {
  return nameOf("getpeername", sockfd);
}

function nameOf(name: "getsockname" | "getpeername", sockfd: number): SocketName {
  checkFd(sockfd, "sockfd");
  const call = socketNameCalls()[name];
  const { errno } = libc();
  const found = nameBy(call, sockfd);
  if (found === undefined) throw posixError(errno[0]!, name, sockfd);
  return found;
}
