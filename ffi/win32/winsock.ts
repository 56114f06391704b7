/** Winsock, which is started before its first call. */
import type { Calls } from "../backend/types.ts";
import { ntdllFiles, ws2_32 } from "./symbols/base.ts";
import { win32Error } from "./errors.ts";
import { lazy, type Library } from "./libraries.ts";
import { scratch } from "../backend/scratch.ts";

const VERSION_2_2 = 0x0202;

const library: Library<typeof ws2_32> = /* @__PURE__ */ lazy("ws2_32.dll", ws2_32);
let started = false;

/**
 * The functions of Winsock. The first call starts it; the end of the process ends it.
 *
 * Starting it overwrites the scratch memory, so call this before filling that.
 */
export function winsock(): Calls<typeof ws2_32> {
  const calls = library();
  if (started) return calls;
  const error = calls.WSAStartup(VERSION_2_2, scratch().address);
  if (error !== 0) throw win32Error(error, "WSAStartup", undefined);
  started = true;
  return calls;
}

const { NtQueryInformationFile } = ntdllFiles;
const files: Library<{ NtQueryInformationFile: typeof NtQueryInformationFile }> = //
  /* @__PURE__ */ lazy("ntdll.dll", { NtQueryInformationFile });

/** ntifs.h: the information class, and its bits of a file on which each operation waits. */
const FileModeInformation = 16;
const FILE_SYNCHRONOUS_IO = 0x30;

/** winsock2.h: the level of the options of every socket. */
const SOL_SOCKET = 0xffff;
/** Whether a socket listens, its type, and its `WSAPROTOCOL_INFOW`. */
const SO_ACCEPTCONN = 2;
const SO_TYPE = 0x1008;
const SO_PROTOCOL_INFOW = 0x2005;
/** The error for handles that are no socket. */
const WSAENOTSOCK = 10038;

/** The size of a `WSAPROTOCOL_INFOW`, and where it has the family and the type of the socket. */
const PROTOCOL_INFO_SIZE = 628;
const FAMILY = 76;
const TYPE = 88;
/** The size of a `struct sockaddr_storage`. */
const ADDRESS_SIZE = 128;
/** Where the size of a result lies in the scratch memory, after the result. */
const SIZE = 1024;

/** The family and the type of a socket, and whether it listens. */
export interface SocketType {
  /** `AF_INET`, `AF_INET6`, … */
  readonly family: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM`, … */
  readonly type: number;
  readonly isListening: boolean;
}

/** What a socket is. */
export interface SocketKind extends SocketType {
  readonly isConnected: boolean;
  /** Whether it was made without `WSA_FLAG_OVERLAPPED`: each operation waits, also one of a runtime. */
  readonly isSynchronous: boolean;
}

/**
 * Whether the handle is a socket of Winsock. An error other than WSAENOTSOCK is one that only a
 * socket has.
 */
export function isSocketOfWinsock(raw: number): boolean {
  return option(raw, SO_TYPE, 4) || winsock().WSAGetLastError() !== WSAENOTSOCK;
}

/** The family and the type of a socket; `undefined` when Winsock in this process does not know it. */
export function socketType(raw: number): SocketType | undefined {
  if (!option(raw, SO_PROTOCOL_INFOW, PROTOCOL_INFO_SIZE)) return undefined;
  const { data } = scratch();
  const family = data.getInt32(FAMILY, true);
  const type = data.getInt32(TYPE, true);
  // A datagram socket does not know the option.
  const isListening = option(raw, SO_ACCEPTCONN, 4) && data.getInt32(0, true) !== 0;
  return { family, type, isListening };
}

/**
 * What a socket is.
 *
 * @throws {HandleError} `WSAENOTSOCK` when the handle is not open, or no socket
 */
export function socketKind(raw: number): SocketKind {
  const calls = winsock();
  const { address, data } = scratch();
  const found = socketType(raw);
  if (found === undefined) throw win32Error(calls.WSAGetLastError(), "getsockopt", raw);
  data.setInt32(SIZE, ADDRESS_SIZE, true);
  const isConnected = calls.getpeername(raw, address, address + SIZE) === 0;
  return { ...found, isConnected, isSynchronous: isSynchronous(raw) };
}

/** Whether a file or a socket was opened without `FILE_FLAG_OVERLAPPED`: each operation waits for its end. */
export function isSynchronous(raw: number): boolean {
  const { address, data } = scratch();
  data.setUint32(0, 0, true);
  files().NtQueryInformationFile(raw, address + SIZE, address, 4, FileModeInformation);
  return (data.getUint32(0, true) & FILE_SYNCHRONOUS_IO) !== 0;
}

/** Reads an option of a socket into the scratch memory; `false` when that fails. */
function option(raw: number, name: number, size: number): boolean {
  const { getsockopt } = winsock();
  const { address, data } = scratch();
  data.setInt32(0, 0, true);
  data.setInt32(SIZE, size, true);
  return getsockopt(raw, SOL_SOCKET, name, address, address + SIZE) === 0;
}
