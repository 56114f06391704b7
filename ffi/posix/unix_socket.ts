/** Unix sockets with a path, and the process at the other end, on Linux: unix(7). */
import type { Calls } from "../backend/types.ts";
import { failure } from "../error.ts";
import { arch, isWindows, osName } from "../host.ts";
import { loadLibrary } from "../backend/mod.ts";
import { cString, scratch } from "../backend/scratch.ts";
import { channelSymbols, libraries, noFollowFlags } from "./symbols/linux.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./constants.ts";
import { posixError } from "./errors.ts";
import { libc } from "./libc.ts";

/** `struct sockaddr_un`: the family, then the path with its NUL. */
const PATH = 2;
const PATH_SIZE = 108;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const ENOENT = 2;
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
    if (calls.listen(fd, backlog) !== -1) return;
    const error = posixError(errno[0]!, "listen", fd, path);
    calls.unlink(cString(path, "path"));
    throw error;
  });
}

/** Removes a name; does nothing when there is none. */
export function unlink(path: string): void {
  const calls = channelCalls();
  const { errno } = libc();
  if (calls.unlink(cString(path, "path")) !== -1) return;
  const error = errno[0]!;
  if (error !== ENOENT) throw posixError(error, "unlink", undefined, path);
}

/** The flag O_NOFOLLOW of open(2): it fails when the path is a symbolic link. */
export function noFollow(): number {
  return arch() === "arm64" ? noFollowFlags.arm64 : noFollowFlags.others;
}

/** Gives a file a second name, or with `isMove` another one in place of its own; both in the same folder. */
export function nameAnew(path: string, other: string, isMove: boolean): boolean {
  const calls = channelCalls();
  const { address, bytes } = scratch();
  const old = new TextEncoder().encode(`${path}\0`);
  bytes.set(old);
  bytes.set(new TextEncoder().encode(`${other}\0`), old.length);
  const call = isMove ? calls.rename : calls.link;
  return call(address, address + old.length) !== -1;
}

/** Changes the permissions of the file at a path. */
export function chmod(path: string, mode: number): void {
  const calls = channelCalls();
  const { errno } = libc();
  if (calls.chmod(cString(path, "path"), mode) !== -1) return;
  throw posixError(errno[0]!, "chmod", undefined, path);
}

/**
 * Makes a socket that is connected to the one at a path. It is non-blocking and not inheritable.
 *
 * @throws {HandleError} `ENOENT` when the path does not exist, `ECONNREFUSED` when no process listens
 * there, `EAGAIN` when its backlog is full, `EACCES`
 */
export function connectTo(path: string): number {
  const fd = connectIfNotFull(path);
  if (fd === undefined) throw posixError(EAGAIN, "connect", undefined, path);
  return fd;
}

/** The same; `undefined` when the backlog of the listener is full. */
export function connectIfNotFull(path: string): number | undefined {
  const calls = channelCalls();
  let isFull = false;
  const socket = withSocket((fd, errno) => {
    const { address, length } = addressOf(path);
    if (calls.connect(fd, address, length) !== -1) return;
    const error = errno[0]!;
    if (error !== EAGAIN) throw posixError(error, "connect", fd, path);
    isFull = true;
  });
  if (!isFull) return socket;
  libc().close(socket);
  return undefined;
}

/** The connection that was accepted, `undefined` when there is none, or why it could not be. */
export type Accepted = { readonly fd: number } | { readonly errno: number } | undefined;

/**
 * Accepts the next connection, without waiting. It is non-blocking and not inheritable. A failure is a
 * number: to describe the limit that was reached can take as long as thousands of connections.
 */
export function acceptFrom(fd: number): Accepted {
  const { accept4 } = channelCalls();
  const { errno } = libc();
  const accepted = accept4(fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted !== -1) return { fd: accepted };
  const error = errno[0]!;
  return error === EAGAIN ? undefined : { errno: error };
}

/** The process that connected or listened at the other end, from the kernel (SO_PEERCRED). */
export function peerOf(fd: number): { readonly pid: number; readonly uid: number } {
  const [pid, uid] = option(fd, SO_PEERCRED, 3); // struct ucred
  return { pid: pid!, uid: uid! >>> 0 };
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
