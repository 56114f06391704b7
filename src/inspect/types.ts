/** What an inspection results in, and what it needs of the system. */
import type { RawHandle } from "../util/raw_handle.ts";

/**
 * What a handle refers to.
 *
 * - everywhere: `"file"` (a regular file), `"directory"`, `"pipe"`, `"socket"`, `"terminal"` (a
 *   console), `"device"`, `"process"`
 * - Linux: `"symlink"` (opened with `O_PATH | O_NOFOLLOW`), `"memory"` (memfd), `"eventfd"`, `"timerfd"`,
 *   `"signalfd"`, `"epoll"`, `"inotify"`, `"fanotify"`, `"io_uring"`, `"namespace"`
 * - Windows: `"event"`, `"mutex"`, `"semaphore"`, `"timer"`, `"section"` (a file mapping), `"thread"`,
 *   `"job"`, `"token"`, `"key"` (of the registry), `"desktop"`, `"window-station"`, `"completion-port"`,
 *   `"transaction"`, `"object-directory"`, `"port"` (ALPC)
 * - `"other"`: any other kind; on Windows, in {@linkcode listHandles}, also a file on which an operation
 *   is under way; on macOS, also a kind that the runtime does not report
 */
export type HandleKind =
  | "file"
  | "directory"
  | "pipe"
  | "socket"
  | "terminal"
  | "device"
  | "process"
  | "symlink"
  | "memory"
  | "eventfd"
  | "timerfd"
  | "signalfd"
  | "epoll"
  | "inotify"
  | "fanotify"
  | "io_uring"
  | "namespace"
  | "event"
  | "mutex"
  | "semaphore"
  | "timer"
  | "section"
  | "thread"
  | "job"
  | "token"
  | "key"
  | "desktop"
  | "window-station"
  | "completion-port"
  | "transaction"
  | "object-directory"
  | "port"
  | "other";

/** Whether the object can be read and written through a handle. */
export type HandleAccess = "none" | "read" | "write" | "read-write";

/** The family of a socket. `"other"` is any but these, such as netlink and vsock. */
export type SocketFamily = "IPv4" | "IPv6" | "unix" | "other";

/** How a socket transfers data: `"stream"` as TCP, `"datagram"` as UDP. */
export type SocketType = "stream" | "datagram" | "seqpacket" | "raw" | "other";

/**
 * The address of a socket.
 *
 * - IPv4 and IPv6: `address` as text and `port`, which of a raw socket is its protocol. A link-local
 *   address has the number of its interface, as `fe80::1%2`.
 * - Unix: `path`, as it was given to bind(2): it may be relative to the working directory of that process.
 *   An abstract name starts with NUL, as in `net.connect({ path })` of Node, so that it is never taken for a
 *   path that starts with "@".
 */
export type SocketAddress =
  | { readonly address: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly address?: undefined; readonly port?: undefined };

/** What a socket is. */
export interface SocketInfo {
  /** The family of its addresses. */
  readonly family: SocketFamily;
  /** How it transfers data. */
  readonly type: SocketType;
  /** Whether it listens for connections. */
  readonly listening: boolean;
  /** The address that it is bound to. A socket that is not bound, and one of a pair, has none. */
  readonly local?: SocketAddress;
  /** The address that it is connected to. A peer without an address has none. */
  readonly remote?: SocketAddress;
  /**
   * Linux, Unix sockets: the inode of the socket at the other end, also of a pair. The handle whose `inode`
   * is that number, in whichever process, holds the other end. It is missing when no process holds it, when
   * the socket is in another network namespace than this thread, and where the kernel does not say or no
   * descriptor is free to ask it.
   */
  readonly peerInode?: number;
}

/**
 * The description of a handle at the moment of the call. Properties that the system does not report are
 * missing.
 */
