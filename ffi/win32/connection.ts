/** Connecting sockets, sending and receiving: winsock2.h. */
import { checkBuffer, checkInt, copyFrom, copyTo } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { checkHandle } from "./check.ts";
import { win32Error } from "./errors.ts";
import { type SocketAddress, socketAddress, writeAddress } from "./socket_address.ts";
import { winsock } from "./winsock.ts";

/**
 * `bind(s, name, namelen)` — gives a socket an address of this machine.
 *
 * @param s an open socket
 * @param name the address, of IPv4 or IPv6; port 0 for any free port
 * @throws {HandleError} `WSAEADDRINUSE`, `WSAEADDRNOTAVAIL`, `WSAEACCES`, `WSAENOTSOCK`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock/nf-winsock-bind
 *
 * @example
 * ```ts
 * import { AF_INET, bind, closesocket, IPPROTO_TCP, SOCK_STREAM } from "duphandle/win32";
 * import { WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * bind(socket, { address: "127.0.0.1", port: 0 });
 * closesocket(socket);
 * ```
 */
export function bind(s: number, name: SocketAddress): void {
  checkHandle(s, "s");
  const sockaddr = socketAddress(name);
  const calls = winsock();
  const address = writeAddress(sockaddr);
  if (calls.bind(s, address, sockaddr.length) !== 0) {
    throw win32Error(calls.WSAGetLastError(), "bind", s);
  }
}

/**
 * `listen(s, backlog)` — puts a socket into the listening state.
 *
 * @param s a bound socket
 * @param backlog how many connections may wait to be accepted
 * @throws {HandleError} `WSAEINVAL` when it is not bound, `WSAENOTSOCK`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-listen
 *
 * @example
 * ```ts
 * import { AF_INET, bind, closesocket, IPPROTO_TCP, listen, SOCK_STREAM } from "duphandle/win32";
 * import { WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * bind(socket, { address: "127.0.0.1", port: 0 });
 * listen(socket, 1);
 * closesocket(socket);
 * ```
 */
export function listen(s: number, backlog: number): void {
  checkHandle(s, "s");
  checkInt(backlog, "backlog");
  const calls = winsock();
  if (calls.listen(s, backlog) !== 0) {
    throw win32Error(calls.WSAGetLastError(), "listen", s);
  }
}

/**
 * `connect(s, name, namelen)` — connects a socket. It blocks the thread, and with it the event
 * loop, until it is connected or has failed.
 *
 * @param s an open socket
 * @param name the address to connect to, of IPv4 or IPv6
 * @throws {HandleError} `WSAECONNREFUSED` when no process listens there, `WSAETIMEDOUT`,
 * `WSAENOTSOCK`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-connect
 *
 * @example
 * ```ts
 * import { accept, AF_INET, bind, closesocket, connect, getsockname } from "duphandle/win32";
 * import { IPPROTO_TCP, listen, SOCK_STREAM, WSA_FLAG_OVERLAPPED } from "duphandle/win32";
 * import { WSASocketW } from "duphandle/win32";
 *
 * const [family, type, flags] = [AF_INET, SOCK_STREAM, WSA_FLAG_OVERLAPPED];
 * const listener = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * bind(listener, { address: "127.0.0.1", port: 0 });
 * listen(listener, 1);
 * const client = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * connect(client, getsockname(listener));
 * const server = accept(listener);
 * for (const socket of [listener, client, server]) closesocket(socket);
 * ```
 */
export function connect(s: number, name: SocketAddress): void {
  checkHandle(s, "s");
  const sockaddr = socketAddress(name);
  const calls = winsock();
  const address = writeAddress(sockaddr);
  if (calls.connect(s, address, sockaddr.length) !== 0) {
    throw win32Error(calls.WSAGetLastError(), "connect", s);
  }
}

/**
 * `accept(s, addr, addrlen)` — accepts the next connection. It blocks the thread, and with it the
 * event loop, until there is one.
 *
 * @param s a listening socket
 * @returns a new socket; close it with {@linkcode closesocket}
 * @throws {HandleError} `WSAEINVAL` when it does not listen, `WSAENOTSOCK`, …
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-accept
 *
 * @example
 * ```ts
 * import { accept, AF_INET, bind, closesocket, connect, getsockname } from "duphandle/win32";
 * import { IPPROTO_TCP, listen, SOCK_STREAM, WSA_FLAG_OVERLAPPED } from "duphandle/win32";
 * import { WSASocketW } from "duphandle/win32";
 *
 * const [family, type, flags] = [AF_INET, SOCK_STREAM, WSA_FLAG_OVERLAPPED];
 * const listener = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * bind(listener, { address: "127.0.0.1", port: 0 });
 * listen(listener, 1);
 * const client = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * connect(client, getsockname(listener));
 * const server = accept(listener);
 * for (const socket of [listener, client, server]) closesocket(socket);
 * ```
 */
