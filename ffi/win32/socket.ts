/**
 * Making sockets and duplicating them for other processes: winsock2.h. Winsock is started at the
 * first call.
 */
import { checkBuffer, checkInt, copyFrom } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";
import { checkDword, checkHandle } from "./check.ts";
import { closeError, win32Error } from "./errors.ts";
import { readAddress, type SocketAddress } from "./socket_address.ts";
import { winsock } from "./winsock.ts";

/** The size of `WSAPROTOCOL_INFOW`. */
const PROTOCOL_INFO_SIZE = 628;
/** The offset of the size of a result, which lies before it. */
const SIZE = SCRATCH_SIZE;

/**
 * `WSASocketW(af, type, protocol, lpProtocolInfo, g, dwFlags)` — makes a new socket, or a socket
 * from the information that another process made with {@linkcode WSADuplicateSocketW}.
 *
 * Child processes inherit it, unless `WSA_FLAG_NO_HANDLE_INHERIT` is set.
 *
 * @param af `AF_INET`, …, or `FROM_PROTOCOL_INFO`
 * @param type `SOCK_STREAM`, …, or `FROM_PROTOCOL_INFO`
 * @param protocol `IPPROTO_TCP`, …, or `FROM_PROTOCOL_INFO`
 * @param lpProtocolInfo the 628 bytes from {@linkcode WSADuplicateSocketW}, or `null`
 * @param g 0
 * @param dwFlags `WSA_FLAG_OVERLAPPED`, `WSA_FLAG_NO_HANDLE_INHERIT`, both, …
 * @returns the new socket; close it with {@linkcode closesocket}
 * @throws {HandleError} `WSAEMFILE`, `WSAEAFNOSUPPORT`, `WSAEINVAL` when the bytes were used
 * before, and others
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsasocketw
 *
 * @example
 * ```ts
 * import { AF_INET, closesocket, IPPROTO_TCP, SOCK_STREAM } from "duphandle/win32";
 * import { WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * closesocket(socket);
 * ```
 */
export function WSASocketW(
  af: number,
  type: number,
  protocol: number,
  lpProtocolInfo: Uint8Array | null,
  g: number,
  dwFlags: number,
): number {
  checkInt(af, "af");
  checkInt(type, "type");
  checkInt(protocol, "protocol");
  if (lpProtocolInfo !== null) checkProtocolInfo(lpProtocolInfo);
  checkDword(g, "g");
  checkDword(dwFlags, "dwFlags");
  const calls = winsock();
  const { address, bytes } = scratch();
  if (lpProtocolInfo !== null) copyFrom(lpProtocolInfo, PROTOCOL_INFO_SIZE, bytes);
  const info = lpProtocolInfo === null ? 0 : address;
  const socket = calls.WSASocketW(af, type, protocol, info, g, dwFlags);
  if (socket === -1) throw win32Error(calls.WSAGetLastError(), "WSASocketW", undefined);
  return socket;
}

/** Throws a `TypeError` unless the value has the size of a `WSAPROTOCOL_INFOW`. */
function checkProtocolInfo(value: Uint8Array): void {
  const length = checkBuffer(value);
  if (length === PROTOCOL_INFO_SIZE) return;
  throw new TypeError(
    `Cannot use ${length} bytes as lpProtocolInfo: it has ${PROTOCOL_INFO_SIZE}`,
  );
}

/**
 * `WSADuplicateSocketW(s, dwProcessId, lpProtocolInfo)` — prepares a duplicate of a socket for
 * another process. That process makes its socket from the result with {@linkcode WSASocketW}. The
 * result can be used once.
 *
 * Both sockets share the connection. It ends when both are closed.
 *
 * @param s an open socket
 * @param dwProcessId the identifier of the other process
 * @returns the 628 bytes of a `WSAPROTOCOL_INFOW`, which are valid only in that process
 * @throws {HandleError} `WSAENOTSOCK`, `WSAEINVAL` when there is no such process, `WSAEACCES`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaduplicatesocketw
 *
 * @example
 * ```ts
 * import { AF_INET, closesocket, FROM_PROTOCOL_INFO, GetCurrentProcessId } from "duphandle/win32";
 * import { IPPROTO_TCP, SOCK_STREAM, WSA_FLAG_OVERLAPPED } from "duphandle/win32";
 * import { WSADuplicateSocketW, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * const info = WSADuplicateSocketW(socket, GetCurrentProcessId());
 * const anything = FROM_PROTOCOL_INFO;
 * closesocket(WSASocketW(anything, anything, anything, info, 0, WSA_FLAG_OVERLAPPED));
 * closesocket(socket);
 * ```
 */
export function WSADuplicateSocketW(s: number, dwProcessId: number): Uint8Array {
  checkHandle(s, "s");
  checkDword(dwProcessId, "dwProcessId");
  const calls = winsock();
  const { address, bytes } = scratch();
  if (calls.WSADuplicateSocketW(s, dwProcessId, address) !== 0) {
    throw win32Error(calls.WSAGetLastError(), "WSADuplicateSocketW", s);
  }
  return bytes.slice(0, PROTOCOL_INFO_SIZE);
}

