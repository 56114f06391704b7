/** Unix sockets with a path, and the process at the other end, on Linux: unix(7). */
import type { Calls } from "../backend/types.ts";
import { failure } from "../error.ts";
import { arch, isWindows, osName } from "../host.ts";
import { loadLibrary } from "../backend/mod.ts";
import { cString, scratch } from "../backend/scratch.ts";
import { openListener, openStream } from "./bind.ts";
import { tryAccept, tryConnect } from "./connection.ts";
import { SO_PEERCRED, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET } from "./constants.ts";
import { posixError } from "./errors.ts";
import { type Identity, identityOfName, isSameFile } from "./identity.ts";
import { libc } from "./libc.ts";
import { PATH_SIZE, sockaddrOf } from "./socket_address.ts";
import { getsockopt } from "./socket_option.ts";
import { libraries, noFollowFlags, pathSymbols } from "./symbols/linux.ts";

const ENOENT = 2;
const EAGAIN = 11;

let loaded: Calls<typeof pathSymbols> | undefined;

/** The functions for names in the file system. */
export function pathCalls(): Calls<typeof pathSymbols> {
  return loaded ?? (loaded = load());
}

function load(): Calls<typeof pathSymbols> {
  if (isWindows()) libc(); // throws, and says what to use there
  if (osName() !== "linux") {
    throw failure("ENOTSUP", "sendmsg", {
      message:
        "Cannot open a channel: on POSIX systems this library has channels for Linux only; " +
        "spawn() passes handles to a child",
    });
  }
  return loadLibrary(libraries, pathSymbols);
}

/** The maximum length of the path of a socket, in bytes. */
export const MAX_PATH: number = PATH_SIZE - 1;

/**
 * Makes a socket that listens at a path. It is non-blocking and not inheritable.
 *
 * @param mode the permissions of the path, of which the process's umask takes some away; by default only this
 * user may connect
 * @param beforeListen is called with what is at the path; what it throws undoes all
 * @throws {HandleError} `EADDRINUSE` when a file exists at the path
 */
export function listenAt(
  path: string,
  backlog: number,
  mode: number = 0o600,
  beforeListen: (identity: Identity | undefined) => void = () => {},
): number {
  let identity: Identity | undefined;
  return openListener({ family: "unix", path }, backlog, {
    beforeBind(fd) {
      const { fchmod } = pathCalls();
      const { errno } = libc();
      // bind gives this mode to the file that it makes.
      if (fchmod(fd, mode) === -1) throw posixError(errno[0]!, "fchmod", fd);
    },
    beforeListen() {
      identity = identityOfName(path);
      beforeListen(identity);
    },
    undoBind() {
      if (isSameFile(identityOfName(path), identity)) pathCalls().unlink(cString(path, "path"));
    },
  });
}

/** Removes a name; does nothing when there is none. */
export function unlink(path: string): void {
  const calls = pathCalls();
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
  const calls = pathCalls();
  const { address, bytes } = scratch();
  const old = new TextEncoder().encode(`${path}\0`);
  bytes.set(old);
  bytes.set(new TextEncoder().encode(`${other}\0`), old.length);
  const call = isMove ? calls.rename : calls.link;
  return call(address, address + old.length) !== -1;
}

/** Changes the permissions of the file at a path. */
export function chmod(path: string, mode: number): void {
  const calls = pathCalls();
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
  const sockaddr = sockaddrOf({ family: "unix", path });
  const fd = openStream("unix");
  const failed = tryConnect(fd, sockaddr);
  if (failed === 0) return fd;
  libc().close(fd);
  if (failed === EAGAIN) return undefined;
  throw posixError(failed, "connect", undefined, path);
}

/** The connection that was accepted, `undefined` when there is none, or why it could not be. */
export type Accepted = { readonly fd: number } | { readonly errno: number } | undefined;

/**
 * Accepts the next connection, without waiting. It is non-blocking and not inheritable. A failure is a
 * number: to describe the limit that was reached can take as long as thousands of connections.
 */
export function acceptFrom(fd: number): Accepted {
  const accepted = tryAccept(fd, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted >= 0) return { fd: accepted };
  return accepted === -EAGAIN ? undefined : { errno: -accepted };
}

/** The size of `struct ucred`. */
const CREDENTIALS_SIZE = 12;

/** A process, as the kernel knows it: `struct ucred`. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The process that connected or listened at the other end, from the kernel (SO_PEERCRED). */
export function peerOf(fd: number): Credentials {
  const { buffer } = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, CREDENTIALS_SIZE);
  const [pid, uid, gid] = new Uint32Array(buffer);
  return { pid: pid!, uid: uid!, gid: gid! };
}

/** The effective user of this process. */
export function effectiveUser(): number {
  return pathCalls().geteuid() >>> 0;
}