export function accept(s: number): number {
  checkHandle(s, "s");
  const calls = winsock();
  const socket = calls.accept(s, 0, 0);
  if (socket === -1) throw win32Error(calls.WSAGetLastError(), "accept", s);
  return socket;
}

/**
 * `send(s, buf, len, flags)` — sends bytes. One call sends at most 64 KiB.
 *
 * @param s a connected socket
 * @param buf the bytes
 * @param flags 0, or `MSG_OOB`
 * @returns how many bytes were sent
 * @throws {HandleError} `WSAECONNRESET`, `WSAESHUTDOWN`, `WSAENOTCONN`, `WSAENOTSOCK`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-send
 *
 * @example
 * ```ts
 * import { accept, AF_INET, bind, closesocket, connect, getsockname } from "duphandle/win32";
 * import { IPPROTO_TCP, listen, send, SOCK_STREAM, WSA_FLAG_OVERLAPPED } from "duphandle/win32";
 * import { WSASocketW } from "duphandle/win32";
 *
 * const [family, type, flags] = [AF_INET, SOCK_STREAM, WSA_FLAG_OVERLAPPED];
 * const listener = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * bind(listener, { address: "127.0.0.1", port: 0 });
 * listen(listener, 1);
 * const client = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * connect(client, getsockname(listener));
 * const server = accept(listener);
 * send(client, new TextEncoder().encode("hello"), 0);
 * for (const socket of [listener, client, server]) closesocket(socket);
 * ```
 */
export function send(s: number, buf: Uint8Array, flags: number): number {
  checkHandle(s, "s");
  const length = Math.min(checkBuffer(buf), SCRATCH_SIZE);
  checkInt(flags, "flags");
  const calls = winsock();
  const { address, bytes } = scratch();
  copyFrom(buf, length, bytes);
  const count = calls.send(s, address, length, flags);
  if (count === -1) throw win32Error(calls.WSAGetLastError(), "send", s);
  return count;
}

/**
 * `recv(s, buf, len, flags)` — receives bytes. One call receives at most 64 KiB. It blocks the
 * thread, and with it the event loop, until some arrive.
 *
 * @param s a connected socket
 * @param buf receives the bytes
 * @param flags 0, `MSG_PEEK`, …
 * @returns how many bytes were received; 0 when the other side has closed the connection
 * @throws {HandleError} `WSAECONNRESET`, `WSAENOTCONN`, `WSAENOTSOCK`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-recv
 *
 * @example
 * ```ts
 * import { accept, AF_INET, bind, closesocket, connect, getsockname } from "duphandle/win32";
 * import { IPPROTO_TCP, listen, recv, send, SOCK_STREAM } from "duphandle/win32";
 * import { WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const [family, type, flags] = [AF_INET, SOCK_STREAM, WSA_FLAG_OVERLAPPED];
 * const listener = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * bind(listener, { address: "127.0.0.1", port: 0 });
 * listen(listener, 1);
 * const client = WSASocketW(family, type, IPPROTO_TCP, null, 0, flags);
 * connect(client, getsockname(listener));
 * const server = accept(listener);
 * send(client, new TextEncoder().encode("hello"), 0);
 * console.log(recv(server, new Uint8Array(16), 0)); // 5
 * for (const socket of [listener, client, server]) closesocket(socket);
 * ```
 */
export function recv(s: number, buf: Uint8Array, flags: number): number {
  checkHandle(s, "s");
  const length = Math.min(checkBuffer(buf), SCRATCH_SIZE);
  checkInt(flags, "flags");
  const calls = winsock();
  const { address, bytes } = scratch();
  const count = calls.recv(s, address, length, flags);
  if (count === -1) throw win32Error(calls.WSAGetLastError(), "recv", s);
  copyTo(buf, bytes.subarray(0, count));
  return count;
}
