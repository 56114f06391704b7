/** Sockets of Windows for other processes: what duplicate() cannot do there. */
import type { FileHandle } from "node:fs/promises";
import { checkInteger, show } from "../../ffi/check.ts";
import { failure } from "../../ffi/error.ts";
import { isWindows } from "../../ffi/host.ts";
import { HANDLE_FLAG_INHERIT } from "../../ffi/win32/constants.ts";
import { checkHandle } from "../../ffi/win32/check.ts";
import { SetHandleInformation } from "../../ffi/win32/handle.ts";
import { closesocket, WSADuplicateSocketW, WSASocketW } from "../../ffi/win32/socket.ts";
import {
  FROM_PROTOCOL_INFO,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED,
} from "../../ffi/win32/socket_constants.ts";
import { type Handle, isHandle, OwnedHandle } from "../handle/handle.ts";
import type { RawHandle } from "../util/raw_handle.ts";

/** The size of a `WSAPROTOCOL_INFOW`. */
const INFO_SIZE = 628;

/**
 * Prepares a socket for another process, on Windows: the result goes there by any way, and
 * {@linkcode socketFromInfo} makes a socket of that process from it. This process keeps its own;
 * the connection lasts until both are closed.
 *
 * It is of use once, and in that process only. This process must not close its socket before the
 * other has made one. On POSIX a socket is a descriptor like any other: {@linkcode duplicate} and
 * everything else takes it.
 *
 * @param socket a `SOCKET`
 * @param pid the number of the other process, which may be this one
 * @returns the 628 bytes of a `WSAPROTOCOL_INFOW`
 * @throws {HandleError} `ENOTSUP` on POSIX; `ENOTSOCK` when it is no socket; `EINVAL`, `EACCES` when
 * there is no such process or it may not be opened; `EBADF` when the handle is closed
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
  const raw = isHandle(socket) ? socket.raw : socket;
  checkInteger(pid, "pid", 1, 0xffff_ffff);
  if (!isWindows()) {
    if (typeof raw !== "number") throw new TypeError(`Cannot use ${show(raw)} as a socket`);
    throw onPosix("WSADuplicateSocketW", raw);
  }
  checkHandle(raw, "a socket");
  return WSADuplicateSocketW(raw, pid);
}

/**
 * Makes a socket from what {@linkcode duplicateSocket} gave another process for this one.
 *
 * @param info the 628 bytes; they can be used once
 * @returns the socket: its {@linkcode Handle.raw} is a `SOCKET`, which closes as one. Child
 * processes do not inherit it
 * @throws {HandleError} `ENOTSUP` on POSIX; `EINVAL`, `ENOTSOCK` when the bytes are for another
 * process or were used before
 * @throws {TypeError} when it is not a `Uint8Array` of that size
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
  if (!(info instanceof Uint8Array) || info.length !== INFO_SIZE) {
    throw new TypeError(
      `Cannot make a socket from ${show(info)}: it must be a Uint8Array of ${INFO_SIZE} bytes`,
    );
  }
  if (!isWindows()) throw onPosix("WSASocketW", undefined);
  const any = FROM_PROTOCOL_INFO;
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
  const raw = WSASocketW(any, any, any, info, 0, flags);
  try {
    // The flag is for new sockets; what comes from another process need not follow it.
    SetHandleInformation(raw, HANDLE_FLAG_INHERIT, 0);
    return OwnedSocket.fromSocket(raw);
  } catch (error) {
    closesocket(raw);
    throw error;
  }
}

/** A `SOCKET` is closed by Winsock, which knows more of it than its handle. */
export class OwnedSocket extends OwnedHandle {
  /** Takes over the duty to close a `SOCKET`. */
  static fromSocket(raw: RawHandle): OwnedHandle {
    return new OwnedSocket(raw);
  }

  /** The C runtime would close it as a file: `ENOTSUP`, with the socket left open. */
  override toFd(): number {
    throw notAFile(this.raw);
  }

  /** The C runtime would close it as a file: `ENOTSUP`, with the socket left open. */
  override toFileHandle(): Promise<FileHandle> {
    return new Promise((_, reject) => reject(notAFile(this.raw)));
  }

  protected override closeRaw(raw: RawHandle): void {
    closesocket(raw);
  }
}

function notAFile(handle: RawHandle): Error {
  return failure("ENOTSUP", "uv_open_osfhandle", {
    message:
      "Cannot make a socket a descriptor of the runtime, which would close it as a file; use " +
      "send() and recv() of duphandle/win32",
    handle,
  });
}

function onPosix(syscall: string, handle: RawHandle | undefined): Error {
  return failure("ENOTSUP", syscall, {
    message: "Cannot prepare a socket for another process: only Windows needs that; here it is a " +
      "descriptor, which duplicate(), HandleChannel and ProcessHandle.take() handle as any other",
    handle,
  });
}
