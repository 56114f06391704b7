/** Duplicating sockets on Windows, for this or another process: Winsock does it. */
import type { FileHandle } from "node:fs/promises";
import { checkBytes, checkInteger, isBytes, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { HANDLE_FLAG_INHERIT } from "../../ffi/win32/constants.ts";
import { checkHandle } from "../../ffi/win32/check.ts";
import { closeRefused, isProtected } from "../../ffi/win32/errors.ts";
import { SetHandleInformation } from "../../ffi/win32/handle.ts";
import { closesocket, WSADuplicateSocketW, WSASocketW } from "../../ffi/win32/socket.ts";
import {
  FROM_PROTOCOL_INFO,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED,
} from "../../ffi/win32/socket_constants.ts";
import { closeQuietly } from "../util/late_close.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { type Handle, isHandle, OwnedHandle, rawOfHandle } from "../handle/handle.ts";

/** The size of a `WSAPROTOCOL_INFOW`. */
const INFO_SIZE = 628;

/**
 * Duplicates a socket for another process, on Windows. Send the result to that process, where
 * {@linkcode socketFromInfo} makes a socket from it. This process keeps its own socket; the
 * connection lasts until both are closed.
 *
 * The result can be used once, and in that process only. This process must keep its socket open
 * until the other process has made one. On POSIX a socket is a descriptor like any other, so
 * {@linkcode duplicate} and all other functions accept it.
 *
 * @param socket a `SOCKET`; a number is a raw handle, and not an fd of the runtime
 * @param pid the pid of the process that is to have the duplicate, which may be this one
 * @returns the 628 bytes of a `WSAPROTOCOL_INFOW`
 * @throws {HandleError} `ENOTSUP` on POSIX; `ENOTSOCK` when the handle is not a socket; `EINVAL` or
 * `EACCES` when there is no such process or it may not be opened; `EBADF` when the handle is closed
 * @throws {TypeError} when an argument is not of its kind
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaduplicatesocketw
 *
 * @example
 * ```ts
 * import { duplicateSocket, type RawHandle } from "duphandle";
 * import type { ChildProcess } from "node:child_process";
 *
 * function handOver(socket: RawHandle, child: ChildProcess) {
 *   child.stdin!.write(duplicateSocket(socket, child.pid!));
 * }
 * ```
 */
export function duplicateSocket(socket: Handle | RawHandle, pid: number): Uint8Array {
  const raw = isHandle(socket) ? rawOfHandle(socket) : socket;
  checkInteger(pid, "pid", 1, 0xffff_ffff);
  if (!isWindows()) {
    if (typeof raw !== "number") throw new TypeError(`Cannot use ${show(raw)} as a socket`);
    throw onPosix("WSADuplicateSocketW", raw);
  }
  checkHandle(raw, "a socket");
  return WSADuplicateSocketW(raw, pid);
}

/**
 * Makes a socket from the result of {@linkcode duplicateSocket}, in the process that it was made
 * for.
 *
 * @param info the 628 bytes, which can be used once
 * @returns the socket, which the caller closes. Its {@linkcode Handle.raw} is a `SOCKET`; child
 * processes do not inherit it
 * @throws {HandleError} `ENOTSUP` on POSIX; `EINVAL` or `ENOTSOCK` when the bytes are for another
 * process or were used before
 * @throws {TypeError} when `info` is not a `Uint8Array` of 628 bytes
 * @see https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsasocketw
 *
 * @example
 * ```ts
 * import { socketFromInfo } from "duphandle";
 * import { send } from "duphandle/win32";
 *
 * function greet(info: Uint8Array) {
 *   using socket = socketFromInfo(info);
 *   send(socket.raw, new TextEncoder().encode("hello"), 0);
 * }
 * ```
 */
export function socketFromInfo(info: Uint8Array): OwnedHandle {
  if (!isBytes(info) || checkBytes(info) !== INFO_SIZE) {
    throw new TypeError(
      `Cannot make a socket from ${show(info)}: it must be a Uint8Array of ${INFO_SIZE} bytes`,
    );
  }
  if (!isWindows()) throw onPosix("WSASocketW", undefined);
  const any = FROM_PROTOCOL_INFO;
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
  const raw = WSASocketW(any, any, any, info, 0, flags);
  try {
    // WSA_FLAG_NO_HANDLE_INHERIT may be ignored for a socket of another process.
    SetHandleInformation(raw, HANDLE_FLAG_INHERIT, 0);
    return OwnedSocket.fromSocket(raw);
  } catch (error) {
    closeQuietly(() => closesocket(raw));
    throw error;
  }
}

/** The owner of a `SOCKET`, which must be closed by Winsock: it has state beside the handle. */
export class OwnedSocket extends OwnedHandle {
  /** Takes ownership of a `SOCKET`. */
  static fromSocket(raw: RawHandle): OwnedHandle {
    return new OwnedSocket(raw);
  }

  /** Throws `ENOTSUP` and leaves the socket open: the C runtime would close it as a file. */
  override toFd(): number {
    throw notAFile(this.raw);
  }

  /** Throws `ENOTSUP` and leaves the socket open: the C runtime would close it as a file. */
  override toFileHandle(): Promise<FileHandle> {
    return new Promise((_, reject) => reject(notAFile(this.raw)));
  }

  protected override closeRaw(raw: RawHandle): void {
    // Before the call: Winsock would forget a socket that the system then refuses to close.
    if (isProtected(raw)) throw closeRefused(raw, "closesocket");
    closesocket(raw);
  }
}

function notAFile(handle: RawHandle): Error {
  return failure("ENOTSUP", "uv_open_osfhandle", {
    message:
      "Cannot make a socket a descriptor of the runtime: it would be closed as a file; use " +
      "toSocket(), toServer() or toDatagram()",
    handle,
  });
}

function onPosix(syscall: string, handle: RawHandle | undefined): Error {
  return failure("ENOTSUP", syscall, {
    message: "Cannot duplicate a socket by Winsock on this system: only Windows has it; use " +
      "duplicate(), HandleChannel or ProcessHandle.take(), which take a socket as any descriptor",
    handle,
  });
}