export interface HandleInfo {
  /** The number of the handle in its process: a descriptor on POSIX, a `HANDLE` on Windows. */
  readonly raw: RawHandle;
  /** The process that has the handle. */
  readonly pid: number;
  /** The kind of object that the handle refers to. */
  readonly kind: HandleKind;
  /**
   * The access that the handle gives. On Windows, for an object that is not a file, "read" means that its
   * state can be queried, and "write" that its state can be changed.
   */
  readonly access: HandleAccess;
  /** Windows: the access mask of the handle (`GrantedAccess`). */
  readonly accessMask?: number;
  /** Whether child processes inherit the handle. */
  readonly inheritable: boolean;
  /**
   * The current path of a file, a directory, a device or a terminal, also after it was moved. For
   * another process on Linux it is the path as that process sees it, from its own root.
   */
  readonly path?: string;
  /** `true` when the path was deleted. The object lives as long as its handles. */
  readonly deleted?: true;
  /**
   * The name of an object that has no path. On Linux it is the text of the link in /proc, such as
   * `pipe:[4711]`, which is the same for both ends of a pipe; on Windows it is the kernel's name, such as
   * `\BaseNamedObjects\…` or `\REGISTRY\MACHINE\…`.
   */
  readonly name?: string;
  /** The position in bytes from the start. Files, memory and disks have one. */
  readonly position?: number;
  /**
   * How many handles refer to the object. On Linux only handles of the same process are counted, and only
   * where the kernel compares open files: by fcntl(2) since Linux 6.10 for this process, otherwise by
   * kcmp(2), which some containers forbid. Where they do, {@linkcode listHandles} counts no more than 256
   * handles of one file. On Windows the handles of all processes are counted.
   */
  readonly references?: number;
  /** The device of the file: `dev` of `fs.fstat`. */
  readonly device?: number;
  /** The number of the file on its device: `ino` of `fs.fstat`, rounded to a `number`. */
  readonly inode?: number;
  /**
   * Of a socket: what it is. For another process it is missing on Windows, and on Linux for what is not in
   * the kernel's lists of sockets: other families than Unix, IPv4 and IPv6, and sockets that are not bound
   * (before Linux 6.7 also a TCP socket that is only bound). For a process in another network namespace the
   * lists are those of /proc/PID/net, which have neither peers of Unix sockets nor MPTCP.
   */
  readonly socket?: SocketInfo;
}

/** What {@linkcode findHandles} looks for by its path. */
export interface PathTarget {
  /** The path of a file, a directory, a device or a Unix socket. Links are followed. */
  readonly path: string;
}

/** What {@linkcode findHandles} looks for by its port. */
export interface PortTarget {
  /** The port of TCP and UDP, of any address of this machine. */
  readonly port: number;
}

/**
 * A handle that {@linkcode findHandles} has found. On Linux it has no `references`.
 *
 * Windows: where the system says that a process holds the object and the handle could not be found, `raw`,
 * `access` and `inheritable` are `undefined`, and `reason` says why.
 */
export interface FoundHandle extends Omit<HandleInfo, "raw" | "access" | "inheritable"> {
  /** The number of the handle in its process; `undefined` when it is not known. */
  readonly raw: RawHandle | undefined;
  /** The access that the handle gives; `undefined` when it is not known. */
  readonly access: HandleAccess | undefined;
  /** Whether child processes inherit the handle; `undefined` when it is not known. */
  readonly inheritable: boolean | undefined;
  /** Why the number is not known. */
  readonly reason?: string;
}

/** A process that {@linkcode findHandles} could not examine, or not completely: it may be a holder, too. */
export interface HiddenProcess {
  /** The process; `undefined` when not even its number is known. */
  readonly pid: number | undefined;
  /** What kept this process from it, by its POSIX name, such as `EACCES`. */
  readonly code: string;
  /** The same in words, and what would help. */
  readonly reason: string;
}

/** What {@linkcode findHandles} has found: an array, lowest pid first, and what it could not see. */
export interface FoundHandles extends Array<FoundHandle> {
  /** The processes that may hold it, too, since this process may not examine them. */
  readonly hidden: readonly HiddenProcess[];
}

/** What a search looks for: a path, a port, or the object of a handle of this process. */
export type FindTarget = PathTarget | PortTarget | { readonly raw: RawHandle };

/** The implementation of inspection for one system. */
export interface InspectPlatform {
  /** Describes a handle of this process. */
  inspect(raw: RawHandle): HandleInfo;
  /** Whether two handles of this process refer to one object. */
  isSame(a: RawHandle, b: RawHandle): boolean;
  /** Describes every handle of a process, lowest number first. */
  list(pid: number): HandleInfo[];
  /** Finds the handles of all processes to an object. */
  find(target: FindTarget): FoundHandles;
}

/** A {@linkcode HandleInfo} whose unknown properties may be `undefined` instead of missing. */
export type HandleFacts =
  & Pick<HandleInfo, "raw" | "pid" | "kind" | "access" | "inheritable">
  & { readonly [Name in keyof HandleInfo]?: HandleInfo[Name] | undefined };

/** The properties that may be missing, in the order in which a description shows them. */
const OPTIONAL = [
  "accessMask",
  "path",
  "deleted",
  "name",
  "position",
  "references",
  "device",
  "inode",
  "socket",
] as const satisfies readonly (keyof HandleInfo)[];

/** Makes a description. Properties that are `undefined` are left out. */
export function handleInfo(facts: HandleFacts): HandleInfo {
  const { raw, pid, kind, access, inheritable } = facts;
  const info: Record<string, unknown> & HandleInfo = { raw, pid, kind, access, inheritable };
  for (const name of OPTIONAL) {
    const value = facts[name];
    if (value !== undefined) info[name as string] = value;
  }
  return info;
}

/** The name of an access. */
export function accessOf(reads: boolean, writes: boolean): HandleAccess {
  return reads ? writes ? "read-write" : "read" : writes ? "write" : "none";
}
