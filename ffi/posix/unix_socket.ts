/** Unix sockets with a path, and the process at the other end, on Linux: unix(7). */
import type { Calls } from "../backend/types.ts";
import { failure } from "../error.ts";
import { isWindows, osName } from "../host.ts";
import { loadLibrary } from "../backend/mod.ts";
import { scratch } from "../backend/scratch.ts";
import { channelSymbols, libraries } from "./symbols/linux.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/** `struct sockaddr_un`: the family, then the path with its NUL. */
const PATH = 2;
const PATH_SIZE = 108;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_PEERCRED = 17;
const EAGAIN = 11;

let loaded: Calls<typeof channelSymbols> | undefined;

/** The functions for channels. */
export function channelCalls(): Calls<typeof channelSymbols> {
  return loaded ?? (loaded = load());
}

function load(): Calls<typeof channelSymbols> {
  if (isWindows()) libc(); // throws, and says what to use there
  if (osName() !== "linux") {
    throw failure("ENOTSUP", "sendmsg", {
      message:
        "Cannot open a channel: on POSIX systems this library has channels for Linux only; " +
        "spawn() passes handles to a child",
    });
  }
  return loadLibrary(libraries, channelSymbols);
}

/** The maximum length of the path of a socket, in bytes. */
export const MAX_PATH: number = PATH_SIZE - 1;

/**
 * Makes a socket that listens at a path. Only this user may connect. It is non-blocking and not
 * inheritable.
 *
 * @throws {HandleError} `EADDRINUSE` when a file exists at the path
 */
export function listenAt(path: string, backlog: number): number {
  const calls = channelCalls();
  return withSocket((fd, errno) => {
    // bind gives this mode to the file that it makes.
    if (calls.fchmod(fd, 0o600) === -1) throw posixError(errno[0]!, "fchmod", fd);
    const { address, length } = addressOf(path);
    if (calls.bind(fd, address, length) === -1) throw posixError(errno[0]!, "bind", fd, path);
    if (calls.listen(fd, backlog) === -1) throw posixError(errno[0]!, "listen", fd, path);
  });
}

/**
 * Makes a socket that is connected to the one at a path. It is non-blocking and not inheritable.
 *
 * @throws {HandleError} `ENOENT` when the path does not exist, `ECONNREFUSED` when no process listens
 * there, `EAGAIN` when its backlog is full, `EACCES`
 */
export function connectTo(path: string): number {
  const calls = channelCalls();
  return withSocket((fd, errno) => {
    const { address, length } = addressOf(path);
    if (calls.connect(fd, address, length) === -1) throw posixError(errno[0]!, "connect", fd, path);
  });
}

/** Accepts the next connection, without waiting; `undefined` when there is none. */
export function acceptFrom(fd: number): number | undefined {
  const { accept4 } = channelCalls();
  const { errno } = libc();
  const accepted = accept4(fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted !== -1) return accepted;
  const error = errno[0]!;
  if (error === EAGAIN) return undefined;
  throw posixError(error, "accept4", fd);
}

/** The process that connected or listened at the other end, from the kernel (SO_PEERCRED). */
export function peerOf(fd: number): { readonly pid: number; readonly uid: number } {
  const [pid, uid] = option(fd, SO_PEERCRED, 3); // struct ucred
  return { pid: pid!, uid: uid! >>> 0 };
}

/** Whether a socket is a stream (SOCK_STREAM). */
export function isStream(fd: number): boolean {
  return option(fd, SO_TYPE, 1)[0] === SOCK_STREAM;
}

/** Reads an option of a socket whose value is `count` values of type `int`. */
function option(fd: number, name: number, count: number): Int32Array {
  const { address, int32 } = scratch();
  int32[0] = count * 4;
  const { getsockopt } = channelCalls();
  const { errno } = libc();
  if (getsockopt(fd, SOL_SOCKET, name, address + 4, address) === -1) {
    throw posixError(errno[0]!, "getsockopt", fd);
  }
  return int32.slice(1, 1 + count);
}

/** The effective user of this process. */
export function effectiveUser(): number {
  return channelCalls().geteuid() >>> 0;
}

function withSocket(use: (fd: number, errno: Int32Array) => void): number {
  const calls = channelCalls();
  const { errno } = libc();
  const fd = calls.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd === -1) throw posixError(errno[0]!, "socket", undefined);
  try {
    use(fd, errno);
  } catch (error) {
    libc().close(fd); // the first error says more
    throw error;
  }
  return fd;
}

/**
 * Writes a `struct sockaddr_un` to the scratch memory. The caller has checked the length of the path.
 */
function addressOf(path: string): { address: number; length: number } {
  const { address, bytes, data } = scratch();
  data.setUint16(0, AF_UNIX, true);
  const { written } = new TextEncoder().encodeInto(path, bytes.subarray(PATH, PATH + MAX_PATH));
  bytes[PATH + written] = 0;
  return { address, length: PATH + written + 1 };
}