/**
 * `closesocket(s)` — closes a socket.
 *
 * @param s the socket to close
 * @throws {HandleError} `WSAENOTSOCK` when it is not open or not a socket; `EPERM` when it is protected
 * from closing, as by `CloseHandle`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winsock/nf-winsock-closesocket
 *
 * @example
 * ```ts
 * import { AF_INET, closesocket, IPPROTO_TCP, SOCK_STREAM } from "duphandle/win32";
 * import { WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * closesocket(socket);
 * ```
 */
export function closesocket(s: number): void {
  checkHandle(s, "s");
  const calls = winsock();
  if (calls.closesocket(s) !== 0) {
    throw closeError(calls.WSAGetLastError(), "closesocket", s);
  }
}

/**
 * `getsockname(s, name, namelen)` — the local address of a socket.
 *
 * @param s a bound or connected socket
 * @returns the address
 * @throws {HandleError} `WSAEINVAL` when it has no address, `WSAENOTSOCK`; `EAFNOSUPPORT` for a
 * family other than `AF_INET`
 * @throws {TypeError} when it is not a handle
 * @see https://learn.microsoft.com/windows/win32/api/winsock/nf-winsock-getsockname
 *
 * @example
 * ```ts
 * import { AF_INET, bind, closesocket, getsockname, IPPROTO_TCP } from "duphandle/win32";
 * import { SOCK_STREAM, WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * bind(socket, { address: "127.0.0.1", port: 0 });
 * console.log(getsockname(socket).port);
 * closesocket(socket);
 * ```
 */
export function getsockname(s: number): SocketAddress {
  checkHandle(s, "s");
  const calls = winsock();
  const { address, data } = scratch();
  data.setInt32(SIZE, SIZE, true);
  if (calls.getsockname(s, address, address + SIZE) !== 0) {
    throw win32Error(calls.WSAGetLastError(), "getsockname", s);
  }
  return readAddress();
}

/**
 * `getsockopt(s, level, optname, optval, optlen)` — the value of an option of a socket.
 *
 * @param s an open socket
 * @param level `SOL_SOCKET`, …
 * @param optname `SO_TYPE`, …
 * @returns its value, as an `int`
 * @throws {HandleError} `WSAENOTSOCK`, `WSAENOPROTOOPT`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock/nf-winsock-getsockopt
 *
 * @example
 * ```ts
 * import { AF_INET, closesocket, getsockopt, IPPROTO_TCP, SO_TYPE } from "duphandle/win32";
 * import { SOCK_STREAM, SOL_SOCKET, WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * console.log(getsockopt(socket, SOL_SOCKET, SO_TYPE) === SOCK_STREAM); // true
 * closesocket(socket);
 * ```
 */
export function getsockopt(s: number, level: number, optname: number): number {
  checkHandle(s, "s");
  checkInt(level, "level");
  checkInt(optname, "optname");
  const calls = winsock();
  const { address, data } = scratch();
  data.setInt32(0, 0, true);
  data.setInt32(SIZE, 4, true);
  if (calls.getsockopt(s, level, optname, address, address + SIZE) !== 0) {
    throw win32Error(calls.WSAGetLastError(), "getsockopt", s);
  }
  return data.getInt32(0, true);
}

/**
 * `setsockopt(s, level, optname, optval, optlen)` — changes an option of a socket.
 *
 * @param s an open socket
 * @param level `SOL_SOCKET`, …
 * @param optname `SO_RCVTIMEO`, …
 * @param optval its value, as an `int`
 * @throws {HandleError} `WSAENOTSOCK`, `WSAENOPROTOOPT`, …
 * @throws {TypeError} when an argument has the wrong type or is out of range
 * @see https://learn.microsoft.com/windows/win32/api/winsock/nf-winsock-setsockopt
 *
 * @example
 * ```ts
 * import { AF_INET, closesocket, IPPROTO_TCP, setsockopt, SO_RCVTIMEO } from "duphandle/win32";
 * import { SOCK_STREAM, SOL_SOCKET, WSA_FLAG_OVERLAPPED, WSASocketW } from "duphandle/win32";
 *
 * const socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, WSA_FLAG_OVERLAPPED);
 * setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, 1000);
 * closesocket(socket);
 * ```
 */
export function setsockopt(s: number, level: number, optname: number, optval: number): void {
  checkHandle(s, "s");
  checkInt(level, "level");
  checkInt(optname, "optname");
  checkInt(optval, "optval");
  const calls = winsock();
  const { address, data } = scratch();
  data.setInt32(0, optval, true);
  if (calls.setsockopt(s, level, optname, address, 4) !== 0) {
    throw win32Error(calls.WSAGetLastError(), "setsockopt", s);
  }
}
